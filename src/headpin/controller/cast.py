"""Which agents an environment is decided for once renames are known, and by which moves of their pins.

Of the names of one deployment only the present one takes part: the others neither lose nor win anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from headpin.controller.branches import Branch
from headpin.controller.context import PassContext
from headpin.controller.fold import fold_renamed, move_by
from headpin.controller.pasts import claimed_twice
from headpin.controller.view import View
from headpin.releases import NEVER_RAN, Move
from headpin.types import AgentName
from headpin.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Rename:
    """An agent that had the name `old` so far, and the commit that renamed it."""

    old: AgentName
    by: Move


@dataclass(slots=True)
class Cast:
    """The deployments to decide about, each under its present name.

    `claimed` has those of which another says that it was them, and both are there.
    """

    agents: tuple[AgentName, ...] = ()
    claimed: dict[AgentName, AgentName] = field(default_factory=dict)
    renames: dict[AgentName, Rename] = field(default_factory=dict)
    moves: dict[AgentName, tuple[Move, ...]] = field(default_factory=dict)


def cast_of(context: PassContext, branch: Branch, view: View, found: Sequence[AgentName]) -> Cast:
    """The deployments of `found`, which has the names that documents, pins and records have."""
    cast = Cast()
    taken: set[AgentName] = set()
    names: dict[AgentName, tuple[AgentName, ...]] = {}
    for agent, past in _pasts(branch, found, cast.claimed).items():
        names[agent] = past
        taken |= {
            name for name in past[1:] if name == branch.home(agent) or _is_nobody(context.workspace, branch, name)
        }
    moved: Mapping[AgentName, Sequence[Move]] = view.moves.get(branch.environment, {})
    for agent in found:
        if agent in moved and agent not in taken and _is_nobody(context.workspace, branch, agent):
            owner = _owner_then(context, branch, agent, moved[agent][0])
            if owner is not None:  # renamed and renamed back since: what its pin did is the owner's history
                taken.add(agent)
                names[owner] = (*names.get(owner, (owner,)), agent)
    cast.agents = tuple(sorted({*found, *cast.claimed, *names} - taken))
    cast.moves = {agent: tuple(moved.get(agent, ())) for agent in cast.agents}
    for agent, known in names.items():
        _fold(context, branch, view, cast, agent, known)
    return cast


def _pasts(
    branch: Branch, found: Sequence[AgentName], claimed: dict[AgentName, AgentName]
) -> Mapping[AgentName, tuple[AgentName, ...]]:
    """All names of those that go on with a past of another name. Of a past that two want, neither gets any."""
    heirs: dict[AgentName, AgentName] = {}
    for agent in found:
        past = branch.past(agent)
        if past is None:
            continue
        if past.problem is None and past.owner not in heirs:
            heirs[past.owner] = agent
            continue
        claimed[past.owner] = agent
        for one, other in ((agent, heirs.get(past.owner)), (heirs.get(past.owner), agent)):
            if past.problem is None and one is not None and other is not None:
                branch.pasts[one] = replace(past, problem=claimed_twice(past.owner, one, other))
    sure = {agent: branch.past(agent) for owner, agent in heirs.items() if owner not in claimed}
    return {agent: past.names for agent, past in sure.items() if past is not None}


def _is_nobody(workspace: Workspace, branch: Branch, agent: AgentName) -> bool:
    """Whether nothing is left of the name, and nothing ever ran under it."""
    is_gone = workspace.is_gone(agent) and not workspace.has_pin(branch.environment, agent)
    return is_gone and not branch.record(agent).ever_ran


def _owner_then(context: PassContext, branch: Branch, agent: AgentName, move: Move) -> AgentName | None:
    """Whose pin moved to the name `agent`, which nobody has any more; None where it was a pin of its own."""
    document = context.workspace.at(context.repository.tree(move.config)).agent(agent)
    former = document.model.former_names if document and document.model else ()
    has_pin = context.workspace.has_pin
    return next((n for n in reversed(former) if branch.record(n) != NEVER_RAN and has_pin(branch.environment, n)), None)


def _fold(
    context: PassContext, branch: Branch, view: View, cast: Cast, agent: AgentName, names: tuple[AgentName, ...]
) -> None:
    """Folds the pins of all `names` as one history, and says who renamed it."""
    by = None
    if view.base is not None and branch.environment != context.workspace.head_environment:
        moves, by = fold_renamed(context.repository, context.reader, view.base, view.commits, branch.environment, names)
        cast.moves[agent] = tuple(moves)
    old = branch.home(agent)
    if old != agent:
        cast.renames[agent] = Rename(old, move_by(by, None) if by else context.around.head_move)
