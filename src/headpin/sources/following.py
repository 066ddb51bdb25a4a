"""Which commit of a source is a release: the newest that concerns the agent, and the one that its image is built of.

One function for every history, this repository's own and the mirrors of others. Looks at the first-parent
chain only, so that a merge counts as one commit; must never write or fetch anything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, islice

from headpin.errors import HistoryMissing, ObjectDamaged, PermanentError
from headpin.git import CommitInfo, Repository, visible
from headpin.model import Agent, Content
from headpin.sources.content import ContentFault, list_content
from headpin.sources.observe import Observation, SourceKey
from headpin.tree import EMPTY, Tree, changed_paths
from headpin.types import Revision, TreeId

SKIP = "[skip headpin]"
"""What keeps a commit from becoming a release, anywhere in its message."""

OWN = "."
"""The repository of a source that is the config repository itself."""


MAX_SUBJECT = 100
"""How much of a commit's subject is remembered with the release."""

_MAX_NAMES = 512
Names = Mapping[str, tuple[bool, str]]
"""What is in a folder: whether it is a folder, and its id, by name."""


@dataclass(frozen=True, slots=True)
class SourceRule:
    """What is followed for an agent: a branch, the folder that is its own ("": all), and which files are content."""

    repository: str = field(repr=False)  # it may hold a credential
    branch: str
    path: str = ""
    content: Content | None = None

    @classmethod
    def of(cls, agent: Agent) -> SourceRule:
        """The rule that an agent's document says."""
        source = agent.source
        return cls(source.repository, source.branch, source.path or "", agent.content)

    @property
    def key(self) -> SourceKey:
        """The branch that is asked."""
        return SourceKey(self.repository, self.branch)

    @property
    def is_own(self) -> bool:
        """Whether the source is in the config repository."""
        return self.repository == OWN

    @property
    def is_plain(self) -> bool:
        """Whether every commit of the branch concerns the agent, so that no files need to be read."""
        return not self.path and self.content is None


@dataclass(frozen=True, slots=True)
class Followed(Observation):
    """An observation, and what the image is built of and which files are content there.

    `faults`: why the content of `revision` cannot be had. `subject`: of its commit, where that was looked at.
    """

    image_revision: Revision | None = None
    content: TreeId | None = None
    faults: tuple[ContentFault, ...] = ()
    subject: str = field(default="", compare=False)


class Chain:
    """The first-parent history from `head` back, read as far as somebody asks and shared by all who do."""

    def __init__(self, repository: Repository, head: Revision) -> None:
        self.repository = repository
        self.head = head
        self._read: list[CommitInfo] = []
        self._more = repository.first_parents(head)
        self._names: dict[TreeId, Names] = {}

    def commits(self) -> Iterator[tuple[int, CommitInfo]]:
        """Each commit with its number, newest first. Raises HistoryMissing where history is cut off."""
        for number in count():
            if number >= len(self._read):
                self._read += islice(self._more, number + 1 - len(self._read))
            if number >= len(self._read):
                self.repository.refuse_cut_off(self._read[-1].id)
                return
            yield number, self._read[number]

    def __getitem__(self, number: int) -> CommitInfo:
        """The commit of a number that was read."""
        return self._read[number]

    def tree(self, number: int) -> Tree:
        """The files of the commit of this number."""
        return self.repository.tree_at(self._read[number].tree)

    def before(self, number: int) -> TreeId | None:
        """The files of the first parent of the commit of this number; None before the first commit."""
        parents = self._read[number].parents
        return self.repository.commit(parents[0]).tree if parents else None

    def names_in(self, folder: TreeId | None) -> Names:
        """What is in a folder. The last few are remembered: most of them are in the next commit too."""
        if folder is None:
            return {}
        known = self._names.get(folder)
        if known is None:
            if len(self._names) >= _MAX_NAMES:
                self._names.clear()
            known = self._names[folder] = self.repository.names_in(folder)
        return known


def follow(
    chain: Chain, rules: Iterable[SourceRule], known: Mapping[SourceRule, Mapping[Revision, Followed]]
) -> dict[SourceRule, Followed]:
    """What each of `rules` makes of the history of `chain`, in one walk. `known`: what they made of earlier heads."""
    return _Walk(chain, [_Search(rule, known.get(rule, {})) for rule in rules]).answers()


def follow_from(chain: Chain, rule: SourceRule) -> Followed:
    """The same of the head of `chain`, whichever commit that is: a person chose it."""
    if rule.content is None:
        return Followed(chain.head, "", chain.head, subject=_subject(chain.repository.commit(chain.head)))
    return _Walk(chain, [_Search(rule, {}, 0)]).answers()[rule]


