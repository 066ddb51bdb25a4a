"""`headpin environment`: list, show, create, delete and put back environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.text import Text

from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    JsonOption,
    NoHeaders,
    Output,
    OutputOption,
    agent_named,
    complete_agents,
    environment_named,
    form_of,
    machine_form,
)
from headpin.cli.environment_change import create, delete, initialise
from headpin.cli.structure_arguments import EnvironmentName, facts
from headpin.cli.terminal import BAD, DIM, STRONG, counted, inert, style_of
from headpin.releases.codec import format_time
from headpin.status.environments import EnvironmentItem, EnvironmentList, read_environment, read_environments
from headpin.status.matrix import environment_names
from headpin.types import short
from headpin.yaml import dump

group = typer.Typer(help="List, show, create and delete environments.", no_args_is_help=True)
app.add_typer(group, name="environment")

_APART = ("displayName", "description", "suspended")
_MAX_LISTED = 40


@group.command("list", epilog="Example: headpin environment list --agent support/triage")
def list_environments(
    context: typer.Context,
    agent: Annotated[
        str | None,
        typer.Option(
            "--agent", metavar="AGENT", help="Tell how each stands to this agent.", autocompletion=complete_agents
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
    no_headers: NoHeaders = False,
) -> None:
    """List the environments: the head environment first, the others in the order of promotion."""
    session: Session = context.obj
    named = agent_named(session.controller.workspace(), agent) if agent else None
    found = read_environments(session.controller, named)
    form = form_of(output, json)
    if form in (Output.JSON, Output.YAML):
        session.terminal.machine("Environments", found.as_json(), form.value)
        return
    _print_list(session, found, wide=form is Output.WIDE, headers=not no_headers, with_agent=named is not None)


def _print_list(session: Session, found: EnvironmentList, *, wide: bool, headers: bool, with_agent: bool) -> None:
    columns = ["ENVIRONMENT", "NAME", "KIND"]
    columns += ["PIN", "STATUS"] if with_agent else ["SERVED", "HELD"]
    columns += ["CLUSTER", "NAMESPACE", *(["ENGINE"] if wide else []), "DESCRIPTION"]
    rows: list[list[Text | str]] = []
    for item in found.items:
        row: list[Text | str] = [Text(item.name, STRONG), inert(item.display_name or ""), _kind(item)]
        if with_agent and item.pin:
            row += [item.pin.word, Text(item.pin.status, style_of(item.pin.status))]
        else:
            row += [str(item.served), Text(str(item.held), BAD if item.held else DIM)]
        row += [item.cluster, item.namespace, *([item.engine] if wide else []), inert(item.description or "")]
        rows.append(row)
    session.terminal.table(columns, rows, headers=headers)
    for item in found.items:
        _print_trouble(session, item)
    session.terminal.note((f"{found.used} of {found.allowed} environments of the plan '{inert(found.plan)}'", DIM))


def _said(value: Mapping[str, Any]) -> dict[str, Any]:
    """What says anything: without values that are not there, and mappings and lists that are empty."""
    told = {key: _said(below) if isinstance(below, Mapping) else below for key, below in value.items()}
    return {key: below for key, below in told.items() if below not in (None, {}, [])}


def _kind(item: EnvironmentItem) -> str:
    words = ["head" * item.tracks_head, "production" * item.production, "suspended" * bool(item.suspended)]
    return ", ".join(word for word in words if word)


def _print_trouble(session: Session, item: EnvironmentItem) -> None:
    line = session.terminal.line
    if item.hold is not None:
        line((f"{item.name}: everything is held", BAD), f": {inert(item.hold.message)}")
    if item.trouble:
        line((f"{item.name} cannot be read", BAD), f": {inert(item.trouble)}")
    if item.pin and item.pin.message:
        line((item.name, STRONG), f": {item.pin.status}: {inert(item.pin.message)}")


@group.command("show", epilog="Example: headpin environment show staging")
def show(
    context: typer.Context, env: EnvironmentName, output: OutputOption = Output.TABLE, json: JsonOption = False
) -> None:
    """Show an environment: its document with all defaults, its pipelines, its branch, and what it serves."""
    session: Session = context.obj
    controller = session.controller
    workspace = controller.workspace()
    name = environment_named(environment_names(workspace, controller.branches(workspace)), env)
    found = read_environment(controller, name)
    form = machine_form(output, json)
    if form:
        session.terminal.machine("Environment", found.as_json(), form)
        return
    item = found.item
    settings = {key: value for key, value in _said(found.settings).items() if key not in _APART}
    branch = f"env/{name} at {short(found.tip)}, {format_time(found.at)}" if found.tip and found.at else "none yet"
    layers = [*found.layers[:_MAX_LISTED], *(["…"] if len(found.layers) > _MAX_LISTED else [])]
    facts(
        session,
        [
            ("environment", name),
            ("display name", inert(item.display_name or "")),
            ("description", inert(item.description or "")),
            ("kind", _kind(item)),
            ("suspended", inert(item.suspended or "")),
            ("pipelines", ", ".join(found.pipelines) or "none: nothing reaches it"),
            ("branch", branch),
            ("made from", f"main at {short(found.config)}" if found.config else ""),
            ("serves", counted(item.served, "deployment")),
            ("deployments", ", ".join(f"{count} {word}" for word, count in sorted(found.counts.items()))),
            ("own layers", "\n".join(layers)),
            ("settings", inert(dump(settings)) if settings else ""),
        ],
    )
    _print_trouble(session, item)


group.command("create", epilog="Example: headpin environment create qa --pipeline standard --after staging --dry-run")(
    create
)
group.command("delete", epilog="Example: headpin environment delete staging --dry-run")(delete)
group.command("init", epilog="Example: headpin environment init staging --dry-run")(initialise)
