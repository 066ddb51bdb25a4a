"""Locks of refs that a dead headpin left behind: recognised beyond doubt, or left alone.

Before a ref is locked, its name and the commit that it is to have are written into a file of this process's own, which
stays locked by the system for as long as the process lives. A lock file is a dead headpin's where such a file, whose
process is gone, names the ref, where nothing is in the lock file or just that commit, and where nobody touched it for
a while: a git that lives writes what it wants into its lock within moments, and that is not this commit. Every other
lock stays, with a message that says what to do.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headpin.types import Revision

FOLDER = "headpin/moving"
"""Below the folder of all refs."""

PATIENCE = 2.0
"""Seconds that a lock file must not have been touched for."""

_NOBODY_CLEANS = "cleaning"


@contextmanager
def announced(folder: Path, ref: str, new: Revision) -> Iterator[None]:
    """Says that this process is about to move `ref` to `new`, while the block lasts."""
    place = folder / FOLDER / f"{os.getpid()}.{threading.get_ident():x}.{time.monotonic_ns():x}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("x") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(f"{ref} {new}\n")
            file.flush()
            yield
        finally:
            place.unlink(missing_ok=True)


def remove_stale_lock(folder: Path, ref: str) -> bool:
    """Takes the lock of `ref` away where a dead headpin left it; whether it did."""
    lock = folder / f"{ref}.lock"
    notes = folder / FOLDER
    if not notes.is_dir():
        return False
    with (notes / _NOBODY_CLEANS).open("a") as cleaning:
        fcntl.flock(cleaning, fcntl.LOCK_EX)  # two that clean up would take a living lock for the dead one
        dead = _of_the_dead(notes)
        meant = {new for _, name, new in dead if name == ref}
        if not meant or not _is_stale(lock, meant):
            return False
        lock.unlink(missing_ok=True)
        for place, name, _ in dead:
            if name == ref:
                place.unlink(missing_ok=True)
        return True


def _of_the_dead(notes: Path) -> list[tuple[Path, str, str]]:
    """What processes that are gone were about to do; notes that can be about no lock any more are taken away."""
    found = []
    for place in notes.iterdir():
        if place.name == _NOBODY_CLEANS:
            continue
        with suppress(OSError), place.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while its process lives
            ref, _, new = file.read().strip().partition(" ")
            if ref and (notes.parent.parent / f"{ref}.lock").exists():
                found.append((place, ref, new))
            else:
                place.unlink(missing_ok=True)
    return found


def _is_stale(lock: Path, meant: set[str]) -> bool:
    try:
        said = lock.read_text(errors="replace").strip()
        age = time.time() - lock.stat().st_mtime
    except OSError:
        return False
    return (not said or said in meant) and (age > PATIENCE or age < -PATIENCE)
