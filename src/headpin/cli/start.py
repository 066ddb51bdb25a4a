"""`headpin start`: run again what was stopped."""

from __future__ import annotations

import typer

from headpin.cli.acting import (
    AgentsArgument,
    BranchOption,
    DryRunOption,
    How,
    YesOption,
    patterns,
    perform,
)
from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    AuthorOption,
    EnvironmentOption,
    JsonOption,
    Output,
    OutputOption,
    PushOption,
    agent_named,
    environment_named,
    machine_form,
)
from headpin.controller.intents import to_start


@app.command(epilog="Example: headpin start support/triage --env staging")
def start(
    context: typer.Context,
    agents: AgentsArgument,
    env: EnvironmentOption,
    dry_run: DryRunOption = False,
    branch: BranchOption = None,
    yes: YesOption = False,
    push: PushOption = None,
    author: AuthorOption = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Start deployments that were stopped; they come back with the release and the number of pods they had."""
    session: Session = context.obj
    workspace = session.controller.workspace()
    name = environment_named(list(workspace.environment_order), env)
    meant = patterns(workspace, agents, lambda text: agent_named(workspace, text))
    how = How(dry_run, yes, push, branch, author, machine_form(output, json))
    perform(session, to_start(meant, name), how, name, "Change")
