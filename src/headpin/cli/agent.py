"""`headpin agent`: list, show, create, rename and delete agents."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from headpin.actions import NewAgent
from headpin.cli.acting import ConfirmOption, How, NoteOption, PruneOption, Typed, acting, perform
from headpin.cli.agent_rename import rename
from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    AGENTS,
    AgentArgument,
    JsonOption,
    NoHeaders,
    OptionalEnvironment,
    Output,
    OutputOption,
    agent_named,
    complete_projects,
    environment_named,
    form_of,
    machine_form,
    new_name,
    project_named,
)
from headpin.cli.structure_arguments import DescriptionOption, DisplayNameOption, ending_of, facts, told
from headpin.cli.terminal import STRONG, inert
from headpin.controller.structure import to_create_agent, to_delete_agent
from headpin.errors import UsageError
from headpin.status.projects import AgentItem, Place, read_agent, read_agents
from headpin.types import AgentName
from headpin.yaml import dump

group = typer.Typer(help="List, show, create, rename and delete agents.", no_args_is_help=True)
app.add_typer(group, name="agent")

_MAX_VERSIONS = 8


@group.command("list", epilog="Example: headpin agent list --project support")
def list_agents(
    context: typer.Context,
    project: Annotated[
        str | None,
        typer.Option("--project", metavar="PROJECT", help="Only those of a project.", autocompletion=complete_projects),
    ] = None,
    env: OptionalEnvironment = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
    no_headers: NoHeaders = False,
) -> None:
    """List the agents: source, and the version in each environment. With --env, those pinned or served there."""
    session: Session = context.obj
    workspace = session.controller.workspace()
    named = project_named(workspace, project) if project else None
    name = environment_named(workspace.environment_order, env) if env else None
    found = read_agents(session.controller, named, name)
    form = form_of(output, json)
    if form in (Output.JSON, Output.YAML):
        session.terminal.machine("Agents", {"agents": [item.as_json() for item in found]}, form.value)
        return
    columns = ["AGENT", "NAME", "SOURCE", "BRANCH", "VERSIONS", *(["PATH", "IMAGE"] if form is Output.WIDE else [])]
    rows: list[list[Text | str]] = []
    for item in found:
        row: list[Text | str] = [
            Text(str(item.name), STRONG),
            inert(item.display_name or ""),
            inert(item.repository),
            inert(item.branch),
            _versions(item, name),
        ]
        rows.append([*row, inert(item.path or ""), inert(item.image)] if form is Output.WIDE else row)
    session.terminal.table(columns, rows, headers=not no_headers)


def _versions(item: AgentItem, environment: str | None) -> str:
    places = (place for place in item.places if environment in (None, place.environment))
    return ", ".join(f"{place.environment} {_version(place)}" for place in places)


def _version(place: Place) -> str:
    version = place.pin.version
    if place.pin.word in ("head", "no-pin") and version is None:
        return "-"
    served = "-" if version is None else f"v{version}" if version else "HEAD"
    return f"{served} (waiting)" if place.pin.word == "waiting" else served


@group.command("show", epilog="Example: headpin agent show support/triage")
def show(
    context: typer.Context,
    agent: AgentArgument,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
    no_headers: NoHeaders = False,
) -> None:
    """Show an agent: source, image, owners, its pin and its versions in each environment, and its files."""
    session: Session = context.obj
    found = read_agent(session.controller, agent_named(session.controller.workspace(), agent))
    form = machine_form(output, json)
    if form:
        session.terminal.machine("Agent", found.as_json(), form)
        return
    item = found.item
    folder = f", folder {item.path}" if item.path else ""
    facts(
        session,
        [
            ("agent", str(item.name)),
            ("display name", inert(item.display_name or "")),
            ("description", inert(item.description or "")),
            ("source", inert(f"{item.repository}, branch {item.branch}{folder}")),
            ("image", inert(item.image)),
            ("chart", inert(found.chart or "")),
            ("content", inert(dump(found.content)) if found.content else ""),
            ("pipeline", found.pipeline or ""),
            ("owners", inert(", ".join(found.owners)) or "none"),
            ("files", inert("\n".join(found.files))),
        ],
    )
    rows = [
        (
            place.environment,
            place.pin.word,
            _version(place),
            place.pin.status if place.is_reached else f"{place.pin.status} (unreachable)",
            _ran(place),
        )
        for place in item.places
    ]
    session.terminal.table(("ENVIRONMENT", "PIN", "SERVED", "STATUS", "RAN"), rows, headers=not no_headers)
    for place in item.places:
        if place.pin.message:
            session.terminal.line((place.environment, STRONG), f": {place.pin.status}: {inert(place.pin.message)}")


def _ran(place: Place) -> str:
    if place.pin.word == "head":
        return ""
    told = [f"v{ran.version} {ran.release}" for ran in reversed(place.ran)]
    return ", ".join(told[:_MAX_VERSIONS]) + (", …" if len(told) > _MAX_VERSIONS else "")


@group.command(
    "create",
    epilog="Example: headpin agent create support/greeter --repository ../sources/triage "
    "--image 'registry.example.com/greeter:{short}' --port 8080 --dry-run",
)
@acting
def create(
    context: typer.Context,
    agent: Annotated[str, typer.Argument(metavar="PROJECT/NAME", help="A project, and a name that is not taken yet.")],
    repository: Annotated[
        str, typer.Option("--repository", metavar="URL", help="Where the code is; '.' for this repository itself.")
    ],
    image: Annotated[
        str,
        typer.Option("--image", metavar="PATTERN", help="The image of a revision, with {revision} or {short} in it."),
    ],
    source_branch: Annotated[
        str, typer.Option("--source-branch", metavar="NAME", help="The branch to follow.", show_default="main")
    ] = "",
    path: Annotated[str, typer.Option("--path", metavar="DIR", help="The folder that is the agent's.")] = "",
    port: Annotated[
        list[str] | None,
        typer.Option("--port", metavar="[NAME=]PORT", help="A port of the container; can be repeated."),
    ] = None,
    display_name: DisplayNameOption = "",
    description: DescriptionOption = "",
    note: NoteOption = "",
    *,
    how: How,
) -> None:
    """Create an agent in a project: one commit with its agent.yaml, which is validated before it is written.

    The head environment follows the source from the next pass on; other environments get it by promotion.
    """
    session: Session = context.obj
    project, slash, name = agent.partition("/")
    if not slash:
        raise UsageError(f"{agent!r} is no agent's name", remedy=AGENTS)
    named = AgentName(new_name(project, "a project"), new_name(name, "an agent"))
    wish = NewAgent(named, repository, image, told(display_name, description), source_branch, path, _ports(port or []))
    perform(session, to_create_agent(wish, note), how, "", "WorkspaceChange")


def _ports(texts: list[str]) -> dict[str, int]:
    """Names and numbers; the first one without a name is http."""
    found: dict[str, int] = {}
    for text in texts:
        name, mark, number = text.rpartition("=")
        if not (number.isascii() and number.isdigit()) or (mark and not name):
            raise UsageError(f"--port: {text!r} is no port", remedy="write a number, or NAME=NUMBER")
        name = name or ("http" if "http" not in found else f"port-{number}")
        if name in found:
            raise UsageError(f"--port: {name} is named twice")
        found[name] = int(number)
    return found


@group.command("delete", epilog="Example: headpin agent delete support/triage --dry-run")
@acting
def delete(
    context: typer.Context,
    agent: AgentArgument,
    confirm: ConfirmOption = None,
    note: NoteOption = "",
    allow_prune: PruneOption = False,
    *,
    how: How,
) -> None:
    """Delete an agent with its pins and own layers in every environment, and what names it: one commit.

    The next pass removes what is served; the records stay, so that adding it again continues the numbers.
    """
    session: Session = context.obj
    named = agent_named(session.controller.workspace(), agent)
    intent = to_delete_agent(named, ending_of(note, allow_prune))
    perform(session, intent, how, "", "WorkspaceChange", Typed(str(named), confirm))


group.command("rename", epilog="Example: headpin agent rename support/triage support/sorting --dry-run")(rename)
