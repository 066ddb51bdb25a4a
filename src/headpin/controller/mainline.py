"""Commits on main that headpin makes for people, or by itself: written first, then published by moving the branch."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from headpin.actions import Change
from headpin.errors import Conflict, LocalChanges, RefLocked
from headpin.git import Checkout, CommitInfo, Repository, Signature, checkouts_of, commit_for_person
from headpin.types import Revision

_PATIENCE = 1.0
_LOOK = 0.05
"""Seconds: how long another headpin may take from the files to the ref, and between two looks at the ref."""


def write_change(
    repository: Repository, base: CommitInfo, change: Change, author: Signature, committer: Signature
) -> CommitInfo:
    """The commit of `change` on top of `base`, on no branch yet."""
    tree = repository.writer.apply(base.tree, dict(change.files))
    return repository.commit(commit_for_person(repository, tree, [base.id], change.message, author, committer))


def checked_out(repository: Repository, main: str, old: Revision | None, new: Revision) -> tuple[Checkout, ...]:
    """Every work tree that has main checked out and can follow to `new`. Raises LocalChanges where one cannot.

    Raises Conflict where that is because main moves from `old` at this moment.
    """
    if old is None:
        return ()
    found = checkouts_of(repository.place, main)
    with _told_apart(repository, main, old):
        for checkout in found:
            checkout.check(old, new)
    return found


def move_main(
    repository: Repository, main: str, old: Revision | None, new: Revision, checkouts: Sequence[Checkout]
) -> None:
    """The files first, then the ref: a crash in between leaves the change staged, never its reversal.

    Raises Conflict when main moved meanwhile; the files are then as they were.
    """
    followed: list[Checkout] = []
    try:
        with _told_apart(repository, main, old):
            for checkout in checkouts:
                if old is not None:
                    checkout.follow(old, new)
                    followed.append(checkout)
        repository.move_ref(f"refs/heads/{main}", old, new, f"headpin: {repository.commit(new).subject}")
    except BaseException:
        for checkout in followed:
            _back(checkout, new, old or new)
        raise


def has_moved(repository: Repository, main: str, old: Revision | None) -> bool:
    """Whether main is not at `old` any more, or leaves it in the time that another headpin needs for that."""
    until = time.monotonic() + _PATIENCE
    while repository.ref(f"refs/heads/{main}") == old:
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK)
    return True


@contextmanager
def _told_apart(repository: Repository, main: str, old: Revision | None) -> Iterator[None]:
    """Files that another headpin brings along with main are no edits of a person: Conflict, so that it is redone."""
    try:
        yield
    except LocalChanges as error:
        if has_moved(repository, main, old):
            raise Conflict(f"{main} moved in the meantime") from error
        raise


def _back(checkout: Checkout, new: Revision, old: Revision) -> None:
    """The files as they were, once whoever holds the index is done with it."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            checkout.follow(new, old)
        except RefLocked:
            if time.monotonic() > until:
                raise
            time.sleep(_LOOK)
        else:
            return
