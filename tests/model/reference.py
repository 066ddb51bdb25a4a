"""What must be served where: the rules of deciding on paper, written from the design and not from the code.

A model of records only. It knows nothing of commits on environment branches, caches or increments: every
pass looks at every deployment and at the whole first-parent history of main. It imports nothing of headpin.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import yaml

ENVIRONMENTS: Final = ("dev", "qa", "staging", "prod")
"""In the order of all pipelines together; the first tracks head."""

HEAD: Final = ENVIRONMENTS[0]

Agent = tuple[str, str]
"""Project and agent."""

Layer = Mapping[str, Any]
"""What one document says of settings."""


class Unreadable:
    """Stands for a document that cannot be read."""


UNREADABLE: Final = Unreadable()


@dataclass(frozen=True)
class Release:
    """What runs: compared whole."""

    revision: str
    image: str
    settings: str


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
    three own layers as last applied, `scale` pods at least and at most, `last` the version served now or last.
    """

    served: Release | None = None
    hold: str | None = None
    named: Release | Unreadable | None = None
    pending: Move | None = None
    held: Move | None = None
    is_back: bool = False
    own: tuple[Layer, ...] = ()
    scale: tuple[int, int] = (1, 1)
    last: int = 0
    ran: list[Release] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def number(self, release: Release | None) -> int | None:
        """This environment's number for a release: in the order in which they first ran."""
        return self.ran.index(release) + 1 if release in self.ran else None


@dataclass
class Environment:
    """`folded` is the revision up to which pin moves are in the records; a hold here is of all deployments."""

    deployments: dict[Agent, Deployment]
    folded: str = ""
    hold: str | None = None


@cache
def parse(text: str) -> Layer | Unreadable:
    """A document as the tests write it: broken by its syntax, or by the key ``colour``."""
    try:
        found = yaml.load(text, yaml.CSafeLoader)
    except yaml.YAMLError:
        return UNREADABLE
    return found if isinstance(found, dict) and "colour" not in found else UNREADABLE


@dataclass(frozen=True)
class Commit:
    """A revision of main: the text of every file, and all that went before."""

    revision: str
    files: Mapping[str, str]
    ancestors: frozenset[str] = frozenset()

    def read(self, path: str) -> Layer | Unreadable | None:
        """The document at `path`; None where there is none."""
        return parse(self.files[path]) if path in self.files else None

    def is_broken(self, *paths: str) -> bool:
        """Whether any of these documents is there and cannot be read."""
        return any(self.read(path) is UNREADABLE for path in paths)

    def pin(self, environment: str, agent: Agent) -> Release | Unreadable | None:
        """The release that the pin names."""
        found = self.read(pin_path(environment, agent))
        if found is None or isinstance(found, Unreadable):
            return found
        return Release(found["revision"], found["image"], found["settings"])

    def has_documents(self, agent: Agent) -> bool:
        """Whether anything is left in the agent's folder."""
        return any(path.startswith(f"{folder(agent)}/") for path in self.files)

    def stages(self, project: str) -> Sequence[Layer]:
        """The stages of the project's pipeline; none where that cannot be read."""
        document = self.read(f"projects/{project}/project.yaml")
        pipeline = self.read(f"pipelines/{document['pipeline']}.yaml") if isinstance(document, dict) else None
        return pipeline["stages"] if isinstance(pipeline, dict) else ()

    def is_required(self, stages: Sequence[Layer], position: int) -> bool:
        """Whether a release has to run at the stage before it goes on."""
        following = self.read(f"environments/{stages[position + 1]['environment']}.yaml")
        default = isinstance(following, dict) and following.get("production", False)
        return bool(stages[position].get("required", default))

    def shared(self, agent: Agent) -> dict[str, str]:
        """The shared layers of an agent, by their names in the snapshot."""
        places = {
            "agent.yaml": f"{folder(agent)}/agent.yaml",
            "project-defaults.yaml": f"projects/{agent[0]}/defaults.yaml",
            "workspace-defaults.yaml": "defaults.yaml",
        }
        found = {name: self.files[path] for name, path in places.items() if path in self.files}
        return {"apiVersion": "headpin/v1\n", **found}

    def own_paths(self, environment: str, agent: Agent) -> tuple[str, str, str]:
        """Where an environment's own layers are: of the environment, the project, the agent."""
        return (
            f"environments/{environment}.yaml",
            f"projects/{agent[0]}/{environment}.yaml",
            f"{folder(agent)}/{environment}.yaml",
        )

    def own(self, environment: str, agent: Agent) -> tuple[Layer, ...]:
        """The own layers, all of which can be read."""
        found = (self.read(path) for path in self.own_paths(environment, agent))
        return tuple(layer if isinstance(layer, dict) else {} for layer in found)


