"""`headpin project`: list, show, create and delete projects, and assign pipelines."""

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
    complete_pipelines,
    machine_form,
    new_name,
    pipeline_named,
    project_named,
)
from headpin.cli.structure_arguments import (
    DescriptionOption,
    DisplayNameOption,
    NewName,
    PipelineName,
    ProjectName,
    ending_of,
    facts,
    told,
)
from headpin.cli.terminal import BAD, STRONG, inert
from headpin.controller.structure import to_create_project, to_delete_project, to_set_pipeline
from headpin.status.projects import ProjectItem, read_projects

group = typer.Typer(help="List, show, create and delete projects, and assign pipelines.", no_args_is_help=True)
app.add_typer(group, name="project")


@group.command("list", epilog="Example: headpin project list")
def list_projects(
    context: typer.Context, output: OutputOption = Output.TABLE, json: JsonOption = False, no_headers: NoHeaders = False
) -> None:
    """List the projects: pipeline, owners, agents, and how many are served in each environment."""
    session: Session = context.obj
    found = read_projects(session.controller)
    form = machine_form(output, json)
    if form:
        session.terminal.machine("Projects", {"projects": [item.as_json() for item in found]}, form)
        return
    rows = [
        [
            Text(item.name, STRONG),
            inert(item.display_name or ""),
            item.pipeline or Text("cannot be read", BAD),
            str(len(item.agents)),
            _served(item),
            inert(", ".join(item.owners)),
        ]
        for item in found
    ]
    session.terminal.table(("PROJECT", "NAME", "PIPELINE", "AGENTS", "SERVED", "OWNERS"), rows, headers=not no_headers)
    for item in found:
        if item.suspended:
            session.terminal.line((f"{item.name} is suspended", BAD), f": {inert(item.suspended)}")


def _served(item: ProjectItem) -> str:
    return ", ".join(f"{environment} {count}" for environment, count in item.served.items())


@group.command("show", epilog="Example: headpin project show support")
def show(
    context: typer.Context, project: ProjectName, output: OutputOption = Output.TABLE, json: JsonOption = False
) -> None:
    """Show a project: its pipeline, owners, agents, what is served, and its files."""
    session: Session = context.obj
    name = project_named(session.controller.workspace(), project)
    item = next(item for item in read_projects(session.controller) if item.name == name)
    form = machine_form(output, json)
    if form:
        session.terminal.machine("Project", item.as_json(), form)
        return
    facts(
        session,
        [
            ("project", name),
            ("display name", inert(item.display_name or "")),
            ("description", inert(item.description or "")),
            ("suspended", inert(item.suspended or "")),
            ("pipeline", item.pipeline or "cannot be read; run 'headpin validate'"),
            ("owners", inert(", ".join(item.owners)) or "none"),
            ("agents", "\n".join(map(str, item.agents)) or "none"),
            ("served", _served(item) or "nothing"),
            ("files", inert("\n".join(item.files))),
        ],
    )


@group.command("create", epilog="Example: headpin project create search --pipeline standard --owner @search --dry-run")
@acting
def create(
    context: typer.Context,
    name: NewName,
    pipeline: Annotated[
        str,
        typer.Option(
            "--pipeline", metavar="PIPELINE", help="How its agents are promoted.", autocompletion=complete_pipelines
        ),
    ],
    owner: Annotated[
        list[str] | None, typer.Option("--owner", metavar="NAME", help="Who answers for it; can be repeated.")
    ] = None,
    display_name: DisplayNameOption = "",
    description: DescriptionOption = "",
    note: NoteOption = "",
    *,
    how: How,
) -> None:
    """Create a project without agents: one commit."""
    session: Session = context.obj
    assigned = pipeline_named(session.controller.workspace(), pipeline)
    told_of = told(display_name, description)
    intent = to_create_project(new_name(name, "a project"), assigned, owner or (), told_of, note)
    perform(session, intent, how, "", "WorkspaceChange")


@group.command("set-pipeline", epilog="Example: headpin project set-pipeline billing internal --dry-run")
@acting
def set_pipeline(
    context: typer.Context,
    project: ProjectName,
    pipeline: PipelineName,
    note: NoteOption = "",
    allow_prune: PruneOption = False,
    *,
    how: How,
) -> None:
    """Assign a project another pipeline: one commit. What becomes reachable and unreachable is shown.

    What is pinned where the new pipeline does not lead stays served, and Unreachable, until its pin goes. The head
    environment has no pins: an agent that cannot be reached there any more ends with the next pass.
    """
    session: Session = context.obj
    workspace = session.controller.workspace()
    name, assigned = project_named(workspace, project), pipeline_named(workspace, pipeline)
    perform(session, to_set_pipeline(name, assigned, ending_of(note, allow_prune)), how, "", "WorkspaceChange")


@group.command("delete", epilog="Example: headpin project delete platform --dry-run")
@acting
def delete(
    context: typer.Context,
    project: ProjectName,
    confirm: ConfirmOption = None,
    note: NoteOption = "",
    allow_prune: PruneOption = False,
    *,
    how: How,
) -> None:
    """Delete a project with all its agents, their pins and own layers, and what names them: one commit.

    The next pass removes what is served; the records stay, so that adding it again continues the numbers.
    """
    session: Session = context.obj
    name = project_named(session.controller.workspace(), project)
    intent = to_delete_project(name, ending_of(note, allow_prune))
    perform(session, intent, how, "", "WorkspaceChange", Typed(name, confirm))
