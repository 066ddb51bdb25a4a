"""What must be served where: the rules of deciding on paper, written from the design and not from the code.

A model of records only. It knows nothing of commits on environment branches, caches or increments: every
pass looks at every deployment and at the whole first-parent history of main. It imports nothing of headpin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime

from tests.model.gates import Evidence, Question, Settings, Source, Span, with_span
from tests.model.mainline import (
    AUTOMATON,
    ENVIRONMENTS,
    HEAD,
    Agent,
    Commit,
    Layer,
    Release,
    Unreadable,
    folder,
    parse,
    snapshot_id,
)


@dataclass(frozen=True)
class Move:
    """A commit on main that gave a pin another release, or (None) took it away or made it unreadable."""

    release: Release | None
    config: str


@dataclass(frozen=True)
class Event:
    """A transition. `version` is None where the release has no number here."""

    kind: str
    version: int | None
    config: str


@dataclass
class Deployment:
    """A record: what is served, and apart from that whether there is a hold.

    `named` is what the pin said last, `pending` the move that was neither rendered nor replaced yet, `held`
    the same once a hold was told of it, `is_back` whether in this pass the pin left such a move. `own` are the
    three own layers as last applied, `scale` pods at least and at most, `last` the version served now or last,
    `closed` the gates that hold it, `used` the overrides that are used up, `spans` when it was at what as
    `Deployed`, `line` what was served, one after the other, `rejected` what people moved the pin away from.
    """

    served: Release | None = None
    hold: str | None = None
    named: Release | Unreadable | None = None
    pending: Move | None = None
    held: Move | None = None
    is_back: bool = False
    own: tuple[Layer, ...] = ()
    scale: tuple[int, int] = (1, 1)
    is_stopped: bool = False
    last: int = 0
    ran: list[Release] = field(default_factory=list)
    started: set[Release] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    closed: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()
    spans: tuple[Span, ...] = ()
    line: list[Release] = field(default_factory=list)
    rejected: frozenset[Release] = frozenset()

    def stood(self, release: Release) -> bool:
        """Whether it was ever at a release as `Deployed`: one that came stopped counts once it starts."""
        return release in self.started

    def scale_to(self, scale: tuple[int, int], *, is_stopped: bool) -> None:
        """What is served has so many pods now, or none."""
        self.scale, self.is_stopped = scale, is_stopped
        if self.served is not None and not is_stopped:
            self.started.add(self.served)

    def before(self) -> Release | None:
        """What a rollback goes to: what was served before the present release was first promoted."""
        first = self.line.index(self.served) if self.served in self.line else 0
        return self.line[first - 1] if first > 0 else None

    def number(self, release: Release | None) -> int | None:
        """This environment's number for a release: in the order in which they first ran."""
        return self.ran.index(release) + 1 if release in self.ran else None


@dataclass
class Environment:
    """`folded` is the revision up to which pin moves are in the records; a hold here is of all deployments."""

    deployments: dict[Agent, Deployment]
    folded: str = ""
    hold: str | None = None


