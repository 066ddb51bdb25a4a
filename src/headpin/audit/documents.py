"""What main's documents say of one deployment at one revision, as the judging modules take it.

Reads documents and links them, as everybody does who reads them; decides nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator

from headpin.audit.facts import NO_GATES, Consent, EarlierStage, Named, Opening, Rules, Standing
from headpin.git import Repository
from headpin.model import Stage
from headpin.problems import errors
from headpin.releases.release import Release
from headpin.tree import EMPTY, Tree
from headpin.types import AgentName, Revision
from headpin.workspace import DocumentReader, Workspace
from headpin.workspace.rules import project_problems

StandingOf = Callable[[str, AgentName], Standing | None]
"""How a deployment stands at the moment; None where its files cannot be read."""

_KEPT = 64
"""Workspaces kept open: promotions name commits near each other."""


class Documents:
    """The workspaces of a repository by revision. `parsed` counts documents, as of its reader."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._reader = DocumentReader()
        self._open: OrderedDict[str, Workspace] = OrderedDict()

    def at(self, revision: Revision | None) -> Workspace:
        """The workspace at a revision; an empty one before the first."""
        key = revision or ""
        found = self._open.pop(key, None)
        if found is None:
            tree: Tree = self._repository.tree(revision) if revision else EMPTY
            found = Workspace(tree, self._reader)
        self._open[key] = found
        if len(self._open) > _KEPT:
            self._open.popitem(last=False)
        return found


def named(workspace: Workspace, environment: str, agent: AgentName) -> Named:
    """What the pin names."""
    pin = workspace.pin(environment, agent)
    if pin is None:
        return None
    return Release.of_pin(pin.model) if pin.model else "unreadable"


def formerly(workspace: Workspace, agent: AgentName) -> tuple[AgentName, ...]:
    """The names that the agent had before, newest first, as far as its document says so."""
    document = workspace.agent(agent)
    said = getattr(document.model, "formerly", ()) if document and document.model else ()
    names = (said,) if isinstance(said, str) else tuple(said or ())
    return tuple(name for text in reversed(names) if (name := AgentName.parse(str(text))) is not None)


def standing_of_any(
    standing_of: StandingOf, workspace: Workspace, environment: str, agent: AgentName
) -> Standing | None:
    """How a deployment stands, under the name that its record still has."""
    found = standing_of(environment, agent)
    if found is None or found.ran:
        return found
    others = (standing_of(environment, name) for name in formerly(workspace, agent))
    return next((other for other in others if other is not None and other.ran), found)


def rules_of(
    workspace: Workspace,
    environment: str,
    agent: AgentName,
    release: Release | None,
    standing_of: StandingOf,
    consumed: Collection[str] = (),
) -> Rules:
    """What the documents say of `agent` in `environment`, and of `release` there. `consumed` overrides are used up."""
    project = errors(project_problems(workspace, agent.project))
    stages = () if project else workspace.stages(agent.project)
    position = next((number for number, stage in enumerate(stages) if stage.environment == environment), None)
    stage = stages[position] if position is not None else None
    is_head = environment == workspace.head_environment
    snapshot = workspace.snapshot(agent)
    return Rules(
        exists=environment in workspace.environments,
        is_head=is_head,
        trouble=str(project[0]) if project else "",
        is_reached=position is not None,
        is_first=position == 0 and not is_head,
        any_earlier=stage is not None and stage.promotion.source == "earlier",
        is_automatic=stage is not None and stage.promotion.mode == "automatic",
        gates=stage.gates if stage is not None and not is_head else NO_GATES,
        suspended=tuple(_suspensions(workspace, environment, agent)),
        earlier=tuple(_earlier(workspace, stages, position or 0, agent, standing_of)),
        settings=snapshot.id if snapshot else None,
        has_agent=snapshot is not None,
        consents=tuple(_consents(workspace, environment, agent, release)),
        openings=tuple(_openings(workspace, "gates", environment, agent, release, consumed)),
        adoption=next(_openings(workspace, "adopt", environment, agent, release, consumed), None),
    )


def _earlier(
    workspace: Workspace, stages: tuple[Stage, ...], position: int, agent: AgentName, standing_of: StandingOf
) -> Iterator[EarlierStage]:
    for number in range(position - 1, -1, -1):
        name = stages[number].environment
        yield EarlierStage(
            name,
            workspace.is_required(stages, number),
            name == workspace.head_environment,
            named(workspace, name, agent),
            standing_of_any(standing_of, workspace, name, agent),
        )


def _suspensions(workspace: Workspace, environment: str, agent: AgentName) -> Iterator[str]:
    pipeline = workspace.pipeline_of(agent.project)
    own = workspace.own_layers(environment, agent)
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
            yield document.path


def _consents(workspace: Workspace, environment: str, agent: AgentName, release: Release | None) -> Iterator[Consent]:
    for document in workspace.approvals.values() if release else ():
        model = document.model
        if model is None or (model.environment, model.agent) != (environment, str(agent)):
            continue
        if Release.of_pin(model.release) == release:
            yield Consent(model.by, document.path)


def _openings(
    workspace: Workspace,
    allow: str,
    environment: str,
    agent: AgentName,
    release: Release | None,
    consumed: Collection[str],
) -> Iterator[Opening]:
    for document in workspace.overrides.values() if release else ():
        model = document.model
        if model is None or model.allow != allow or document.id in consumed or model.release is None:
            continue
        is_about = (model.environment, model.agents) == (environment, (str(agent),))
        if is_about and Release.of_pin(model.release) == release:
            yield Opening(document.id, document.path, frozenset(model.gates), model.reason)
