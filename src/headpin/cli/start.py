"""`headpin start`: run again what was stopped."""

from __future__ import annotations

import typer

from headpin.cli.acting import AgentsArgument, How, acting, deployments_named, perform
from headpin.cli.app import Session, app
from headpin.cli.arguments import EnvironmentOption
from headpin.controller.intents import to_start


@app.command(epilog="Example: headpin start support/triage --env staging")
@acting
def start(
    context: typer.Context,
    agents: AgentsArgument,
    env: EnvironmentOption,
    *,
    how: How,
) -> None:
    """Start deployments that were stopped; they come back with the release and the number of pods they had."""
    session: Session = context.obj
    meant, name = deployments_named(session, agents, env)
    perform(session, to_start(meant, name), how, name, "Change")