class Model:
    """Every record, and what one pass makes of them."""

    def __init__(self, agents: Sequence[Agent]) -> None:
        self.agents = agents
        self.environments = {name: Environment({agent: Deployment() for agent in agents}) for name in ENVIRONMENTS}
        self.evidence = {name: Evidence() for name in ENVIRONMENTS}
        self._snapshots: dict[str, Mapping[str, str]] = {}
        self._commits: dict[str, Commit] = {}
        self._now = datetime.min

    def deployment(self, environment: str, agent: Agent) -> Deployment:
        """One record."""
        return self.environments[environment].deployments[agent]

    def start(self, revision: str) -> None:
        """What the first pass observed, before there was any pin."""
        for environment in self.environments.values():
            environment.folded = revision

    def reconcile(self, history: Sequence[Commit], heads: Mapping[Agent, str | None], now: datetime) -> None:
        """One pass. `history` is main's first-parent chain, oldest first; an unknown head is None."""
        self._now = now
        self._commits |= {commit.revision: commit for commit in history}
        self._keep_snapshots(history[-1])
        for name in ENVIRONMENTS:
            before = self.environments[name]
            after = deepcopy(before)
            self.environments[name] = after
            after.hold = self.environment_hold(history[-1], name)
            if after.hold is None:
                for agent, deployment in after.deployments.items():
                    deployment.closed = frozenset()
                    if name == HEAD:
                        self._decide_head(history[-1], agent, deployment, heads[agent])
                    else:
                        _fold(deployment, _since(history, after.folded), name, agent)
                        self._decide_pinned(history[-1], name, agent, deployment)
                    self._keep_time(deployment)
                if _told(after) != _told(before):  # an unchanged tree makes no commit, so nothing tells how far it was
                    after.folded = history[-1].revision

    def _keep_snapshots(self, commit: Commit) -> None:
        for agent in self.agents:
            files = commit.shared(agent)
            self._snapshots[snapshot_id(files)] = files

    def foresee(self, history: Sequence[Commit], environment: str, agent: Agent, now: datetime) -> Deployment:
        """What a pass over this history would make of one pinned deployment, with everything else as it stands."""
        before = self.environments[environment]
        kept, self._now = self._now, now
        self._keep_snapshots(history[-1])
        self._commits |= {commit.revision: commit for commit in history}
        try:
            deployment = deepcopy(before.deployments[agent])
            deployment.closed = frozenset()
            _fold(deployment, _since(history, before.folded), environment, agent)
            self._decide_pinned(history[-1], environment, agent, deployment)
            return deployment
        finally:
            self._now = kept

    def _keep_time(self, deployment: Deployment) -> None:
        state = None
        if deployment.served is not None:
            if not deployment.line or deployment.line[-1] != deployment.served:
                deployment.line.append(deployment.served)
            if not deployment.is_stopped:
                state = (deployment.served, self.settings(deployment.served, deployment.own))
        deployment.spans = with_span(deployment.spans, state, self._now)

    # ── what is held ─────────────────────────────────────────────────────────────────────────────

    def environment_hold(self, commit: Commit, environment: str) -> str | None:
        """A broken environment document holds the environment; an unreadable headpin.yaml holds all."""
        if commit.is_broken("headpin.yaml", f"environments/{environment}.yaml"):
            return "Invalid"
        workspace = commit.read("headpin.yaml")
        limit = workspace["limits"]["prune"] if isinstance(workspace, dict) else 0
        pruned = [agent for agent in self.agents if self._is_pruned(commit, environment, agent)]
        allowed = commit.read(f"overrides/prune-{environment}.yaml")
        return "Invalid" if len(pruned) > limit and not isinstance(allowed, dict) else None

    def _is_pruned(self, commit: Commit, environment: str, agent: Agent) -> bool:
        """Whether what is served is no longer desired, and nothing forbids to remove it."""
        if self.deployment(environment, agent).served is None:
            return False
        if environment == HEAD:
            return not commit.has_documents(agent) and not _project_is_broken(commit, agent)
        return commit.pin(environment, agent) is None and not _project_is_broken(commit, agent)

    # ── the head environment ─────────────────────────────────────────────────────────────────────

    def _decide_head(self, commit: Commit, agent: Agent, deployment: Deployment, head: str | None) -> None:
        deployment.hold = None
        shared = (f"{folder(agent)}/agent.yaml", f"projects/{agent[0]}/defaults.yaml", "defaults.yaml")
        if shared[0] not in commit.files and deployment.served is None:
            return
        if not commit.has_documents(agent) and not _project_is_broken(commit, agent):
            deployment.served = None
            return
        paths = commit.own_paths(HEAD, agent)
        if shared[0] not in commit.files or commit.is_broken(*shared, *paths) or _project_is_broken(commit, agent):
            deployment.hold = "Invalid"
            return
        revision = head or (deployment.served.revision if deployment.served else None)
        if revision is None:
            return
        files = commit.shared(agent)
        pattern = parse(files["agent.yaml"])["image"]["pattern"]  # type: ignore[index]
        release = Release(revision, pattern.replace("{revision}", revision), snapshot_id(files))
        self._snapshots[release.settings] = files
        own, is_stopped = commit.own(HEAD, agent), commit.is_stopped(HEAD, agent)
        if commit.is_suspended(HEAD, agent) and (
            release != deployment.served or self.variables(release, own) != self.variables(release, deployment.own)
        ):
            if deployment.served is not None:
                deployment.scale_to(self._scaling(deployment.served, own), is_stopped=is_stopped)
            deployment.hold, deployment.closed = "Blocked", frozenset({"suspension"})
            return
        if release not in deployment.ran:
            deployment.ran.append(release)
        self._serve(deployment, release, own, is_stopped=is_stopped)

    # ── pinned environments ──────────────────────────────────────────────────────────────────────

    def _decide_pinned(self, commit: Commit, environment: str, agent: Agent, deployment: Deployment) -> None:
        pin = commit.pin(environment, agent)
        if pin is None:
            self._remove(deployment, agent, commit)
        elif isinstance(pin, Unreadable) or self._is_invalid(commit, environment, agent, pin):
            self._hold(deployment, "Invalid", commit)
        else:
            self._decide_move(commit, environment, agent, deployment, pin)

    def _decide_move(
        self, commit: Commit, environment: str, agent: Agent, deployment: Deployment, pin: Release
    ) -> None:
        """The pin can be read: its gates say whether it is served, and own settings with it."""
        own, is_stopped = commit.own(environment, agent), commit.is_stopped(environment, agent)
        move = deployment.pending
        moved_by = self._commits[move.config] if move else None
        question = Question(commit, environment, agent, pin, moved_by, self._now)
        closed = self._closed(question, deployment)
        opened = question.opened(closed, deployment.used)
        closed = closed.difference(*opened.values())
        if closed:
            self._rescale(deployment, own, commit, is_stopped=is_stopped)
            deployment.closed = closed
            self._hold(deployment, "Blocked", commit)
            return
        deployment.used |= opened.keys()
        applied = deployment.own if deployment.served is not None else None  # what comes back has none
        waiting = question.waiting_settings().difference(*opened.values()) if applied else frozenset()
        if waiting and self.variables(pin, own) != self.variables(pin, deployment.own):
            told = deployment.hold, deployment.held
            self._settle(deployment, pin, deployment.own, commit, pods=own, is_adopted=False, is_stopped=is_stopped)
            deployment.hold, deployment.held = told
            deployment.closed = waiting
            self._hold(deployment, "Blocked", commit)
            return
        is_adopted = not deployment.ran and question.is_adopted()
        self._settle(deployment, pin, own, commit, pods=own, is_adopted=is_adopted, is_stopped=is_stopped)

    def _closed(self, question: Question, deployment: Deployment) -> frozenset[str]:
        """Rollback is subject to authority alone; a return to a higher version to everything but ran-before."""
        version = deployment.number(question.release)
        if version is None:
            if not deployment.ran and question.is_adopted():  # it runs already, so nothing is asked of it
                return frozenset({"suspension"} if question.is_suspended() else ())
            source = self._source(question)
            return question.closed(source) | ({"ran-before"} if source is None else set())
        if version <= deployment.last:
            return frozenset()
        return question.closed(self._nearest(question))

    def _remove(self, deployment: Deployment, agent: Agent, commit: Commit) -> None:
        """No pin: nothing is served, unless the project cannot be read, which may be the same mistake."""
        if deployment.served is not None and _project_is_broken(commit, agent):
            self._hold(deployment, "Invalid", commit)
            return
        if deployment.served is not None and deployment.pending is not None:
            deployment.events.append(Event("removed", deployment.last, deployment.pending.config))
        deployment.hold = deployment.held = deployment.served = deployment.pending = None
        deployment.is_stopped = False

    def _is_invalid(self, commit: Commit, environment: str, agent: Agent, pin: Release) -> bool:
        """What holds a pinned deployment: its own layers, an agent that is gone, and for a new release the project."""
        is_new = pin not in self.deployment(environment, agent).ran
        return (
            f"{folder(agent)}/agent.yaml" not in commit.files
            or commit.is_broken(*commit.own_paths(environment, agent))
            or (is_new and _project_is_broken(commit, agent))
        )

    def _source(self, question: Question) -> Source | None:
        """Ran before: the nearest earlier stage that is not transparent is `Deployed`, and was at the release."""
        commit, agent = question.commit, question.agent
        stages = commit.stages(agent[0])
        is_wide = commit.stage(question.environment, agent[0]).get("promotion", {}).get("from") == "earlier"
        for position in commit.earlier(question.environment, agent[0]):
            name = stages[position]["environment"]
            source = self.deployment(name, agent)
            if source.served is not None and not source.is_stopped and source.stood(question.release):
                return self._known(question, name)
            if is_wide:
                continue
            if source.served is not None or commit.pin(name, agent) is not None:
                return None
            if commit.is_required(stages, position):
                return None
        return None

    def supply(self, commit: Commit, environment: str, agent: Agent) -> Deployment | None:
        """What a promotion takes from: the nearest earlier stage that serves; None where none does."""
        stages = commit.stages(agent[0])
        for position in commit.earlier(environment, agent[0]):
            name = stages[position]["environment"]
            source = self.deployment(name, agent)
            if source.served is not None:
                return source
            if commit.pin(name, agent) is not None or commit.is_required(stages, position):
                return None
        return None

    def _nearest(self, question: Question) -> Source | None:
        """The evidence of a release that returns: of the nearest earlier stage that ran it."""
        stages = question.commit.stages(question.agent[0])
        for position in question.commit.earlier(question.environment, question.agent[0]):
            name = stages[position]["environment"]
            if self.deployment(name, question.agent).stood(question.release):
                return self._known(question, name)
        return None

    def _known(self, question: Question, environment: str) -> Source:
        agent, evidence = question.agent, self.evidence[environment]
        document = question.commit.read(f"environments/{environment}.yaml")
        passed = {
            name
            for (one, release, name), is_passed in evidence.checks.items()
            if is_passed and (one, release) == (agent, question.release)
        }
        return Source(
            self.deployment(environment, agent).spans,
            evidence.reports.get(agent, []),
            frozenset(passed),
            isinstance(document, dict) and document.get("health") == "reports",
        )

    def _settle(
        self,
        deployment: Deployment,
        release: Release,
        own: tuple[Layer, ...],
        commit: Commit,
        *,
        pods: tuple[Layer, ...],
        is_adopted: bool,
        is_stopped: bool,
    ) -> None:
        """The pin is served: a transition where it moved, another where settings changed. `pods` say how many."""
        move = deployment.pending
        deployment.hold = deployment.held = deployment.pending = None
        known = deployment.number(release)
        if known is None:
            deployment.ran.append(release)
        version = known or len(deployment.ran)
        if release == deployment.served:
            if deployment.is_back and move is not None:
                deployment.events.append(Event("rolled-back", version, move.config))
            self._reconfigure(deployment, own, commit, pods=pods, is_stopped=is_stopped)
        elif move is not None:
            is_new = deployment.served is None or known is None
            kind = "promoted" if is_new else "rolled-forward" if version > deployment.last else "rolled-back"
            deployment.events.append(Event("adopted" if is_adopted else kind, version, move.config))
            self._switch(deployment, commit, is_stopped=is_stopped, version=version)
        deployment.last = version
        self._serve(deployment, release, own, is_stopped=is_stopped)
        deployment.scale = self._scaling(release, pods)

    def _switch(self, deployment: Deployment, commit: Commit, *, is_stopped: bool, version: int) -> None:
        if is_stopped != deployment.is_stopped:
            deployment.events.append(Event("stopped" if is_stopped else "resumed", version, commit.revision))

    def _reconfigure(
        self,
        deployment: Deployment,
        own: tuple[Layer, ...],
        commit: Commit,
        *,
        pods: tuple[Layer, ...],
        is_stopped: bool,
    ) -> None:
        assert deployment.served is not None
        if self.variables(deployment.served, own) != self.variables(deployment.served, deployment.own):
            deployment.events.append(Event("reconfigured", deployment.last, commit.revision))
            self._switch(deployment, commit, is_stopped=is_stopped, version=deployment.last)
        else:
            self._rescale(deployment, pods, commit, is_stopped=is_stopped)

    def _rescale(self, deployment: Deployment, own: tuple[Layer, ...], commit: Commit, *, is_stopped: bool) -> None:
        """What a blocked deployment takes from head: its scaling and whether it is stopped, and nothing else."""
        if deployment.served is None:
            return
        scale = self._scaling(deployment.served, own)
        self._switch(deployment, commit, is_stopped=is_stopped, version=deployment.last)
        if scale != deployment.scale:
            deployment.events.append(Event("scaled", deployment.last, commit.revision))
        deployment.scale_to(scale, is_stopped=is_stopped)

    def _hold(self, deployment: Deployment, reason: str, commit: Commit) -> None:
        """The event names the move that is held, or main's head where no move is."""
        move = deployment.pending
        if isinstance(deployment.named, Unreadable) or (move is not None and move.release == deployment.served):
            move = None
        if (deployment.hold, deployment.held) != (reason, move):
            deployment.events.append(Event("held", None, move.config if move else commit.revision))
        deployment.hold, deployment.held = reason, move

    # ── settings ─────────────────────────────────────────────────────────────────────────────────

    def _serve(self, deployment: Deployment, release: Release, own: tuple[Layer, ...], *, is_stopped: bool) -> None:
        deployment.served, deployment.own = release, own
        deployment.scale_to(self._scaling(release, own), is_stopped=is_stopped)

    def settings(self, release: Release, own: tuple[Layer, ...]) -> Settings:
        """Effective variables as a value."""
        return tuple(sorted(self.variables(release, own).items()))

    def variables(self, release: Release, own: tuple[Layer, ...]) -> dict[str, str]:
        """Effective variables: narrower wins, and at equal breadth the environment's own."""
        merged = {}
        for layer in self._layers(release, own):
            merged.update(layer.get("variables", {}))
        return merged

    def _scaling(self, release: Release, own: tuple[Layer, ...]) -> tuple[int, int]:
        merged: dict[str, int] = {}
        for layer in self._layers(release, own):
            merged.update(layer.get("scaling", {}))
        return merged.get("minReplicas", 1), merged.get("maxReplicas", merged.get("minReplicas", 1))

    def _layers(self, release: Release, own: tuple[Layer, ...]) -> Iterator[Layer]:
        shared = self._snapshots[release.settings]
        names = ("workspace-defaults.yaml", "project-defaults.yaml", "agent.yaml")
        for name, layer in zip(names, own or ({}, {}, {}), strict=True):
            yield parse(shared.get(name, "{}"))  # type: ignore[misc]
            yield layer


