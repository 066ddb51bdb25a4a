"""`headpin run`: the daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.cli.app import Session, app, exit_with
from headpin.cli.passes import exit_code, print_pass
from headpin.daemon.loop import Options
from headpin.daemon.signals import obeying_signals
from headpin.daemon.start import Intervals, build, started
from headpin.daemon.wakes import Reason


@app.command(epilog="Example: headpin -C config run --once")
def run(
    context: typer.Context,
    environments: Annotated[
        list[str] | None,
        typer.Option("--environments", metavar="PATTERN", help="Write only these environments; may be repeated."),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Make one pass and end, with the exit codes of reconcile.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing and push nothing.")] = False,
    interval: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="How often to look upstream.")] = 30.0,
    source_interval: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="How often to ask each host of sources.")
    ] = 60.0,
) -> None:
    """Reconcile for as long as this runs: when main moves, a source moves, or a gate opens."""
    session: Session = context.obj
    options = Options(tuple(environments or ()), dry_run=dry_run)
    loop = build(session.controller, options, Intervals(interval, source_interval))
    if once:
        session.controller.observed = None  # one pass asks by itself, and waits
        report = loop.turn(frozenset({Reason.START}))
        if report is not None:
            print_pass(session, report, done=not dry_run)
            exit_with(exit_code(report))
        return
    with obeying_signals(loop.wakes), started(loop):
        loop.run()
