"""`headpin start`: run again what was stopped."""

from __future__ import annotations

import typer

from headpin.cli.acting import (
    AgentsArgument,
    How,
    acting,
    patterns,
    perform,
)
from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    EnvironmentOption,
    agent_named,
    environment_named,
)
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
    workspace = session.controller.workspace()
    name = environment_named(list(workspace.environment_order), env)
    meant = patterns(workspace, agents, lambda text: agent_named(workspace, text))
    perform(session, to_start(meant, name), how, name, "Change")
