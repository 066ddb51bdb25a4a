"""Promotions that headpin makes itself, where a stage says `promotion: automatic` and all its gates are open.

Owns what automation may do: bring to a stage what its source serves, if that never ran there, nobody moved the
pin away from it, and no person's pin waits there. It never rolls back, never returns to what ran before, and adds
no pin that a person took away. What it writes is the commit that a person could have written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may be promoted into one environment."""

    environment: str
    agents: tuple[AgentName, ...]


def automatic_changes(
    around: Surroundings, realiser: Realiser, base: CommitInfo, known: Collection[str]
) -> Iterator[Change]:
    """One change for each environment that something can be promoted into now, nearest to the source first.

    Only of the environments `known`, whose records tell all that people did up to `base`. What a gate keeps, or what
    could not be rendered, is left out; it is looked at again in the next pass.
    """
    person = Signature(*HEADPIN, max(around.now, base.committer.at))
    for environment in around.workspace.environment_order:
        if environment not in known:
            continue
        moves = [
            PinMove(selected.agent, selected.release, selected.version, selected.source)
            for selected in _selected(around, environment)
        ]
        tree = around.workspace.tree
        open_moves = [
            move
            for move in moves
            if not any(
                outcome.is_refused
                for outcome in propose(around, realiser, base, promotion(tree, environment, [move]), person).outcomes
            )
        ]
        if open_moves:
            yield promotion(tree, environment, open_moves)


def is_automatic(around: Surroundings) -> bool:
    """Whether any pipeline has a stage that headpin promotes into."""
    pipelines = (document.model for document in around.workspace.pipelines.values())
    return any(_promotes(stage) for pipeline in pipelines if pipeline for stage in pipeline.stages)


def _promotes(stage: Stage) -> bool:
    return stage.promotion.mode == "automatic"


def _selected(around: Surroundings, environment: str) -> Iterator[Selected]:
    workspace, branch = around.workspace, around.branches[environment]
    if environment == workspace.head_environment or branch.trouble or (branch.state and branch.state.hold):
        return
    for project in workspace.projects:
        if any(stage.environment == environment and _promotes(stage) for stage in workspace.stages(project)):
            for agent in workspace.agents(project):
                selected = _wanted(around, branch, agent)
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
