"""Following the branches of other repositories, each in its mirror, all side by side.

Owns what is fetched when: nothing while every head is known. A source that cannot be fetched is a value like
one that does not answer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from headpin.errors import HeadpinError, HistoryMissing, ObjectDamaged, SourceTrouble
from headpin.git import NOTHING, Access, Reach, Repository, address_of, redacted
from headpin.sources.content import list_content
from headpin.sources.following import Chain, Followed, SourceRule, follow, follow_from
from headpin.sources.mirrors import Mirror, head_in
from headpin.sources.observe import SIDE_BY_SIDE
from headpin.types import Revision, TreeId

T = TypeVar("T")

_FIRST_DEEPENING = 8
_MOST_COMMITS = 10_000_000
_HISTORY_STEPS = (64, 4096, 0x7FFF_FFFF)
"""So many commits are fetched in addition where history is asked for; the last number is git's word for all."""


@dataclass(slots=True)
class Memory:
    """What was made of each rule's head the last time. Forgetting it changes no answer.

    Several threads may use it: each step is one of a dictionary, and at worst something is forgotten.
    """

    _last: dict[SourceRule, tuple[Revision, Followed]] = field(default_factory=dict)

    def recall(self, rule: SourceRule, head: Revision) -> Followed | None:
        """What `head` was found to be."""
        known = self._last.get(rule)
        return known[1] if known is not None and known[0] == head else None

    def known(self, rule: SourceRule) -> Mapping[Revision, Followed]:
        """Every head that is known."""
        known = self._last.get(rule)
        return {} if known is None else dict([known])

    def keep(self, rule: SourceRule, head: Revision, found: Followed) -> None:
        """Remembers what `head` is, instead of the head before."""
        self._last[rule] = head, found

    def forget_all_but(self, rules: Iterable[SourceRule]) -> None:
        """Forgets what nobody follows any more."""
        found = ((rule, self._last.get(rule)) for rule in set(rules))
        self._last = {rule: known for rule, known in found if known is not None}

    def forget(self, rule: SourceRule) -> None:
        """Forgets one rule: what its mirror held is gone."""
        self._last.pop(rule, None)


