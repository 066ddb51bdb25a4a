"""The past of an environment's branch: headpin's own commits, found without reading all of them.

Each own commit says in two trailers its number among the branch's own commits (the first is 1) and the id of
one that is further back. How far follows from the number alone (skew-binary jump pointers: Myers, "An applicative
random-access stack", 1983), so that any own commit is found from the newest with O(log n) reads, in a fresh
process and in every clone. An own commit's time is never before that of any commit below it.

Trailers are an index, never facts: a pointer is followed only to a commit that is headpin's own and has the
number expected, and where that fails first parents are walked. Must never write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from headpin.controller.branches import CONFIG_TRAILER, TREE_TRAILER, Branch, own_state
from headpin.errors import HistoryMissing
from headpin.git import CommitInfo, Repository
from headpin.types import Revision, is_revision

NUMBER_TRAILER = "Headpin-Number"
BACK_TRAILER = "Headpin-Back"

_MAX_DIGITS = 12
Test = Callable[[CommitInfo], bool]
"""Asks whether an own commit is old enough; true of everything below one of which it is true."""


def number_of(commit: CommitInfo) -> int:
    """The number that an own commit says it has; 0 where it says none, as older versions of headpin did not."""
    said = commit.trailers.get(NUMBER_TRAILER, "")
    return int(said) if said.isascii() and said.isdecimal() and len(said) <= _MAX_DIGITS else 0


def back_number(number: int) -> int:
    """The number of the own commit that the own commit of this number points back to; 0 for the first."""
    rest, weight = number - 1, 1
    while weight * 2 + 1 <= rest:
        weight = weight * 2 + 1
    while rest > weight:
        rest -= weight
        while weight > rest:
            weight //= 2
    return number - weight if number > 1 else 0


def looks_own(commit: CommitInfo) -> bool:
    """Whether the trailers are those of a commit that headpin made; `own_state` looks at its files too."""
    trailers = commit.trailers
    return trailers.get(TREE_TRAILER) == commit.tree and CONFIG_TRAILER in trailers


@dataclass(frozen=True, slots=True)
class Past:
    """The own commits from `newest` back, itself included."""

    repository: Repository
    newest: CommitInfo

    def commits(self) -> Iterator[CommitInfo]:
        """Every own commit, newest first. Raises HistoryMissing where a shallow clone ends."""
        here: CommitInfo | None = self.newest
        while here is not None:
            yield here
            here = self.before(here)

    def before(self, commit: CommitInfo) -> CommitInfo | None:
        """The own commit before an own commit; None before the first. Raises HistoryMissing."""
        if number_of(commit) == 1 and not commit.parents:
            self.repository.refuse_cut_off(commit.id)
            return None
        return next((found for found in self._below(commit) if _is_own(self.repository, found)), None)

    def at_time(self, at: datetime) -> CommitInfo | None:
        """The last own commit at or below the last commit up to which no time is later than `at`.

        None when the branch did not exist yet. Raises HistoryMissing.
        """
        later, found = None, self.newest if number_of(self.newest) else None
        if found is not None and found.committer.at > at:
            later, found = self._last_above(found, lambda commit: commit.committer.at <= at)
        if found is None and later is not None:
            return None if number_of(later) == 1 else self._walked(later, at)
        if found is None or not self._is_running_maximum(found, later):
            return self._walked(later or self.newest, at)
        return found

    def last(self, reached: Test) -> CommitInfo | None:
        """The newest own commit of which `reached` is true; None where it is true of none. Raises HistoryMissing.

        Asks near the newest first: what it costs to ask grows with the distance.
        """
        if reached(self.newest):
            return self.newest
        _, found = self._last_above(self.newest, reached, span=1)
        return found

    def numbered(self, number: int) -> CommitInfo | None:
        """The own commit of this number; None where there is none. Raises HistoryMissing."""
        if number_of(self.newest) == number:
            return self.newest
        _, found = self._last_above(self.newest, lambda commit: number_of(commit) <= number)
        return found if found is not None and number_of(found) == number else None

    def count(self) -> int:
        """How many own commits there are. Walks only below the last that knows. Raises HistoryMissing."""
        seen = 0
        for commit in self.commits():
            if number_of(commit):
                return number_of(commit) + seen
            seen += 1
        return seen

    def _last_above(
        self, start: CommitInfo, reached: Test, span: int | None = None
    ) -> tuple[CommitInfo, CommitInfo | None]:
        """The own commit above the one looked for, and that one: `reached` is not true of `start`.

        `span` bounds the first jump; each further one may be twice as far. With it the search goes on where there
        are no numbers; without it ends there with None, because what `reached` asks means nothing there.
        """
        here = start
        while True:
            far = self._jump(here, span)
            if far is not None and not reached(far):
                here = far
                span = span * 2 if span else None
                continue
            before = self.before(here)
            if before is None or (span is None and not number_of(before)):
                return here, None
            if reached(before):
                return here, before
            here = before
            span = span * 2 if span else None

    def _jump(self, commit: CommitInfo, span: int | None) -> CommitInfo | None:
        """Where an own commit points back to, if that is what it should be and not the one just before it."""
        number, named = number_of(commit), commit.trailers.get(BACK_TRAILER, "")
        wanted = back_number(number) if number else 0
        if wanted < 1 or number - wanted < 2 or (span is not None and number - wanted > span):  # noqa: PLR2004
            return None
        if not is_revision(named) or not self.repository.has(named):
            return None
        found = self.repository.commit(Revision(named))
        is_older = found.committer.at <= commit.committer.at
        return found if looks_own(found) and number_of(found) == wanted and is_older else None

    def _is_running_maximum(self, commit: CommitInfo, later: CommitInfo | None) -> bool:
        """Whether a numbered commit fits between its neighbours: nothing between has a later time or another number."""
        number = number_of(commit)
        if later is not None and number_of(later) != number + 1:
            return False
        try:
            for found in self._below(commit):
                if found.committer.at > commit.committer.at:
                    return False
                if _is_own(self.repository, found):
                    return number_of(found) in (0, number - 1)
        except HistoryMissing:
            return True  # a shallow clone ends here: what the commit says of its own time is all there is
        return number == 1

    def _walked(self, start: CommitInfo, at: datetime) -> CommitInfo | None:
        """As `at_time`, by looking at every commit: nothing older versions of headpin wrote helps."""
        chain = [start, *self._below(start)]
        last: CommitInfo | None = None
        for commit in reversed(chain):
            if commit.committer.at > at:
                break
            if _is_own(self.repository, commit):
                last = commit
        return last

    def _below(self, commit: CommitInfo) -> Iterator[CommitInfo]:
        """The first-parent chain below a commit. Raises HistoryMissing where a shallow clone ends."""
        oldest = commit
        for found in self.repository.first_parents(commit.id):
            oldest = found
            if found.id != commit.id:
                yield found
        self.repository.refuse_cut_off(oldest.id)


def _is_own(repository: Repository, commit: CommitInfo) -> bool:
    return looks_own(commit) and own_state(repository, commit) is not None


def past_of(repository: Repository, branch: Branch) -> Past | None:
    """The past of a branch; None where there is none."""
    return Past(repository, branch.own) if branch.own is not None else None


def latest_time(repository: Repository, branch: Branch) -> datetime | None:
    """The latest time that any commit of the branch has, which its next commit must not be before."""
    if branch.tip is None:
        return None
    times = []
    try:
        for commit in repository.first_parents(branch.tip.id):
            times.append(commit.committer.at)
            if branch.own is not None and commit.id == branch.own.id and number_of(commit):
                break
    except HistoryMissing:
        pass  # a shallow clone: later than everything that is known of is all that can be done
    return max(times)


def links(repository: Repository, branch: Branch) -> str:
    """The trailers that number the branch's next commit; "" in a clone that does not know how many there are."""
    past = past_of(repository, branch)
    try:
        number = past.count() + 1 if past else 1
        wanted = back_number(number)
        back = past.numbered(wanted) if past and wanted else None
    except HistoryMissing:
        return ""
    told = f"{NUMBER_TRAILER}: {number}\n"
    return f"{told}{BACK_TRAILER}: {back.id}\n" if back else told
