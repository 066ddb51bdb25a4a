"""From a decision to files: the settings of its release, the layers it names, the rendered objects.

Whatever cannot be rendered turns the decision into a hold of that one deployment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from headpin.controller.content import read_content
from headpin.controller.heads import Heads
from headpin.errors import HistoryMissing, PermanentError, SourceTrouble
from headpin.git import Repository
from headpin.problems import Problem
from headpin.releases import (
    Action,
    Decision,
    HoldReason,
    Layers,
    Move,
    Release,
    Rendered,
    Scale,
    Situation,
    held,
    with_settings_held,
)
from headpin.rendering import MountedContent, RenderError, RenderInput, TemplateSet, render_files
from headpin.sources import SourceRule
from headpin.tree import MemoryTree, Tree
from headpin.types import AgentName
from headpin.workspace import DocumentReader, OwnLayers, Snapshot, Workspace, read_snapshot, resolve
from headpin.workspace.rules import is_usable


@dataclass(frozen=True, slots=True)
class Realised:
    """A decision that can be carried out. `files` is None where those that are there stay."""

    decision: Decision
    rendered: Rendered | None = None
    files: Mapping[str, str] | None = None
    snapshot: Snapshot | None = None
    content: Tree | None = None


class Misfit(PermanentError):
    """The release cannot be rendered in this environment."""


class Realiser:
    """Renders decisions against one workspace. `rendered` counts the deployments rendered."""

    def __init__(
        self,
        repository: Repository,
        reader: DocumentReader,
        workspace: Workspace,
        templates: Mapping[int, TemplateSet],
        heads: Heads,
    ) -> None:
        self._repository = repository
        self.reader = reader
        self._workspace = workspace
        self._templates = templates
        self._heads = heads
        self._applied: dict[str, Workspace] = {}
        self.rendered = 0

    def over(self, workspace: Workspace) -> Realiser:
        """The same with other documents."""
        return Realiser(self._repository, self.reader, workspace, self._templates, self._heads)

    def realise(self, situation: Situation, decision: Decision) -> Realised:
        """The decision with its files, or a hold in its place."""
        release, version = decision.release, decision.version
        if release is None or version is None or decision.layers is Layers.FROZEN:
            return Realised(decision)
        try:
            snapshot = self.snapshot(situation.agent, release, decision.move, situation.names)
            render = self._input(situation, decision, release, version, snapshot)
            if decision.closed:
                decision, render = self._gated(situation, decision, release, version, render, snapshot)
            if decision.layers is Layers.FROZEN:
                return Realised(decision)
            rendered = _rendered(render)
            if _is_served(situation, decision, rendered):
                return Realised(decision, rendered)
            content = self.content(release, snapshot)
            return Realised(decision, rendered, self.files(render, snapshot, content), snapshot, content)
        except HistoryMissing:
            if decision.layers is not Layers.APPLIED:
                raise
            return Realised(replace(decision, layers=Layers.FROZEN))  # held anyway: it stays byte for byte
        except Misfit as error:
            return Realised(held(situation, HoldReason.INVALID, _with_remedy(error)))
        except RenderError as error:
            return Realised(held(situation, HoldReason.RENDER_FAILED, str(error)))

    def _gated(
        self,
        situation: Situation,
        decision: Decision,
        release: Release,
        version: int,
        render: RenderInput,
        snapshot: Snapshot,
    ) -> tuple[Decision, RenderInput]:
        """The decision where gates are closed to a change of own settings: these stay as they were last applied.

        Nothing is held where nothing would change. A rollback for which the old layers cannot be had goes first.
        """
        served = situation.record.served
        if served is None:
            return decision, render
        is_move = served.release != release
        if not is_move and served.digest == render.digest():
            return decision, render
        try:
            own, scaling_from = self.layers(situation, Layers.APPLIED)
            applied = render_input(situation, release, version, snapshot, own, scaling_from)
        except (HistoryMissing, Misfit):
            return (decision if is_move else with_settings_held(decision, Layers.FROZEN)), render
        if applied.digest() == render.digest():
            return decision, render
        return with_settings_held(decision, Layers.APPLIED), applied

    def preview(self, situation: Situation, release: Release, version: int) -> tuple[RenderInput, dict[str, str]] | str:
        """What `release` is rendered from under main's own layers, and as; or why it cannot be."""
        decision = Decision(Action.SERVE, "", Layers.HEAD, release, version)
        try:
            snapshot = self.snapshot(situation.agent, release)
            render = self._input(situation, decision, release, version, snapshot)
            return render, self.files(render, snapshot, self.content(release, snapshot))
        except (Misfit, HistoryMissing, RenderError) as error:
            return _with_remedy(error)

    def files(self, render: RenderInput, snapshot: Snapshot, content: Tree | None) -> dict[str, str]:
        """The files of a deployment. Raises RenderError, or Misfit where its `content` cannot be mounted."""
        if render.content is not None and content is not None:
            found = read_content(content, render.content, snapshot)
            if isinstance(found, Problem):
                raise Misfit(str(found))
            render = replace(render, content=found)
        self.rendered += 1
        return render_files(render, self._templates[render.template_set])

    def snapshot(
        self, agent: AgentName, release: Release, move: Move | None = None, names: Sequence[AgentName] = ()
    ) -> Snapshot:
        """The shared settings of a release: from main's head where they are the same, else as stored.

        What a first stage pins was stored nowhere yet; then they are main's at the commit that made the `move`, where
        the agent may have had another of its `names`.
        """
        head = self._workspace.snapshot(agent)
        is_head = head is not None and head.id == release.settings
        found: Snapshot | Problem | None = head if is_head else self._snapshot_at(names or (agent,), release, move)
        if found is None:
            tree = self._repository.tree_at(release.settings)
            found = read_snapshot(self.reader, tree, release.settings, agent, self._workspace.tree)
        if isinstance(found, Problem):
            raise Misfit(str(found))
        if not found.is_valid:
            raise Misfit(str(found.problems[0]))
        return found

    def _snapshot_at(self, names: Sequence[AgentName], release: Release, move: Move | None) -> Snapshot | None:
        if move is None or self._repository.has(release.settings) or not self._repository.has(move.config):
            return None
        snapshots = (self._at(move.config).snapshot(name) for name in names)
        return next((found for found in snapshots if found is not None and found.id == release.settings), None)

    def content(self, release: Release, snapshot: Snapshot) -> Tree | None:
        """The content of a release: as stored, else from the source; None where it has none.

        Raises HistoryMissing when it is in neither.
        """
        if release.content is None:
            return None
        model = snapshot.agent.model
        if self._repository.has(release.content) or model is None:
            return self._repository.tree_at(release.content)
        try:
            return MemoryTree(self._heads.content(SourceRule.of(model), release.revision, release.content))
        except (SourceTrouble, HistoryMissing) as error:
            raise HistoryMissing(
                f"this clone does not have the content {release.content}, and its source neither: {error}",
                remedy="fetch all branches: 'git fetch --all'",
            ) from error

    def _input(
        self, situation: Situation, decision: Decision, release: Release, version: int, snapshot: Snapshot
    ) -> RenderInput:
        own, scaling_from = self.layers(situation, decision.layers)
        return render_input(situation, release, version, snapshot, own, scaling_from)

    def layers(self, situation: Situation, layers: Layers) -> tuple[OwnLayers, OwnLayers | None]:
        """The own layers that `layers` stands for, and those that only the number of pods is taken from.

        Raises Misfit when they cannot be read, HistoryMissing when this clone does not reach back to them.
        """
        head = self._workspace.own_layers(situation.environment, situation.agent)
        own, scaling_from = head, None
        served = situation.record.served
        if layers is Layers.APPLIED and served is not None:
            before = self._at(served.config)
            own, scaling_from = before.own_layers(situation.environment, _named_in(before, situation)), head
        if own is None or not is_usable(own):
            raise Misfit(f"the own layers of {situation.environment} cannot be read")
        return own, scaling_from

    def _at(self, config: str) -> Workspace:
        """The workspace at an older revision, for the own layers that were last applied."""
        known = self._applied.get(config)
        if known is None:
            revision = self._repository.resolve(config)
            if revision is None:
                raise HistoryMissing(
                    f"this clone does not have the config revision {config}", remedy="fetch main's whole history"
                )
            known = Workspace(self._repository.tree(revision), self.reader)
            self._applied[config] = known
        return known


