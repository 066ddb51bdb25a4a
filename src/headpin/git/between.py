"""How two commits of one history stand to each other, and the commits between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headpin.errors import HistoryMissing
from headpin.git.commits import CommitInfo
from headpin.git.repository import Repository
from headpin.types import Revision


@dataclass(frozen=True, slots=True)
class Between:
    """The commits that only the one has, and those that only the other has; newest first."""

    ahead: tuple[CommitInfo, ...]
    behind: tuple[CommitInfo, ...]


def between(repository: Repository, one: Revision, other: Revision, path: str = "") -> Between:
    """What `one` has and `other` has not, and the other way round; of `path`, only what changed that.

    A merge counts where it differs from every one of its parents. Raises HistoryMissing where this clone does
    not reach back far enough to be sure.
    """
    ahead, behind = list(repository.only_in(one, other)), list(repository.only_in(other, one))
    if repository.is_shallow:
        _refuse_unsure(other, ahead)
        _refuse_unsure(one, behind)
    return Between(_touching(repository, ahead, path), _touching(repository, behind, path))


def _refuse_unsure(base: Revision, found: Sequence[CommitInfo]) -> None:
    """Where history is cut off, only what descends from `base` is known not to be in its history."""
    after = {base}
    for commit in reversed(found):
        if not after.isdisjoint(commit.parents):
            after.add(commit.id)
    if len(after) <= len(found):
        raise HistoryMissing(
            f"this clone is shallow, and does not reach back to where {base} and {found[0].id} parted",
            remedy="run 'git fetch --unshallow'",
        )


def _touching(repository: Repository, commits: Sequence[CommitInfo], path: str) -> tuple[CommitInfo, ...]:
    if not path:
        return tuple(commits)
    return tuple(commit for commit in commits if _touches(repository, commit, path))


def _touches(repository: Repository, commit: CommitInfo, path: str) -> bool:
    here = repository.tree_at(commit.tree).entry(path)
    before = [repository.tree(parent).entry(path) for parent in commit.parents]
    return here not in before if before else here is not None
