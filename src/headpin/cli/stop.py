"""`headpin stop`: no pods, and everything else as it is."""

from __future__ import annotations

import typer

from headpin.cli.acting import (
    AgentsArgument,
    How,
    NoteOption,
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
from headpin.controller.intents import to_stop


@app.command(epilog="Example: headpin stop support/triage --env staging --note 'too expensive at night'")
@acting
def stop(
    context: typer.Context,
    agents: AgentsArgument,
    env: EnvironmentOption,
    note: NoteOption = "",
    *,
    how: How,
) -> None:
    """Stop deployments: no pods and no autoscaler. Release, pin and record remain, and no gate can stop it."""
    session: Session = context.obj
    workspace = session.controller.workspace()
    name = environment_named(list(workspace.environment_order), env)
    meant = patterns(workspace, agents, lambda text: agent_named(workspace, text))
    perform(session, to_stop(meant, name, note), how, name, "Change")
