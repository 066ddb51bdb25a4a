"""`headpin retry`: look again at what is held, at once."""

from __future__ import annotations

import typer

from headpin.cli.app import PROBLEMS, Session, app, exit_with
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
from headpin.cli.passes import exit_code, pass_as_json, print_pass
from headpin.cli.terminal import BAD, GOOD, inert


@app.command(epilog="Example: headpin retry support/triage --env dev")
def retry(
    context: typer.Context,
    agent: AgentArgument,
    env: EnvironmentOption,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Make a pass that asks everything again, and say what became of one deployment.

    For what waits for an image, could not be rendered, or is blocked. Nothing is forced: the same rules decide.
    Exits with 1 when it is still held.
    """
    session: Session = context.obj
    controller = session.controller
    workspace = controller.workspace()
    name = environment_named(workspace.environment_order, env)
    found = agent_named(workspace, agent)
    controller.lookups.forget()
    with session.terminal.working("reconciling"):
        report = controller.reconcile(full=True)
    form = machine_form(output, json)
    if form:
        session.terminal.machine("Pass", pass_as_json(report), form)
        exit_with(exit_code(report))
        return
    print_pass(session, report, done=True)
    record = controller.branches(controller.workspace())[name].record(found)
    if record.hold is not None:
        said = inert(f"{record.hold.reason.value}: {record.hold.message}")
        session.terminal.line((f"{found} in {name} is still held", BAD), f": {said}")
        exit_with(PROBLEMS)
    served = f"v{record.served.version} ({record.served.release})" if record.served else "nothing"
    session.terminal.line((f"{found} in {name}", GOOD), f" serves {served}, and nothing holds it")
