"""A chart that an agent brings itself, and which of its values headpin fills in.

Owns the names of headpin's values; what they are for a deployment is a matter of `headpin.rendering`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from headpin.model.document import Part
from headpin.types import path_fault

CHARTS = "charts"
"""The folder of the config repository that charts are in."""

_MAX_VALUES = 200

ValueName = Literal[
    "agent",
    "annotations",
    "args",
    "autoscaling.enabled",
    "autoscaling.maxReplicas",
    "autoscaling.minReplicas",
    "autoscaling.targetCPU",
    "command",
    "content",
    "env",
    "environment",
    "files",
    "gracePeriod",
    "image",
    "image.digest",
    "image.path",
    "image.registry",
    "image.repository",
    "image.tag",
    "imagePullSecrets",
    "livenessProbe",
    "name",
    "namespace",
    "podAnnotations",
    "port",
    "ports",
    "project",
    "readinessProbe",
    "replicas",
    "resources",
    "revision",
    "secretFiles",
    "secrets",
    "serviceAccount.annotations",
    "servicePort",
    "startupProbe",
    "stopped",
    "variables",
    "version",
]
"""What can be put into a chart's values."""

ValuePath = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z_][A-Za-z0-9_-]*){0,9}$", max_length=200)
]
"""The way to a value in a chart's `values.yaml`: its keys, with dots between them."""


def _chart_path(text: str) -> str:
    fault = path_fault(text)
    if fault:
        raise ValueError(fault)
    if not text.startswith(f"{CHARTS}/"):
        raise ValueError(f"charts are in folders below {CHARTS}/")
    return text


class Chart(Part):
    """A Helm chart of the workspace. A plain path stands for `path`."""

    path: Annotated[str, AfterValidator(_chart_path), Field(json_schema_extra={"pattern": "^charts/."})] = Field(
        description="The chart's folder, below charts/. Its files are part of the release."
    )
    values: Annotated[dict[ValuePath, ValueName | None], Field(max_length=_MAX_VALUES)] = Field(
        {},
        description="Where headpin's values go: keys of the chart's values.yaml with dots between them, to the name "
        "of a value; null leaves the chart's own where headpin would fill it in.",
    )

    @model_validator(mode="after")
    def _apart(self) -> Self:
        for path in self.values:
            above = next((other for other in self.values if path.startswith(f"{other}.")), None)
            if above:
                raise ValueError(f"values has {path} and also {above}, which it is in")
        return self


def _from_text(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


def _text_too(schema: dict[str, Any]) -> None:
    """Tells editors that a plain path is fine too."""
    schema["anyOf"] = [*schema.pop("anyOf", []), {"type": "string", "pattern": "^charts/."}]


ChartRule = Annotated[Chart | None, BeforeValidator(_from_text), Field(json_schema_extra=_text_too)]
