"""A chart that the agent brings: its files as they are, and headpin's values in its `values.yaml`.

Where a value goes is said in `agent.yaml`, and for the places that charts commonly have it goes there unsaid.
A stopped deployment has no replicas and no autoscaler in these values. Content has no common place: where
`agent.yaml` names one, its value is what `content` is in headpin's own charts, and the same files are put into the
chart's folder `content/`, for templates that make ConfigMaps of them or a container that fetches them.
What the chart makes of the values only Helm knows, and headpin does not run it: the objects of such a chart
are not checked for their kinds, names and namespace, as those of headpin's own templates are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headpin.errors import CannotEdit
from headpin.model import ValueName
from headpin.rendering.chart_content import content_files, content_values
from headpin.rendering.inputs import RenderInput
from headpin.rendering.templates import RenderError, TemplateSet
from headpin.rendering.values import ImageParts, pod_annotations, probe_value, secret_key
from headpin.rendering.view import view
from headpin.workspace.chart_places import KeyPath, Places, chart_values_of, places_in
from headpin.workspace.charts import VALUES_FILE, ChartFolder
from headpin.yaml import Change as Edited
from headpin.yaml import Path, dump, edit, load
from headpin.yaml.emit import Value

_JOINED: frozenset[ValueName] = frozenset({"annotations", "podAnnotations", "serviceAccount.annotations"})
"""Mappings that are joined key by key with what the chart has there."""


def render_own_chart(render: RenderInput, chart: ChartFolder, templates: TemplateSet) -> dict[str, str]:
    """Path in the chart to text of every file of it. Raises RenderError when the values have no place in it."""
    rule = render.agent.chart
    if rule is None:
        raise RenderError(f"{render.name} does not say which chart is its own")
    places = places_in(chart, rule)
    if not places.has_image:
        raise RenderError(f"{chart.path}/{VALUES_FILE}: the release's image has no place in it")
    seen = view(render)
    filled = dict(_filled(chart, places, own_values(render, seen)))
    try:
        changes: Mapping[Path, Edited] = {(*path,): value for path, value in filled.items()}
        text = edit(chart.files.get(VALUES_FILE, "").encode(), changes).decode()
    except CannotEdit as error:
        raise RenderError(f"{chart.path}/{VALUES_FILE}: {error}") from error
    found = load(text.encode("utf-8", "surrogatepass"))
    if found.issues or any(not _is_there(found.value, path, value) for path, value in filled.items()):
        raise RenderError(f"{chart.path}/{VALUES_FILE}: the values are not as they were written")
    content = content_files(seen, templates) if "content" in places.names else {}
    return {**chart.files, **content, VALUES_FILE: text}


def _filled(chart: ChartFolder, places: Places, values: Mapping[ValueName, Value]) -> Iterator[tuple[KeyPath, Value]]:
    """What is put where. A common place is left as it is where the agent says nothing."""
    values = values if {"image", "image.digest"} & places.names else _with_digest_in_tag(values)
    own = chart_values_of(chart)
    for path, name in (*places.said.items(), *places.common.items()):
        value = values[name]
        if path in places.common and value in ({}, [], None):
            continue
        if name in _JOINED and isinstance(value, Mapping) and isinstance(_at(own, path), dict):
            yield from (((*path, key), below) for key, below in value.items())
        else:
            yield path, value


def _with_digest_in_tag(values: Mapping[ValueName, Value]) -> Mapping[ValueName, Value]:
    """For charts that know no digest: they join repository and tag with a colon, and that has to name it too."""
    digest, tag = values["image.digest"], values["image.tag"]
    if not digest:
        return values
    if tag:
        return {**values, "image.tag": f"{tag}@{digest}"}
    kind, _, digits = str(digest).partition(":")
    names: tuple[ValueName, ...] = ("image.repository", "image.path")
    return {**values, "image.tag": digits, **{name: f"{values[name]}@{kind}" for name in names}}


def _at(found: Any, path: KeyPath) -> Any:
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _is_there(found: Any, path: KeyPath, value: Value) -> bool:
    return dump({"value": _at(found, path)}) == dump({"value": value})


def own_values(render: RenderInput, seen: Mapping[str, Any]) -> dict[ValueName, Value]:
    """Everything that can be put into a chart's values, by its name; `seen` is the deployment's view."""
    image, scaling = ImageParts.of(render.image), render.effective.scaling
    host, slash, rest = image.repository.partition("/")
    if not slash or not ("." in host or ":" in host or host == "localhost"):
        host, rest = "docker.io", image.repository
    ports, files = seen["ports"], render.effective.files
    probes: dict[str, Value] = {probe["kind"]: probe_value(probe) for probe in seen["probes"]}
    return {
        "agent": render.name.agent,
        "annotations": dict(seen["annotations"]),
        "args": list(seen["args"]),
        "autoscaling.enabled": scaling.has_autoscaler,
        "autoscaling.maxReplicas": scaling.max_replicas,
        "autoscaling.minReplicas": scaling.min_replicas,
        "autoscaling.targetCPU": scaling.target_cpu,
        "command": list(seen["command"]),
        "content": content_values(render, seen),
        "env": [_env(variable) for variable in seen["env"]],
        "environment": render.environment,
        "files": {path: content.text for path, content in files.items() if content.text is not None},
        "gracePeriod": seen["grace_period"],
        "image": render.image,
        "image.digest": image.digest,
        "image.path": rest,
        "image.registry": host,
        "image.repository": image.repository,
        "image.tag": image.tag,
        "imagePullSecrets": [{"name": name} for name in seen["pull_secrets"]],
        "livenessProbe": probes.get("livenessProbe", {}),
        "name": render.object_name,
        "namespace": render.namespace,
        "podAnnotations": pod_annotations(seen),
        "port": ports[0]["port"] if ports else None,
        "ports": [{"name": p["name"], "containerPort": p["port"], "protocol": p["protocol"]} for p in ports],
        "project": render.name.project,
        "readinessProbe": probes.get("readinessProbe", {}),
        "replicas": 0 if scaling.stopped else scaling.min_replicas,
        "resources": {"requests": dict(seen["requests"]), "limits": dict(seen["limits"])},
        "revision": render.revision,
        "secretFiles": {
            path: secret_key(content.secret.name, content.secret.key, content.secret.optional)
            for path, content in files.items()
            if content.secret is not None
        },
        "secrets": {
            v["name"]: secret_key(v["secret"], v["key"], v["optional"]) for v in seen["env"] if v["secret"] is not None
        },
        "serviceAccount.annotations": dict(seen["account_annotations"]),
        "servicePort": ports[0]["service_port"] if ports else None,
        "startupProbe": probes.get("startupProbe", {}),
        "stopped": scaling.stopped,
        "variables": {v["name"]: v["value"] for v in seen["env"] if v["secret"] is None},
        "version": seen["annotations"]["headpin.dev/version"],
    }


def _env(variable: Mapping[str, Any]) -> dict[str, Value]:
    if variable["secret"] is None:
        return {"name": variable["name"], "value": variable["value"]}
    key = secret_key(variable["secret"], variable["key"], variable["optional"])
    return {"name": variable["name"], "valueFrom": {"secretKeyRef": key}}
