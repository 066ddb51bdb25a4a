"""From documents to the conditions of a move: the stage's gates, suspensions, approvals and overrides."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from headpin.model import Gates
from headpin.problems import Problem
from headpin.releases import Conditions, Consent, Exemption, Release, Suspension
from headpin.types import AgentName
from headpin.workspace import OwnLayers, Workspace


def conditions_of(
    workspace: Workspace,
    environment: str,
    agent: AgentName,
    own: OwnLayers | None,
    project: Sequence[Problem],
    now: datetime,
) -> Conditions:
    """What is asked of every change here, under these own layers; `project` has the errors of what says it."""
    suspensions = tuple(suspensions_of(workspace, agent, own))
    trouble = str(project[0]) if project else ""
    return Conditions(now, gates_of(workspace, environment, agent.project), suspensions, trouble=trouble)


def with_files(
    conditions: Conditions,
    workspace: Workspace,
    environment: str,
    agent: AgentName,
    release: Release,
    consumed: Collection[str],
) -> Conditions:
    """`conditions` with the approvals and overrides of `release`, without the overrides that are `consumed`."""
    gates = conditions.gates
    return replace(
        conditions,
        consents=tuple(_consents(workspace, environment, agent, release)) if gates.approvals else (),
        exemptions=tuple(_exemptions(workspace, "gates", environment, agent, release, consumed))
        if gates.overridable
        else (),
        adoption=next(_exemptions(workspace, "adopt", environment, agent, release, consumed), None),
    )


def gates_of(workspace: Workspace, environment: str, project: str) -> Gates:
    """The gates of the stage; none in the head environment, which is no promotion's target."""
    if environment == workspace.head_environment:
        return Gates()
    stages = workspace.stages(project)
    return next((stage.gates for stage in stages if stage.environment == environment), Gates())


def suspensions_of(workspace: Workspace, agent: AgentName, own: OwnLayers | None) -> Iterator[Suspension]:
    """Every suspension that the deployment is below, from the broadest to the narrowest."""
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
    workspace: Workspace,
    allow: str,
    environment: str,
    agent: AgentName,
    release: Release,
    consumed: Collection[str],
) -> Iterator[Exemption]:
    for document in workspace.overrides.values():
        model = document.model
        if model is None or model.allow != allow or document.id in consumed:
            continue
        if (model.environment, model.agents) != (environment, (str(agent),)) or model.release is None:
            continue
        if Release.of_pin(model.release) == release:
            yield Exemption(document.id, document.path, frozenset(model.gates), model.reason)
