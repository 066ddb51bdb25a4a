"""`headpin rollback`: move pins back to what ran before."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import typer

from headpin.cli.acting import AgentsArgument, How, NoteOption, acting, deployments_named, perform
from headpin.cli.app import Session, app
from headpin.cli.arguments import EnvironmentOption, complete_versions
from headpin.cli.terminal import BUSY
from headpin.controller.intents import to_roll_back
from headpin.errors import UsageError


@app.command(epilog="Example: headpin rollback support/triage --env prod --dry-run")
@acting
def rollback(
    context: typer.Context,
    agents: AgentsArgument,
    env: EnvironmentOption,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="vN", help="To this version.", autocompletion=complete_versions),
    ] = None,
    to_time: Annotated[
        str | None,
        typer.Option("--to-time", metavar="TIME", help="To what was served at that time, as 2026-11-24T15:00."),
    ] = None,
    note: NoteOption = "",
    *,
    how: How,
) -> None:
    """Roll back to the release that was served before the present one was first promoted; again goes further back.

    Writes the commit that 'git revert' of the promotion would, without needing a work tree. No gate can stop it.
    Secrets and data are not rolled back.
    """
    session: Session = context.obj
    if to is not None and to_time is not None:
        raise UsageError("--to and --to-time do not go together")
    meant, name = deployments_named(session, agents, env)
    intent = to_roll_back(meant, name, _version(to), _instant(to_time), note)
    if how.form is None:
        session.terminal.note(("note", BUSY), ": secrets, data and the environment's own settings are not rolled back")
    perform(session, intent, how, name, "Rollback")


def _version(text: str | None) -> int | None:
    if text is None:
        return None
    if re.fullmatch(r"v[0-9]{1,9}", text) is None:
        raise UsageError(f"{text!r} is no version", remedy="write for example v3; 'headpin history' has them all")
    return int(text[1:])


def _instant(text: str | None) -> datetime | None:
    """Without a zone, as on the clock of this machine."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise UsageError(f"{text!r} is no time", remedy="write for example 2026-11-24T15:00 or …T15:00Z") from error
