"""The engine `manifests`: one file an object, and the check that each is what it claims to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    file: str
    template: str


def render_manifests(render: RenderInput, templates: TemplateSet) -> dict[str, str]:
    """File name to text of every object of a deployment, and the kustomization that lists them.

    Raises RenderError when a template fails, or when its output is another object than it should be.
    """
    values = view(render)
    files = {}
    for part in _parts(render):
        text = templates.render(part.template, values)
        _check(text, part, render, values)
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


def _parts(render: RenderInput) -> list[_Part]:
    scaling = render.effective.scaling
    wanted = {
        "serviceaccount": True,
        "configmap": any(content.text is not None for content in render.effective.files.values()),
        "deployment": True,
        "service": bool(render.agent.ports),
        "horizontalpodautoscaler": scaling.max_replicas > scaling.min_replicas,
        "poddisruptionbudget": scaling.min_replicas >= 2,  # noqa: PLR2004 - with one pod it would block every drain
    }
    return [_Part(f"{kind}.yaml", f"{kind}.yaml.j2") for kind, is_wanted in wanted.items() if is_wanted]


def _check(text: str, part: _Part, render: RenderInput, values: Mapping[str, Any]) -> None:
    """Reads the output again: one document, an allowed kind, the agent's own name, this namespace."""
    if len(text) > MAX_OUTPUT:
        raise RenderError(f"{part.file}: {len(text):,} characters, and an object has at most {MAX_OUTPUT:,}")
    loaded = load(text.encode("utf-8", "surrogatepass"))
    if loaded.issues:
        raise RenderError(f"{part.file}: {loaded.issues[0].message}")
    found = loaded.value
    metadata, kind = found.get("metadata"), found.get("kind")
    if (
        not isinstance(kind, str)
        or part.file != f"{kind.lower()}.yaml"
        or found.get("apiVersion") != _ALLOWED.get(kind)
    ):
        said = printable(f"{found.get('apiVersion')} {kind}")
        raise RenderError(f"{part.file}: {said} is not what this file holds")
    name = values["files_name"] if kind == "ConfigMap" else render.object_name
    if not isinstance(metadata, dict) or (metadata.get("namespace"), metadata.get("name")) != (render.namespace, name):
        said = printable(f"{metadata.get('namespace')}/{metadata.get('name')}" if isinstance(metadata, dict) else "")
        raise RenderError(f"{part.file}: the object {said} is not the agent's {render.namespace}/{name}")
    if kind == "ConfigMap" and found.get("data") != values["data"]:
        raise RenderError(f"{part.file}: the files are not as they were written")
