"""One side of a comparison: an environment's branch as it is, or as it was at a time or at one of its commits.

Must never look at what others committed on a branch: a side is always a commit that headpin made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from headpin.controller import Controller
from headpin.controller.branches import Branch
from headpin.errors import Refused
from headpin.git import CommitInfo
from headpin.model.moments import moment_said
from headpin.releases.codec import format_time
from headpin.status.happened import branch_at
from headpin.status.when import Find, by_revision, by_time, commit_named


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


def read_side(controller: Controller, branches: Mapping[str, Branch], environment: str, asked: str, when: str) -> Side:
    """The side that ``ENV`` or ``ENV@WHEN`` names, of one of `branches`; `when` is "" for the present.

    Raises Refused for what never was, UsageError for what is no moment, HistoryMissing where this clone does not
    reach back so far.
    """
    branch = branches[environment]
    if branch.trouble is not None:
        raise branch.trouble
    if branch.own is None or branch.tip is None:
        raise Refused(f"nothing was ever deployed to {environment}", remedy="run 'headpin reconcile'")
    if not when:
        return Side(asked, environment, branch, branch.own)
    commit = _finder(controller, branches, environment, when)(branch)
    if commit is None:
        raise Refused(f"{environment} did not exist yet at {when}", remedy="name a later time")
    found = branch_at(branch, controller.repository, commit)
    return Side(asked, environment, found, commit)


def _finder(controller: Controller, branches: Mapping[str, Branch], environment: str, when: str) -> Find:
    try:
        at = moment_said(when, controller.clock()).astimezone(UTC)
    except (ValueError, OverflowError):
        revision = commit_named(controller.repository, when)
        return by_revision(controller, branches, revision, environment)[1]
    return by_time(controller.repository, at)
