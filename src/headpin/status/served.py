"""The settings of what is served: the release's snapshot, and own layers as they were last applied.

Reads what a record names, never what main says now. Remembers every document and tree that it read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headpin.controller import Controller
from headpin.controller.branches import CONFIG_TRAILER, Branch, names_of
from headpin.errors import HistoryMissing, PermanentError
from headpin.problems import Problem
from headpin.releases import Scale, Served
from headpin.status.names import record_commits
from headpin.types import AgentName, Revision, TreeId
from headpin.workspace import Effective, OwnLayers, Snapshot, Workspace, read_snapshot, resolve
from headpin.workspace.rules import is_usable


@dataclass(frozen=True, slots=True)
class Applied:
    """Own layers as they were applied: those of `config`, and those that the number of pods came from."""

    own: OwnLayers
    config: Revision
    scaling: OwnLayers
    scaling_config: Revision
    effective: Effective


class ServedReader:
    """Reads settings of what records say is served."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._repository = controller.repository
        self._main = controller.workspace()
        self._workspaces: dict[Revision, Workspace] = {}
        self._snapshots: dict[tuple[AgentName, TreeId], Snapshot] = {}

    def snapshot(self, agent: AgentName, identity: TreeId) -> Snapshot:
        """The shared layers of a release. Raises HistoryMissing, or PermanentError where they cannot be read."""
        known = self._snapshots.get((agent, identity))
        if known is None:
            tree = self._repository.tree_at(identity)
            found = read_snapshot(self._controller.reader, tree, identity, agent, self._main.tree)
            if isinstance(found, Problem) or not found.is_valid:
                said = found if isinstance(found, Problem) else found.problems[0]
                raise PermanentError(f"the shared settings {identity} cannot be read: {said}")
            known = self._snapshots[agent, identity] = found
        return known

    def own(self, branch: Branch, agent: AgentName, config: Revision) -> OwnLayers:
        """Own layers at a revision of main, where the agent may have had another name.

        Raises HistoryMissing, or PermanentError where they cannot be read.
        """
        workspace = self._workspaces.get(config)
        if workspace is None:
            if not self._repository.has(config):
                raise HistoryMissing(
                    f"this clone does not have the config revision {config}",
                    remedy="run 'git fetch --unshallow'" if self._repository.is_shallow else "run 'git fetch --all'",
                )
            workspace = self._workspaces[config] = self._controller.workspace(config)
        name = agent
        if not workspace.has_agent(agent):
            name = next((name for name in names_of(branch, agent) if workspace.has_agent(name)), agent)
        found = workspace.own_layers(branch.environment, name)
        if found is None or not is_usable(found):
            raise PermanentError(f"the own layers of {branch.environment} cannot be read at {config}")
        return found

    def applied(self, branch: Branch, agent: AgentName, served: Served) -> Applied:
        """The own layers that are served. Raises as `snapshot` and `own`."""
        snapshot = self.snapshot(agent, served.release.settings)
        own = self.own(branch, agent, served.config)
        for config in self._scaling_configs(branch, agent, served):
            scaling = self.own(branch, agent, config)
            effective, _ = resolve(snapshot, own, scaling)
            if _scale_of(effective) == served.scale:
                return Applied(own, served.config, scaling, config, effective)
        raise PermanentError(f"no revision of main says the number of pods that {branch.environment} serves of {agent}")

    def _scaling_configs(self, branch: Branch, agent: AgentName, served: Served) -> Iterator[Revision]:
        """Where the number of pods may be from: no gate keeps it, so that it can be newer than all the rest."""
        yield served.config
        if branch.state is not None and branch.state.config is not None:
            yield branch.state.config
        since: Revision | None = None
        for stood in record_commits(self._repository, branch, branch.home(agent)):
            if stood.record.served is None or stood.record.served.scale != served.scale:
                break
            since = Revision(stood.commit.trailers[CONFIG_TRAILER])
        if since is not None:
            yield since


def _scale_of(effective: Effective) -> Scale:
    scaling = effective.scaling
    return Scale(scaling.min_replicas, scaling.max_replicas, scaling.target_cpu, scaling.stopped)
