"""Whether the trailers that number headpin's own commits fit the commits below. They may be absent."""

from __future__ import annotations

from headpin.controller.branches import CONFIG_TRAILER, TREE_TRAILER
from headpin.errors import HeadpinError
from headpin.git import CommitInfo, Repository
from headpin.types import Revision, is_revision

NUMBER, BACK = "Headpin-Number", "Headpin-Back"
_MAX_DIGITS = 12


def numbering_fault(repository: Repository, commit: CommitInfo, environment: str, before: int) -> tuple[str, int]:
    """What is wrong, or ""; and the commit's number, 0 where it has none. `before`: that of the own commit below."""
    number = _number(commit)
    if not number:
        return ("" if NUMBER not in commit.trailers else f"its number is no number: {commit.trailers[NUMBER]!r}"), 0
    if before and number != before + 1:
        return f"it says that it is number {number}, and the one below is number {before}", number
    back = commit.trailers.get(BACK)
    if back is None:
        return "", number
    return _back_fault(repository, Revision(back), number, environment), number


def _number(commit: CommitInfo) -> int:
    said = commit.trailers.get(NUMBER, "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= _MAX_DIGITS else 0


def _back_fault(repository: Repository, back: Revision, number: int, environment: str) -> str:
    try:
        found = repository.commit(back) if is_revision(back) else None
    except HeadpinError:
        found = None
    if found is None:
        return f"it points back to {back!r}, which is no commit here"
    if not {CONFIG_TRAILER, TREE_TRAILER} <= found.trailers.keys() or not 0 < _number(found) < number:
        return f"it points back to {back[:7]}, which is no earlier commit of env/{environment}"
    return ""
