"""Whose past an agent goes on with: which record of an environment's branch belongs to an agent that was renamed.

Two things tell it: `formerly` in the agent's document, and the record itself, which remembers its names, so that a
rename that is reverted loses nothing either. Nothing is written here; a pass moves what this finds, and whoever
only reads sees it under the new name at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from headpin.model import Agent
from headpin.problems import Problem
from headpin.releases import NEVER_RAN, Record
from headpin.sources import SourceRule
from headpin.tree import Tree
from headpin.types import AgentName
from headpin.workspace import Workspace
from headpin.workspace.documents import parse_bytes
from headpin.workspace.layout import agent_path
from headpin.workspace.snapshot import AGENT_FILE

RecordOf = Callable[[AgentName], Record]
"""Gives the record that is committed under a name."""


@dataclass(frozen=True, slots=True)
class Past:
    """What an agent without a past of its own would go on with: `owner` is the name it is committed under.

    `names` has every name that it may have had since, newest first, the agent's own among them. `problem`: why it
    is not clear that it is the agent's; then nothing moves.
    """

    owner: AgentName
    names: tuple[AgentName, ...]
    problem: Problem | None = None


def past_of(
    workspace: Workspace,
    environment: str,
    agent: AgentName,
    tree: Tree,
    record: RecordOf,
    renamed: tuple[AgentName, ...],
) -> Past | None:
    """The past that `agent` goes on with in `environment`, whose branch has `tree`; None where it has its own.

    Asked of those only that are wanted there and that serve nothing. `renamed` are those records that had other names.
    """
    own = record(agent)
    if own.served is not None or not _is_wanted(workspace, environment, agent):
        return None
    document = workspace.agent(agent)
    declared = document.model.former_names if document and document.model else ()
    for position in range(len(declared) - 1, -1, -1):
        owner = declared[position]
        if owner == agent:
            continue
        names = (agent, *(name for name in reversed(declared[position:]) if name != agent))
        if record(owner) != NEVER_RAN:
            if own.ever_ran and record(owner).served is None:
                return None
            return Past(owner, names, _doubt(workspace, environment, agent, owner, own))
        if not own.ever_ran and (found := next(_once(workspace, environment, names, record, renamed), None)):
            return found  # it was renamed before, that was taken back, and it was renamed anew, all since the last pass
    if own.ever_ran:
        return None
    # Without formerly only what follows the same source: another agent may have got the name.
    reverted = _once(workspace, environment, (agent,), record, renamed)
    return next((past for past in reverted if _has_source_of(workspace, agent, tree, past.owner)), None)


def _is_wanted(workspace: Workspace, environment: str, agent: AgentName) -> bool:
    if environment not in workspace.environments:
        return False
    if environment == workspace.head_environment:
        return workspace.has_agent(agent)
    return workspace.has_pin(environment, agent) and workspace.has_agent(agent)


def _is_gone(workspace: Workspace, environment: str, agent: AgentName) -> bool:
    return workspace.is_gone(agent) and not workspace.has_pin(environment, agent)


def _doubt(workspace: Workspace, environment: str, agent: AgentName, owner: AgentName, own: Record) -> Problem | None:
    document = workspace.agent(agent)
    if document is None:
        return None
    if not _is_gone(workspace, environment, owner):
        left = "is still there" if not workspace.is_gone(owner) else f"is still pinned in {environment}"
        return document.problem("HP360", ("formerly",), f"{owner} {left}: only one of the two has its past")
    if own.ever_ran:
        said = f"{agent} ran in {environment} itself, and {owner} is served there: two pasts are not one"
        return document.problem("HP361", ("formerly",), said)
    return None


def _once(
    workspace: Workspace,
    environment: str,
    names: tuple[AgentName, ...],
    record: RecordOf,
    renamed: tuple[AgentName, ...],
) -> Iterator[Past]:
    """The records that had the last of `names` once, and whose present owner is gone: the rename was taken back."""
    for owner in renamed:
        found = record(owner)
        if (
            names[-1] in found.formerly
            and found.served is not None
            and owner not in names
            and _is_gone(workspace, environment, owner)
        ):
            later = found.formerly[found.formerly.index(names[-1]) + 1 :]
            yield Past(owner, (*names, owner, *(name for name in reversed(later) if name not in names)))


def is_another(workspace: Workspace, environment: str, agent: AgentName, tree: Tree) -> bool:
    """Whether what has the name `agent` now is not what runs under it: nothing wants it, or it has another source."""
    if environment == workspace.head_environment:
        return not _has_source_of(workspace, agent, tree, agent)
    return not workspace.has_pin(environment, agent)


def _has_source_of(workspace: Workspace, agent: AgentName, tree: Tree, owner: AgentName) -> bool:
    document = workspace.agent(agent)
    path = f"settings/{owner.project}/{owner.agent}/{AGENT_FILE}"
    if document is None or document.model is None or tree.entry(path) is None:
        return False
    before, _ = parse_bytes(tree.read(path), path, Agent)
    if not isinstance(before, Agent):
        return False
    old, new = SourceRule.of(before), SourceRule.of(document.model)
    return (old.key, old.path) == (new.key, new.path)


def claimed(agent: AgentName, by: AgentName) -> Problem:
    """Why `agent` waits too while `by` says that it was this agent."""
    said = f"{by} says that it was {agent}, and only one of the two has its past"
    return Problem.of("HP360", agent_path(agent), said)


def claimed_twice(owner: AgentName, agent: AgentName, other: AgentName) -> Problem:
    """Why `agent` does not go on with the past of `owner`: `other` says too that it was that agent."""
    return Problem.of("HP360", agent_path(agent), f"{other} says that it was {owner} too")
