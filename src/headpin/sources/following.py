"""Which commit of a source is a release: the newest that concerns the agent, and the one that its image is built of.

One function for every history, this repository's own and the mirrors of others. Looks at the first-parent
chain only, so that a merge counts as one commit; must never write or fetch anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, islice

from headpin.git import CommitInfo, Repository
from headpin.model import Agent, Content
from headpin.sources.content import ContentFault, list_content
from headpin.sources.observe import Observation, SourceKey
from headpin.tree import EMPTY, Tree, changed_paths
from headpin.types import Revision, TreeId

SKIP = "[skip headpin]"
"""What keeps a commit from becoming a release, anywhere in its message."""

OWN = "."
"""The repository of a source that is the config repository itself."""


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

    `faults`: why the content of `revision` cannot be had.
    """

    image_revision: Revision | None = None
    content: TreeId | None = None
    faults: tuple[ContentFault, ...] = ()


class Chain:
    """The first-parent history from `head` back, read as far as somebody asks and shared by all who do."""

    def __init__(self, repository: Repository, head: Revision) -> None:
        self.repository = repository
        self.head = head
        self._read: list[CommitInfo] = []
        self._more = repository.first_parents(head)

    def commits(self, start: int = 0) -> Iterator[tuple[int, CommitInfo]]:
        """Each commit with its number, newest first. Raises HistoryMissing where history is cut off."""
        for number in count(start):
            if number >= len(self._read):
                self._read += islice(self._more, number + 1 - len(self._read))
            if number >= len(self._read):
                self.repository.refuse_cut_off(self._read[-1].id)
                return
            yield number, self._read[number]

    def tree(self, number: int) -> Tree:
        """The files of the commit of this number; of the one before the first, none."""
        return self.repository.tree_at(self._read[number].tree)

    def before(self, number: int) -> Tree:
        """The files of the first parent of the commit of this number; none before the first commit."""
        commit = self._read[number]
        return self.repository.tree(commit.parents[0]) if commit.parents else EMPTY


def follow(chain: Chain, rule: SourceRule, known: Mapping[Revision, Followed]) -> Followed:
    """What `rule` makes of the history of `chain`. `known` has what it made of earlier heads."""
    says_skip = False
    for number, commit in chain.commits():
        earlier = known.get(commit.id)
        if earlier is not None:
            return earlier
        if not _touches(chain, number, rule.path):
            continue
        if SKIP in commit.message:
            says_skip = True
        elif rule.path and chain.tree(number).entry(rule.path) is None:
            break
        else:
            return _release(chain, number, rule, known)
    if says_skip:
        what = f" that changed {rule.path}" if rule.path else ""
        return Followed(None, f"every commit{what} says {SKIP}")
    return Followed(None, f"there is no {rule.path} in this repository")


def follow_from(chain: Chain, rule: SourceRule) -> Followed:
    """The same of the head of `chain`, whichever commit that is: a person chose it."""
    next(chain.commits())
    return _release(chain, 0, rule, {})


def _release(chain: Chain, number: int, rule: SourceRule, known: Mapping[Revision, Followed]) -> Followed:
    _, commit = next(chain.commits(number))
    if rule.content is None:
        return Followed(commit.id, "", commit.id)
    image = _image_revision(chain, number, rule.path, rule.content, known)
    files, faults = list_content(chain.tree(number), rule.path, rule.content)
    return Followed(commit.id, "", image, files.id if files and not faults else None, faults)


def _image_revision(
    chain: Chain, start: int, path: str, content: Content, known: Mapping[Revision, Followed]
) -> Revision:
    """The newest commit, from number `start` back, that changed anything but content; the first of all, if none did."""
    _, first = next(chain.commits(start))
    oldest = first.id
    for number, commit in chain.commits(start):
        earlier = known.get(commit.id)
        if earlier is not None and earlier.image_revision is not None:
            return earlier.image_revision
        if not _touches(chain, number, path) or (SKIP in commit.message and number != start):
            continue
        oldest = commit.id
        if not _is_content_only(chain, number, path, content):
            break
    return oldest


def _touches(chain: Chain, number: int, path: str) -> bool:
    if not path:
        return True
    before, after = chain.before(number).entry(path), chain.tree(number).entry(path)
    return (before.id if before else "") != (after.id if after else "")


def _is_content_only(chain: Chain, number: int, path: str, content: Content) -> bool:
    """Whether the commit changed something, and all of that is content."""
    cut = len(path) + 1 if path else 0
    changed = False
    for change in changed_paths(chain.before(number), chain.tree(number), path):
        if len(change.path) < cut or not content.names(change.path[cut:]):
            return False
        changed = True
    return changed
