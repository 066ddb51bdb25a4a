"""`headpin reconcile`: one pass."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.cli.app import Session, app, exit_with
from headpin.cli.arguments import JsonOption, Output, OutputOption, machine_form
from headpin.cli.passes import exit_code, pass_as_json, print_pass


@app.command(epilog="Example: headpin -C config reconcile")
def reconcile(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="Look at every deployment, not only at what changed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; the same as 'headpin plan'.")] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Make one pass: observe, decide, render, and commit to the environment branches.

    Safe to run at any time and by several people at once: an unchanged workspace makes no commit, and a
    branch that moved meanwhile is looked at again.
    """
    session: Session = context.obj
    with session.terminal.working("reconciling") as progress:
        session.controller.progress = progress
        report = session.controller.reconcile(full=full, dry_run=dry_run)
    form = machine_form(output, json)
    if form:
        session.terminal.machine("Plan" if dry_run else "Pass", pass_as_json(report), form)
    else:
        print_pass(session, report, done=not dry_run)
    exit_with(exit_code(report))
