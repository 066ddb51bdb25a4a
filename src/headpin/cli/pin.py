"""`headpin pin`: what is served, as a pin file."""

from __future__ import annotations

import typer

from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    AgentArgument,
    EnvironmentOption,
    JsonOption,
    Output,
    OutputOption,
    agent_named,
    environment_named,
    machine_form,
)
from headpin.errors import UsageError
from headpin.releases.codec import format_release
from headpin.status.matrix import environment_names


@app.command(epilog="Example: headpin pin support/triage --env dev > pins/staging/support/triage.yaml")
def pin(
    context: typer.Context,
    agent: AgentArgument,
    env: EnvironmentOption,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Print what an environment serves of an agent as a pin file.

    Redirected to pins/<next environment>/<project>/<agent>.yaml and committed, it is a promotion.
    """
    session: Session = context.obj
    controller = session.controller
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    name = environment_named(environment_names(workspace, branches), env)
    found = agent_named(workspace, agent, branches[name].agents())
    served = branches[name].record(found).served
    if served is None:
        raise UsageError(f"{name} serves nothing of {found}", remedy="see 'headpin status' for what is served where")
    form = machine_form(output, json)
    if form is None:
        session.terminal.raw(format_release(served.release))
        return
    told = {"agent": str(found), "environment": name, "version": served.version, "release": served.release.as_mapping()}
    session.terminal.machine("Pin", told, form)
