"""What every environment of a pass has in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from headpin.controller.branches import Branch
from headpin.controller.realise import Realiser
from headpin.controller.situations import Surroundings
from headpin.git import CommitInfo, Repository
from headpin.types import Revision
from headpin.workspace import DocumentReader, Workspace

Progress = Callable[[str, int, int], None]
"""Takes what is done now, how many are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class PassContext:
    """What every environment of a pass has in common. `head` is main's head; `full` looks at everything.

    `quiet` remembers, by environment, up to which revision of main its branch's tip needs nothing: main
    may go on for years without concerning an environment. Without it the same is found again.
    """

    repository: Repository
    reader: DocumentReader
    workspace: Workspace
    head: CommitInfo
    around: Surroundings
    realiser: Realiser
    now: datetime
    committer: tuple[str, str]
    full: bool
    dry_run: bool
    quiet: dict[str, tuple[Revision, Revision]]
    progress: Progress


def now_on(context: PassContext, branch: Branch) -> datetime:
    """The present, but never before the branch's last commit: a clock that jumps back does not reorder history."""
    return max(context.now, branch.tip.committer.at) if branch.tip else context.now
