"""`headpin stop`: no pods, and everything else as it is."""

from __future__ import annotations

import typer

from headpin.cli.acting import AgentsArgument, How, NoteOption, acting, deployments_named, perform
from headpin.cli.app import Session, app
from headpin.cli.arguments import EnvironmentOption
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
    meant, name = deployments_named(session, agents, env)
    perform(session, to_stop(meant, name, note), how, name, "Change")