def _told(environment: Environment) -> object:
    """What an environment's branch says; the rest follows from it and from its history."""
    return [
        environment.hold,
        [replace(one, closed=frozenset(), spans=(), line=[]) for one in environment.deployments.values()],
    ]


def _since(history: Sequence[Commit], folded: str) -> Sequence[Commit]:
    """The commits to fold; where main was merged backwards, the first of them is one step over what it brought."""
    return [commit for commit in history if folded in commit.ancestors]


def _fold(deployment: Deployment, commits: Sequence[Commit], environment: str, agent: Agent) -> None:
    """Every move of the pin, in order; one that is replaced before anything was told of it is superseded.

    A pin that was away or unreadable in between, and is back as it was, has not moved.
    """
    deployment.is_back = deployment.held is not None and deployment.held.release is not None
    last, changed_by = deployment.named, ""
    for commit in commits:
        pin = commit.pin(environment, agent)
        if pin != deployment.named and commit.author != AUTOMATON:
            left = {deployment.named} if isinstance(deployment.named, Release) else set()
            deployment.rejected = (deployment.rejected | left) - {pin}
        changed_by = commit.revision if pin != deployment.named else changed_by
        deployment.named = pin
        if isinstance(pin, Release) and pin != last:
            last = pin
            _replace_pending(deployment, Move(pin, commit.revision))
    if changed_by and not isinstance(deployment.named, Release):
        _replace_pending(deployment, Move(None, changed_by))


def _replace_pending(deployment: Deployment, move: Move) -> None:
    before = deployment.pending
    if before is not None and before.release is not None and before != deployment.held:
        deployment.events.append(Event("superseded", deployment.number(before.release), before.config))
        deployment.is_back = True
    deployment.pending = move


def _project_is_broken(commit: Commit, agent: Agent) -> bool:
    """One of which nothing is left is gone, and not broken."""
    path = f"projects/{agent[0]}/project.yaml"
    if path in commit.files:
        return commit.is_broken(path)
    return any(other.startswith(f"projects/{agent[0]}/") for other in commit.files)
