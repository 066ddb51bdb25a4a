"""What a replay has read, as values: what main said, and what the environments' branches said.

The judging modules (`judge_main`, `judge_branch`, `judge_move`) take these and nothing else. None of it is what
headpin decided: documents, records, lists of what ran, events and commits, as they stand in git.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from headpin.git import CommitInfo
from headpin.model import Gates
from headpin.releases.environment import EnvironmentState
from headpin.releases.record import NEVER_RAN, Event, Record, Status
from headpin.releases.release import Ran, Release, ran_as
from headpin.types import AgentName, Revision

NO_GATES = Gates()

Named = Release | Literal["unreadable"] | None
"""What a pin names; None where there is no pin."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A deployment as its branch has it: the record, and what ran."""

    record: Record = NEVER_RAN
    ran: tuple[Ran, ...] = ()

    def entry(self, release: Release) -> Ran | None:
        """The release as it ran here."""
        return ran_as(self.ran, release)

    @property
    def is_deployed(self) -> bool:
        """Whether what is served runs."""
        return self.record.served is not None and self.record.served.status is Status.DEPLOYED


NOTHING = Standing()


@dataclass(frozen=True, slots=True)
class EarlierStage:
    """A stage before the one in question: what documents say of it, and how it stands. `standing` None: unreadable."""

    environment: str
    is_required: bool
    is_head: bool
    pin: Named
    standing: Standing | None

    @property
    def is_transparent(self) -> bool:
        """Whether it is passed over: nothing is pinned or served, and nothing has to be."""
        is_empty = self.standing is not None and self.standing.record.served is None
        return is_empty and self.pin is None and not self.is_required and not self.is_head


@dataclass(frozen=True, slots=True)
class Consent:
    """An approval of a release: whose, and the file."""

    by: str
    path: str


@dataclass(frozen=True, slots=True)
class Opening:
    """An override of a release: its blob id, its file, the gates that it opens, and why."""

    id: str
    path: str
    gates: frozenset[str]
    reason: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What the documents of one revision of main say about one deployment and one release.

    `trouble`: why they cannot be read. `earlier`: the stages before, nearest first. `settings`: the snapshot of
    shared settings at that revision. `exists`: whether the environment has a document.
    """

    exists: bool = True
    is_head: bool = False
    trouble: str = ""
    is_reached: bool = False
    is_first: bool = False
    any_earlier: bool = False
    is_automatic: bool = False
    gates: Gates = NO_GATES
    suspended: tuple[str, ...] = ()
    earlier: tuple[EarlierStage, ...] = ()
    settings: str | None = None
    has_agent: bool = False
    consents: tuple[Consent, ...] = ()
    openings: tuple[Opening, ...] = ()
    adoption: Opening | None = None

    @property
    def sources(self) -> tuple[EarlierStage, ...]:
        """The stages that a release may come from."""
        if self.any_earlier:
            return self.earlier
        return next(((stage,) for stage in self.earlier if not stage.is_transparent), ())


@dataclass(frozen=True, slots=True)
class PinChange:
    """A pin that a commit of main changed. `sides`: what a merge's parents say. `elsewhere`: where the release ran.

    `known` has every release of the agent that ran anywhere or that a pin of the parents names. `is_renamed`: the same
    pin was there before, under a name that the agent had or gets back.
    """

    environment: str
    agent: AgentName
    before: Named
    after: Named
    sides: tuple[Named, ...]
    rules: Rules
    standing: Standing | None
    elsewhere: tuple[str, ...] = ()
    known: tuple[Release, ...] = ()
    is_renamed: bool = False


@dataclass(frozen=True, slots=True)
class OverrideChange:
    """An override file that came, changed or went; what it allows and why, and the deployments that used it up."""

    path: str
    before: str
    after: str
    environment: str
    agents: tuple[str, ...]
    allow: str
    reason: str
    used_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MainStep:
    """One commit of main's first-parent chain, and what it changed.

    `orphans`: documents that are gone while others name them, as (document, who names it). `head`: the head environment
    before and after, where it is another one. `layers`: own layers that changed, as (agent, environment).
    """

    commit: CommitInfo
    position: int
    pins: tuple[PinChange, ...] = ()
    overrides: tuple[OverrideChange, ...] = ()
    orphans: tuple[tuple[str, str], ...] = ()
    head: tuple[str, str] | None = None
    layers: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """The commit that an event names as its cause, as main has it; `is_there` is False where it is gone.

    `is_earlier`: whether it is in the history of the config revision.
    """

    is_there: bool
    pin: Named = None
    person: str = ""
    has_note: bool = False
    is_earlier: bool = True


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment that a commit on an environment's branch touched.

    `before` and `after` are None where they cannot be read. `rules` and `pin` are those of the config revision.
    `names` has the names that it has and had, `was` is the one that it had before this commit where that is another,
    `is_left` says that this is the name that it had; `is_renamed`: whether main or the record says so. `shown`,
    `settings` and `content` are the ids of the three folders ("" where there is none), `is_shown_anew` whether the
    first changed. `spent`: overrides that the record calls used up now, as (id, path or "", reason).
    """

    agent: AgentName
    before: Standing | None
    after: Standing | None
    rules: Rules
    pin: Named
    events: tuple[Event, ...] = ()
    asked: Mapping[str, Asked] = field(default_factory=dict)
    events_kept: bool = True
    ran_kept: bool = True
    names: tuple[AgentName, ...] = ()
    was: AgentName | None = None
    is_left: bool = False
    is_renamed: bool = True
    shown: str = ""
    settings: str = ""
    content: str = ""
    is_shown_anew: bool = False
    spent: tuple[tuple[str, str, str], ...] = ()
    damage: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A pin move since the revision folded last; None took the pin away or made it unreadable."""

    config: Revision
    release: Release | None


@dataclass(frozen=True, slots=True)
class BranchStep:
    """One commit on an environment's branch that has headpin's trailers, its own tree among them.

    `positions` and `folded` are where the config revision and the folded one are on main now and were in the own
    commit before; None where they are not on its chain. `moves`: what the pins did in between, None where that cannot
    be told. `standing`: of the deployments of `moves` that the commit did not touch.
    """

    environment: str
    commit: CommitInfo
    position: int
    config: Revision
    state: EnvironmentState
    before: EnvironmentState | None
    positions: tuple[int | None, int | None]
    folded: tuple[int | None, int | None]
    latest: datetime | None
    deployments: tuple[Deployment, ...]
    moves: Mapping[AgentName, tuple[Step, ...]] | None = None
    standing: Mapping[AgentName, Standing | None] = field(default_factory=dict)
    strays: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    prune_limit: int = 0
    prune_allowed: frozenset[AgentName] = frozenset()
    exists: bool = True
    was_rewritten: bool = False
    numbering: str = ""
