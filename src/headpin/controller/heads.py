"""Where each agent's source is: remote branches asked once and followed in mirrors, this repository's own history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Protocol

from headpin.controller.branches import Branch
from headpin.errors import HeadpinError, SourceTrouble
from headpin.git import NOTHING, Access, Repository
from headpin.model import Limits
from headpin.problems import errors
from headpin.releases import subject_of
from headpin.sources import (
    Chain,
    Followed,
    Follower,
    Memory,
    Observation,
    SourceKey,
    SourceRule,
    content_bytes,
    follow,
    follow_from,
    observe,
)
from headpin.types import AgentName, Revision, TreeId
from headpin.workspace import Workspace
from headpin.workspace.layout import agent_path
from headpin.workspace.rules import workspace_problems

MIRRORS = "headpin/sources"
"""Below the folder of the config repository's objects and refs."""


@dataclass(frozen=True, slots=True)
class Follows:
    """An agent and what the head environment follows for it."""

    agent: AgentName
    rule: SourceRule


class SourceIndex:
    """Which sources agents have, remembered by the id of their project's folder: most projects never change."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Follows, ...]] = {}

    def followed(self, workspace: Workspace) -> tuple[Follows, ...]:
        """Every readable agent of every project whose pipeline reaches the head environment."""
        head = workspace.head_environment
        if head is None or errors(workspace_problems(workspace)):
            return ()
        projects = (
            project
            for project in workspace.projects
            if any(stage.environment == head for stage in workspace.stages(project))
        )
        found = {project: self._of_project(workspace, project) for project in projects}
        self._known = {identity: items for identity, items in found.values() if identity}
        return tuple(item for _, items in found.values() for item in items)

    def _of_project(self, workspace: Workspace, project: str) -> tuple[str, tuple[Follows, ...]]:
        entry = workspace.tree.entry(f"projects/{project}/agents")
        identity = f"{project} {entry.id}" if entry and entry.id else ""
        known = self._known.get(identity)
        return identity, sources_of(workspace, workspace.agents(project)) if known is None else known


def sources_of(workspace: Workspace, agents: Iterable[AgentName]) -> tuple[Follows, ...]:
    """The sources of those of `agents` that can be read."""
    return tuple(
        Follows(agent, SourceRule.of(document.model))
        for agent in agents
        if (document := workspace.agent(agent)) and document.model
    )


class Observed(Protocol):
    """Where remote sources were when somebody else asked them: a pass that is given this asks and waits for nobody."""

    def keep(self, followed: tuple[Follows, ...], limits: Limits) -> None:
        """All that is followed from now on, within these bounds."""

    def of(self, rule: SourceRule) -> Followed:
        """Where the source is, as far as it is known."""

    def head(self, key: SourceKey) -> Observation:
        """Where the branch is, as far as it is known."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Asks remote sources and follows them in mirrors, all side by side; each branch is asked once.

    `branch` is the head environment's, whose records spare work: what a record serves is a release already.
    """

    follower: Follower
    seconds: float
    branch: Branch | None = None
    _asked: dict[SourceKey, Observation] = field(default_factory=dict)

    def follow(self, followed: Iterable[Follows]) -> dict[SourceRule, Followed]:
        """Asks every branch, and follows those whose head is not known yet."""
        memory, branch = self.follower.memory, self.branch
        agents: dict[SourceRule, set[AgentName]] = {}
        for item in followed:
            agents.setdefault(item.rule, set()).add(item.agent)
        found: dict[SourceRule, Followed] = {}
        moved: dict[SourceRule, Revision] = {}
        asked = self.ask({rule.key for rule in agents})
        for rule, names in agents.items():
            seen = asked[rule.key].revision
            if seen is None:
                found[rule] = Followed(None, asked[rule.key].problem)
            elif (known := memory.recall(rule, seen)) is not None:
                found[rule] = known
            elif rule.is_plain and branch and _serves(branch, names, seen):
                found[rule] = Followed(seen, "", seen)
                memory.keep(rule, seen, found[rule])
            else:
                moved[rule] = seen
        return found | self.follower.follow(moved)

    def ask(self, keys: Set[SourceKey]) -> Mapping[SourceKey, Observation]:
        """The head of each branch, or why it is not known."""
        self._asked.update(observe(keys - self._asked.keys(), self.follower.base, self.seconds, self.follower.access))
        return self._asked


class Heads:
    """Observations of one pass. Everything remote that is followed is asked when the object is made.

    `branch` is the head environment's, whose records spare work: what a record serves is a release already.
    `memory` is what earlier passes found; without both the answers are the same. With `observed` nobody is asked.
    """

    def __init__(
        self,
        repository: Repository,
        workspace: Workspace,
        head: Revision,
        followed: Iterable[Follows],
        branch: Branch | None = None,
        memory: Memory | None = None,
        observed: Observed | None = None,
        access: Access = NOTHING,
    ) -> None:
        self.repository = repository
        self._memory = Memory() if memory is None else memory
        folder = repository.git_dir / MIRRORS
        self._follower = Follower(folder, repository.place, workspace.limits.fetch_seconds, self._memory, access)
        self._remote = Remote(self._follower, workspace.limits.source_seconds, branch)
        self._observed = observed
        self._own = Chain(repository, head)
        items = tuple(followed)
        self._branch = branch
        self._agents: dict[SourceRule, list[AgentName]] = {}
        for item in items:
            self._agents.setdefault(item.rule, []).append(item.agent)
        new = [item for item in items if item.rule.is_own and not self._memory.known(item.rule)]
        self._start = _known_at_base(repository, head, new, branch) if branch and new else {}
        self._found = self._follow([item for item in items if not item.rule.is_own])
        self._found |= self._of_own({item.rule for item in items if item.rule.is_own})

    def of(self, rule: SourceRule) -> Followed:
        """Where the source is."""
        if rule not in self._found:
            self._found |= self._of_own({rule}) if rule.is_own else {rule: Followed(None, "not asked")}
        return self._found[rule]

    def ask(self, agent: AgentName, rule: SourceRule) -> Followed:
        """As `of`, for an agent that this pass does not follow."""
        if rule not in self._found and not rule.is_own:
            self._found |= self._follow([Follows(agent, rule)])
        return self.of(rule)

    def subject(self, rule: SourceRule, revision: Revision) -> str:
        """The first line of the message of the commit that the source is at; "" where `revision` is another.

        Where a record spared looking at the commit, what ran tells.
        """
        found = self.of(rule)
        if found.revision != revision or found.subject or self._branch is None:
            return found.subject if found.revision == revision else ""
        ran = (self._branch.ran(agent) for agent in self._agents.get(rule, ()))
        return next((said for entries in ran if (said := subject_of(entries, revision))), "")

    def at(self, rule: SourceRule, revision: Revision) -> Followed | None:
        """What a revision of the source is, without asking anybody; None where that is not known."""
        return self._follower.at(rule, revision) if not rule.is_own else None

    def chosen(self, rule: SourceRule, revision: Revision) -> tuple[bool, Followed]:
        """Whether a revision that a person chose is in the history of its branch now, and what it is.

        Raises SourceTrouble when the source cannot be reached.
        """
        if rule.is_own:
            if not self.repository.has(revision):
                return False, Followed(None)
            is_there = self.repository.is_ancestor(revision, self._own.head)
            return is_there, follow_from(Chain(self.repository, revision), rule)
        return self._follower.chosen(rule, revision, self._head(rule.key))

    def content(self, rule: SourceRule, revision: Revision, identity: TreeId) -> Mapping[str, bytes]:
        """The files of a content snapshot that is in the source only. Raises HistoryMissing."""
        if rule.is_own:
            return content_bytes(self.repository, rule, revision, identity)
        return self._follower.content(rule, revision, identity)

    def observations(self, followed: Iterable[Follows]) -> Mapping[SourceRule, Followed]:
        """Where all of `followed` are, to be remembered."""
        return {item.rule: self.of(item.rule) for item in followed}

    def _follow(self, followed: Iterable[Follows]) -> dict[SourceRule, Followed]:
        if self._observed is None:
            return self._remote.follow(followed)
        return {item.rule: self._observed.of(item.rule) for item in followed}

    def _head(self, key: SourceKey) -> Revision:
        seen = self._observed.head(key) if self._observed else self._remote.ask({key})[key]
        if seen.revision is None:
            raise SourceTrouble(seen.problem)
        return seen.revision

    def _of_own(self, rules: Set[SourceRule]) -> dict[SourceRule, Followed]:
        """What `rules` make of this repository's own history."""
        recalled = {rule: self._memory.recall(rule, self._own.head) for rule in rules}
        found = {rule: told for rule, told in recalled.items() if told is not None}
        new = rules - found.keys()
        if not new:
            return found
        known = {rule: {**self._start.get(rule, {}), **self._memory.known(rule)} for rule in new}
        try:
            walked = follow(self._own, new, known)
        except HeadpinError as error:
            problem = f"{error}; {error.remedy}" if error.remedy else str(error)
            return found | dict.fromkeys(new, Followed(None, problem))
        for rule, told in walked.items():
            self._memory.keep(rule, self._own.head, told)
        return found | walked


