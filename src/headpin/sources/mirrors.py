"""Bare mirrors of source repositories, as much of each as agents need: memory that may be deleted at any time.

Owns the folder they are in. A mirror that cannot be read is made anew; a new one is fetched aside and takes its
place by one rename. Whoever changes a mirror holds its lock. Must never hold a credential.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from headpin.errors import NotARepository, ObjectDamaged, SourceTrouble
from headpin.git import NOTHING, Access, Reach, RemoteAddress, Repository, fetch_branches
from headpin.types import Revision

_MAX_PACKS = 500
"""A fetch adds a pack, and a look into so many is slow; then one fetch anew is cheaper than all the looks."""

_POLL = 0.05


@dataclass(frozen=True, slots=True)
class Mirror:
    """The mirror of one address in one reach, below `folder`. `seconds` bounds each fetch."""

    folder: Path
    address: RemoteAddress
    reach: Reach
    seconds: float
    access: Access = NOTHING

    @property
    def place(self) -> Path:
        """Where it is: nobody can tell the address from it."""
        name = hashlib.sha256(f"{self.reach.name} {self.address.url}".encode()).hexdigest()[:40]
        return self.folder / f"{name}.git"

    def opened(self) -> Repository | None:
        """The mirror as it is; None when there is none, or it is no repository any more."""
        try:
            return Repository.open_bare(self.place)
        except NotARepository:
            return None

    def with_heads(self, heads: Mapping[str, Revision]) -> Repository:
        """The mirror with these heads of branches, fetched when they are not there yet.

        A branch that moves while it is fetched may come without the head that it had; see `head_in`.
        Raises SourceTrouble.
        """
        found = self.opened()
        if found is not None and _has_all(found, heads):
            return found
        until = time.monotonic() + self.seconds
        with self._locked(until):
            found = self.opened()
            if found is None or _packs(self.place) > _MAX_PACKS:
                self._make_anew(heads, until)
            elif not _has_all(found, heads):
                left = _left(until, self.seconds)
                try:
                    fetch_branches(self.address, self.place, heads, self.reach, left, access=self.access)
                except SourceTrouble:
                    if until - time.monotonic() < 1:
                        raise
                    self._make_anew(heads, until)  # what is there may be what is in the way
        return self._reopened()

    def deepened(self, branch: str, commits: int) -> Repository:
        """The mirror with so many more commits of `branch`. Raises SourceTrouble."""
        until = time.monotonic() + self.seconds
        with self._locked(until):
            seconds = _left(until, self.seconds)
            fetch_branches(self.address, self.place, [branch], self.reach, seconds, deepen=commits, access=self.access)
        return self._reopened()

    def discard(self) -> None:
        """Deletes the mirror: what it holds cannot be read. Raises SourceTrouble."""
        with self._locked(time.monotonic() + self.seconds):
            self._remove(self.place)

    def _reopened(self) -> Repository:
        found = self.opened()
        if found is None:
            raise SourceTrouble(f"the mirror of {self.address.shown} was deleted meanwhile")
        return found

    def _make_anew(self, heads: Mapping[str, Revision], until: float) -> None:
        """Fetches into a new mirror, which takes the old one's place when it is complete."""
        for stale in self.folder.glob(f"{self.place.stem}.*.new"):  # left by a crash: nobody else holds the lock
            shutil.rmtree(stale, ignore_errors=True)
        new = self.folder / f"{self.place.stem}.{os.getpid()}.new"
        try:
            Repository.create_bare(new)
            fetch_branches(self.address, new, heads, self.reach, _left(until, self.seconds), access=self.access)
            self._remove(self.place)
            new.rename(self.place)
        except (OSError, NotARepository) as error:
            raise SourceTrouble(f"a mirror of {self.address.shown} cannot be written: {error}") from error
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _remove(self, place: Path) -> None:
        """Out of sight by one rename, then gone."""
        old = place.with_name(f"{place.stem}.{os.getpid()}.{time.monotonic_ns()}.old")
        try:
            place.rename(old)
        except FileNotFoundError:
            return
        shutil.rmtree(old, ignore_errors=True)
        if old.exists():  # it was no folder
            old.unlink()

    @contextmanager
    def _locked(self, until: float) -> Iterator[None]:
        """Holds the mirror's lock; the system lets go of it when the process ends, however it ends."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / f"{self.place.stem}.lock").open("a")
        except OSError as error:
            raise SourceTrouble(f"a mirror of {self.address.shown} cannot be written: {error}") from error
        with lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError as error:
                    if time.monotonic() > until:
                        raise SourceTrouble(f"another pass is fetching {self.address.shown}") from error
                    time.sleep(_POLL)
            yield


def head_in(repository: Repository, branch: str, head: Revision) -> Revision:
    """`head` where the mirror has it, else where the branch was when it was fetched. Raises SourceTrouble."""
    if repository.has(head):
        return head
    with suppress(ObjectDamaged):
        found = repository.ref(f"refs/heads/{branch}")
        if found is not None:
            return found
    raise SourceTrouble(f"{head} was not fetched")


def _has_all(repository: Repository, heads: Mapping[str, Revision]) -> bool:
    return all(repository.has(head) for head in heads.values())


def _packs(place: Path) -> int:
    return sum(1 for _ in (place / "objects" / "pack").glob("*.pack"))


def _left(until: float, most: float) -> float:
    return min(max(until - time.monotonic(), 1.0), most)
