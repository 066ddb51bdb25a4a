"""Rules about gates across documents: where they have no effect, and whom approvals and overrides are about.

All of them warn, or hold nothing but the file itself: a gate that is written wrongly stays closed.
"""

from __future__ import annotations

from collections.abc import Iterator

from headpin.model import Approval, Override, Pipeline
from headpin.problems import Problem
from headpin.types import AgentName
from headpin.workspace.documents import Document
from headpin.workspace.former_rules import heir_of
from headpin.workspace.workspace import Workspace


def stage_gate_problems(workspace: Workspace, document: Document[Pipeline]) -> Iterator[Problem]:
    """Gates of a pipeline's stages that nobody asks, or that cannot open."""
    for number, stage in enumerate(document.model.stages if document.model else ()):
        at, gates = ("stages", number, "gates"), stage.gates
        if stage.environment == workspace.head_environment:
            if gates.model_fields_set:
                said = f"{stage.environment} follows branches, and nothing is promoted into it"
                yield document.problem("HP350", at, said)
        elif number == 0:
            for key in gates.model_fields_set & {"health", "soak", "checks"}:
                if getattr(gates, key):
                    yield document.problem("HP351", (*at, key), f"{stage.environment} has no earlier stage")


def approval_problems(workspace: Workspace, name: str) -> tuple[Problem, ...]:
    """What is wrong with one approval."""
    document = workspace.approvals[name]
    model = document.model
    if model is None:
        return document.problems
    about = _about(workspace, document, model.environment, (model.agent,), ("agent",))
    return (*document.problems, *about)


def gate_override_problems(workspace: Workspace, document: Document[Override], model: Override) -> Iterator[Problem]:
    """What is wrong with an override that opens gates, or that it opens what the stage does not let it open."""
    environment = model.environment or ""
    yield from _about(workspace, document, environment, model.agents, ("agents", 0))
    agent = AgentName.parse(model.agents[0])
    stages = workspace.stages(agent.project) if agent else ()
    gates = next((stage.gates for stage in stages if stage.environment == environment), None)
    for number, gate in enumerate(model.gates if gates else ()):
        if gates and gate not in gates.overridable:
            said = f"{gate} is not among the overridable gates of {environment} in the project's pipeline"
            yield document.problem("HP323", ("gates", number), said)


def _about(
    workspace: Workspace,
    document: Document[Override] | Document[Approval],
    environment: str,
    agents: tuple[str, ...],
    at: tuple[str | int, ...],
) -> Iterator[Problem]:
    if environment not in workspace.environments:
        yield document.problem("HP301", ("environment",), f"there is no environment {environment}")
    elif environment == workspace.head_environment:
        said = f"{environment} follows branches, and nothing is promoted into it"
        yield document.problem("HP350", ("environment",), said)
    agent = AgentName.parse(agents[0])
    if agent is not None and workspace.has_agent(agent):
        return
    heir = heir_of(workspace, agent) if agent is not None else None
    if heir is not None:  # one that is used up is history, and says what was true then
        yield document.problem("HP323", at, f"{agent} was renamed to {heir}: it opens nothing any more")
    else:
        yield document.problem("HP303", at, f"there is no agent {agents[0]}")
