"""`headpin blame`: who gave each setting its value, and what brought it to an environment."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from headpin.cli.app import WORLD_FAILED, Session, app, exit_with
from headpin.cli.arguments import (
    AgentArgument,
    EnvironmentOption,
    JsonOption,
    NoHeaders,
    Output,
    OutputOption,
    agent_named,
    closest,
    environment_named,
    form_of,
)
from headpin.cli.terminal import DIM, STRONG, inert, one_line
from headpin.errors import UsageError
from headpin.releases.codec import format_time
from headpin.status.blame import Blame, Blamed, is_below
from headpin.status.blame import blame as read_blame
from headpin.status.matrix import environment_names
from headpin.status.values import BUILT_IN
from headpin.types import short


@app.command(epilog="Example: headpin blame support/triage --env prod")
def blame(
    context: typer.Context,
    agent: AgentArgument,
    env: EnvironmentOption,
    keys: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY...", help="Only these settings, as variables.LOG_LEVEL, or all below one."),
    ] = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
    no_headers: NoHeaders = False,
) -> None:
    """Show who gave each effective setting its value, and what brought that to the environment.

    Of what is served, with own settings as they were applied last: the file and line, the commit on main that
    changed the value last, and the event with which it came here. Exits with 3 where this clone cannot tell all.
    """
    session: Session = context.obj
    controller = session.controller
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    name = environment_named(environment_names(workspace, branches), env)
    found = read_blame(controller, agent_named(workspace, agent, branches[name].agents()), name, keys or ())
    if keys:
        _refuse_unknown(found, keys)
    form = form_of(output, json)
    if form in (Output.JSON, Output.YAML):
        session.terminal.machine("Blame", found.as_json(), form.value)
    else:
        _print(session, found, wide=form is Output.WIDE, headers=not no_headers)
    exit_with(WORLD_FAILED if any(item.trouble for item in found.settings) else 0)


def _refuse_unknown(found: Blame, keys: list[str]) -> None:
    """A key that names no setting is a slip of the person who typed it."""
    for named in keys:
        if not any(is_below(key, named) for key in found.keys):
            others = f"see 'headpin blame {found.agent} --env {found.environment}' for all of them"
            raise UsageError(f"{found.agent} has no setting {named}", remedy=closest(named, found.keys, others))


def _print(session: Session, found: Blame, *, wide: bool, headers: bool) -> None:
    columns = ["SETTING", "VALUE", "FROM", "CHANGED", "BY", "SUBJECT", "HERE BY"]
    if wide:
        columns += ["CONFIG", "NOTE"]
    session.terminal.table(columns, [_row(item, wide) for item in found.settings], headers=headers)
    for said in dict.fromkeys(said for item in found.settings for said in item.trouble):
        session.terminal.note(("note", STRONG), f": not known: {inert(said)}")


def _row(item: Blamed, wide: bool) -> list[Text | str]:
    brought = item.brought
    when = f"{brought.kind} {format_time(brought.at)[:10]}" if brought else ""
    version = f"v{brought.version} " if brought and brought.version else ""
    by = f" by {_name(brought.person)}" if brought and brought.person else ""
    changed = f"{short(item.changed.id)} {format_time(item.changed.at)[:10]}" if item.changed else ""
    row: list[Text | str] = [
        Text(inert(item.key), STRONG),
        one_line(item.value),
        Text(inert(item.origin), DIM),
        changed or ("" if item.origin == BUILT_IN else "unknown"),
        _by(item),
        (item.made or item.changed).subject if item.changed else "",
        f"{version}{when}{by}" or ("" if item.origin == BUILT_IN else "unknown"),
    ]
    if not wide:
        return row
    return [*row, short(brought.config) if brought else "", one_line(brought.note) if brought else ""]


def _by(item: Blamed) -> str:
    """Who wrote the value and, where that is somebody else's commit, who merged it."""
    if item.changed is None:
        return ""
    if item.made is None:
        return _name(item.changed.person)
    return (
        f"{_name(item.made.person)} in {short(item.made.id)}, "
        f"merged by {_name(item.changed.person)} in {short(item.changed.id)}"
    )


def _name(person: str) -> str:
    return person.partition(" <")[0]
