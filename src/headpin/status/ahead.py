"""Which of two revisions of a source is ahead, and the commits between them.

The config repository's own history is read as it is, that of others from their mirrors; what is missing there is
fetched once, all sources side by side. A source that is silent is an answer too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headpin.controller import Controller
from headpin.controller.heads import MIRRORS
from headpin.errors import HeadpinError, HistoryMissing, SourceTrouble
from headpin.git import CommitInfo, Repository, between, redacted
from headpin.model import Source, conceal
from headpin.releases.codec import format_time
from headpin.sources import OWN, Follower, SourceRule
from headpin.types import AgentName, Revision

_SIDE_BY_SIDE = 16
AHEAD, BEHIND, DIVERGED, SAME, UNKNOWN = "ahead", "behind", "diverged", "same", "unknown"


@dataclass(frozen=True, slots=True)
class Asked:
    """Two revisions, each with the source that its release's settings name (None: they cannot be read)."""

    one: Revision
    other: Revision
    one_source: Source | None
    other_source: Source | None


@dataclass(frozen=True, slots=True)
class SourceCommit:
    """A commit as people are told it."""

    id: Revision
    person: str
    at: datetime
    subject: str

    @classmethod
    def of(cls, commit: CommitInfo) -> SourceCommit:
        """What is told of a commit: who wrote it and when, and its first line."""
        return cls(commit.id, conceal(commit.author.person), commit.author.at, conceal(commit.subject))

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {"commit": self.id, "person": self.person, "at": format_time(self.at), "subject": self.subject}


@dataclass(frozen=True, slots=True)
class SourceRange:
    """How the one side's revision stands to the other's: how many commits each has that the other lacks.

    The commits are the newest of them, newest first. `relation` is "unknown" where `trouble` says why.
    """

    relation: str
    ahead: int = 0
    behind: int = 0
    only_one: tuple[SourceCommit, ...] = ()
    only_other: tuple[SourceCommit, ...] = ()
    trouble: str = ""

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        is_known = self.relation != UNKNOWN
        return {
            "relation": self.relation,
            "ahead": self.ahead if is_known else None,
            "behind": self.behind if is_known else None,
            "onlyOne": [commit.as_json() for commit in self.only_one],
            "onlyOther": [commit.as_json() for commit in self.only_other],
            "trouble": self.trouble or None,
        }


_Group = Mapping[AgentName, tuple[Asked, SourceRule]]
"""What is asked of one repository."""


def source_ranges(
    controller: Controller, asked: Mapping[AgentName, Asked], *, ask: bool, most: int
) -> dict[AgentName, SourceRange]:
    """How the revisions of each agent stand to each other; at most `most` commits of a side are told."""
    found: dict[AgentName, SourceRange] = {}
    groups: dict[str, dict[AgentName, tuple[Asked, SourceRule]]] = defaultdict(dict)
    for agent, question in asked.items():
        rule = _rule(question)
        if isinstance(rule, str):
            found[agent] = SourceRange(UNKNOWN, trouble=rule)
        else:
            groups[rule.repository][agent] = question, rule
    repository = controller.repository
    found |= _of_group(groups.pop(OWN, {}), lambda question, rule, _: _range(repository, question, rule, most), ask)
    if groups:
        seconds = controller.workspace().limits.fetch_seconds
        follower = Follower(repository.git_dir / MIRRORS, repository.place, seconds, controller.memory)

        def look(question: Asked, rule: SourceRule, may_ask: bool) -> SourceRange:
            return _in_mirror(follower, question, rule, may_ask, most)

        with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(groups)), "compare") as pool:
            for answer in pool.map(lambda group: _of_group(group, look, ask), groups.values()):
                found |= answer
    return found


def _rule(asked: Asked) -> SourceRule | str:
    """Where to look; or why the two cannot be related."""
    one, other = asked.one_source, asked.other_source
    if one is None or other is None:
        return "the release's settings, which say where its source is, cannot be read"
    if redacted(one.repository) != redacted(other.repository):
        return f"the source moved: one is from {redacted(one.repository)}, the other from {redacted(other.repository)}"
    path = one.path if one.path == other.path else None
    return SourceRule(one.repository, one.branch, path or "")


def _of_group(
    group: _Group, look: Callable[[Asked, SourceRule, bool], SourceRange], ask: bool
) -> dict[AgentName, SourceRange]:
    """The answers of one repository, each looked for once. Where it was silent it is not asked again."""
    known: dict[tuple[Revision, Revision, SourceRule], SourceRange] = {}
    silent: SourceTrouble | None = None
    for question, rule in group.values():
        key = (question.one, question.other, rule)
        if key in known:
            continue
        try:
            known[key] = look(question, rule, ask and silent is None)
        except SourceTrouble as error:
            silent = error
            known[key] = _unknown(error)
        except HeadpinError as error:
            known[key] = _unknown(silent or error)
    return {agent: known[question.one, question.other, rule] for agent, (question, rule) in group.items()}


def _in_mirror(follower: Follower, asked: Asked, rule: SourceRule, ask: bool, most: int) -> SourceRange:
    needed = (asked.one, asked.other)

    def look(repository: Repository) -> SourceRange:
        for revision in needed:
            if not repository.has(revision):
                raise HistoryMissing(f"{revision} is not in what is known of the branch {rule.branch} of its source")
        return _range(repository, asked, rule, most)

    return follower.history(rule, needed, look, ask=ask)


def _range(repository: Repository, asked: Asked, rule: SourceRule, most: int) -> SourceRange:
    found = between(repository, asked.one, asked.other, rule.path)
    ahead, behind = len(found.ahead), len(found.behind)
    relation = DIVERGED if ahead and behind else AHEAD if ahead else BEHIND if behind else SAME
    only_one, only_other = (tuple(map(SourceCommit.of, side[:most])) for side in (found.ahead, found.behind))
    return SourceRange(relation, ahead, behind, only_one, only_other)


def _unknown(error: HeadpinError) -> SourceRange:
    said = redacted(str(error))
    return SourceRange(UNKNOWN, trouble=f"{said}; {error.remedy}" if error.remedy else said)