def render_input(
    situation: Situation,
    release: Release,
    version: int,
    snapshot: Snapshot,
    own: OwnLayers,
    scaling_from: OwnLayers | None = None,
) -> RenderInput:
    """What rendering takes. Raises Misfit when the layers do not fit together."""
    environment, agent = own.environment.model, snapshot.agent.model
    if environment is None or agent is None:
        raise Misfit("a document cannot be read")
    effective, misfits = resolve(snapshot, own, scaling_from)
    if misfits:
        raise Misfit(str(misfits[0]))
    engine = agent.engine or environment.engine
    return RenderInput(
        situation.environment,
        environment.namespace or situation.environment,
        situation.objects or situation.agent,
        engine,
        environment.templates,
        version,
        situation.tracks_head,
        release.revision,
        release.image,
        agent,
        effective,
        snapshot.chart if engine == "helm" else None,
        _content(release, snapshot, own),
    )


def _named_in(workspace: Workspace, situation: Situation) -> AgentName:
    """The name that the deployment's agent had in `workspace`."""
    return next((name for name in situation.names if workspace.has_agent(name)), situation.agent)


def _content(release: Release, snapshot: Snapshot, own: OwnLayers) -> MountedContent | None:
    """How the release's content is mounted, not yet read. Raises Misfit when its settings do not say."""
    if release.content is None:
        return None
    said = snapshot.agent.model.content if snapshot.agent.model else None
    if said is None:
        message = "the release has content, and its settings do not say where that is mounted"
        raise Misfit(str(snapshot.agent.problem("HP347", (), message)))
    return MountedContent(release.content, said.mount, said.path, own.delivery if said.mount == "init" else None)


def _rendered(render: RenderInput) -> Rendered:
    scaling = render.effective.scaling
    return Rendered(
        render.digest(),
        Scale(scaling.min_replicas, scaling.max_replicas, scaling.target_cpu, scaling.stopped),
        render.secrets,
    )


def _is_served(situation: Situation, decision: Decision, rendered: Rendered) -> bool:
    """Whether the files of `rendered` are what the branch has."""
    served = situation.record.served
    return (
        served is not None
        and served.release == decision.release
        and served.version == decision.version
        and (served.digest, served.scale) == (rendered.digest, rendered.scale)
    )


def _with_remedy(error: Exception) -> str:
    remedy = getattr(error, "remedy", "")
    return f"{error}; {remedy}" if remedy else str(error)
