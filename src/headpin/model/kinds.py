"""The kinds of documents, by the name that `headpin schema KIND` takes."""

from __future__ import annotations

from dataclasses import dataclass

from headpin.model.agent import Agent
from headpin.model.approval import Approval
from headpin.model.document import Part
from headpin.model.environment import Environment
from headpin.model.override import Override
from headpin.model.pin import Pin
from headpin.model.pipeline import Pipeline
from headpin.model.project import Project
from headpin.model.settings import Defaults, OwnLayer
from headpin.model.workspace import WorkspaceDocument


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """A kind: its `name`, its `model`, and `places`, the paths its documents lie at."""

    name: str
    model: type[Part]
    places: tuple[str, ...]


KINDS: dict[str, DocumentKind] = {
    kind.name: kind
    for kind in (
        DocumentKind("workspace", WorkspaceDocument, ("headpin.yaml",)),
        DocumentKind("environment", Environment, ("environments/<environment>.yaml",)),
        DocumentKind("pipeline", Pipeline, ("pipelines/<pipeline>.yaml",)),
        DocumentKind("project", Project, ("projects/<project>/project.yaml",)),
        DocumentKind("agent", Agent, ("projects/<project>/agents/<agent>/agent.yaml",)),
        DocumentKind("defaults", Defaults, ("defaults.yaml", "projects/<project>/defaults.yaml")),
        DocumentKind(
            "own-layer",
            OwnLayer,
            ("projects/<project>/<environment>.yaml", "projects/<project>/agents/<agent>/<environment>.yaml"),
        ),
        DocumentKind("pin", Pin, ("pins/<environment>/<project>/<agent>.yaml",)),
        DocumentKind("override", Override, ("overrides/<name>.yaml",)),
        DocumentKind("approval", Approval, ("approvals/<name>.yaml",)),
    )
}
