"""`headpin history`: what happened to an agent."""

from __future__ import annotations

import typer

from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    DataOutput,
    DataOutputOption,
    JsonOption,
    LimitOption,
    NoHeaders,
    OptionalAgent,
    OptionalEnvironment,
    agent_in,
    data_form_of,
    environment_named,
    limit_for,
)
from headpin.cli.events import print_told
from headpin.status import Wanted, read_history, read_log
from headpin.status.history import environments_ever


@app.command(epilog="Example: headpin history support/triage --env prod")
def history(
    context: typer.Context,
    agent: OptionalAgent = None,
    env: OptionalEnvironment = None,
    limit: LimitOption = None,
    output: DataOutputOption = DataOutput.TABLE,
    json: JsonOption = False,
    no_headers: NoHeaders = False,
) -> None:
    """Show everything that happened to an agent, newest first; without an agent, to all, as 'log --event all' does.

    With an agent, commits on main that changed its pin file without an event of their own are told too: 'edited',
    or 'pending' where no pass has seen them yet.
    """
    session: Session = context.obj
    controller = session.controller
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    name = environment_named(environments_ever(workspace, branches), env) if env else None
    form = data_form_of(output, json)
    most = limit_for(session, limit, form)
    found = agent_in(workspace, branches, agent) if agent else None
    told = (
        read_history(controller, found, name, most) if found else read_log(controller, Wanted(environment=name), most)
    )
    value = {"agent": str(found) if found else None}
    print_told(session, told, form, "History", value, headers=not no_headers, agents=found is None)
