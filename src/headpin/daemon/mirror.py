"""The bare repository that follows one that is elsewhere: memory below the state directory, made anew when it is gone.

Owns the state directory, which one daemon at a time may have: it holds a lock that ends with its process.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headpin.errors import CannotWrite, NotARepository, TemporaryError
from headpin.git import RemoteAddress, Repository

REMOTE = "origin"
_LOCK = "lock"


@contextmanager
def held(state: Path) -> Iterator[None]:
    """Has the state directory for itself while the block lasts. Raises TemporaryError where another has it."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (state / _LOCK).open("a")
    except OSError as error:
        raise CannotWrite(
            f"{state} cannot be written: {error.strerror}", remedy="name a folder with --state"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TemporaryError(
                f"another headpin uses {state}", remedy="wait for its end, or give each its own folder with --state"
            ) from error
        yield


def mirror_of(state: Path, address: RemoteAddress) -> Repository:
    """The mirror of `address`, empty where it is new. Whoever calls this holds the state directory."""
    place = mirror_place(state, address)
    try:
        found = Repository.open_bare(place)
    except NotARepository:
        shutil.rmtree(place, ignore_errors=True)
        return Repository.create_bare(place)
    for lock in place.rglob("*.lock"):  # nobody else works here, so whoever left it is dead
        if (place / "headpin") not in lock.parents:
            lock.unlink(missing_ok=True)
    return found


def mirror_place(state: Path, address: RemoteAddress) -> Path:
    """Where the mirror of `address` is: another address has another one."""
    return state / f"{hashlib.sha256(address.url.encode()).hexdigest()[:16]}.git"
