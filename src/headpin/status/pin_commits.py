"""The commits on main that changed an agent's pin files, next to the events that tell of them.

``git log --first-parent main -- pins/ENV/PROJECT/AGENT.yaml`` lists exactly these; of an agent that was renamed, the
same with its former names up to the rename. Most are told by an event, which names the commit. One that is not left
the release as it was, was taken back, or was seen together with what came after it (edited); or it waits for a pass
(pending). Must never write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headpin.controller import Controller
from headpin.controller.branches import Branch
from headpin.errors import HistoryMissing
from headpin.git import CommitInfo, Repository, changes_to
from headpin.model import Pin
from headpin.releases import Event, Release
from headpin.releases.codec import format_time
from headpin.status.happened import Happened, refuse_shallow_end
from headpin.status.names import lineage
from headpin.tree import EMPTY, Tree
from headpin.types import AgentName, Revision
from headpin.workspace.layout import pin_path

EDITED, PENDING = "edited", "pending"
_SAME = "the release stayed as it was"
_TOGETHER = "seen by a pass together with what came after it"
_BACK = "taken back before an event told of it"
_WAITS = "no pass has seen it yet"


@dataclass(frozen=True, slots=True)
class PinCommit:
    """A commit that changed the pin file of `environment`, untold by any event. `release`: what the file names."""

    environment: str
    revision: Revision
    kind: str
    at: datetime
    person: str
    note: str
    release: Release | None
    message: str

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`, with the keys of an event."""
        return {
            "kind": self.kind,
            "at": format_time(self.at),
            "version": None,
            "release": self.release.as_mapping() if self.release else None,
            "source": None,
            "person": self.person,
            "moved": None,
            "note": self.note,
            "hold": None,
            "message": self.message,
            "config": self.revision,
            "steps": None,
            "gates": None,
        }


@dataclass(slots=True)
class _Told:
    """The commits of main that a deployment's events name, read as far back as somebody asked."""

    rest: Iterator[Event]
    seen: set[Revision] = field(default_factory=set)

    def names(self, revision: Revision) -> bool:
        while revision not in self.seen:
            event = next(self.rest, None)
            if event is None:
                return False
            self.seen.add(event.config)
        return True


@dataclass(slots=True)
class _Walk:
    """A pin's file on the way back through main, by all `paths` that it may have had, the present one first."""

    paths: tuple[str, ...]
    path: str = field(init=False)

    def __post_init__(self) -> None:
        self.path = self.paths[0]

    def step(self, old: Tree, new: Tree) -> tuple[str, str] | None:
        """Where the pin was before a commit and where after it; None for a commit that did not change it."""
        if old.entry(self.path) == new.entry(self.path):
            if new.entry(self.path) is not None:
                return None
            gone = (path for path in self.paths if old.entry(path) is not None and new.entry(path) is None)
            self.path = next(gone, self.path)
            return (self.path, self.path) if old.entry(self.path) is not None else None
        after = self.path
        if old.entry(after) is None:
            self.path = next((path for path in self.paths if old.entry(path) is not None), after)
        return self.path, after


@dataclass(frozen=True, slots=True)
class Touched:
    """Per environment, every commit that changed the pin file, newest first; those that no event tells of are told.

    `missing`: why older ones are not known.
    """

    order: dict[str, list[Revision]]
    untold: dict[tuple[str, Revision], PinCommit]
    missing: HistoryMissing | None = None

    def names(self, environment: str, revision: Revision) -> bool:
        """Whether the commit changed the environment's pin file."""
        return revision in self.order.get(environment, ())


class PinCommits:
    """Asks the git program for the commits, and looks at those alone."""

    def __init__(self, controller: Controller, agent: AgentName, branches: Sequence[Branch]) -> None:
        self._controller = controller
        self._repository: Repository = controller.repository
        self.agent = agent
        pinned = [branch for branch in branches if not (branch.state and branch.state.tracks_head)]
        self._branches = {branch.environment: branch for branch in pinned}
        self._paths = {
            name: tuple(pin_path(name, former) for former in lineage(branch, agent))
            for name, branch in self._branches.items()
        }

    def read(self, events: Sequence[tuple[str, Event]], limit: int | None) -> Touched:
        """The newest `limit` commits, and all of them where an event among `events` names an older one."""
        found = self._touched(limit)
        if limit is None or sum(map(len, found.order.values())) < limit:
            return found
        for environment, event in events:
            is_unseen = not found.names(environment, event.config)
            if is_unseen and any(self._changed(event.config, path) for path in self._paths.get(environment, ())):
                return self._touched(None)
        return found

    def _touched(self, limit: int | None) -> Touched:
        order: dict[str, list[Revision]] = {}
        untold: dict[tuple[str, Revision], PinCommit] = {}
        told = {
            name: _Told(Happened(self._repository, one).of_agent(self.agent)) for name, one in self._branches.items()
        }
        if not self._paths:
            return Touched(order, untold)
        head, count = self._controller.main_head().id, 0
        walks = {name: _Walk(paths) for name, paths in self._paths.items()}
        try:
            for revision in changes_to(
                self._repository, head, *(path for paths in self._paths.values() for path in paths)
            ):
                if count == limit:
                    return Touched(order, untold)
                self._repository.refuse_cut_off(revision)
                commit = self._repository.commit(revision)
                trees = self._tree_before(commit), self._repository.tree_at(commit.tree)
                for environment, walk in walks.items():
                    pins = walk.step(*trees)
                    if pins is None:
                        continue
                    order.setdefault(environment, []).append(revision)
                    if not told[environment].names(revision):
                        untold[environment, revision] = self._untold(environment, commit, trees, pins)
                count += any(revision in found[-1:] for found in order.values())
            refuse_shallow_end(self._repository, head)
        except HistoryMissing as error:
            return Touched(order, untold, error)
        return Touched(order, untold)

    def _changed(self, revision: Revision, path: str) -> bool:
        if not self._repository.has(revision):
            return False
        commit = self._repository.commit(revision)
        return self._tree_before(commit).entry(path) != self._repository.tree_at(commit.tree).entry(path)

    def _tree_before(self, commit: CommitInfo) -> Tree:
        return self._repository.tree(commit.parents[0]) if commit.parents else EMPTY

    def _untold(
        self, environment: str, commit: CommitInfo, trees: tuple[Tree, Tree], pins: tuple[str, str]
    ) -> PinCommit:
        before, after = (self._release(tree, path) for tree, path in zip(trees, pins, strict=True))
        state = self._branches[environment].state
        folded = state.folded if state else None
        is_seen = bool(folded and self._repository.has(folded) and self._repository.is_ancestor(commit.id, folded))
        kind, message = EDITED, _TOGETHER
        if before == after:
            message = _SAME
        elif not is_seen:
            kind, message = (PENDING, _WAITS) if self._waits(environment) else (EDITED, _BACK)
        at, person = commit.committer.at, commit.author.person
        return PinCommit(environment, commit.id, kind, at, person, commit.note, after, message)

    def _waits(self, environment: str) -> bool:
        """Whether what main's head wants is not what is served: a pass that sees no difference writes nothing."""
        wanted = self._release(self._controller.workspace().tree, self._paths[environment][0])
        served = self._branches[environment].record(self.agent).served
        return wanted != (served.release if served else None)

    def _release(self, tree: Tree, path: str) -> Release | None:
        pin = self._controller.reader.read(tree, path, Pin)
        return Release.of_pin(pin.model) if pin and pin.model else None
