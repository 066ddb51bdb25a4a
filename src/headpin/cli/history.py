"""`headpin history`: what happened to an agent."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    AgentArgument,
    JsonOption,
    NoHeaders,
    OptionalEnvironment,
    Output,
    OutputOption,
    agent_named,
    environment_named,
    form_of,
)
from headpin.cli.terminal import BAD, STRONG
from headpin.releases import EventKind
from headpin.releases.codec import format_time
from headpin.status import HistoryItem, read_history
from headpin.status.matrix import environment_names
from headpin.types import short


@app.command(epilog="Example: headpin history support/triage --env prod")
def history(
    context: typer.Context,
    agent: AgentArgument,
    env: OptionalEnvironment = None,
    limit: Annotated[int | None, typer.Option("-n", "--limit", min=1, help="At most so many events.")] = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
    no_headers: NoHeaders = False,
) -> None:
    """Show what happened to an agent, newest first."""
    session: Session = context.obj
    controller = session.controller
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    found = agent_named(workspace, agent, tuple(name for branch in branches.values() for name in branch.agents()))
    name = environment_named(environment_names(workspace, branches), env) if env else None
    items = read_history(controller, found, name, limit)
    form = form_of(output, json)
    if form in (Output.JSON, Output.YAML):
        value = {"agent": str(found), "events": [item.as_json() for item in items]}
        session.terminal.machine("History", value, form.value)
        return
    columns = ["TIME", "ENVIRONMENT", "EVENT", "VERSION", "REVISION", "FROM", "PERSON", "NOTE"]
    if form is Output.WIDE:
        columns += ["CONFIG", "IMAGE"]
    session.terminal.table(columns, [_row(item, form is Output.WIDE) for item in items], headers=not no_headers)


def _row(item: HistoryItem, wide: bool) -> list[Text | str]:
    event = item.event
    is_head = event.version == 0
    version = "" if event.version is None else "HEAD" if is_head else f"v{event.version}"
    source = (
        f"{event.source.environment}{f' v{event.source.version}' if event.source.version else ''}"
        if event.source
        else ""
    )
    row: list[Text | str] = [
        format_time(event.at),
        item.environment,
        Text(_word(item), BAD if event.kind is EventKind.HELD else STRONG),
        version,
        str(event.release) if event.release else "",
        source,
        (event.person or "").partition(" <")[0],
        _note(item),
    ]
    return [*row, short(event.config), event.release.image if event.release else ""] if wide else row


def _note(item: HistoryItem) -> str:
    """The first line of what was said, after the exceptions that were made."""
    event = item.event
    overrides = dict.fromkeys(gate.override for gate in event.gates if gate.override)
    said = (event.message or event.note).split("\n", 1)[0]
    return f"[{', '.join(overrides)}] {said}" if overrides else said


def _word(item: HistoryItem) -> str:
    event = item.event
    if event.hold is not None:
        return f"held ({event.hold.value})"
    return "deployed" if event.kind is EventKind.PROMOTED and event.version == 0 else event.kind.value
