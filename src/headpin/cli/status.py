"""`headpin status`: the matrix of agents and environments."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from math import isnan
from typing import Annotated

import typer
from rich.text import Text

from headpin.cli.app import PROBLEMS, Session, app, exit_with
from headpin.cli.arguments import (
    JsonOption,
    NoHeaders,
    OptionalAgent,
    OptionalEnvironment,
    Output,
    OutputOption,
    agent_named,
    environment_named,
    form_of,
)
from headpin.cli.terminal import BAD, DIM, STRONG, ago, inert, style_of
from headpin.cli.watching import Watch
from headpin.errors import UsageError
from headpin.status import DeploymentStatus, EnvironmentStatus, StatusReport, read_status
from headpin.status.matrix import environment_names


@app.command(epilog="Example: headpin status support/triage")
def status(
    context: typer.Context,
    agent: OptionalAgent = None,
    env: OptionalEnvironment = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the source repositories.")] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it again when it changes, until Ctrl-C.")] = False,
    interval: Annotated[
        float, typer.Option(min=0.1, max=3600, metavar="SECONDS", help="How often --watch looks at the refs.")
    ] = 1.0,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
    no_headers: NoHeaders = False,
) -> None:
    """Show what runs where: version, short revision, status, and for how long.

    Exits with 1 when something is held, and says why. With --watch it is drawn anew on a terminal when a branch moved;
    elsewhere each change is a line. Ctrl-C ends that with 0.
    """
    session: Session = context.obj
    controller = session.controller
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    served = tuple(name for branch in branches.values() for name in branch.agents()) if agent else ()
    agents = [agent_named(workspace, agent, served)] if agent else []
    name = environment_named(environment_names(workspace, branches), env) if env else None
    form = form_of(output, json)

    def read() -> StatusReport:
        with session.terminal.working("asking the sources"):
            return read_status(controller, agents=agents, environment=name, ask_sources=not offline)

    def show(report: StatusReport) -> None:
        _show(session, report, form, as_list=bool(agent or env), headers=not no_headers)

    if watch:
        if isnan(interval):
            raise UsageError("--interval takes seconds")
        Watch(session, read, show, interval, is_machine=form in (Output.JSON, Output.YAML)).run()
        return
    report = read()
    show(report)
    exit_with(PROBLEMS if report.has_holds else 0)


def _show(session: Session, report: StatusReport, form: Output, *, as_list: bool, headers: bool) -> None:
    if form in (Output.JSON, Output.YAML):
        session.terminal.machine("Status", report.as_json(), form.value)
        return
    if form is Output.WIDE or as_list:
        _print_list(session, report, wide=form is Output.WIDE, headers=headers)
    else:
        print_matrix(session, report, headers=headers)
    _print_reasons(session, report)


def print_matrix(session: Session, report: StatusReport, *, headers: bool, now: datetime | None = None) -> None:
    """Agents by environments; how long something is so is told as of `now`."""
    names = [environment.name for environment in report.environments]
    rows = []
    for agent, found in groupby(report.deployments, key=lambda item: item.agent):
        cells = {item.environment: _cell(item, now) for item in found}
        rows.append([Text(str(agent), STRONG), *(cells.get(name, Text("·", DIM)) for name in names)])
    columns = ["AGENT", *(_heading(environment) for environment in report.environments)]
    session.terminal.table(columns, rows, headers=headers)


def _heading(environment: EnvironmentStatus) -> str:
    marks = " (head)" if environment.tracks_head else " (production)" if environment.production else ""
    return f"{environment.name.upper()}{marks}"


def _cell(item: DeploymentStatus, now: datetime | None) -> Text:
    text = Text()
    served = item.served
    if served is not None:
        version = "HEAD" if served.version == 0 else f"v{served.version}"
        text.append(f"{version} ", STRONG)
        text.append(f"{served.release} ")
    text.append(item.word, style_of(item.word))
    since = ago(item.since, now)
    if since:
        text.append(f" {since}", DIM)
    return text


def _print_list(session: Session, report: StatusReport, *, wide: bool, headers: bool) -> None:
    columns = ["AGENT", "ENVIRONMENT", "VERSION", "REVISION", "STATUS", "SINCE"]
    if wide:
        columns += ["PODS", "IMAGE", "SETTINGS"]
    rows: list[list[Text | str]] = []
    for item in report.deployments:
        served = item.served
        row: list[Text | str] = [
            Text(str(item.agent), STRONG),
            item.environment,
            ("HEAD" if served.version == 0 else f"v{served.version}") if served else "",
            str(served.release) if served else "",
            Text(item.word, style_of(item.word)),
            ago(item.since),
        ]
        if wide:
            scale = served.scale if served else None
            pods = "" if scale is None else f"{scale.min_replicas}-{scale.max_replicas}"
            if scale is not None and scale.min_replicas == scale.max_replicas:
                pods = str(scale.min_replicas)
            row += [pods, served.release.image if served else "", served.release.settings[:7] if served else ""]
        rows.append(row)
    session.terminal.table(columns, rows, headers=headers)


def _print_reasons(session: Session, report: StatusReport) -> None:
    for environment in report.environments:
        if environment.hold is not None:
            session.terminal.line(
                (f"{environment.name}: everything is held", BAD), f": {inert(environment.hold.message)}"
            )
        if environment.trouble:
            session.terminal.line((f"{environment.name} cannot be read", BAD), f": {inert(environment.trouble)}")
    held = {environment.name for environment in report.environments if environment.hold is not None}
    for item in report.deployments:
        if item.message and item.environment not in held:
            session.terminal.line(
                (f"{item.agent} in {item.environment}", STRONG), f": {item.word}: {inert(item.message)}"
            )
