"""Arguments and options that commands share: their words, their help, and their completion."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from headpin.cli.app import Session
from headpin.controller.branches import Branch, record_path
from headpin.controller.outside import Outside
from headpin.errors import HeadpinError, UsageError
from headpin.model.moments import TIMES, moment_said
from headpin.types import AgentName, name_fault
from headpin.workspace import Workspace
from headpin.workspace.former_rules import heir_of

AGENTS = "agents are named project/agent: 2 to 40 lower-case letters, digits and hyphens each"
"""How agents are named."""

_AUTHOR = re.compile(r"([^<>]{1,200}[^<> ]) <([^<>\s]{1,200})>")


class Output(StrEnum):
    """The form of a result."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"


class DataOutput(StrEnum):
    """The form of a result that is data over time."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    CSV = "csv"


ON_A_TERMINAL = 50
"""Events that are shown on a terminal where nobody says how many; every other form has all."""


def _session(context: typer.Context) -> Session:
    found = context.find_root().obj
    return found if isinstance(found, Session) else Session()


def complete_agents(context: typer.Context, incomplete: str) -> list[str]:
    """Agents for the shell."""
    return [name for name in _names(context, agents=True) if name.startswith(incomplete)]


def complete_environments(context: typer.Context, incomplete: str) -> list[str]:
    """Environments for the shell."""
    return [name for name in _names(context, agents=False) if name.startswith(incomplete)]


def complete_pipelines(context: typer.Context, incomplete: str) -> list[str]:
    """Pipelines for the shell."""
    return [name for name in _known(context, lambda workspace: workspace.pipelines) if name.startswith(incomplete)]


def complete_projects(context: typer.Context, incomplete: str) -> list[str]:
    """Projects for the shell."""
    return [name for name in _known(context, lambda workspace: workspace.projects) if name.startswith(incomplete)]


def complete_versions(context: typer.Context, incomplete: str) -> list[str]:
    """The versions that ran of the agent and in the environment named so far, for the shell; newest first."""
    named = AgentName.parse(next(iter(context.args), ""))  # a shell that completes leaves arguments here
    env = str(context.params.get("env") or "")
    directory = context.find_root().params.get("directory")
    session = Session(directory) if directory else _session(context)
    try:
        controller = session.controller
        branch = controller.branches(controller.workspace()).get(env)
        ran = branch.ran(named) if branch and named else ()
    except HeadpinError:
        return []
    return [text for entry in reversed(ran) if (text := f"v{entry.version}").startswith(incomplete)]


def _names(context: typer.Context, *, agents: bool) -> list[str]:
    def names(workspace: Workspace) -> Iterable[str]:
        return map(str, workspace.all_agents()) if agents else workspace.environment_order

    return _known(context, names)


def _known(context: typer.Context, names: Callable[[Workspace], Iterable[str]]) -> list[str]:
    directory = context.find_root().params.get("directory")
    session = Session(directory) if directory else _session(context)
    try:
        return list(names(session.controller.workspace()))
    except HeadpinError:
        return []  # a shell that completes must never print an error


AgentArgument = Annotated[
    str, typer.Argument(metavar="AGENT", help="The agent, as project/agent.", autocompletion=complete_agents)
]
OptionalAgent = Annotated[
    str | None, typer.Argument(metavar="[AGENT]", help="The agent, as project/agent.", autocompletion=complete_agents)
]
EnvironmentOption = Annotated[
    str, typer.Option("--env", "-e", metavar="ENV", help="The environment.", autocompletion=complete_environments)
]
OptionalEnvironment = Annotated[
    str | None,
    typer.Option("--env", "-e", metavar="ENV", help="Only this environment.", autocompletion=complete_environments),
]
AuthorOption = Annotated[
    str | None,
    typer.Option("--author", metavar="'NAME <ADDRESS>'", help="Who does this, where that is not whom git knows."),
]
PushOption = Annotated[
    bool | None,
    typer.Option("--push/--no-push", help="Push to main's upstream.", show_default="where there is one"),
]
OutputOption = Annotated[Output, typer.Option("-o", "--output", help="The form of the result.")]
DataOutputOption = Annotated[DataOutput, typer.Option("-o", "--output", help="The form of the result.")]
LimitOption = Annotated[
    int | None,
    typer.Option(
        "-n",
        "--limit",
        min=1,
        metavar="N",
        help="At most so many, the newest.",
        show_default=f"{ON_A_TERMINAL} on a terminal, else all",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Short for --output json.")]
NoHeaders = Annotated[bool, typer.Option("--no-headers", help="Leave out the table's head.")]


def form_of(output: Output, json: bool) -> Output:
    """The form asked for."""
    return Output.JSON if json else output


def data_form_of(output: DataOutput, json: bool) -> DataOutput:
    """The form asked for."""
    return DataOutput.JSON if json else output


def limit_for(session: Session, limit: int | None, form: DataOutput) -> int | None:
    """How many are shown: what was asked for, else what a person may want to read; None for all."""
    is_read = form in (DataOutput.TABLE, DataOutput.WIDE) and session.terminal.out.is_terminal
    return ON_A_TERMINAL if limit is None and is_read else limit


def time_named(text: str, now: datetime) -> datetime | None:
    """The instant that a person named; without a zone as on the clock of this machine. None where it is no time."""
    try:
        return moment_said(text, now).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def time_option(text: str | None, now: datetime) -> datetime | None:
    """The instant of an option. Raises UsageError where that is no time."""
    if text is None:
        return None
    found = time_named(text, now)
    if found is None:
        raise UsageError(f"{text!r} is no time", remedy=TIMES)
    return found


def machine_form(output: Output, json: bool) -> str | None:
    """The machine form asked for, `json` or `yaml`; None for one that people read."""
    form = form_of(output, json)
    return form.value if form in (Output.JSON, Output.YAML) else None


def outside_of(push: bool | None) -> Outside:
    """Whether the upstream takes part, as --push and --no-push say."""
    return Outside.IF_THERE if push is None else Outside.ALWAYS if push else Outside.NEVER


def author_named(text: str | None) -> tuple[str, str] | None:
    """The name and the address of ``Name <address>``. Raises UsageError for another form."""
    if text is None:
        return None
    found = _AUTHOR.fullmatch(text)
    if found is None or not text.isprintable():
        raise UsageError(f"{text!r} is nobody's name and address", remedy="write --author 'Name <address>'")
    return found.group(1), found.group(2)


def agent_named(workspace: Workspace, text: str, known: tuple[AgentName, ...] = ()) -> AgentName:
    """The agent that a person named. Raises UsageError with the closest one when there is none."""
    agent = AgentName.parse(text)
    if agent is None:
        raise UsageError(f"{text!r} is no agent's name", remedy=AGENTS)
    agents = {*workspace.all_agents(), *known}
    if agent not in agents:
        heir = heir_of(workspace, agent)
        if heir is not None:
            raise UsageError(f"{agent} was renamed to {heir}", remedy=f"type {heir}, which has its whole past")
        others = "see 'headpin status' for all agents"
        raise UsageError(f"there is no agent {agent}", remedy=closest(text, map(str, agents), others))
    return agent


def agent_in(workspace: Workspace, branches: Mapping[str, Branch], text: str) -> AgentName:
    """The agent that a person named, which has documents or a record. Looks through all only where there is none.

    Raises UsageError.
    """
    agent = AgentName.parse(text)
    if agent is not None and (
        workspace.agent(agent) is not None
        or any(branch.tree.entry(record_path(agent)) is not None for branch in branches.values())
    ):
        return agent
    return agent_named(workspace, text, tuple(name for branch in branches.values() for name in branch.agents()))


def environment_named(names: Sequence[str], text: str) -> str:
    """The environment that a person named. Raises UsageError with the closest one when there is none."""
    if text not in names:
        others = f"the environments are: {', '.join(names) or 'none'}"
        raise UsageError(f"there is no environment {text}", remedy=closest(text, names, others))
    return text


def project_named(workspace: Workspace, text: str) -> str:
    """The project that a person named. Raises UsageError with the closest one when there is none."""
    if text not in workspace.projects:
        others = f"the projects are: {', '.join(workspace.projects) or 'none'}"
        raise UsageError(f"there is no project {text}", remedy=closest(text, workspace.projects, others))
    return text


def project_in(workspace: Workspace, branches: Mapping[str, Branch], text: str) -> str:
    """The project that a person named, which has documents or a record. Raises UsageError."""
    known = {e.name for branch in branches.values() for e in branch.tree.entries("deployments")}
    return text if text in known else project_named(workspace, text)


def pipeline_named(workspace: Workspace, text: str) -> str:
    """The pipeline that a person named. Raises UsageError with the closest one when there is none."""
    if text not in workspace.pipelines:
        others = f"the pipelines are: {', '.join(workspace.pipelines) or 'none'}"
        raise UsageError(f"there is no pipeline {text}", remedy=closest(text, workspace.pipelines, others))
    return text


def new_name(text: str, what: str) -> str:
    """A name for something new. Raises UsageError for one that nothing can have."""
    fault = name_fault(text)
    if fault:
        raise UsageError(f"{text!r} cannot be the name of {what}", remedy=fault)
    return text


def closest(text: str, known: Iterable[str], otherwise: str, ending: str = "") -> str:
    """What a person may have meant; `otherwise` where nothing is like it."""
    close = difflib.get_close_matches(text, list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]}{ending}?" if close else otherwise
