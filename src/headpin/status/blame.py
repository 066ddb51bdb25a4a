"""Who gave each effective setting its value, and what brought that to the environment.

Of main: the commit on its first-parent chain that changed the value last, up to the version that is served. Of the
environment: the commit of headpin's with which it has been served without a break, and the event that tells of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from headpin.controller import Controller
from headpin.controller.branches import CONFIG_TRAILER, Branch
from headpin.errors import HeadpinError, HistoryMissing, NothingServed
from headpin.model import conceal
from headpin.releases import Event, EventKind, Served
from headpin.releases.codec import format_time
from headpin.status.ahead import SourceCommit
from headpin.status.happened import branch_at
from headpin.status.names import Stood, record_commits
from headpin.status.remembered import Remembered
from headpin.status.served import Applied, ServedReader
from headpin.status.values import BUILT_IN, dotted, effective_values, origin_of, text_of
from headpin.status.versions import FileVersions, Origin, Texts
from headpin.status.when import own_from
from headpin.types import AgentName, Revision
from headpin.workspace import Snapshot
from headpin.workspace.layout import DEFAULTS, agent_path, project_defaults_path
from headpin.workspace.settings import AnyDocument, Key, Said, own_values, shared_values

T = TypeVar("T")

_SERVING = (EventKind.ADOPTED, EventKind.PROMOTED, EventKind.ROLLED_BACK, EventKind.ROLLED_FORWARD)
_SCALING = (EventKind.SCALED, EventKind.STOPPED, EventKind.RESUMED)
_PODS = ("scaling", "stopped")


@dataclass(frozen=True, slots=True)
class Brought:
    """What brought a value to the environment: `commit` is headpin's there, `config` the one on main behind it.

    `kind` is that of the event; "deployed" or "reconfigured" in the head environment, which has no events.
    """

    kind: str
    version: int
    commit: Revision
    at: datetime
    config: Revision
    person: str | None
    note: str

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "kind": self.kind,
            "version": self.version,
            "commit": self.commit,
            "at": format_time(self.at),
            "config": self.config,
            "person": self.person,
            "note": self.note or None,
        }


@dataclass(frozen=True, slots=True)
class Blamed:
    """One effective value. `file` is where it is written, with `line` (0: it is headpin's own default).

    `changed` is the commit with which the value came to main; `made` the one on a merged branch that set it.
    `trouble` says what is not known.
    """

    key: str
    value: str
    origin: str
    file: str = ""
    line: int = 0
    changed: SourceCommit | None = None
    made: SourceCommit | None = None
    brought: Brought | None = None
    trouble: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "key": self.key,
            "value": self.value,
            "origin": self.origin,
            "file": self.file or None,
            "line": self.line or None,
            "changed": self.changed.as_json() if self.changed else None,
            "made": self.made.as_json() if self.made else None,
            "brought": self.brought.as_json() if self.brought else None,
            "trouble": list(self.trouble),
        }


@dataclass(frozen=True, slots=True)
class Blame:
    """Effective values of what is served; `keys` has the names of all that there are."""

    agent: AgentName
    environment: str
    served: Served
    settings: tuple[Blamed, ...]
    keys: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "agent": str(self.agent),
            "environment": self.environment,
            "version": self.served.version,
            "release": self.served.release.as_mapping(),
            "config": self.served.config,
            "settings": [value.as_json() for value in self.settings],
        }


def blame(controller: Controller, agent: AgentName, environment: str, keys: Sequence[str] = ()) -> Blame:
    """Who gave what is served its settings; of `keys`, or what is below them, where they are given.

    Raises NothingServed, HistoryMissing where this clone does not even have what is served.
    """
    branch = controller.branches(controller.workspace())[environment]
    if branch.trouble is not None:
        raise branch.trouble
    served = branch.record(agent).served
    if served is None:
        raise NothingServed(f"{environment} serves nothing of {agent}", remedy=f"see 'headpin status {agent}'")
    asking = _Asking(controller, branch, agent, served)
    values = effective_values(asking.applied.effective)
    meant = tuple(
        asking.blamed(key, value)
        for key, value in values
        if not keys or any(is_below(dotted(key), named) for named in keys)
    )
    return Blame(agent, environment, served, meant, tuple(dict.fromkeys(dotted(key) for key, _ in values)))


def is_below(key: str, named: str) -> bool:
    """Whether `named` is the key, or the beginning of it."""
    return key == named or key.startswith(f"{named}.")


class _Asking:
    """One deployment, with what was read to answer for its first keys and answers for the others too."""

    def __init__(self, controller: Controller, branch: Branch, agent: AgentName, served: Served) -> None:
        self._controller = controller
        self._repository = controller.repository
        self._branch = branch
        self._agent = agent
        self._served = served
        self._reader = ServedReader(controller)
        self._snapshot: Snapshot = self._reader.snapshot(agent, served.release.settings)
        self.applied: Applied = self._reader.applied(branch, agent, served)
        self._texts = Texts(self._repository)
        self._files: dict[tuple[Revision, str], FileVersions] = {}
        self._said: dict[str, Said] = {}
        self._records = Remembered(record_commits(self._repository, branch, branch.home(agent)))

    def blamed(self, key: Key, value: object) -> Blamed:
        """Everything about one value; what is not known is told with it."""
        found = origin_of(self.applied.effective, key)
        if found is None:
            return Blamed(dotted(key), text_of(value), BUILT_IN)
        written, layer = found
        place = layer.place(written)
        shared = self._path_of(layer)
        origin = f"{layer.path}:{place.key_line}:{place.key_column}" if place else layer.path
        trouble: list[str] = []
        change = _tried(trouble, lambda: self._change(written, layer, shared))
        brought = _tried(trouble, lambda: self._brought(written, is_shared=bool(shared)))
        return Blamed(
            dotted(key),
            text_of(value),
            origin,
            shared or layer.path,
            place.key_line if place else 0,
            SourceCommit.of(change.commit) if change else None,
            SourceCommit.of(change.made) if change and change.made else None,
            brought,
            tuple(dict.fromkeys(trouble)),
        )

    def _path_of(self, layer: AnyDocument) -> str:
        """The path on main of a shared layer, whose bytes are in the snapshot; "" for an own layer."""
        snapshot = self._snapshot
        if layer is snapshot.agent:
            return agent_path(self._agent)
        if layer is snapshot.project_defaults:
            return project_defaults_path(self._agent.project)
        return DEFAULTS if layer is snapshot.workspace_defaults else ""

    def _change(self, key: Key, layer: AnyDocument, shared: str) -> Origin:
        path = shared or layer.path
        head = self._controller.main_head().id
        own = self.applied.scaling_config if key[0] in _PODS else self.applied.config
        for start in dict.fromkeys((self._taken() if shared else own, head)):
            found = self._versions(start, path).origin(key, layer.id)
            if found is not None:
                return found
        raise HistoryMissing(f"the version of {path} that is served is not in the first-parent history of main")

    def _versions(self, start: Revision, path: str) -> FileVersions:
        if (start, path) not in self._files:
            self._files[start, path] = FileVersions(self._repository, self._texts, start, path)
        return self._files[start, path]

    def _taken(self) -> Revision:
        """A revision of main at which the release's snapshot had been taken."""
        release, state = self._served.release, self._branch.state
        events = self._branch.events(self._agent)
        moved = next((event for event in events if event.kind in _SERVING and event.release == release), None)
        if moved is not None:
            return moved.config
        return state.config if state and state.config else self._controller.main_head().id

    def _brought(self, key: Key, *, is_shared: bool) -> Brought:
        """The oldest commit on the environment's branch since when the value has been served without a break."""
        now = self._value_in(key, self._served, is_shared=is_shared)
        since: Stood | None = None
        before: Served | None = None
        for stood in self._records:
            before = stood.record.served
            if before is None or self._value_in(key, before, is_shared=is_shared) != now:
                break
            since, before = stood, None
        if since is None:
            raise HistoryMissing(f"the record of {self._agent} is not in the history of {self._branch.environment}")
        kinds = _SERVING if is_shared else (EventKind.RECONFIGURED, *_SERVING)
        return self._told(
            since, since.record.served or self._served, before, (*_SCALING, *kinds) if key[0] in _PODS else kinds
        )

    def _value_in(self, key: Key, served: Served, *, is_shared: bool) -> object:
        """What was served for the key: the number of pods as recorded, or what its layers say together."""
        if key[0] in _PODS:
            scale = served.scale
            numbers = {
                "minReplicas": scale.min_replicas,
                "maxReplicas": scale.max_replicas,
                "targetCPU": scale.target_cpu,
                "stopped": scale.stopped,
            }
            return numbers[key[-1]]
        identity = served.release.settings if is_shared else served.config
        if identity not in self._said:
            self._said[identity] = (
                shared_values(self._reader.snapshot(self._agent, served.release.settings))
                if is_shared
                else own_values(self._reader.own(self._branch, self._agent, served.config))
            )
        said = self._said[identity]
        return said[key][0] if key in said else None

    def _told(self, stood: Stood, served: Served, before: Served | None, kinds: Sequence[EventKind]) -> Brought:
        commit = stood.commit
        config = Revision(commit.trailers[CONFIG_TRAILER])
        event = _first_of(self._new_events(stood), kinds)
        if event is not None:
            note, person = conceal(event.note), event.person
            return Brought(event.kind.value, served.version, commit.id, commit.committer.at, event.config, person, note)
        is_move = before is None or before.release != served.release
        by_source = before is not None and before.release.revision != served.release.revision
        person, note = commit.author.person, ""
        if not by_source and self._repository.has(config):
            person, note = self._repository.commit(config).author.person, conceal(self._repository.commit(config).note)
        kind = "deployed" if is_move else "reconfigured"
        return Brought(kind, served.version, commit.id, commit.committer.at, config, conceal(person), note)

    def _new_events(self, stood: Stood) -> tuple[Event, ...]:
        """The events that a commit of headpin's added, oldest first."""
        commit = stood.commit
        known = len(self._events_at(commit.parents[0], stood.agent)) if commit.parents else 0
        found = self._events_at(commit.id, stood.agent)
        if known:
            return found[known:]
        return tuple(event for event in found if event.at == commit.committer.at)  # the record may have got a new name

    def _events_at(self, revision: Revision, agent: AgentName) -> tuple[Event, ...]:
        own = own_from(self._repository, revision)
        return branch_at(self._branch, self._repository, own).events(agent) if own else ()


def _first_of(events: Sequence[Event], kinds: Sequence[EventKind]) -> Event | None:
    """The newest event of the first kind that there is one of."""
    return next((event for kind in kinds for event in reversed(events) if event.kind is kind), None)


def _tried(trouble: list[str], look: Callable[[], T]) -> T | None:
    try:
        return look()
    except HeadpinError as error:
        trouble.append(f"{error}{f'; {error.remedy}' if error.remedy else ''}")
        return None