def folder(agent: Agent) -> str:
    """The folder of an agent's documents."""
    return f"projects/{agent[0]}/agents/{agent[1]}"


def pin_path(environment: str, agent: Agent) -> str:
    """The pin of an agent."""
    return f"pins/{environment}/{agent[0]}/{agent[1]}.yaml"


def snapshot_id(files: Mapping[str, str]) -> str:
    """The git tree id of a flat folder (gitformat, "tree object")."""
    entries = b""
    for name, text in sorted(files.items()):
        entries += b"100644 " + name.encode() + b"\0" + _git_id(b"blob", text.encode())
    return _git_id(b"tree", entries).hex()


def _git_id(kind: bytes, data: bytes) -> bytes:
    return hashlib.sha1(kind + b" %d\0" % len(data) + data, usedforsecurity=False).digest()


class Model:
    """Every record, and what one pass makes of them."""

    def __init__(self, agents: Sequence[Agent]) -> None:
        self.agents = agents
        self.environments = {name: Environment({agent: Deployment() for agent in agents}) for name in ENVIRONMENTS}
        self._snapshots: dict[str, Mapping[str, str]] = {}

    def deployment(self, environment: str, agent: Agent) -> Deployment:
        """One record."""
        return self.environments[environment].deployments[agent]

    def start(self, revision: str) -> None:
        """What the first pass observed, before there was any pin."""
        for environment in self.environments.values():
            environment.folded = revision

    def reconcile(self, history: Sequence[Commit], heads: Mapping[Agent, str | None]) -> None:
        """One pass. `history` is main's first-parent chain, oldest first; an unknown head is None."""
        for name in ENVIRONMENTS:
            before = self.environments[name]
            after = deepcopy(before)
            self.environments[name] = after
            after.hold = self._environment_hold(history[-1], name)
            if after.hold is None:
                for agent, deployment in after.deployments.items():
                    if name == HEAD:
                        self._decide_head(history[-1], agent, deployment, heads[agent])
                    else:
                        _fold(deployment, _since(history, after.folded), name, agent)
                        self._decide_pinned(history[-1], name, agent, deployment)
                if after != before:  # an unchanged tree makes no commit, so nothing remembers how far it was folded
                    after.folded = history[-1].revision

    # ── what is held ─────────────────────────────────────────────────────────────────────────────

    def _environment_hold(self, commit: Commit, environment: str) -> str | None:
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
        own = commit.own_paths(HEAD, agent)
        if shared[0] not in commit.files or commit.is_broken(*shared, *own) or _project_is_broken(commit, agent):
            deployment.hold = "Invalid"
            return
        revision = head or (deployment.served.revision if deployment.served else None)
        if revision is None:
            return
        files = commit.shared(agent)
        pattern = parse(files["agent.yaml"])["image"]["pattern"]  # type: ignore[index]
        release = Release(revision, pattern.replace("{revision}", revision), snapshot_id(files))
        self._snapshots[release.settings] = files
        if release not in deployment.ran:
            deployment.ran.append(release)
        self._serve(deployment, release, commit.own(HEAD, agent))

    # ── pinned environments ──────────────────────────────────────────────────────────────────────

    def _decide_pinned(self, commit: Commit, environment: str, agent: Agent, deployment: Deployment) -> None:
        pin = commit.pin(environment, agent)
        own = commit.own(environment, agent)
        if pin is None:
            self._remove(deployment, agent, commit)
        elif isinstance(pin, Unreadable) or self._is_invalid(commit, environment, agent, pin):
            self._hold(deployment, "Invalid", commit)
        elif pin in deployment.ran or self._may_run(commit, environment, agent, pin):
            self._settle(deployment, pin, own, commit)
        else:
            self._rescale(deployment, own, commit)
            self._hold(deployment, "Blocked", commit)

    def _remove(self, deployment: Deployment, agent: Agent, commit: Commit) -> None:
        """No pin: nothing is served, unless the project cannot be read, which may be the same mistake."""
        if deployment.served is not None and _project_is_broken(commit, agent):
            self._hold(deployment, "Invalid", commit)
            return
        if deployment.served is not None and deployment.pending is not None:
            deployment.events.append(Event("removed", deployment.last, deployment.pending.config))
        deployment.hold = deployment.held = deployment.served = deployment.pending = None

    def _is_invalid(self, commit: Commit, environment: str, agent: Agent, pin: Release) -> bool:
        """What holds a pinned deployment: its own layers, an agent that is gone, and for a new release the project."""
        is_new = pin not in self.deployment(environment, agent).ran
        return (
            f"{folder(agent)}/agent.yaml" not in commit.files
            or commit.is_broken(*commit.own_paths(environment, agent))
            or (is_new and _project_is_broken(commit, agent))
        )

    def _may_run(self, commit: Commit, environment: str, agent: Agent, release: Release) -> bool:
        """Ran before: the nearest earlier stage that is not transparent has run it."""
        stages = commit.stages(agent[0])
        positions = [number for number, stage in enumerate(stages) if stage["environment"] == environment]
        for position in reversed(range(positions[0] if positions else 0)):
            source = stages[position]["environment"]
            if self.deployment(source, agent).served is not None:
                return release in self.deployment(source, agent).ran
            if commit.pin(source, agent) is not None or commit.is_required(stages, position):
                return False
        return False

    def _settle(self, deployment: Deployment, release: Release, own: tuple[Layer, ...], commit: Commit) -> None:
        """The pin is served: a transition where it moved, another where settings changed."""
        move = deployment.pending
        deployment.hold = deployment.held = deployment.pending = None
        known = deployment.number(release)
        if known is None:
            deployment.ran.append(release)
        version = known or len(deployment.ran)
        if release == deployment.served:
            if deployment.is_back and move is not None:
                deployment.events.append(Event("rolled-back", version, move.config))
            self._reconfigure(deployment, own, commit)
        elif move is not None:
            is_new = deployment.served is None or known is None
            kind = "promoted" if is_new else "rolled-forward" if version > deployment.last else "rolled-back"
            deployment.events.append(Event(kind, version, move.config))
        deployment.last = version
        self._serve(deployment, release, own)

    def _reconfigure(self, deployment: Deployment, own: tuple[Layer, ...], commit: Commit) -> None:
        assert deployment.served is not None
        if self.variables(deployment.served, own) != self.variables(deployment.served, deployment.own):
            deployment.events.append(Event("reconfigured", deployment.last, commit.revision))
        else:
            self._rescale(deployment, own, commit)

    def _rescale(self, deployment: Deployment, own: tuple[Layer, ...], commit: Commit) -> None:
        """What a blocked deployment takes from head: its scaling, and nothing else."""
        if deployment.served is None:
            return
        scale = self._scaling(deployment.served, own)
        if scale != deployment.scale:
            deployment.events.append(Event("scaled", deployment.last, commit.revision))
        deployment.scale = scale

    def _hold(self, deployment: Deployment, reason: str, commit: Commit) -> None:
        """The event names the move that is held, or main's head where no move is."""
        move = deployment.pending
        if isinstance(deployment.named, Unreadable) or (move is not None and move.release == deployment.served):
            move = None
        if (deployment.hold, deployment.held) != (reason, move):
            deployment.events.append(Event("held", None, move.config if move else commit.revision))
        deployment.hold, deployment.held = reason, move

    # ── settings ─────────────────────────────────────────────────────────────────────────────────

    def _serve(self, deployment: Deployment, release: Release, own: tuple[Layer, ...]) -> None:
        deployment.served, deployment.own = release, own
        deployment.scale = self._scaling(release, own)

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
    path = f"projects/{agent[0]}/project.yaml"
    return path not in commit.files or commit.is_broken(path)