@dataclass(frozen=True, slots=True)
class Follower:
    """Follows in the mirrors below `folder`. Relative addresses start at `base`; `seconds` bounds each fetch."""

    folder: Path
    base: Path
    seconds: float
    memory: Memory
    access: Access = NOTHING

    def follow(self, heads: Mapping[SourceRule, Revision]) -> dict[SourceRule, Followed]:
        """What each rule makes of the head that its branch has. Asks each repository once, all side by side."""
        repositories: dict[str, dict[SourceRule, Revision]] = defaultdict(dict)
        for rule, head in heads.items():
            repositories[rule.repository][rule] = head
        if not repositories:
            return {}
        with ThreadPoolExecutor(min(SIDE_BY_SIDE, len(repositories)), "mirror") as pool:
            answers = pool.map(self._follow_repository, repositories.values())
            return {rule: found for answer in answers for rule, found in answer.items()}

    def at(self, rule: SourceRule, revision: Revision) -> Followed | None:
        """What a revision is, as far as the mirror tells without anybody being asked."""
        try:
            repository = self._mirror(rule, needed_for([rule])).opened()
            if repository is None or not repository.has(revision):
                return None
            return follow_from(Chain(repository, revision), rule)
        except HeadpinError:
            return None  # as good as no mirror: it is mended when its source answers

    def chosen(self, rule: SourceRule, revision: Revision, head: Revision) -> tuple[bool, Followed]:
        """Whether `revision` is in the history of the branch that is at `head`, and what it is.

        Raises SourceTrouble when the history cannot be had.
        """
        needed = Reach.TREES if rule.content is None else Reach.FILES

        def look(repository: Repository, _: Mirror) -> tuple[bool, Followed]:
            if not repository.has(revision):
                return False, Followed(None)
            found = head_in(repository, rule.branch, head)
            return repository.is_ancestor(revision, found), follow_from(Chain(repository, revision), rule)

        return self._mended(self._mirror(rule, needed), {rule.branch: head}, look)

    def content(self, rule: SourceRule, revision: Revision, identity: TreeId) -> Mapping[str, bytes]:
        """The files of the content snapshot `identity` of a revision, fetched again where the mirror is gone.

        Raises SourceTrouble or HistoryMissing when they cannot be had; then nothing is remembered of the rule.
        """

        def look(repository: Repository, _: Mirror) -> Mapping[str, bytes]:
            return content_bytes(repository, rule, revision, identity)

        try:
            return self._mended(self._mirror(rule, Reach.FILES), {rule.branch: revision}, look)
        except HeadpinError:
            self.memory.forget(rule)
            raise

    def history(self, rule: SourceRule, needed: Sequence[Revision], look: Callable[[Repository], T], *, ask: bool) -> T:
        """What `look` says of the history of the rule's branch, of which the revisions `needed` are.

        It raises HistoryMissing where it wants more than is there; then that is fetched, if somebody may be asked.
        Raises SourceTrouble when it cannot be had, HistoryMissing when that is not allowed, or the branch has no more.
        """
        mirror = self._mirror(rule, Reach.TREES if rule.path else Reach.MESSAGES)
        found = mirror.opened()
        if found is not None:
            try:
                return look(found)
            except (HistoryMissing, ObjectDamaged):
                if not ask:
                    raise
        if not ask:
            raise HistoryMissing(f"nothing was fetched yet of {mirror.address.shown}")
        missing = [revision for revision in needed if found is None or not found.has(revision)]
        found = mirror.with_heads({rule.branch: [*missing, *needed][0]})
        for commits in _HISTORY_STEPS:
            try:
                return look(found)
            except HistoryMissing:
                if not found.is_shallow:
                    raise
            found = mirror.deepened(rule.branch, commits)
        return look(found)

    def _follow_repository(self, heads: Mapping[SourceRule, Revision]) -> dict[SourceRule, Followed]:
        anybody = next(iter(heads))
        branches = {rule.branch: head for rule, head in heads.items()}

        def look(repository: Repository, mirror: Mirror) -> dict[SourceRule, Followed]:
            found: dict[SourceRule, Followed] = {}
            for branch, head in branches.items():
                chain = Chain(repository, head_in(repository, branch, head))
                found |= self._walk(mirror, chain, branch, [rule for rule in heads if rule.branch == branch])
            return found

        try:
            return self._mended(self._mirror(anybody, needed_for(heads)), branches, look)
        except HeadpinError as error:
            problem = f"{redacted(anybody.repository)} cannot be read: {redacted(str(error))}"
            return dict.fromkeys(heads, Followed(None, problem))

    def _walk(
        self, mirror: Mirror, chain: Chain, branch: str, rules: Sequence[SourceRule]
    ) -> dict[SourceRule, Followed]:
        """Follows the rules of a branch; where only messages were fetched, until one of them is a release's."""
        known = {rule: self.memory.known(rule) for rule in rules}
        commits = _FIRST_DEEPENING
        while True:
            try:
                found = follow(chain, rules, known)
            except HistoryMissing:
                if mirror.reach is not Reach.MESSAGES or commits > _MOST_COMMITS:
                    raise
            else:
                for rule in rules:
                    self.memory.keep(rule, chain.head, found[rule])
                return found
            chain = Chain(mirror.deepened(branch, commits), chain.head)
            commits *= _FIRST_DEEPENING

    def _mended(self, mirror: Mirror, heads: Mapping[str, Revision], look: Callable[[Repository, Mirror], T]) -> T:
        """What `look` says of the mirror with these heads; one that cannot be read is made anew, once."""
        try:
            return look(mirror.with_heads(heads), mirror)
        except (HistoryMissing, ObjectDamaged):
            mirror.discard()
        return look(mirror.with_heads(heads), mirror)

    def _mirror(self, rule: SourceRule, needed: Reach) -> Mirror:
        """The mirror that has what is needed: one that is there and has more, or else just that."""
        address = address_of(rule.repository, self.base)
        if isinstance(address, str):
            raise SourceTrouble(f"refused: {address}")
        richer = list(Reach)[list(Reach).index(needed) :]
        found = [Mirror(self.folder, address, reach, self.seconds, self.access) for reach in richer]
        return next((mirror for mirror in reversed(found) if mirror.place.exists()), found[0])


def needed_for(rules: Iterable[SourceRule]) -> Reach:
    """How much of a repository's history has to be there for all of `rules`."""
    found = list(rules)
    if any(rule.content is not None for rule in found):
        return Reach.FILES
    return Reach.MESSAGES if all(rule.is_plain for rule in found) else Reach.TREES


def content_bytes(
    repository: Repository, rule: SourceRule, revision: Revision, identity: TreeId
) -> Mapping[str, bytes]:
    """The files that `rule` names at a revision of `repository`, which make the tree `identity`.

    Raises HistoryMissing when they are not there, or others.
    """
    listed = list_content(repository.tree(revision), rule.path, rule.content)[0] if rule.content else None
    if listed is None or listed.id != identity:
        raise HistoryMissing(f"{revision} does not have the content {identity}")
    return {path: repository.read_blob(blob) for path, blob in listed.files.items()}
