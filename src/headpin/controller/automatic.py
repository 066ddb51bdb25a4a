"""Promotions that headpin makes itself, where a stage says `promotion: automatic` and all its gates are open.

Owns what automation may do: bring to a stage what its source serves, if that never ran there, nobody moved the
pin away from it, and no person's pin waits there. It never rolls back, never returns to what ran before, and adds
no pin that a person took away. What it writes is the commit that a person could have written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from headpin.actions import Change, PinMove, promotion
from headpin.controller.branches import Branch
from headpin.controller.proposal import propose
from headpin.controller.realise import Realiser
from headpin.controller.selection import Selected, select_for_promotion
from headpin.controller.situations import Surroundings
from headpin.errors import HeadpinError
from headpin.git import CommitInfo, Signature
from headpin.model import Stage
from headpin.releases import HEADPIN, Release, ran_as
from headpin.types import AgentName
from headpin.workspace import Workspace

_NOT_ASKED = frozenset({"projects", "pins", "README.md", "docs"})
"""At the top of main: what is compared by project, or says nothing to headpin."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """What can be promoted into one environment now."""

    environment: str
    change: Change


@dataclass(slots=True)
class Waiting:
    """Projects of which nothing can be promoted as things stand: they are not looked at again until these change.

    Forgetting it changes no answer.
    """

    _known: dict[tuple[str, str], tuple[object, datetime | None]] = field(default_factory=dict)

    def is_known(self, environment: str, project: str, things: object, now: datetime) -> bool:
        """Whether nothing can have become open since it was looked at."""
        known = self._known.get((environment, project))
        return known is not None and known[0] == things and (known[1] is None or now < known[1])

    def keep(self, environment: str, project: str, things: object, opens_at: datetime | None) -> None:
        """Remembers that nothing is open as `things` stand, before `opens_at`."""
        self._known[environment, project] = things, opens_at

    def forget(self, environment: str, project: str) -> None:
        """Looks again the next time."""
        self._known.pop((environment, project), None)

    def forget_all_but(self, projects: Collection[str], environments: Collection[str]) -> None:
        """Forgets what is not there any more."""
        gone = [key for key in self._known if key[0] not in environments or key[1] not in projects]
        for key in gone:
            del self._known[key]

    @property
    def opens_at(self) -> datetime | None:
        """When the first gate opens that is known to."""
        return min((at for _, at in self._known.values() if at is not None), default=None)


def automatic_changes(
    around: Surroundings,
    realiser: Realiser,
    base: CommitInfo,
    known: Collection[str],
    waiting: Waiting,
    evidence: Callable[[str], object],
) -> Iterator[Promotion]:
    """One change for each environment that something can be promoted into now, nearest to the source first.

    Only of the environments `known`, whose records tell all that people did up to `base`. What a gate keeps, or what
    could not be rendered, is left out; it is looked at again when something changes that may open it. `evidence`
    gives what tells an environment's evidence from another state of it.
    """
    person = Signature(*HEADPIN, max(around.now, base.committer.at))
    workspace = around.workspace
    waiting.forget_all_but(workspace.projects, workspace.environments)
    shared = _shared(around, evidence)
    for environment in workspace.environment_order:
        if environment not in known:
            continue
        open_moves: list[PinMove] = []
        for project in _projects(around, environment):
            things = (shared, _things(around, project))
            if waiting.is_known(environment, project, things, around.now):
                continue
            found, opens_at = _open_moves(around, realiser, base, environment, project, person)
            open_moves += found
            if found:
                waiting.forget(environment, project)
            else:
                waiting.keep(environment, project, things, opens_at)
        if open_moves:
            yield Promotion(environment, promotion(workspace.tree, environment, open_moves))


def _open_moves(
    around: Surroundings, realiser: Realiser, base: CommitInfo, environment: str, project: str, person: Signature
) -> tuple[list[PinMove], datetime | None]:
    """What of a project can be promoted, and when the first of what cannot yet may be looked at again."""
    found: list[PinMove] = []
    instants = []
    for selected in _selected(around, environment, project):
        move = PinMove(selected.agent, selected.release, selected.version, selected.source)
        change = promotion(around.workspace.tree, environment, [move])
        outcomes = propose(around, realiser, base, change, person).outcomes
        if any(outcome.is_refused for outcome in outcomes):
            instants += [outcome.decision.opens_at for outcome in outcomes]
        else:
            found.append(move)
    return found, min((at for at in instants if at is not None), default=None)


def _shared(around: Surroundings, evidence: Callable[[str], object]) -> object:
    """Everything that all projects are decided by: documents at the top, holds, and evidence."""
    top = tuple((entry.name, entry.id) for entry in around.workspace.tree.entries() if entry.name not in _NOT_ASKED)
    branches = tuple(
        (name, str(branch.trouble or ""), branch.state.hold if branch.state else None, evidence(name))
        for name, branch in around.branches.items()
    )
    return top, branches


def _things(around: Surroundings, project: str) -> object:
    """What says something about one project: its documents, its pins and its records."""
    tree = around.workspace.tree
    entries = [tree.entry(f"projects/{project}")]
    for name, branch in around.branches.items():
        entries += [tree.entry(f"pins/{name}/{project}"), branch.tree.entry(f"deployments/{project}")]
    return tuple(entry.id if entry else "" for entry in entries)


def is_automatic(workspace: Workspace) -> bool:
    """Whether any pipeline has a stage that headpin promotes into."""
    pipelines = (document.model for document in workspace.pipelines.values())
    return any(_promotes(stage) for pipeline in pipelines if pipeline for stage in pipeline.stages)


def _promotes(stage: Stage) -> bool:
    return stage.promotion.mode == "automatic"


def _projects(around: Surroundings, environment: str) -> Iterator[str]:
    """The projects that headpin promotes into the environment by itself."""
    workspace, branch = around.workspace, around.branches[environment]
    if environment == workspace.head_environment or branch.trouble or (branch.state and branch.state.hold):
        return
    for project in workspace.projects:
        if any(stage.environment == environment and _promotes(stage) for stage in workspace.stages(project)):
            yield project


def _selected(around: Surroundings, environment: str, project: str) -> Iterator[Selected]:
    for agent in around.workspace.agents(project):
        selected = _wanted(around, around.branches[environment], agent)
        if selected is not None:
            yield selected


def _wanted(around: Surroundings, branch: Branch, agent: AgentName) -> Selected | None:
    record, pin = branch.record(agent), around.workspace.pin(branch.environment, agent)
    if pin is None and (record.served is not None or record.removed is not None or record.rejected):
        return None  # a person took the pin away
    if pin is not None and (pin.model is None or (record.wanted is not None and not record.wanted.is_automatic)):
        return None  # nobody can read it, or a person's pin waits
    try:
        selected = select_for_promotion(around, agent, branch.environment, None, None)
    except HeadpinError:  # refused, or a branch or source that cannot be read, which the pass tells
        return None
    pinned = Release.of_pin(pin.model) if pin and pin.model else None
    if selected.release == pinned or selected.release in record.rejected:
        return None
    return None if ran_as(branch.ran(agent), selected.release) else selected