def _serves(branch: Branch, agents: Iterable[AgentName], revision: Revision) -> bool:
    """Whether any of the agents runs the revision: it is a release then, whatever its message says."""
    served = (branch.record(agent).served for agent in agents)
    return any(found is not None and found.release.revision == revision for found in served)


def _known_at_base(
    repository: Repository, head: Revision, followed: Iterable[Follows], branch: Branch
) -> Mapping[SourceRule, Mapping[Revision, Followed]]:
    """Where paths of this repository were when the head environment was decided last, so that nobody looks further.

    What an agent serves is where its path was then, unless it is held or its document changed since. Where there
    is content, the record does not tell what its image was built of.
    """
    base, state = branch.base, branch.state
    own = [item for item in followed if item.rule.path and item.rule.content is None]
    if not base or state is None or not own or not repository.has(base):
        return {}
    before, after = repository.tree(base), repository.tree(head)
    unsettled = set(state.unsettled)
    known: dict[SourceRule, Mapping[Revision, Followed]] = {}
    for item in own:
        path, document = item.rule.path, agent_path(item.agent)
        served = branch.record(item.agent).served
        if served is None or item.agent in unsettled or before.entry(document) != after.entry(document):
            continue
        if before.entry(path) is not None and after.entry(path) is not None:
            revision = served.release.revision
            known[item.rule] = {base: Followed(revision, "", revision)}
    return known
