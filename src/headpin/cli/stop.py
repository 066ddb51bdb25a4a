"""`headpin stop`: no pods, and everything else as it is."""

from __future__ import annotations

import typer

from headpin.cli.acting import (
    AgentsArgument,
    BranchOption,
    DryRunOption,
    How,
    NoteOption,
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
from headpin.controller.intents import to_stop


@app.command(epilog="Example: headpin stop support/triage --env staging --note 'too expensive at night'")
def stop(
    context: typer.Context,
    agents: AgentsArgument,
    env: EnvironmentOption,
    note: NoteOption = "",
    dry_run: DryRunOption = False,
    branch: BranchOption = None,
    yes: YesOption = False,
    push: PushOption = None,
    author: AuthorOption = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Stop deployments: no pods and no autoscaler. Release, pin and record remain, and no gate can stop it."""
    session: Session = context.obj
    workspace = session.controller.workspace()
    name = environment_named(list(workspace.environment_order), env)
    meant = patterns(workspace, agents, lambda text: agent_named(workspace, text))
    how = How(dry_run, yes, push, branch, author, machine_form(output, json))
    perform(session, to_stop(meant, name, note), how, name, "Change")
