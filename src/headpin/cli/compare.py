"""`headpin compare`: what two environments serve differently, or one environment at two times."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated

import typer
from rich.text import Text

from headpin.cli.app import PROBLEMS, WORLD_FAILED, Session, app, exit_with
from headpin.cli.arguments import (
    JsonOption,
    NoHeaders,
    Output,
    OutputOption,
    agent_named,
    closest,
    complete_agents,
    complete_environments,
    environment_named,
    form_of,
)
from headpin.cli.terminal import BUSY, DIM, STRONG, counted, inert, one_line
from headpin.controller.branches import Branch
from headpin.controller.intents import ALL
from headpin.errors import UsageError
from headpin.releases import Record
from headpin.releases.codec import format_time
from headpin.status.ahead import UNKNOWN, SourceCommit
from headpin.status.compare import AgentComparison, Comparison, Difference
from headpin.status.compare import compare as read_comparison
from headpin.status.sides import Side, read_side
from headpin.types import AgentName, short
from headpin.workspace import Workspace

One = Annotated[
    str,
    typer.Argument(
        metavar="ENV[@WHEN]",
        help="An environment, now; or as it was at a time (2026-11-24T15:00) or at a commit of its branch.",
        autocompletion=complete_environments,
    ),
]
Other = Annotated[
    str,
    typer.Argument(metavar="OTHER[@WHEN]", help="What it is compared with.", autocompletion=complete_environments),
]


@app.command(epilog="Example: headpin compare staging prod")
def compare(
    context: typer.Context,
    env: One,
    other: Other,
    agents: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="AGENT...",
            help="Only these agents, in detail; 'project/*' stands for all of a project.",
            autocompletion=complete_agents,
        ),
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="List agents that are equal as well.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the source repositories, even where commits are missing.")
    ] = False,
    limit: Annotated[
        int, typer.Option("-n", "--limit", min=0, help="At most so many source commits of a side; the rest is counted.")
    ] = 20,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 when an agent differs.")] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
    no_headers: NoHeaders = False,
) -> None:
    """Show what two environments serve differently, and which is ahead by which source commits.

    By release, by shared and by own settings, by what is served at all, and by the number of pods. What the
    documents of the two environments say for everything in them is told once, and is no difference of an agent.
    With ENV@WHEN one environment is compared with itself: headpin compare prod@2026-11-20 prod@2026-11-24.
    Exits with 3 where settings cannot be compared, because this clone does not have them.
    """
    session: Session = context.obj
    controller = session.controller
    branches = controller.branches(controller.workspace())
    one, two = _side(session, branches, env), _side(session, branches, other)
    known = {*one.branch.agents(), *two.branch.agents()}
    names = [agent for text in agents or () for agent in _agents(controller.workspace(), text, known)]
    with session.terminal.working("asking the sources"):
        found = read_comparison(controller, one, two, names, ask_sources=not offline, commits=limit)
    form = form_of(output, json)
    if form in (Output.JSON, Output.YAML):
        session.terminal.machine("Comparison", found.as_json(everything=all or bool(names)), form.value)
    else:
        _print(session, found, all or bool(names), bool(names) or form is Output.WIDE, headers=not no_headers)
    if any(item.trouble for item in found.agents):
        exit_with(WORLD_FAILED)
    exit_with(PROBLEMS if exit_code and found.different else 0)


def _side(session: Session, branches: dict[str, Branch], text: str) -> Side:
    name, _, when = text.partition("@")
    names = dict.fromkeys([*session.controller.workspace().environment_order, *branches])
    return read_side(session.controller, branches, environment_named(list(names), name), text, when)


def _agents(workspace: Workspace, text: str, known: Collection[AgentName]) -> list[AgentName]:
    """The agents that a person named. Raises UsageError where there are none such."""
    project, _, agent = text.partition("/")
    if agent != ALL:
        return [agent_named(workspace, text, tuple(known))]
    everyone = {*workspace.all_agents(), *known}
    found = [name for name in everyone if name.project == project]
    if not found:
        projects = sorted({name.project for name in everyone})
        remedy = closest(project, projects, f"they are {', '.join(projects) or 'none'}", "/*")
        raise UsageError(f"there is no agent in a project {project}", remedy=remedy)
    return found


def _print(session: Session, found: Comparison, everything: bool, detailed: bool, *, headers: bool) -> None:
    terminal = session.terminal
    listed = found.agents if everything else found.different
    if listed:
        columns = ["AGENT", found.one.asked.upper(), found.other.asked.upper(), "DIFFERS IN", "SOURCE"]
        terminal.table(columns, [_row(item, found) for item in listed], headers=headers)
    if detailed:
        for item in listed:
            _print_agent(session, item, found)
    if not headers:
        return
    _print_general(session, found)
    _print_trouble(session, found)
    _print_count(session, found)


def _print_count(session: Session, found: Comparison) -> None:
    line = session.terminal.line
    equal, different = len(found.agents) - len(found.different), sum(bool(item.differs) for item in found.agents)
    unknown = len(found.different) - different
    if not found.agents:
        line("nothing is served on either side")
    elif not found.different:
        line(f"{counted(equal, 'agent')}: no difference")
    else:
        more = f"; {unknown} unknown" if unknown else ""
        line(f"{counted(different, 'agent')} of {len(found.agents)} differ; {equal} equal{more}")


def _row(item: AgentComparison, found: Comparison) -> list[Text | str]:
    return [
        Text(_name(item), STRONG),
        _served(item.one),
        _served(item.other),
        ", ".join([*item.differs, *["unknown"] * bool(item.trouble)]) or "nothing",
        _ahead(item, found),
    ]


def _name(item: AgentComparison) -> str:
    return f"{item.agent} ({item.former_name})" if item.former_name else str(item.agent)


def _served(record: Record) -> str:
    served = record.served
    if served is None:
        return "·"
    version = "HEAD" if served.version == 0 else f"v{served.version}"
    held = f" ({record.hold.reason.value})" if record.hold else ""
    return f"{version} {served.release}{held}"


def _ahead(item: AgentComparison, found: Comparison) -> str:
    """Which side is ahead, in the words of a table."""
    source = item.source
    if source is None:
        return ""
    if source.relation == UNKNOWN:
        return "unknown"
    if source.ahead and source.behind:
        return f"diverged: {found.one.asked} +{source.ahead}, {found.other.asked} +{source.behind}"
    if source.ahead or source.behind:
        return f"{(found.one if source.ahead else found.other).asked} +{source.ahead or source.behind}"
    return "the same for this agent"


def _sentence(item: AgentComparison, found: Comparison) -> str:
    """Which side is ahead, as a sentence."""
    one, other, source = found.one.asked, found.other.asked, item.source
    if source is None:
        return ""
    if source.relation == UNKNOWN:
        return f"which is ahead is not known: {source.trouble}"
    ahead, behind = counted(source.ahead, "commit"), counted(source.behind, "commit")
    if source.ahead and source.behind:
        return f"diverged: {one} has {ahead} that {other} has not, and {other} {behind} that {one} has not"
    if not source.ahead and not source.behind:
        return "no commit between them concerns this agent"
    return f"{one} is {'ahead of' if source.ahead else 'behind'} {other} by {ahead if source.ahead else behind}"


def _print_agent(session: Session, item: AgentComparison, found: Comparison) -> None:
    terminal = session.terminal
    terminal.line("")
    terminal.line((_name(item), STRONG), f": {', '.join(item.differs) or 'no difference'}")
    parts = (
        ("release", item.release),
        ("shared settings", item.shared),
        ("own settings", tuple(difference for difference in item.own if not difference.is_general)),
        ("pods", item.pods),
    )
    for title, differences in parts:
        _print_differences(session, title, differences, found)
        if title == "release" and item.source is not None:
            terminal.line(inert(_sentence(item, found)), indent=2)
            _print_commits(session, item.source.only_one, item.source.ahead, found.one.asked)
            _print_commits(session, item.source.only_other, item.source.behind, found.other.asked)
    if item.one.served is None or item.other.served is None:
        side = found.one if item.other.served is None else found.other
        terminal.line(f"served in {side.asked} only", indent=2)


def _print_commits(session: Session, commits: Sequence[SourceCommit], number: int, side: str) -> None:
    terminal = session.terminal
    for commit in commits:
        person = commit.person.partition(" <")[0]
        when = format_time(commit.at)[:10]
        terminal.line(
            (f"{short(commit.id)} ", BUSY), (f"{when} ", DIM), f"{inert(person)}: {inert(commit.subject)}", indent=4
        )
    if number > len(commits):
        terminal.line((f"… and {number - len(commits):,} more in {side}", DIM), indent=4)


def _print_differences(session: Session, title: str, differences: Sequence[Difference], found: Comparison) -> None:
    if not differences:
        return
    terminal = session.terminal
    terminal.line(title, indent=2)
    for item in differences:
        terminal.line((inert(item.key), STRONG), " (from the environments)" if item.is_general else "", indent=4)
        sides = ((found.one, item.one, item.one_at), (found.other, item.other, item.other_at))
        width = max(len(side.asked) for side, _, _ in sides)
        for side, value, place in sides:
            told = "-" if value is None else one_line(value)
            terminal.line(f"{side.asked:{width}}  {inert(told)}", (f"  {inert(place)}" if place else "", DIM), indent=6)


def _print_general(session: Session, found: Comparison) -> None:
    if not found.general:
        return
    session.terminal.line(f"{found.one.asked} and {found.other.asked} themselves differ in:")
    for item, number in found.general:
        one, other = ("-" if value is None else one_line(value) for value in (item.one, item.other))
        session.terminal.line(
            (inert(item.key), STRONG),
            f": {inert(one)} → {inert(other)}",
            (f"  {counted(number, 'agent')}", DIM),
            indent=2,
        )


def _print_trouble(session: Session, found: Comparison) -> None:
    silent: dict[str, list[str]] = {}
    for item in found.different:
        for said in item.trouble:
            session.terminal.line((str(item.agent), STRONG), f": {inert(said)}")
        if item.source is not None and item.source.trouble:
            silent.setdefault(item.source.trouble, []).append(str(item.agent))
    for said, agents in silent.items():
        more = f" and {len(agents) - 1} more" if len(agents) > 1 else ""
        session.terminal.line((f"{agents[0]}{more}", STRONG), f": which is ahead is not known: {inert(said)}")
