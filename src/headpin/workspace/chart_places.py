"""Where headpin's values go in a chart that an agent brings: what `agent.yaml` says, and what charts commonly have.

Only places; what the values are is a matter of `headpin.rendering`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headpin.model import Chart, SecretKey, ValueName
from headpin.workspace.charts import VALUES_FILE, ChartFolder
from headpin.workspace.settings import Effective
from headpin.yaml import load

KeyPath = tuple[str, ...]

_COMMON: tuple[tuple[str, ValueName, type], ...] = (
    ("fullnameOverride", "name", str),
    ("namespaceOverride", "namespace", str),
    ("image", "image", str),
    ("image.registry", "image.registry", str),
    ("image.repository", "image.repository", str),
    ("image.tag", "image.tag", str),
    ("image.digest", "image.digest", str),
    ("imagePullSecrets", "imagePullSecrets", tuple),
    ("replicaCount", "replicas", int),
    ("replicas", "replicas", int),
    ("autoscaling.enabled", "autoscaling.enabled", bool),
    ("autoscaling.minReplicas", "autoscaling.minReplicas", int),
    ("autoscaling.maxReplicas", "autoscaling.maxReplicas", int),
    ("autoscaling.targetCPUUtilizationPercentage", "autoscaling.targetCPU", int),
    ("resources", "resources", dict),
    ("command", "command", tuple),
    ("args", "args", tuple),
    ("env", "env", tuple),
    ("extraEnv", "env", tuple),
    ("extraEnvVars", "env", tuple),
    ("service.port", "servicePort", int),
    ("startupProbe", "startupProbe", dict),
    ("readinessProbe", "readinessProbe", dict),
    ("livenessProbe", "livenessProbe", dict),
    ("podAnnotations", "podAnnotations", dict),
    ("serviceAccount.annotations", "serviceAccount.annotations", dict),
    ("terminationGracePeriodSeconds", "gracePeriod", int),
)
"""Where charts commonly have a value, and of which type; it goes there only if the chart has that."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where values go: what `agent.yaml` says, and what goes unsaid. `blocked` is what no value can be put at."""

    said: Mapping[KeyPath, ValueName]
    common: Mapping[KeyPath, ValueName]
    blocked: tuple[KeyPath, ...]

    @property
    def names(self) -> frozenset[ValueName]:
        """The values that have a place."""
        return frozenset({*self.said.values(), *self.common.values()})

    @property
    def has_image(self) -> bool:
        """Whether the release's image reaches the chart: without, a promotion would change nothing.

        A place for the digest alone is none: a release may have only a tag.
        """
        repository = {"image.repository", "image.path"} & self.names
        return "image" in self.names or bool(repository and "image.tag" in self.names)


def chart_values_of(chart: ChartFolder) -> dict[str, Any]:
    """What the chart's own `values.yaml` says."""
    return load(chart.files.get(VALUES_FILE, "").encode()).value


def places_in(chart: ChartFolder, rule: Chart) -> Places:
    """Where headpin's values go in `chart`."""
    own = chart_values_of(chart)
    ruled = {tuple(path.split(".")): name for path, name in rule.values.items()}
    common: dict[KeyPath, ValueName] = {}
    for text, name, kind in _COMMON:
        path = tuple(text.split("."))
        if _has(own, path, kind) and not any(_overlap(path, other) for other in ruled):
            common[path] = name
    if ("image", "registry") in common:
        common |= {path: "image.path" for path, name in common.items() if name == "image.repository"}
    said = {path: name for path, name in ruled.items() if name is not None}
    return Places(said, common, tuple(path for path in said if _is_blocked(own, path)))


def without_place(places: Places, effective: Effective, has_content: bool) -> Iterator[str]:
    """The settings that are said but reach no place in the chart."""
    names = places.names
    if has_content and "content" not in names:
        yield "content"
    if effective.scaling.stopped and not _can_stop(names):
        yield "stopped"
    secrets = any(isinstance(value, SecretKey) for value in effective.variables.values())
    texts = any(not isinstance(value, SecretKey) for value in effective.variables.values())
    if texts and not {"env", "variables"} & names:
        yield "variables"
    if secrets and not {"env", "secrets"} & names:
        yield "secrets"
    if any(content.text is not None for content in effective.files.values()) and "files" not in names:
        yield "files with text"
    if any(content.secret is not None for content in effective.files.values()) and "secretFiles" not in names:
        yield "files from secrets"
    if effective.image_pull_secrets and "imagePullSecrets" not in names:
        yield "imagePullSecrets"
    if "replicas" not in names and "autoscaling.minReplicas" not in names:
        yield "scaling"
    elif effective.scaling.max_replicas > effective.scaling.min_replicas and "autoscaling.maxReplicas" not in names:
        yield "scaling.maxReplicas"


def _can_stop(names: frozenset[ValueName]) -> bool:
    """Whether a stopped deployment has no pods: no autoscaler that the chart has may start them again."""
    scaled = {"autoscaling.minReplicas", "autoscaling.maxReplicas"} & names
    return "stopped" in names or ("replicas" in names and ("autoscaling.enabled" in names or not scaled))


def _has(own: Mapping[str, Any], path: KeyPath, kind: type) -> bool:
    found: Any = own
    for key in path:
        if not isinstance(found, dict) or key not in found:
            return False
        found = found[key]
    if kind is dict or kind is tuple:
        return found is None or isinstance(found, kind)
    return not isinstance(found, (dict, tuple))


def _is_blocked(own: Mapping[str, Any], path: KeyPath) -> bool:
    found: Any = own
    for key in path[:-1]:
        found = found.get(key)
        if found is None:
            return False
        if not isinstance(found, dict):
            return True
    return False


def _overlap(one: KeyPath, other: KeyPath) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
