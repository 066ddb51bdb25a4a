"""One side of a comparison: an environment's branch as it is, or as it was at a time or at one of its commits.

Must never look at what others committed on a branch: a side is always a commit that headpin made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headpin.controller import Controller
from headpin.controller.branches import Branch, RecordReader, own_state
from headpin.errors import HistoryMissing, UsageError
from headpin.git import CommitInfo, Repository
from headpin.releases.codec import format_time
from headpin.types import Revision

_ID = re.compile(r"[0-9a-f]{4,40}")


@dataclass(frozen=True, slots=True)
class Side:
    """An environment at one of headpin's own commits; `asked` is how a person named it."""

    asked: str
    environment: str
    branch: Branch
    commit: CommitInfo

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        config = self.branch.state.config if self.branch.state else None
        return {
            "asked": self.asked,
            "environment": self.environment,
            "commit": self.commit.id,
            "at": format_time(self.commit.committer.at),
            "config": config,
        }


def read_side(controller: Controller, branch: Branch, asked: str, when: str) -> Side:
    """The side that ``ENV`` or ``ENV@WHEN`` names, of the environment's `branch`; `when` is "" for the present.

    Raises UsageError for what never was, HistoryMissing where this clone does not reach back so far.
    """
    environment = branch.environment
    if branch.trouble is not None:
        raise branch.trouble
    if branch.own is None or branch.tip is None:
        raise UsageError(f"nothing was ever deployed to {environment}", remedy="run 'headpin reconcile'")
    if not when:
        return Side(asked, environment, branch, branch.own)
    repository = controller.repository
    instant = _instant(when)
    start = (
        _commit_named(repository, branch.tip, when) if instant is None else commit_at(repository, branch.tip, instant)
    )
    found = branch_at(repository, environment, controller.records, start) if start else None
    if found is None or found.own is None:
        raise UsageError(f"{environment} did not exist yet at {when}", remedy="name a later time")
    return Side(asked, environment, found, found.own)


def branch_at(repository: Repository, environment: str, records: RecordReader, start: Revision) -> Branch | None:
    """The branch at the last commit of headpin's own from `start` back; None where there is none."""
    for commit in repository.first_parents(start):
        found = own_state(repository, commit)
        if found is not None:
            return Branch(environment, records, commit, None, commit, *found)
    return None


def commit_at(repository: Repository, tip: CommitInfo, at: datetime) -> Revision | None:
    """The commit that the branch was at at an instant; None where that is before its first one.

    The last one for which it and all before it are dated not later. Raises HistoryMissing where history is cut
    off before that is known.
    """
    chain = list(repository.first_parents(tip.id))
    found: Revision | None = None
    for commit in reversed(chain):
        if commit.committer.at > at:
            break
        found = commit.id
    if found is None:
        repository.refuse_cut_off(chain[-1].id)
    return found


def _instant(text: str) -> datetime | None:
    """A date or a time, without a zone as on the clock of this machine; None for something else."""
    if _ID.fullmatch(text) or not text.isprintable():
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _commit_named(repository: Repository, tip: CommitInfo, text: str) -> Revision:
    """A commit of the branch by its id, or the beginning of it."""
    if _ID.fullmatch(text) is None:
        raise UsageError(
            f"{text!r} is neither a time nor a commit", remedy="write for example 2026-11-24T15:00, or a commit's id"
        )
    last = tip
    for last in repository.first_parents(tip.id):
        if last.id.startswith(text):
            return last.id
    try:
        repository.refuse_cut_off(last.id)
    except HistoryMissing as error:
        raise HistoryMissing(
            f"{text} is not in what this shallow clone has of the branch", remedy=error.remedy
        ) from error
    raise UsageError(
        f"{text} is no commit of that branch", remedy="'git log --first-parent' of the branch has them all"
    )
