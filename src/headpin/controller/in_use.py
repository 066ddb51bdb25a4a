"""Which shared-settings snapshots environments serve, and which their pins name.

For `headpin validate`: an own layer has to fit those, whatever the shared layers say at head by now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headpin.controller.branches import Branch
from headpin.errors import HistoryMissing
from headpin.git import Repository
from headpin.problems import Problem
from headpin.types import AgentName, TreeId
from headpin.workspace import DocumentReader, Snapshot, Workspace, read_snapshot


def snapshots_in_use(
    repository: Repository, workspace: Workspace, branches: Mapping[str, Branch]
) -> Mapping[tuple[str, AgentName], tuple[Snapshot, ...]]:
    """By environment and agent: the snapshot that is served and the one that is pinned, each once.

    The head environment takes main's own. A snapshot that is not in this clone, or that no pass could read, is
    left out: the pin that names it is held by the gates, and nothing can be said of its settings.
    """
    reader = DocumentReader()
    known: dict[tuple[TreeId, AgentName], Snapshot | None] = {}
    found: dict[tuple[str, AgentName], tuple[Snapshot, ...]] = {}
    for environment, branch in branches.items():
        if environment == workspace.head_environment or environment not in workspace.environments:
            continue
        for agent in sorted({*branch.agents(), *workspace.pins(environment)}):
            wanted = dict.fromkeys(_settings(workspace, branch, agent))
            for settings in wanted:
                if (settings, agent) not in known:
                    known[settings, agent] = _snapshot(repository, reader, settings, agent)
            snapshots = (known[settings, agent] for settings in wanted)
            found[environment, agent] = tuple(snapshot for snapshot in snapshots if snapshot is not None)
    return found


def kept_names(branches: Mapping[str, Branch]) -> Mapping[AgentName, AgentName]:
    """Agents that serve objects under the name of another, which they had before, and that name."""
    found: dict[AgentName, AgentName] = {}
    for branch in branches.values():
        for agent in branch.renamed:
            record = branch.record(agent)
            if record.served is not None and record.objects is not None:
                found[agent] = record.objects
    return found


def _settings(workspace: Workspace, branch: Branch, agent: AgentName) -> Iterator[TreeId]:
    served = branch.record(agent).served
    if served is not None:
        yield served.release.settings
    pin = workspace.pin(branch.environment, agent)
    if pin is not None and pin.model is not None:
        yield TreeId(pin.model.settings)


def _snapshot(repository: Repository, reader: DocumentReader, settings: TreeId, agent: AgentName) -> Snapshot | None:
    if not repository.has(settings):
        return None
    try:
        found = read_snapshot(reader, repository.tree_at(settings), settings, agent)
    except HistoryMissing:
        return None
    return None if isinstance(found, Problem) or not found.is_valid else found
