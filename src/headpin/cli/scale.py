"""`headpin scale`: how many pods."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.cli.acting import AgentsArgument, How, acting, deployments_named, perform
from headpin.cli.app import Session, app
from headpin.cli.arguments import EnvironmentOption
from headpin.controller.intents import to_scale
from headpin.errors import UsageError


@app.command(epilog="Example: headpin scale support/triage --env staging --min 1 --max 4")
@acting
def scale(
    context: typer.Context,
    agents: AgentsArgument,
    env: EnvironmentOption,
    minimum: Annotated[int | None, typer.Option("--min", min=0, max=1000, help="Pods at least.")] = None,
    maximum: Annotated[
        int | None, typer.Option("--max", min=0, max=1000, help="Pods at most; above --min an autoscaler decides.")
    ] = None,
    *,
    how: How,
) -> None:
    """Set the number of pods in one environment, in the agent's own layer there. No gate can stop it."""
    session: Session = context.obj
    if minimum is None and maximum is None:
        raise UsageError("nothing to set", remedy="name --min, --max, or both")
    meant, name = deployments_named(session, agents, env)
    perform(session, to_scale(meant, name, minimum, maximum), how, name, "Change")
