"""Where each agent's source is: remote branches asked once, this repository's own history walked once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from headpin.controller.branches import Branch
from headpin.git import CommitInfo, Relation, Repository
from headpin.model import Source
from headpin.problems import errors
from headpin.sources import Observation, SourceKey, observe
from headpin.tree import Tree
from headpin.types import AgentName, Revision
from headpin.workspace import Workspace
from headpin.workspace.layout import agent_path
from headpin.workspace.rules import workspace_problems

OWN = "."

HeadKey = tuple[str, str, str]
"""Repository, branch and path of a source."""


@dataclass(frozen=True, slots=True)
class Followed:
    """An agent and the source that the head environment follows for it."""

    agent: AgentName
    source: Source

    @property
    def key(self) -> HeadKey:
        """What tells its head from others."""
        return self.source.repository, self.source.branch, self.source.path or ""


class SourceIndex:
    """Which sources agents have, remembered by the id of their project's folder: most projects never change."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Followed, ...]] = {}

    def followed(self, workspace: Workspace) -> tuple[Followed, ...]:
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

    def _of_project(self, workspace: Workspace, project: str) -> tuple[str, tuple[Followed, ...]]:
        entry = workspace.tree.entry(f"projects/{project}/agents")
        identity = f"{project} {entry.id}" if entry and entry.id else ""
        known = self._known.get(identity)
        return identity, sources_of(workspace, workspace.agents(project)) if known is None else known


def sources_of(workspace: Workspace, agents: Iterable[AgentName]) -> tuple[Followed, ...]:
    """The sources of those of `agents` that can be read."""
    return tuple(
        Followed(agent, document.model.source)
        for agent in agents
        if (document := workspace.agent(agent)) and document.model
    )


class Heads:
    """Observations of one pass. Everything remote is asked when the object is made."""

    def __init__(
        self, repository: Repository, workspace: Workspace, head: Revision, followed: Iterable[Followed]
    ) -> None:
        self._repository = repository
        self._head = head
        keys = {SourceKey(*item.key[:2]) for item in followed if item.source.repository != OWN}
        observed = observe(keys, repository.place, workspace.limits.source_seconds)
        self._remote = {(key.repository, key.branch): found for key, found in observed.items()}
        self._walked: dict[str, Observation] = {}

    def of(self, source: Source) -> Observation:
        """Where the source is."""
        if source.repository != OWN:
            return self._remote.get((source.repository, source.branch), Observation(None, "not asked"))
        path = source.path or ""
        if path not in self._walked:
            found = self._repository.last_change(self._head, path) if path else self._head
            problem = "" if found else f"there is no {path} in this repository"
            self._walked[path] = Observation(found, problem)
        return self._walked[path]

    def know(self, path: str, revision: Revision) -> None:
        """Spares the walk for a path of this repository that is known to be at `revision`."""
        self._walked.setdefault(path, Observation(revision))

    def revisions(self, followed: Iterable[Followed]) -> Mapping[HeadKey, Revision | None]:
        """Where all of `followed` are, to be remembered."""
        return {item.key: self.of(item.source).revision for item in followed}


def spare_walks(
    heads: Heads,
    repository: Repository,
    branch: Branch,
    head: CommitInfo,
    followed: Sequence[Followed],
) -> None:
    """Looks only at main's commits since the head environment was decided last, for agents of this repository.

    What an agent serves is where its path was then, unless it is held or its document changed since.
    """
    base = branch.base
    own = [item for item in followed if item.source.repository == OWN and item.source.path]
    if not base or not own or branch.state is None:
        return
    found = repository.relate(base, head.id)
    if found.relation not in (Relation.SAME, Relation.AHEAD):
        return
    trees = [repository.tree(base), *(repository.tree_at(commit.tree) for commit in found.commits)]
    unsettled = set(branch.state.unsettled)
    for item in own:
        path, document = item.source.path or "", agent_path(item.agent)
        remembered = branch.heads.get(item.key) if branch.heads is not None else None
        if remembered is None:
            served = branch.record(item.agent).served
            if served is None or item.agent in unsettled or trees[0].entry(document) != trees[-1].entry(document):
                continue
            remembered = served.release.revision
        changed = last_change_within(trees, found.commits, path)
        if trees[-1].entry(path) is not None:
            heads.know(path, changed or remembered)


def last_change_within(trees: Sequence[Tree], commits: Sequence[CommitInfo], path: str) -> Revision | None:
    """The newest of `commits` (oldest first) that changed `path`; None when none did.

    `trees` has the tree before the first commit and the tree after each.
    """
    for number in range(len(commits) - 1, -1, -1):
        before, after = trees[number].entry(path), trees[number + 1].entry(path)
        if (before.id if before else "") != (after.id if after else ""):
            return commits[number].id
    return None
