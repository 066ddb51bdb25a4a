"""`headpin reconcile`: one pass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from headpin.cli.app import Session, app, exit_with
from headpin.cli.arguments import JsonOption, Output, OutputOption, machine_form
from headpin.cli.passes import exit_code, pass_as_json, print_pass
from headpin.cli.terminal import inert
from headpin.daemon.local import FOLDER, ask_daemons
from headpin.errors import HeadpinError, UsageError

_PATIENCE = 660.0
"""Seconds: longer than the daemon lets anybody wait, so that its own answer comes first."""


@app.command(epilog="Example: headpin -C config reconcile")
def reconcile(
    context: typer.Context,
    full: Annotated[bool, typer.Option("--full", help="Look at every deployment, not only at what changed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; the same as 'headpin plan'.")] = False,
    now: Annotated[
        bool, typer.Option("--now", help="Let the daemon do it that runs on this repository, and wait for it.")
    ] = False,
    state: Annotated[
        Path | None, typer.Option("--state", metavar="DIR", help="With --now: the daemon that keeps its mirror there.")
    ] = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Make one pass: observe, decide, render, and commit to the environment branches.

    Safe to run at any time and by several people at once: an unchanged workspace makes no commit, and a
    branch that moved meanwhile is looked at again.
    """
    session: Session = context.obj
    if now or state is not None:
        if dry_run or not now:
            raise UsageError("--state goes with --now, and --now does not go with --dry-run")
        folder = state / FOLDER if state is not None else session.repository.common_dir / FOLDER
        _let_daemons(session, folder, full, machine_form(output, json))
        return
    with session.terminal.working("reconciling") as progress:
        session.controller.progress = progress
        report = session.controller.reconcile(full=full, dry_run=dry_run)
    form = machine_form(output, json)
    if form:
        session.terminal.machine("Plan" if dry_run else "Pass", pass_as_json(report), form)
    else:
        print_pass(session, report, done=not dry_run)
    exit_with(exit_code(report))


def _let_daemons(session: Session, folder: Path, full: bool, form: str | None) -> None:
    """Tells what the daemons that are asked in `folder` did."""
    with session.terminal.working("waiting for the daemon"):
        answers = ask_daemons(folder, full=full, seconds=_PATIENCE)
    if not answers:
        raise HeadpinError(
            "no daemon runs on this repository",
            remedy="start one with 'headpin run', name its state directory with --state, or leave --now out",
        )
    failed = next((answer for answer in answers if "error" in answer), None)
    if failed is not None:
        raise HeadpinError(str(failed["error"]), remedy=str(failed.get("remedy", "")))
    if form:
        session.terminal.machine("Pass", _joined([answer["pass"] for answer in answers]), form)
    else:
        session.terminal.raw("".join(inert(answer["text"]) for answer in answers))
    exit_with(max(int(answer["exit"]) for answer in answers))


def _joined(passes: list[dict[str, Any]]) -> dict[str, Any]:
    """What daemons that share a workspace did, as one pass."""
    first = passes[0]
    lists = {key: [item for each in passes for item in each[key]] for key in ("environments", "promotions")}
    silent = {agent: said for each in passes for agent, said in each["silentSources"].items()}
    work = {key: sum(each["work"][key] for each in passes) for key in first["work"]}
    trouble = next((each["trouble"] for each in passes if each["trouble"]), None)
    return {**first, **lists, "trouble": trouble, "silentSources": silent, "work": work}
