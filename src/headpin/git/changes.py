"""Which commits changed a file, or one of several: asked of the git program, whose filters make that cheap.

Read in parts, so that an answer near the head costs little however long history is.
"""

from __future__ import annotations

from collections.abc import Iterator

from headpin.errors import HistoryMissing
from headpin.git.program import run_git
from headpin.git.repository import Repository
from headpin.types import Revision, is_revision

_SECONDS = 60.0
_FIRST, _FACTOR, _MOST = 16, 8, 8192


def changes_to(repository: Repository, start: Revision, *paths: str) -> Iterator[Revision]:
    """The first-parent commits from `start` back that changed any of `paths`, newest first; a merge counts as one.

    As ``git log --first-parent START -- PATHS`` lists them.
    In a shallow clone the last of them may only be where history is cut off: see `Repository.refuse_cut_off`.
    Raises HistoryMissing where history has a hole.
    """
    number = _FIRST
    following: Revision | None = start
    while following is not None:
        found = _listed(repository, ["--first-parent", f"--max-count={number}", following], *paths)
        yield from found
        if len(found) < number:
            return
        parents = repository.commit(found[-1]).parents
        following = parents[0] if parents else None
        number = min(number * _FACTOR, _MOST)


def brought_in(repository: Repository, merged: Revision, into: Revision, path: str, most: int) -> tuple[Revision, ...]:
    """The commits that changed `path` in the history of `merged` and not of `into`, newest first; at most `most`."""
    return _listed(repository, [f"--max-count={most}", merged, f"^{into}"], path)


def _listed(repository: Repository, arguments: list[str], *paths: str) -> tuple[Revision, ...]:
    options = [f"--git-dir={repository.git_dir}", "--no-replace-objects", "--literal-pathspecs"]
    done = run_git([*options, "rev-list", *arguments, "--", *paths], seconds=_SECONDS)
    if done.code != 0:
        said = " ".join(done.err.split())[:300]
        remedy = "run 'git fetch --unshallow'" if repository.is_shallow else "fetch all of it: 'git fetch --all'"
        raise HistoryMissing(f"the history of {', '.join(paths)} cannot be read: {said}", remedy=remedy)
    return tuple(Revision(line) for line in done.out.split() if is_revision(line))
