"""The engine `manifests`: one file an object, and the check that each is what it claims to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headpin.problems import printable
from headpin.rendering.inputs import RenderInput
from headpin.rendering.templates import RenderError, TemplateSet
from headpin.rendering.view import view
from headpin.workspace.charts import CHART_FILE
from headpin.yaml import dump, load

_ALLOWED = {
    "ConfigMap": "v1",
    "Deployment": "apps/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
    "Service": "v1",
    "ServiceAccount": "v1",
}
"""The kinds that headpin renders, all of them namespaced, with their API versions."""

MAX_OUTPUT = 2 * 1024 * 1024
KUSTOMIZATION = "kustomization.yaml"


@dataclass(frozen=True, slots=True)
class _Part:
    """One object: its file, its template, and what it has to be. `values` go to its template only."""

    kind: str
    file: str
    template: str
    name: str
    values: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def render_manifests(render: RenderInput, templates: TemplateSet) -> dict[str, str]:
    """File name to text of every object of a deployment, and the kustomization that lists them.

    Raises RenderError when a template fails, or when its output is another object than it should be.
    """
    values = view(render)
    files = {}
    for part in _parts(render, values):
        text = templates.render(part.template, {**values, **part.values})
        _check(text, part, render.namespace)
        files[part.file] = text
    files[KUSTOMIZATION] = kustomization(files)
    return files


def kustomization(resources: Mapping[str, object] | tuple[str, ...]) -> str:
    """A kustomization.yaml that lists `resources` in the order of their names."""
    return dump(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": sorted(name for name in resources if name != KUSTOMIZATION),
        }
    )


def is_kustomized(files: Mapping[str, object]) -> bool:
    """Whether a folder of these files is one that kustomize reads: never a chart, whatever else is in it."""
    return KUSTOMIZATION in files and CHART_FILE not in files


def _parts(render: RenderInput, values: Mapping[str, Any]) -> list[_Part]:
    scaling, name = render.effective.scaling, render.object_name
    wanted = {
        "ServiceAccount": True,
        "Deployment": True,
        "Service": bool(render.agent.ports),
        "HorizontalPodAutoscaler": scaling.has_autoscaler,
        "PodDisruptionBudget": scaling.has_budget,
    }
    files = [_Part("ConfigMap", "configmap.yaml", "configmap.yaml.j2", values["files_name"], data=_data(values))]
    return [
        *(_Part(kind, f"{kind.lower()}.yaml", f"{kind.lower()}.yaml.j2", name) for kind in wanted if wanted[kind]),
        *(files if values["files_name"] else []),
        *(_content_part(number, found) for number, found in enumerate(values["content_maps"], start=1)),
    ]


def _content_part(number: int, found: Mapping[str, Any]) -> _Part:
    template = "configmap-content.yaml.j2"
    return _Part("ConfigMap", f"configmap-content-{number}.yaml", template, found["name"], {"map": found}, _data(found))


def _data(found: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    """What a ConfigMap has to hold, by Kubernetes' keys."""
    held = {"data": found["data"], "binaryData": found.get("binary_data", {})}
    return {key: value for key, value in held.items() if value}


def _check(text: str, part: _Part, namespace: str) -> None:
    """Reads the output again: one document, the kind, the name and the namespace that it should have."""
    if len(text) > MAX_OUTPUT:
        raise RenderError(f"{part.file}: {len(text):,} characters, and an object has at most {MAX_OUTPUT:,}")
    loaded = load(text.encode("utf-8", "surrogatepass"))
    if loaded.issues:
        raise RenderError(f"{part.file}: {loaded.issues[0].message}")
    found = loaded.value
    metadata = found.get("metadata")
    if (found.get("apiVersion"), found.get("kind")) != (_ALLOWED[part.kind], part.kind):
        said = printable(f"{found.get('apiVersion')} {found.get('kind')}")
        raise RenderError(f"{part.file}: {said} is not what this file holds")
    if not isinstance(metadata, dict) or (metadata.get("namespace"), metadata.get("name")) != (namespace, part.name):
        said = printable(f"{metadata.get('namespace')}/{metadata.get('name')}" if isinstance(metadata, dict) else "")
        raise RenderError(f"{part.file}: the object {said} is not the agent's {namespace}/{part.name}")
    if part.kind == "ConfigMap" and {key: found[key] for key in ("data", "binaryData") if key in found} != part.data:
        raise RenderError(f"{part.file}: the files are not as they were written")
