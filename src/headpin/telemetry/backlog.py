"""What a receiver has not been told yet: the transitions on the environments' branches after its position.

Reads the repository through a handle of its own, which belongs to the thread that notifies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from headpin.controller.branches import BRANCH_PREFIX, Branch, RecordReader, own_state
from headpin.controller.past import Past
from headpin.git import CommitInfo, Repository
from headpin.status.happened import Happened
from headpin.telemetry.notification import Notification, hold_notifications, notifications
from headpin.telemetry.positions import Position
from headpin.telemetry.redaction import Redaction
from headpin.types import Revision, name_fault

MAX_BEHIND = 10_000
"""Commits of one branch. Who is further behind is told the newest of them."""

ALL = 1_000_000_000
"""More transitions than a commit has: of such a commit everything counts as told."""


@dataclass(frozen=True, slots=True)
class Due:
    """A commit, and what of it is still to be told; `told` counts what was, and what comes before."""

    environment: str
    commit: CommitInfo
    told: int


class Backlog:
    """The branches of one repository. `covers` says which environments this process answers for."""

    def __init__(self, repository: Repository, covers: Callable[[str], bool], redaction: Redaction) -> None:
        self._repository = repository
        self._covers = covers
        self._redaction = redaction
        self._head: str | None = None

    @property
    def head(self) -> str | None:
        """The head environment, as far as its branch has been read."""
        return self._head

    def reopen(self) -> None:
        """Lets go of packs, which are rewritten meanwhile, and of what was read of them: it has no other end."""
        self._repository.reopen()

    def tips(self) -> dict[str, Revision]:
        """Where every branch is."""
        return self._covered(self._repository.refs(BRANCH_PREFIX))

    def known(self) -> dict[str, Revision] | None:
        """As `tips`, and of branches that are not here yet where they are upstream; None where nothing was fetched."""
        if not self._repository.ref_names("refs/"):
            return None
        remote = self._repository.refs("refs/remotes/").items()
        upstream = {name.partition("/env/")[2]: tip for name, tip in remote if "/env/" in name}
        return self._covered(upstream) | self.tips()

    def _covered(self, found: Mapping[str, Revision]) -> dict[str, Revision]:
        return {name: tip for name, tip in found.items() if not name_fault(name) and self._covers(name)}

    def due(self, positions: Mapping[str, Position]) -> list[Due]:
        """What is to be told next, over all environments, oldest first. Raises HeadpinError."""
        found = [due for name, tip in self.tips().items() for due in self._of_branch(name, tip, positions.get(name))]
        return sorted(found, key=lambda due: due.commit.committer.at)

    def _of_branch(self, name: str, tip: Revision, position: Position | None) -> Iterator[Due]:
        if position is None:
            yield from reversed([Due(name, commit, 0) for commit in self._after(tip, None)])
            return
        known = position.commit
        if not self._repository.has(known) or not self._repository.is_ancestor(known, tip):
            fork = self._repository.fork(known, tip) if self._repository.has(known) else None
            if fork is None:  # another history: nothing on it can be known to be new
                yield Due(name, self._repository.commit(tip), ALL)
                return
            known, told = fork, ALL
        else:
            told = position.told
        later = [Due(name, commit, 0) for commit in self._after(tip, known)]
        yield from (Due(name, self._repository.commit(known), told), *reversed(later))

    def _after(self, tip: Revision, known: Revision | None) -> Iterator[CommitInfo]:
        for commit in islice(self._repository.first_parents(tip), MAX_BEHIND):
            if commit.id == known:
                return
            yield commit

    def tell(self, due: Due) -> tuple[Notification, ...]:
        """Every notification of a commit, those told before included. Raises HeadpinError."""
        after = own_state(self._repository, due.commit)
        if after is None:
            return ()
        tree, state = after
        is_head = state.tracks_head
        if is_head:
            self._head = due.environment
        before = Past(self._repository, due.commit).before(due.commit)
        branch = Branch(due.environment, RecordReader(), due.commit, None, due.commit, tree, state)
        items = Happened(self._repository, branch).by_commit(due.commit, before)
        told = notifications(due.environment, items, due.commit.id, is_head=is_head, redaction=self._redaction)
        earlier = own_state(self._repository, before) if before else None
        holds = (earlier[1].hold if earlier else None, state.hold)
        return (*hold_notifications(due.environment, due.commit, *holds, redaction=self._redaction), *told)
