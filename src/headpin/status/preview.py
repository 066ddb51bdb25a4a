"""What would be rendered for an environment at some revision of main, without asking any gate."""

from __future__ import annotations

from collections.abc import Sequence

from headpin.controller import Controller
from headpin.controller.heads import sources_of
from headpin.controller.report import RenderedDeployment
from headpin.controller.situations import situation_of
from headpin.errors import UsageError
from headpin.releases import Desired, Imageless, Situation, Unobserved, Unreadable, Wanted, ran_as
from headpin.types import AgentName, Revision
from headpin.workspace import Workspace


def render_environment(
    controller: Controller, environment: str, agents: Sequence[AgentName] = (), revision: Revision | None = None
) -> tuple[list[RenderedDeployment], dict[AgentName, str]]:
    """The files of every deployment that the documents at `revision` (main's head) want, and why some have none."""
    repository = controller.repository
    head = repository.commit(revision) if revision else controller.main_head()
    workspace = Workspace(repository.tree_at(head.tree), controller.reader)
    if environment not in workspace.environments:
        raise UsageError(
            f"there is no environment {environment} at {head.id[:7]}",
            remedy=f"the environments are: {', '.join(workspace.environment_order)}",
        )
    is_head = environment == workspace.head_environment
    wanted = agents or (workspace.all_agents() if is_head else workspace.pins(environment))
    around = controller.surroundings(head, sources_of(workspace, wanted if is_head else ()))
    realiser = controller.realiser(around)
    rendered: list[RenderedDeployment] = []
    without: dict[AgentName, str] = {}
    for agent in wanted:
        situation = situation_of(around, environment, agent, ())
        if not isinstance(situation.desired, Wanted):
            without[agent] = _why(situation.desired)
            continue
        found = realiser.preview(situation, situation.desired.release, _version(situation, situation.desired))
        if isinstance(found, str):
            without[agent] = found
        else:
            rendered.append(RenderedDeployment(agent, found[0], found[1]))
    return rendered, without


def _version(situation: Situation, desired: Wanted) -> int:
    before = ran_as(situation.ran, desired.release)
    if before is not None or situation.tracks_head:
        return before.version if before else 0
    return situation.record.highest + 1


def _why(desired: Desired) -> str:
    if isinstance(desired, Unreadable):
        return str(desired.problems[0])
    if isinstance(desired, (Unobserved, Imageless)):
        return desired.message
    return "nothing is pinned"
