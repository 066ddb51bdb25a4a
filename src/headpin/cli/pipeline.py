"""`headpin pipeline`: list, show, create, change and delete pipelines."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from headpin.cli.acting import ConfirmOption, How, NoteOption, PruneOption, Typed, acting, perform
from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    JsonOption,
    NoHeaders,
    Output,
    OutputOption,
    complete_environments,
    environment_named,
    machine_form,
    new_name,
    pipeline_named,
)
from headpin.cli.structure_arguments import (
    AfterOption,
    BeforeOption,
    DescriptionOption,
    DisplayNameOption,
    EnvironmentName,
    NewName,
    PipelineName,
    ending_of,
    facts,
    place_of,
    told,
)
from headpin.cli.terminal import BAD, STRONG, inert
from headpin.controller.structure import to_add_stage, to_create_pipeline, to_delete_pipeline, to_remove_stage
from headpin.status.projects import PipelineItem, StageItem, read_pipelines

group = typer.Typer(help="List, show, create, change and delete pipelines.", no_args_is_help=True)
app.add_typer(group, name="pipeline")


@group.command("list", epilog="Example: headpin pipeline list")
def list_pipelines(
    context: typer.Context, output: OutputOption = Output.TABLE, json: JsonOption = False, no_headers: NoHeaders = False
) -> None:
    """List the pipelines with their chains and the projects that use them."""
    session: Session = context.obj
    found = read_pipelines(session.controller.workspace())
    form = machine_form(output, json)
    if form:
        session.terminal.machine("Pipelines", {"pipelines": [item.as_json() for item in found]}, form)
        return
    rows: list[list[Text | str]] = [[Text(item.name, STRONG), _chain(item), ", ".join(item.projects)] for item in found]
    session.terminal.table(("PIPELINE", "CHAIN", "PROJECTS"), rows, headers=not no_headers)
    for item in found:
        if item.suspended:
            session.terminal.line((f"{item.name} is suspended", BAD), f": {inert(item.suspended)}")


def _chain(item: PipelineItem) -> str:
    return " → ".join(_stage(stage) for stage in item.stages) or "cannot be read; run 'headpin validate'"


def _stage(stage: StageItem) -> str:
    marks = _marks(stage)
    return f"{stage.environment} ({'; '.join(marks)})" if marks else stage.environment


def _marks(stage: StageItem) -> list[str]:
    marks = ["required"] if stage.required else []
    marks += ["automatic"] if stage.automatic else []
    marks += ["from any earlier stage"] if stage.source == "earlier" else []
    return [*marks, *([f"gates {', '.join(stage.gates)}"] if stage.gates else [])]


@group.command("show", epilog="Example: headpin pipeline show standard")
def show(
    context: typer.Context, pipeline: PipelineName, output: OutputOption = Output.TABLE, json: JsonOption = False
) -> None:
    """Show a pipeline: its stages with what each asks for, and the projects that use it."""
    session: Session = context.obj
    workspace = session.controller.workspace()
    name = pipeline_named(workspace, pipeline)
    item = next(item for item in read_pipelines(workspace) if item.name == name)
    form = machine_form(output, json)
    if form:
        session.terminal.machine("Pipeline", item.as_json(), form)
        return
    stages = [f"{number}. {_stage(stage)}" for number, stage in enumerate(item.stages, 1)]
    facts(
        session,
        [
            ("pipeline", name),
            ("display name", inert(item.display_name or "")),
            ("description", inert(item.description or "")),
            ("suspended", inert(item.suspended or "")),
            ("stages", "\n".join(stages) or _chain(item)),
            ("projects", ", ".join(item.projects) or "none"),
        ],
    )


@group.command("create", epilog="Example: headpin pipeline create fast --stage dev --stage prod --dry-run")
@acting
def create(
    context: typer.Context,
    name: NewName,
    stage: Annotated[
        list[str],
        typer.Option(
            "--stage",
            metavar="ENV",
            help="An environment, in the order of promotion; can be repeated.",
            autocompletion=complete_environments,
        ),
    ],
    display_name: DisplayNameOption = "",
    description: DescriptionOption = "",
    note: NoteOption = "",
    *,
    how: How,
) -> None:
    """Create a pipeline over environments: one commit. Gates are added by editing the file."""
    session: Session = context.obj
    order = session.controller.workspace().environment_order
    stages = [environment_named(order, text) for text in stage]
    intent = to_create_pipeline(new_name(name, "a pipeline"), stages, told(display_name, description), note)
    perform(session, intent, how, "", "WorkspaceChange")


@group.command("add-stage", epilog="Example: headpin pipeline add-stage internal staging --after dev --dry-run")
@acting
def add_stage(
    context: typer.Context,
    pipeline: PipelineName,
    env: EnvironmentName,
    after: AfterOption = "",
    before: BeforeOption = "",
    note: NoteOption = "",
    *,
    how: How,
) -> None:
    """Make an environment a stage of a pipeline; without a place it becomes the last one.

    One commit that adds lines to the file and leaves all others as they are. What becomes reachable is shown.
    """
    session: Session = context.obj
    workspace = session.controller.workspace()
    name, environment = pipeline_named(workspace, pipeline), environment_named(workspace.environment_order, env)
    perform(session, to_add_stage(name, environment, place_of(after, before), note), how, "", "WorkspaceChange")


@group.command("remove-stage", epilog="Example: headpin pipeline remove-stage standard staging --dry-run")
@acting
def remove_stage(
    context: typer.Context,
    pipeline: PipelineName,
    env: Annotated[
        str, typer.Argument(metavar="ENV", help="The stage's environment.", autocompletion=complete_environments)
    ],
    note: NoteOption = "",
    allow_prune: PruneOption = False,
    *,
    how: How,
) -> None:
    """Take an environment out of a pipeline: one commit. What is pinned there stays served until its pin goes."""
    session: Session = context.obj
    name = pipeline_named(session.controller.workspace(), pipeline)
    intent = to_remove_stage(name, env, ending_of(note, allow_prune))
    perform(session, intent, how, "", "WorkspaceChange")


@group.command("delete", epilog="Example: headpin pipeline delete internal --dry-run")
@acting
def delete(
    context: typer.Context, pipeline: PipelineName, confirm: ConfirmOption = None, note: NoteOption = "", *, how: How
) -> None:
    """Delete a pipeline that no project uses: one commit, which 'git revert' undoes."""
    session: Session = context.obj
    name = pipeline_named(session.controller.workspace(), pipeline)
    perform(session, to_delete_pipeline(name, note), how, "", "WorkspaceChange", Typed(name, confirm))
