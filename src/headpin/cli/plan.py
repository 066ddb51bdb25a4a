"""`headpin plan`: what a pass would do, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.cli.app import Session, app, exit_with
from headpin.cli.arguments import JsonOption, Output, OutputOption, machine_form
from headpin.cli.passes import exit_code, pass_as_json, print_pass


@app.command(epilog="Example: headpin plan")
def plan(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="Look at every deployment, not only at what changed.")] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Show what the next pass would do with each deployment, and why. Writes nothing."""
    session: Session = context.obj
    with session.terminal.working("planning") as progress:
        session.controller.progress = progress
        report = session.controller.reconcile(full=full, dry_run=True)
    form = machine_form(output, json)
    if form:
        session.terminal.machine("Plan", pass_as_json(report), form)
    else:
        print_pass(session, report, done=False)
    exit_with(exit_code(report))
