"""Everything that rendering takes, as one value with one digest.

The digest is of the whole input but the scale: with equal digests and equal scales the bytes are equal, so
nothing else has to be compared to know that a deployment is as it should be.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from headpin.model import Agent, SecretKey, Settings
from headpin.rendering.content import MountedContent
from headpin.types import AgentName
from headpin.workspace import Effective, object_name
from headpin.workspace.charts import ChartFolder

_NOT_RENDERED = {
    *("source", "image", "content", "display_name", "description", "formerly", "engine", "chart"),
    *Settings.model_fields,
}
"""Of `agent.yaml`: what is resolved elsewhere, or only for people."""


@dataclass(frozen=True, slots=True)
class RenderInput:
    """One deployment to be rendered. `name` is the one that its objects are named by: a renamed agent's first.

    `agent` is the snapshot's, `effective` the settings after all layers.

    `content` is None for a release without content, whatever `agent` says.
    """

    environment: str
    namespace: str
    name: AgentName
    engine: str
    template_set: int
    version: int
    tracks_head: bool
    revision: str
    image: str
    agent: Agent
    effective: Effective
    chart: ChartFolder | None = None
    """The chart that the agent brings, where the engine is one for charts."""
    content: MountedContent | None = None

    @property
    def object_name(self) -> str:
        """The name of the Kubernetes objects."""
        return object_name(self.name)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The Kubernetes Secrets that this needs."""
        return tuple(sorted({*self.effective.secrets, *(self.content.secrets if self.content else ())}))

    def digest(self) -> str:
        """SHA-256 of everything but the scale, in hexadecimal digits."""
        text = json.dumps(self._canonical(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def _canonical(self) -> dict[str, Any]:
        effective = self.effective
        return {
            "environment": self.environment,
            "namespace": self.namespace,
            "name": str(self.name),
            "engine": self.engine,
            "templates": self.template_set,
            "version": "head" if self.tracks_head else self.version,
            "revision": self.revision,
            "image": self.image,
            "agent": self.agent.model_dump(mode="json", exclude=_NOT_RENDERED),
            "variables": {
                name: value.model_dump(mode="json") if isinstance(value, SecretKey) else value
                for name, value in effective.variables.items()
            },
            "files": {path: content.model_dump(mode="json") for path, content in effective.files.items()},
            "requests": dict(effective.requests),
            "limits": dict(effective.limits),
            "annotations": dict(effective.annotations),
            "imagePullSecrets": list(effective.image_pull_secrets),
            **({"content": self.content.canonical()} if self.content else {}),
            **({"chart": self._chart(self.chart)} if self.chart is not None else {}),
        }

    def _chart(self, chart: ChartFolder) -> dict[str, Any]:
        rule = self.agent.chart
        return {"tree": chart.id, "values": dict(rule.values) if rule else {}}
