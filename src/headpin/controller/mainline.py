"""Commits on main that headpin makes for people, or by itself: written first, then published by moving the branch."""

from __future__ import annotations

from collections.abc import Sequence

from headpin.actions import Change
from headpin.git import Checkout, CommitInfo, Repository, Signature, checkouts_of, commit_for_person
from headpin.types import Revision


def write_change(
    repository: Repository, base: CommitInfo, change: Change, author: Signature, committer: Signature
) -> CommitInfo:
    """The commit of `change` on top of `base`, on no branch yet."""
    tree = repository.writer.apply(base.tree, dict(change.files))
    return repository.commit(commit_for_person(repository, tree, [base.id], change.message, author, committer))


def checked_out(repository: Repository, main: str, old: Revision | None, new: Revision) -> tuple[Checkout, ...]:
    """Every work tree that has main checked out and can follow to `new`. Raises LocalChanges where one cannot."""
    if old is None:
        return ()
    found = checkouts_of(repository.place, main)
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
        for checkout in checkouts:
            if old is not None:
                checkout.follow(old, new)
                followed.append(checkout)
        repository.move_ref(f"refs/heads/{main}", old, new, f"headpin: {repository.commit(new).subject}")
    except BaseException:
        for checkout in followed:
            checkout.follow(new, old or new)
        raise
