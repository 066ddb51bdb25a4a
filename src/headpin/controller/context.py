"""What every environment of a pass has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from headpin.controller.branches import Branch
from headpin.controller.heads import Follows
from headpin.controller.past import latest_time
from headpin.controller.realise import Realiser
from headpin.controller.situations import Surroundings
from headpin.git import CommitInfo, Repository
from headpin.sources import Followed, SourceRule
from headpin.types import Revision
from headpin.workspace import DocumentReader, Workspace

Progress = Callable[[str, int, int], None]
"""Takes what is done now, how many are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """A state that needs nothing: a branch's tip, main's head, and where the sources were.

    main may go on for years without concerning an environment; without this memory the same is found again.
    """

    tip: Revision
    head: Revision
    heads: Mapping[SourceRule, Followed]


@dataclass(frozen=True, slots=True)
class PassContext:
    """What every environment of a pass has in common. `head` is main's head; `full` looks at everything.

    `followed` has the agents whose sources the head environment follows. `quiet` remembers by environment
    what nothing more needs to be done for. `reached` is told the points at which a process may die.
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
    followed: tuple[Follows, ...]
    quiet: dict[str, Quiet]
    progress: Progress
    reached: Callable[[str], None] = lambda _: None


def now_on(context: PassContext, branch: Branch) -> datetime:
    """The present, but never before any commit of the branch: neither a clock that jumps back nor what others
    committed reorders history, and what ran at an instant can be searched for.
    """
    latest = latest_time(context.repository, branch)
    return context.now if latest is None else max(context.now, latest)
