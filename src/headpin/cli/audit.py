"""`headpin audit`: what the rules would not have allowed."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from headpin.audit import AuditReport, Finding, run_audit
from headpin.cli.app import PROBLEMS, Session, app, exit_with
from headpin.cli.arguments import (
    AGENTS,
    JsonOption,
    NoHeaders,
    OptionalEnvironment,
    Output,
    OutputOption,
    agent_in,
    complete_agents,
    environment_named,
    form_of,
)
from headpin.cli.terminal import BAD, BUSY, DIM, STRONG, counted, inert
from headpin.controller.branches import branch_names
from headpin.errors import UsageError
from headpin.problem_kinds import KINDS
from headpin.releases.codec import format_time
from headpin.types import AgentName, Revision, short


@app.command(epilog="Example: headpin audit --env prod")
def audit(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option("--since", metavar="REV", help="Only what came after this commit of main.")
    ] = None,
    env: OptionalEnvironment = None,
    agent: Annotated[
        str | None,
        typer.Option("--agent", metavar="AGENT", help="Only this agent.", autocompletion=complete_agents),
    ] = None,
    memory: Annotated[bool, typer.Option("--memory/--no-memory", help="Go on from where the last audit ended.")] = True,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
    no_headers: NoHeaders = False,
) -> None:
    """Replay all of history, and tell what the rules would not have allowed.

    Reads main's first-parent history and every environment branch. Exits with 1 when there are violations;
    notices, such as an override that was used, are told and are no failure.
    """
    session: Session = context.obj
    controller = session.controller
    revision = _revision(session, since) if since else None
    names = _names(session, agent) if agent else ()
    if env:
        known = {*controller.workspace().environment_order, *branch_names(session.repository, controller.main)}
        env = environment_named(sorted(known), env)
    with session.terminal.working("replaying history"):
        everything = run_audit(controller, since=revision, use_memory=memory)
    report = everything.only(env, names)
    if agent and not report.findings:  # one that is gone and never ran can have findings all the same
        workspace = controller.workspace()
        agent_in(workspace, controller.branches(workspace), agent)
    form = form_of(output, json)
    if form in (Output.JSON, Output.YAML):
        session.terminal.machine("Audit", report.as_json(), form.value)
    else:
        _print(session, report, is_wide=form is Output.WIDE, headers=not no_headers)
        _tell_others(session, len(everything.findings) - len(report.findings))
    exit_with(PROBLEMS if report.violations else 0)


def _names(session: Session, text: str) -> tuple[AgentName, ...]:
    """The agent that a person named, and what it was called before: what happened then is told of that name."""
    name = AgentName.parse(text)
    if name is None:
        raise UsageError(f"{text!r} is no agent's name", remedy=AGENTS)
    document = session.controller.workspace().agent(name)
    return name, *(document.model.former_names if document and document.model else ())


def _revision(session: Session, text: str) -> Revision:
    found = session.repository.resolve(text)
    if found is None:
        raise UsageError(
            f"there is no commit {text!r} here",
            remedy="write the id of a commit, a branch, a tag, or steps from one, as main~2",
        )
    return found


def _print(session: Session, report: AuditReport, *, is_wide: bool, headers: bool) -> None:
    terminal = session.terminal
    for title, style, findings in (("VIOLATIONS", BAD, report.violations), ("NOTICES", BUSY, report.notices)):
        if not findings:
            continue
        if headers:
            terminal.line((title, style), f" ({len(findings)})")
        if is_wide:
            columns = ["CODE", "ENVIRONMENT", "AGENT", "MAIN", "COMMIT", "PERSON", "TIME", "WHAT"]
            terminal.table(columns, [_row(finding) for finding in findings], headers=headers)
            continue
        for finding in findings:
            _tell(session, finding, style)
    told = f"{counted(len(report.violations), 'violation')}, {counted(len(report.notices), 'notice')}"
    branches = f"{report.branches} branch{'es' * (report.branches != 1)}"
    replayed = f"replayed {counted(report.main, 'commit')} of main and {branches}, up to {short(report.head)}"
    terminal.line(told)
    terminal.line(replayed)


def _tell_others(session: Session, number: int) -> None:
    """Nobody takes the answer about a part for one about all."""
    if number:
        session.terminal.note(f"{counted(number, 'more finding')} elsewhere; 'headpin audit' tells all")


def _tell(session: Session, finding: Finding, style: str) -> None:
    where = " ".join(part for part in (finding.agent and f"{finding.agent} in", finding.environment) if part)
    commit = short(finding.commit or finding.main)
    title = KINDS[finding.code].title
    who = f"{inert(finding.person)}, {format_time(finding.at)}, {commit}"
    session.terminal.line((finding.code, style), f" {title}", (f": {where}" if where else "", STRONG))
    session.terminal.line(inert(finding.as_json()["message"]), indent=4)
    session.terminal.line((who, DIM), indent=4)
    session.terminal.line(("→ ", DIM), finding.remedy, indent=4)


def _row(finding: Finding) -> list[Text | str]:
    return [
        finding.code,
        finding.environment,
        finding.agent,
        short(finding.main),
        short(finding.commit),
        finding.person,
        format_time(finding.at),
        str(finding.as_json()["message"]),
    ]