@dataclass(slots=True)
class _Search:
    """One rule on its way back in history. `number`: of the release's commit, once that is found.

    `oldest`: the oldest commit so far that its image could be built of.
    """

    rule: SourceRule
    known: Mapping[Revision, Followed]
    number: int | None = None
    oldest: Revision | None = None
    says_skip: bool = False

    def passed(self, chain: Chain, commit: CommitInfo) -> Followed | None:
        """The answer, where it is known what `commit` was as a head."""
        earlier = self.known.get(commit.id)
        if earlier is None or self.number is None:
            return earlier
        return None if earlier.image_revision is None else self._found(chain, earlier.image_revision)

    def touched(self, chain: Chain, number: int, commit: CommitInfo) -> Followed | None:
        """The answer, where `commit`, which changed the rule's path, is the last that is needed for it."""
        rule = self.rule
        if SKIP in commit.message and number != self.number:
            self.says_skip = True
            return None
        if self.number is None:
            if rule.path and chain.tree(number).entry(rule.path) is None:
                return Followed(None, f"there is no {rule.path} in this repository")
            self.number = number
        self.oldest = commit.id
        if rule.content is not None and _is_content_only(chain, number, rule.path, rule.content):
            return None
        return self._found(chain, commit.id)

    def ended(self, chain: Chain) -> Followed:
        """The answer where history has no more commits."""
        path = self.rule.path
        if self.number is not None:
            return self._found(chain, self.oldest or chain.head)
        if self.says_skip:
            return Followed(None, f"every commit{f' that changed {path}' if path else ''} says {SKIP}")
        return Followed(None, f"there is no {path} in this repository")

    def _found(self, chain: Chain, image: Revision) -> Followed:
        number = self.number or 0
        revision, subject = chain[number].id, _subject(chain[number])
        if self.rule.content is None:
            return Followed(revision, "", revision, subject=subject)
        files, faults = list_content(chain.tree(number), self.rule.path, self.rule.content)
        return Followed(revision, "", image, files.id if files and not faults else None, faults, subject)


@dataclass(slots=True)
class _Folder:
    """Searches by the folders of their paths, so that a commit is compared only where somebody looks."""

    below: dict[str, _Folder] = field(default_factory=dict)
    here: dict[SourceRule, _Search] = field(default_factory=dict)

    def at(self, path: str) -> _Folder:
        """The folder of a path."""
        found = self
        for name in path.split("/") if path else ():
            found = found.below.setdefault(name, _Folder())
        return found


class _Walk:
    """All searches in one history, which it goes through once."""

    def __init__(self, chain: Chain, searches: Sequence[_Search]) -> None:
        self._chain = chain
        self._searches = searches
        self._top = _Folder()
        self._waiting: dict[Revision, list[_Search]] = defaultdict(list)
        self._found: dict[SourceRule, Followed] = {}
        for search in searches:
            self._top.at(search.rule.path).here[search.rule] = search
            for revision in search.known:
                self._waiting[revision].append(search)

    def answers(self) -> dict[SourceRule, Followed]:
        """The answer of each search."""
        for number, commit in self._chain.commits():
            for search in self._waiting.get(commit.id, ()):
                self._answer(search, search.passed(self._chain, commit))
            for search in list(self._touched(number, commit)):
                self._answer(search, self._told(search, number, commit))
            if len(self._found) == len(self._searches):
                return self._found
        for search in self._searches:
            self._answer(search, search.ended(self._chain))
        return self._found

    def _told(self, search: _Search, number: int, commit: CommitInfo) -> Followed | None:
        """What a search makes of a commit; one that is too much to look at concerns that search alone."""
        try:
            return search.touched(self._chain, number, commit)
        except (HistoryMissing, ObjectDamaged):
            raise
        except PermanentError as error:
            return Followed(None, f"{commit.id} cannot be looked at: {error}")

    def _answer(self, search: _Search, told: Followed | None) -> None:
        if told is not None and search.rule not in self._found:
            self._found[search.rule] = told
            del self._top.at(search.rule.path).here[search.rule]

    def _touched(self, number: int, commit: CommitInfo) -> Iterator[_Search]:
        """The searches whose path the commit changed, compared with its first parent."""
        yield from self._top.here.values()
        if self._top.below:
            yield from _changed(self._chain, self._chain.before(number), commit.tree, self._top)


def _changed(chain: Chain, before: TreeId | None, after: TreeId | None, folder: _Folder) -> Iterator[_Search]:
    if before == after:
        return
    olds, news = chain.names_in(before), chain.names_in(after)
    for name in {name for name, _ in olds.items() ^ news.items()} & folder.below.keys():
        below = folder.below[name]
        yield from below.here.values()
        if below.below:
            yield from _changed(chain, _folder_id(olds.get(name)), _folder_id(news.get(name)), below)


def _subject(commit: CommitInfo) -> str:
    """The first line of a message, without what nobody sees."""
    return visible(commit.subject)[:MAX_SUBJECT].strip()


def _folder_id(entry: tuple[bool, str] | None) -> TreeId | None:
    return TreeId(entry[1]) if entry is not None and entry[0] else None


def _is_content_only(chain: Chain, number: int, path: str, content: Content) -> bool:
    """Whether the commit changed something, and all of that is content."""
    cut = len(path) + 1 if path else 0
    before = chain.before(number)
    changed = False
    for change in changed_paths(chain.repository.tree_at(before) if before else EMPTY, chain.tree(number), path):
        if len(change.path) < cut or not content.names(change.path[cut:]):
            return False
        changed = True
    return changed
