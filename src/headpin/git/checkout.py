"""Work trees that have a branch checked out: letting their files follow a commit that was made without them.

Git itself decides what collides: files that were edited, staged or are not tracked and would be overwritten
stop everything before anything is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headpin.errors import LocalChanges, PermanentError, RefLocked
from headpin.git.program import run_git
from headpin.types import Revision

_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Checkout:
    """A work tree that has a branch checked out."""

    place: Path

    def check(self, old: Revision, new: Revision) -> None:
        """Raises LocalChanges where the files of `new` would overwrite what nobody committed."""
        self._read_tree(old, new, ["--dry-run"])

    def follow(self, old: Revision, new: Revision) -> None:
        """Index and files from `old` to `new`; other local changes stay. Raises LocalChanges, RefLocked."""
        self._read_tree(old, new, [])

    def _read_tree(self, old: Revision, new: Revision, options: Sequence[str]) -> None:
        # Files that were only touched are not changed files: their times are looked at first.
        run_git(["update-index", "-q", "--refresh"], seconds=_SECONDS, place=self.place)
        done = run_git(["read-tree", "-m", "-u", *options, old, new], seconds=_SECONDS, place=self.place)
        if done.code == 0:
            return
        if "index.lock" in done.err:
            raise RefLocked(
                f"the index of {self.place} is locked by another git program",
                remedy="if none is running, delete its index.lock",
            )
        if done.code == 128:  # noqa: PLR2004 - what git ends with when it refuses
            said = " ".join(done.err.split()).removeprefix("error: ")
            raise LocalChanges(
                f"uncommitted changes in {self.place} are in the way: {said}",
                remedy="commit them, put them aside with 'git stash', or use a clone of its own",
            )
        raise PermanentError(f"git read-tree failed in {self.place}: {' '.join(done.err.split())}")


def checkouts_of(place: Path, branch: str) -> tuple[Checkout, ...]:
    """Every work tree of the repository at `place` that has `branch` checked out; none for a bare repository."""
    listed = run_git(["worktree", "list", "--porcelain", "-z"], seconds=_SECONDS, place=place)
    if listed.code != 0:
        raise PermanentError(f"git worktree list failed in {place}: {' '.join(listed.err.split())}")
    found = []
    for block in listed.out.split("\0\0"):
        lines = dict(line.partition(" ")[::2] for line in block.split("\0") if line)
        is_there = "bare" not in lines and "prunable" not in lines
        if is_there and lines.get("branch") == f"refs/heads/{branch}":
            found.append(Checkout(Path(lines["worktree"])))
    return tuple(found)
