"""What a change of main would do, found out before anything of it is written.

The documents are looked at with the change laid over them, and the same decisions and the same rendering as in
a pass say what becomes of every deployment that it concerns. Must never write, not even an object.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from headpin.actions import Change
from headpin.controller.branches import Branch
from headpin.controller.effects import NO_EFFECTS, Effects, effects_of, removals, removals_over
from headpin.controller.fold import move_by
from headpin.controller.holds import held_by_documents
from headpin.controller.realise import Realised, Realiser
from headpin.controller.situations import Surroundings, situation_of
from headpin.errors import Refused
from headpin.git import CommitInfo, Signature
from headpin.releases import NEVER_RAN, Action, Decision, HoldReason, Situation, Wanted, decide, held
from headpin.tree import OverlayTree, walk
from headpin.types import AgentName
from headpin.workspace import Workspace
from headpin.workspace.layout import Place, classify, pin_path

_Held = tuple[HoldReason, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One deployment under the change. `before` and `after` are its manifests, file name to text."""

    agent: AgentName
    environment: str
    situation: Situation
    decision: Decision
    before: Mapping[str, str]
    after: Mapping[str, str]
    is_of_pods: bool = False
    is_rename: bool = False

    @property
    def is_refused(self) -> bool:
        """Whether the next pass would not carry the change out.

        The number of pods follows main even where a gate keeps everything else. What is held already is renamed all
        the same; what would be removed or held by its new name is not.
        """
        if self.is_rename:
            is_new = self.decision.hold is HoldReason.INVALID and self.situation.record.hold is None
            return is_new or self.decision.action is Action.REMOVE
        if self.is_of_pods and self.decision.hold is not HoldReason.INVALID:
            return False
        return self.decision.action in (Action.HOLD, Action.WAIT)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change on top of `base`, and what it would do."""

    change: Change
    base: CommitInfo
    outcomes: tuple[Outcome, ...]
    effects: Effects = NO_EFFECTS

    def refuse(self) -> None:
        """Raises Refused when the next pass would not carry the change out, with all reasons."""
        refused = [outcome for outcome in self.outcomes if outcome.is_refused]
        told = [*self.effects.refusals, *(f"{o.agent} in {o.environment}: {o.decision.reason}" for o in refused)]
        if self.effects.refusals:
            raise Refused("\n".join(told), remedy="nothing was written; --dry-run shows the whole change")
        if refused:
            first = refused[0]
            option = "--promote-to" if first.situation.moves else "--env"
            raise Refused("\n".join(told), remedy=f"see 'headpin explain {first.agent} {option} {first.environment}'")


def propose(around: Surroundings, realiser: Realiser, base: CommitInfo, change: Change, person: Signature) -> Proposal:
    """The proposal. `around` is how things stand at `base`, `realiser` renders with its documents.

    Raises what reading and rendering raise; what the rules do not allow is an outcome.
    """
    before = around.workspace
    workspace = Workspace(OverlayTree(before.tree, change.files), realiser.reader)
    commit = replace(base, parents=(base.id,), author=person, committer=person, message=change.message)
    branches = {name: branch.under(workspace) for name, branch in around.branches.items()}
    around = replace(around, workspace=workspace, branches=branches, head_move=move_by(commit, None))
    realiser = realiser.over(workspace)
    if change.structure:
        return _structural(before, around, realiser, base, change)
    outcomes = []
    concerned = {*_concerned(workspace, change), *_renamed(branches, workspace, change)}
    for environment, agent in sorted(concerned):
        if environment in around.branches:
            moves = pin_path(environment, agent) in change.files
            moved_by = commit if moves and change.renames is None else None
            hold = _hold_of(around.branches[environment])
            outcome = _outcome(around, realiser, moved_by, environment, agent, hold)
            is_rename = change.renames is not None
            outcomes.append(replace(outcome, is_of_pods=change.is_of_pods, is_rename=is_rename))
    return Proposal(change, base, tuple(outcomes))


def _structural(
    before: Workspace, around: Surroundings, realiser: Realiser, base: CommitInfo, change: Change
) -> Proposal:
    """What becomes of what the change ends, and what it does besides."""
    workspace = around.workspace
    ended = removals(before, workspace, around.branches, change)
    holds = {name: _hold_with(before, workspace, around.branches[name]) for name in {name for name, _ in ended}}
    outcomes = tuple(_outcome(around, realiser, None, name, agent, holds[name]) for name, agent in ended)
    removed = [(item.environment, item.agent) for item in outcomes if item.decision.action is Action.REMOVE]
    effects = replace(
        effects_of(before, workspace, around.branches, change),
        excess=removals_over(workspace, removed),
        bound=workspace.limits.prune,
    )
    return Proposal(change, base, outcomes, effects)


def _concerned(workspace: Workspace, change: Change) -> list[tuple[str, AgentName]]:
    """The deployments whose pin or own layer changes."""
    places = (classify(path) for path in change.files)
    found = (place for place in places if isinstance(place, Place) and place.environment and place.agent)
    return sorted({(place.environment, place.agent_name) for place in found if workspace.has_agent(place.agent_name)})


def _renamed(branches: Mapping[str, Branch], workspace: Workspace, change: Change) -> Iterator[tuple[str, AgentName]]:
    """Every deployment of an agent that the change renames."""
    if change.renames is not None:
        _, new = change.renames
        for name, branch in branches.items():
            if branch.trouble is None and (branch.record(new) != NEVER_RAN or workspace.has_pin(name, new)):
                yield name, new


def _outcome(
    around: Surroundings,
    realiser: Realiser,
    commit: CommitInfo | None,
    environment: str,
    agent: AgentName,
    hold: _Held | None,
) -> Outcome:
    """What becomes of the deployment; `commit` is the one that moves its pin, if one does, `hold` the environment's."""
    branch = around.branches[environment]
    if branch.trouble is not None:
        raise branch.trouble
    exists = environment in around.workspace.environments
    situation = situation_of(around, environment, agent, (), exists=exists)
    desired = situation.desired
    if commit is not None and isinstance(desired, Wanted):
        move = move_by(commit, desired.release)
        situation = situation_of(around, environment, agent, (move,))
    realised: Realised = realiser.realise(situation, decide(situation))
    if hold is not None:
        reason, message = hold
        realised = Realised(held(situation, reason, f"the whole environment is held: {message}"))
    home = branch.home(agent)
    folder = f"manifests/{home.project}/{home.agent}"
    before = {
        path.removeprefix(f"{folder}/"): branch.tree.read(path).decode("utf-8", "replace")
        for path, _ in walk(branch.tree, folder)
    }
    after = before if realised.files is None else dict(realised.files)
    if realised.decision.action is Action.REMOVE:
        after = {}
    return Outcome(agent, environment, situation, realised.decision, before, after)


def _hold_of(branch: Branch) -> _Held | None:
    """What holds the whole environment now."""
    hold = branch.state.hold if branch.state else None
    return (hold.reason, hold.message) if hold else None


def _hold_with(before: Workspace, after: Workspace, branch: Branch) -> _Held | None:
    """What holds the whole environment once the change is there: it may break documents, or mend those that hold it."""
    message = held_by_documents(after, branch)
    if message:
        return HoldReason.INVALID, message
    return None if held_by_documents(before, branch) else _hold_of(branch)
