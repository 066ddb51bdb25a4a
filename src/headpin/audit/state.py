"""What a replay knows at one moment, and goes on from: plain values, whose size follows what is open, not history.

Of each environment: where its branch was read up to, and the pin moves that no commit there has folded yet. Of each
deployment nothing but those; records and what ran are read from the branch. Findings stay, because they are the answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from headpin.audit.facts import Named, Step
from headpin.audit.finding import Finding
from headpin.audit.judge_main import Suspect
from headpin.releases.release import Release
from headpin.types import AgentName, Revision


@dataclass(frozen=True, slots=True)
class Moving:
    """A change of a pin that the environment has not folded yet, by its place on main."""

    position: int
    config: Revision
    agent: AgentName
    before: Named
    after: Named


@dataclass(slots=True)
class Cursor:
    """Where one environment's branch was read up to.

    `config` and `folded` are where the last own commit's revisions are on main, None where they are not on its chain.
    `position` never goes back. `latest`: the last time of any commit. `pending` has what is told once it is known what
    came of it: foreign commits, and revisions that main lost. `lost` is the revision of the newest of the latter.
    """

    tip: Revision | None = None
    own: Revision | None = None
    position: int = -1
    config: int | None = None
    folded: int | None = None
    latest: datetime | None = None
    number: int = 0
    moving: list[Moving] = field(default_factory=list)
    foreign: list[Finding] = field(default_factory=list)
    off: list[Finding] = field(default_factory=list)
    lost: Revision | str = ""
    was_rewritten: bool = False

    def take_moves(self, folded: int | None, before: int | None) -> dict[AgentName, tuple[Step, ...]]:
        """The moves up to `folded`, which are forgotten; those before the last folded place are not told again."""
        if folded is None:
            return {}
        taken = [move for move in self.moving if move.position <= folded]
        self.moving = [move for move in self.moving if move.position > folded]
        changes: dict[AgentName, list[Moving]] = {}
        for move in taken:
            if before is not None and move.position > before:
                changes.setdefault(move.agent, []).append(move)
        moved = {agent: _moves(found) for agent, found in changes.items()}
        return {agent: steps for agent, steps in moved.items() if steps}


def _moves(changes: list[Moving]) -> tuple[Step, ...]:
    """What the changes of one pin come to: one that was away or unreadable and came back as it was did not move."""
    steps: list[Step] = []
    last = changes[0].before
    for change in changes:
        if isinstance(change.after, Release) and change.after != last:
            steps.append(Step(change.config, change.after))
            last = change.after
    if not isinstance(changes[-1].after, Release):
        steps.append(Step(changes[-1].config, None))
    return tuple(steps)


@dataclass(slots=True)
class State:
    """The whole of it. `position` counts main's first-parent commits from 0, `last` is the last branch commit's key.

    `branches` has the environments whose branches are replayed; of others nothing is known.
    """

    main: Revision | None = None
    position: int = -1
    head: str = ""
    last: tuple[int, int] = (-1, 0)
    branches: tuple[str, ...] = ()
    cursors: dict[str, Cursor] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)

    def cursor(self, environment: str) -> Cursor:
        """The environment's, made when it is first asked for."""
        return self.cursors.setdefault(environment, Cursor())


def at_position(finding: Finding, position: int, more: str) -> Finding:
    """The finding, placed where it was settled, with what came of it."""
    return replace(finding, position=position, message=f"{finding.message}; {more}")
