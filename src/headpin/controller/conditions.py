"""From documents to the conditions of a move: the stage's gates, suspensions, approvals and overrides."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from headpin.model import Gates
from headpin.releases import Conditions, Consent, Exemption, Release, Suspension
from headpin.types import AgentName
from headpin.workspace import Workspace


def conditions_of(
    workspace: Workspace,
    environment: str,
    agent: AgentName,
    release: Release | None,
    consumed: Collection[str],
    now: datetime,
) -> Conditions:
    """What is asked before `release` (None: nothing new) is served; without the overrides that are `consumed`."""
    gates = gates_of(workspace, environment, agent.project)
    return Conditions(
        now,
        gates,
        tuple(suspensions_of(workspace, environment, agent)),
        tuple(_consents(workspace, environment, agent, release)) if release and gates.approvals else (),
        tuple(_exemptions(workspace, environment, agent, release, consumed)) if release and gates.overridable else (),
    )


def gates_of(workspace: Workspace, environment: str, project: str) -> Gates:
    """The gates of the stage; none in the head environment, which is no promotion's target."""
    if environment == workspace.head_environment:
        return Gates()
    stages = workspace.stages(project)
    return next((stage.gates for stage in stages if stage.environment == environment), Gates())


def suspensions_of(workspace: Workspace, environment: str, agent: AgentName) -> Iterator[Suspension]:
    """Every suspension that the deployment is below, from the broadest to the narrowest."""
    own = workspace.own_layers(environment, agent)
    pipeline = workspace.pipeline_of(agent.project)
    documents = (
        workspace.document,
        workspace.pipelines.get(pipeline) if pipeline else None,
        own.environment if own else None,
        workspace.project(agent.project),
        own.project if own else None,
        own.agent if own else None,
    )
    for document in documents:
        if document is not None and document.model is not None and document.model.suspended is not None:
            yield Suspension(document.path, document.model.suspended)


def _consents(workspace: Workspace, environment: str, agent: AgentName, release: Release) -> Iterator[Consent]:
    for document in workspace.approvals.values():
        model = document.model
        if model is None or (model.environment, model.agent) != (environment, str(agent)):
            continue
        if Release.of_pin(model.release) == release:
            yield Consent(model.by, document.path)


def _exemptions(
    workspace: Workspace, environment: str, agent: AgentName, release: Release, consumed: Collection[str]
) -> Iterator[Exemption]:
    for document in workspace.overrides.values():
        model = document.model
        if model is None or model.allow != "gates" or document.id in consumed:
            continue
        if (model.environment, model.agents) != (environment, (str(agent),)) or model.release is None:
            continue
        if Release.of_pin(model.release) == release:
            yield Exemption(document.id, document.path, frozenset(model.gates), model.reason)
