"""`headpin log`: every promotion of the workspace."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    DataOutput,
    DataOutputOption,
    JsonOption,
    LimitOption,
    NoHeaders,
    OptionalEnvironment,
    agent_in,
    closest,
    complete_agents,
    complete_projects,
    data_form_of,
    environment_named,
    limit_for,
    project_in,
    time_option,
)
from headpin.cli.events import print_told
from headpin.errors import UsageError
from headpin.model.moments import TIMES
from headpin.releases import EventKind
from headpin.status import Wanted, read_log
from headpin.status.history import environments_ever, kinds, moves_or_all


@app.command(epilog="Example: headpin log --env prod --since '2 weeks ago' -n 20")
def log(
    context: typer.Context,
    env: OptionalEnvironment = None,
    agent: Annotated[
        str | None,
        typer.Option("--agent", metavar="AGENT", help="Only this agent.", autocompletion=complete_agents),
    ] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", metavar="PROJECT", help="Only agents of it.", autocompletion=complete_projects),
    ] = None,
    person: Annotated[
        str | None, typer.Option("--person", metavar="TEXT", help="Only by people with this in their name or address.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help=f"Not before this: {TIMES}.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Not after this.")] = None,
    event: Annotated[
        str | None,
        typer.Option(
            "--event",
            metavar="KIND",
            help="Only this kind of event, or 'all'.",
            show_default="all by which releases move",
            autocompletion=lambda incomplete: [k for k in kinds() if k.startswith(incomplete)],
        ),
    ] = None,
    limit: LimitOption = None,
    output: DataOutputOption = DataOutput.TABLE,
    json: JsonOption = False,
    no_headers: NoHeaders = False,
) -> None:  # fmt: skip
    """Show every promotion, rollback and removal in the workspace, newest first."""
    session: Session = context.obj
    controller = session.controller
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    now = controller.clock()
    form = data_form_of(output, json)
    wanted = Wanted(
        agent_in(workspace, branches, agent) if agent else None,
        project_in(workspace, branches, project) if project else None,
        environment_named(environments_ever(workspace, branches), env) if env else None,
        person,
        time_option(since, now),
        time_option(until, now),
        _kinds(event),
    )
    told = read_log(controller, wanted, limit_for(session, limit, form))
    print_told(session, told, form, "Log", {}, headers=not no_headers, agents=True)


def _kinds(text: str | None) -> frozenset[EventKind] | None:
    try:
        return moves_or_all(text)
    except ValueError as error:
        others = f"the kinds are: {', '.join(kinds())}"
        if text == "deployed":  # what the table calls a promotion into the head environment
            raise UsageError("'deployed' is no kind of event", remedy="write --event promoted") from error
        raise UsageError(f"{text!r} is no kind of event", remedy=closest(str(text), kinds(), others)) from error
