"""Arguments and options that the commands for environments, pipelines, projects and agents share."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.actions import StagePlace, Told
from headpin.cli.app import Session
from headpin.cli.arguments import complete_environments, complete_pipelines, complete_projects
from headpin.controller.structure import Ending
from headpin.errors import UsageError

EnvironmentName = Annotated[
    str, typer.Argument(metavar="ENV", help="The environment.", autocompletion=complete_environments)
]
PipelineName = Annotated[
    str, typer.Argument(metavar="PIPELINE", help="The pipeline.", autocompletion=complete_pipelines)
]
ProjectName = Annotated[str, typer.Argument(metavar="PROJECT", help="The project.", autocompletion=complete_projects)]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="A name that is not taken yet.")]
DisplayNameOption = Annotated[str, typer.Option("--display-name", metavar="TEXT", help="What people call it.")]
DescriptionOption = Annotated[str, typer.Option("--description", metavar="TEXT", help="What it is for.")]
AfterOption = Annotated[
    str,
    typer.Option("--after", metavar="ENV", help="The stage before the new one.", autocompletion=complete_environments),
]
BeforeOption = Annotated[
    str,
    typer.Option("--before", metavar="ENV", help="The stage after the new one.", autocompletion=complete_environments),
]


def told(display_name: str, description: str) -> Told:
    """What people call a new thing."""
    return Told(display_name, description)


def place_of(after: str, before: str) -> StagePlace:
    """Where a stage goes. Raises UsageError for two places."""
    if after and before:
        raise UsageError("--after and --before are two places", remedy="name one stage that the new one is beside")
    return StagePlace(after, before)


def ending_of(note: str, allow_prune: bool) -> Ending:
    """How to delete. Raises UsageError where an exception is made without a reason."""
    if allow_prune and not note.strip():
        raise UsageError("--allow-prune writes an exception, which needs a reason", remedy="say why with --note")
    return Ending(note, allow_prune)


def facts(session: Session, rows: list[tuple[str, str]]) -> None:
    """Names and values, one a line; what has no value is left out."""
    width = max((len(name) for name, value in rows if value), default=0)
    for name, value in rows:
        for number, line in enumerate(value.splitlines()):
            session.terminal.line((f"{name if number == 0 else '':{width}}  ", "dim"), line)
