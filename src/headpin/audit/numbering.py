"""Whether the trailers that number headpin's own commits are true.

Each own commit says its number among those of its branch, and points back to one of them; to which, its number
alone decides. They may be absent, as older versions of headpin and shallow clones wrote none. As every commit below
was judged before, two looks are enough: where a number points back to is either the commit just below, or where the
one below points back to points back to.
"""

from __future__ import annotations

from headpin.controller.past import BACK_TRAILER, NUMBER_TRAILER, back_number, looks_own, number_of
from headpin.errors import HeadpinError
from headpin.git import CommitInfo, Repository
from headpin.types import Revision, is_revision, short


def numbering_fault(repository: Repository, commit: CommitInfo, below: Revision | None, count: int) -> tuple[str, int]:
    """What is wrong, or ""; and the number of the commit. `below`: the own commit before it, whose number is `count`.

    Where a commit says another number than it has, those after it are judged by what it says: it is told once.
    """
    said = commit.trailers.get(NUMBER_TRAILER)
    number = number_of(commit)
    if said is None or not number:
        return ("" if said is None else f"its number is no number: {said!r}"), count + 1
    if number != count + 1:
        before = f"the one below is number {count}" if below else "it is the first"
        return f"it says that it is number {number}, and {before}", number
    back = commit.trailers.get(BACK_TRAILER)
    return ("" if back is None else _back_fault(repository, back, below, number)), number


def _back_fault(repository: Repository, back: str, below: Revision | None, number: int) -> str:
    wanted = back_number(number)
    if not wanted or below is None:
        return f"it points back to {back!r}, and there is nothing before it"
    found = _commit(repository, back)
    if found is None:
        return f"it points back to {back!r}, which is no commit here"
    if not looks_own(found) or number_of(found) != wanted:
        return f"it points back to {short(found.id)}, which is not number {wanted} of its branch"
    if _is_two_looks_away(repository, below, found):
        return ""
    meant = _numbered(repository, below, wanted)
    if meant is not None and meant.id != found.id:
        return f"it points back to {short(found.id)}, and number {wanted} of its branch is {short(meant.id)}"
    return ""


def _is_two_looks_away(repository: Repository, below: Revision, found: CommitInfo) -> bool:
    """Whether the commit is the own commit just below, or where that one points back to points back to."""
    if found.id == below:
        return True
    middle = _commit(repository, repository.commit(below).trailers.get(BACK_TRAILER, ""))
    return middle is not None and looks_own(middle) and middle.trailers.get(BACK_TRAILER) == found.id


def _numbered(repository: Repository, below: Revision, wanted: int) -> CommitInfo | None:
    """The commit of this number below an own commit; None where none says so before an earlier number."""
    numbered = ((number_of(commit), commit) for commit in repository.first_parents(below) if looks_own(commit))
    passed = next(((number, commit) for number, commit in numbered if 0 < number <= wanted), None)
    return passed[1] if passed is not None and passed[0] == wanted else None


def _commit(repository: Repository, said: str) -> CommitInfo | None:
    try:
        return repository.commit(Revision(said)) if is_revision(said) else None
    except HeadpinError:
        return None
