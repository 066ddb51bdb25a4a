"""`headpin at`: what ran then."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    DataOutput,
    DataOutputOption,
    JsonOption,
    NoHeaders,
    OptionalAgent,
    OptionalEnvironment,
    agent_in,
    data_form_of,
    environment_named,
    time_named,
)
from headpin.cli.events import is_narrow, release_cells, tell_missing
from headpin.cli.status import print_matrix
from headpin.cli.terminal import DIM, STRONG, inert, style_of
from headpin.model.moments import TIMES
from headpin.releases.codec import format_time
from headpin.status import AtReport, read_at_revision, read_at_time
from headpin.status.at import Moment, Ran
from headpin.status.history import environments_ever
from headpin.status.when import commit_named
from headpin.types import AgentName, short

CSV_COLUMNS = (
    "agent", "environment", "status", "version", "revision", "image", "settings", "content", "subject", "since",
    "event", "person", "moved", "note", "config",
)  # fmt: skip


@app.command(epilog="Example: headpin at now --env prod")
def at(
    context: typer.Context,
    when: Annotated[
        str,
        typer.Argument(metavar="TIME|REVISION", help=f"A time, or a commit of main or of an environment. {TIMES}."),
    ],
    agent: OptionalAgent = None,
    env: OptionalEnvironment = None,
    output: DataOutputOption = DataOutput.TABLE,
    json: JsonOption = False,
    no_headers: NoHeaders = False,
) -> None:
    """Show what ran at a time, or when a commit of main had been applied and nothing later.

    A date alone is its beginning; a time without a zone is on the clock of this machine.
    """
    session: Session = context.obj
    controller = session.controller
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    name = environment_named(environments_ever(workspace, branches), env) if env else None
    found = agent_in(workspace, branches, agent) if agent else None
    report = _report(session, when, name, found)
    form = data_form_of(output, json)
    if form in (DataOutput.JSON, DataOutput.YAML):
        session.terminal.machine("At", report.as_json(), form.value)
    elif form is DataOutput.CSV:
        session.terminal.csv(CSV_COLUMNS, map(_csv_row, report.ran), headers=not no_headers)
    else:
        is_wide = form is DataOutput.WIDE
        _print(session, report, is_list=bool(is_wide or name or found), is_wide=is_wide, headers=not no_headers)
    tell_missing(session, report.missing)


def _report(session: Session, when: str, environment: str | None, agent: AgentName | None) -> AtReport:
    controller = session.controller
    time = time_named(when, controller.clock())
    if time is not None:
        return read_at_time(controller, time, environment, agent)
    return read_at_revision(controller, commit_named(session.repository, when), environment, agent)


def _print(session: Session, report: AtReport, *, is_list: bool, is_wide: bool, headers: bool) -> None:
    then = report.time or max((m.commit.committer.at for m in report.moments if m.commit), default=None)
    if is_list:
        columns = ["AGENT", "ENVIRONMENT", "VERSION", "REVISION", "SUBJECT", "STATUS", "SINCE", "BY", "NOTE"]
        rows = [_row(item) for item in report.ran]
        if is_narrow(session) and not is_wide:
            del columns[4]
            for row in rows:
                del row[4]
        session.terminal.table(columns, rows, headers=headers)
    else:
        print_matrix(session, report.as_status(), headers=headers, now=then)
    for moment in report.moments:
        _print_moment(session, moment)


def _print_moment(session: Session, moment: Moment) -> None:
    name, commit = moment.environment.name, moment.commit
    if commit is None:
        session.terminal.line((name, STRONG), " did not exist yet")
        return
    hold = moment.environment.hold
    if hold is not None:
        session.terminal.line((f"{name}: everything was held", STRONG), f": {inert(hold.message)}")
    session.terminal.note((f"{name} at {short(commit.id)} of {format_time(commit.committer.at)}", DIM))


def _row(item: Ran) -> list[Text | str]:
    served, event = item.status.served, item.event
    since = item.status.since
    return [
        Text(str(item.status.agent), STRONG),
        item.status.environment,
        "" if served is None else f"v{served.version}" if served.version else "HEAD",
        str(served.release) if served else "",
        item.subject,
        Text(item.status.word, style_of(item.status.word)),
        format_time(since) if since else "",
        (event.person or "").partition(" <")[0] if event else "",
        (event.note or event.message).split("\n", 1)[0] if event else "",
    ]


def _csv_row(item: Ran) -> list[str]:
    served, event = item.status.served, item.event
    since = item.status.since
    return [
        str(item.status.agent),
        item.status.environment,
        item.status.word,
        str(served.version) if served else "",
        *release_cells(served.release.as_mapping() if served else {}),
        item.subject,
        format_time(since) if since else "",
        event.kind.value if event else "",
        (event.person or "") if event else "",
        format_time(event.moved) if event and event.moved else "",
        event.note if event else "",
        event.config if event else "",
    ]
