"""Where each agent's source is: remote branches asked once, this repository's own history walked once."""

from __future__ import annotations

from collections.abc import Sequence

from headpin.controller.branches import Branch
from headpin.git import CommitInfo, Relation, Repository
from headpin.model import Agent, Source
from headpin.sources import Observation, SourceKey, observe
from headpin.tree import Tree
from headpin.types import AgentName, Revision
from headpin.workspace import Workspace
from headpin.workspace.layout import agent_path

OWN = "."


class Heads:
    """Observations of one pass. Everything remote is asked when the object is made."""

    def __init__(
        self, repository: Repository, workspace: Workspace, head: Revision, agents: Sequence[AgentName]
    ) -> None:
        self._repository = repository
        self._head = head
        sources = [document.model.source for agent in agents if (document := workspace.agent(agent)) and document.model]
        keys = {key_of(source) for source in sources if source.repository != OWN}
        self._observed = observe(keys, repository.place, workspace.limits.source_seconds)
        self._walked: dict[str, Observation] = {}

    def of(self, agent: Agent) -> Observation:
        """Where the agent's source is."""
        source = agent.source
        if source.repository != OWN:
            return self._observed.get(key_of(source), Observation(None, "not asked"))
        path = source.path or ""
        if path not in self._walked:
            found = self._repository.last_change(self._head, path) if path else self._head
            problem = "" if found else f"there is no {path} in this repository"
            self._walked[path] = Observation(found, problem)
        return self._walked[path]

    def know(self, path: str, revision: Revision) -> None:
        """Spares the walk for a path of this repository that is known to be at `revision` still."""
        self._walked.setdefault(path, Observation(revision))


def key_of(source: Source) -> SourceKey:
    """What is asked for a source."""
    return SourceKey(source.repository, source.branch)


def last_change_within(trees: Sequence[Tree], commits: Sequence[CommitInfo], path: str) -> Revision | None:
    """The newest of `commits` (oldest first; `trees` has the tree before the first and after each) that changed
    `path`; None when none did."""
    for number in range(len(commits) - 1, -1, -1):
        before, after = trees[number].entry(path), trees[number + 1].entry(path)
        if (before.id if before else "") != (after.id if after else ""):
            return commits[number].id
    return None


def spare_walks(
    heads: Heads,
    repository: Repository,
    workspace: Workspace,
    branch: Branch,
    head: CommitInfo,
    agents: Sequence[AgentName],
) -> None:
    """Looks only at main's commits since the head environment was decided last, for agents of this repository.

    What an agent serves is where its path was then, unless it is held or its document changed since.
    """
    base = branch.base
    own = [agent for agent in agents if _path_here(workspace, agent)]
    if not base or not own or branch.state is None:
        return
    found = repository.relate(base, head.id)
    if found.relation not in (Relation.SAME, Relation.AHEAD):
        return
    trees = [repository.tree(base), *(repository.tree_at(commit.tree) for commit in found.commits)]
    for agent in own:
        path = _path_here(workspace, agent)
        served = branch.record(agent).served
        document = agent_path(agent)
        if served is None or agent in branch.state.unsettled or trees[0].entry(document) != trees[-1].entry(document):
            continue
        changed = last_change_within(trees, found.commits, path)
        if trees[-1].entry(path) is not None:
            heads.know(path, changed or served.release.revision)


def _path_here(workspace: Workspace, agent: AgentName) -> str:
    document = workspace.agent(agent)
    source = document.model.source if document and document.model else None
    return source.path or "" if source and source.repository == OWN else ""
