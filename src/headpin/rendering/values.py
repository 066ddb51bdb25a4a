"""The values of a chart: everything that varies from deployment to deployment, in the shape that charts have.

Keys are in a fixed order and all there, so that a change of one setting is a change of one line. Texts are
as Kubernetes takes them; what is derived from them is derived in the chart's templates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headpin.rendering.inputs import RenderInput
from headpin.yaml.emit import Value

Values = dict[str, Value]


@dataclass(frozen=True, slots=True)
class ImageParts:
    """An image's reference in the parts that charts know; `tag` and `digest` are "" where there is none."""

    repository: str
    tag: str
    digest: str

    @classmethod
    def of(cls, image: str) -> ImageParts:
        """The parts of ``host:port/name:tag@sha256:…``."""
        name, _, digest = image.partition("@")
        last = name.rpartition("/")[2]
        tag = last.partition(":")[2]
        return cls(name.removesuffix(f":{tag}") if tag else name, tag, digest)


def chart_values(render: RenderInput, view: Mapping[str, Any], content: Values) -> Values:
    """The values of headpin's own charts; `view` is the deployment's, `content` what they say of its content."""
    image = ImageParts.of(render.image)
    return {
        "nameOverride": render.name.agent,
        "fullnameOverride": render.object_name,
        "namespaceOverride": render.namespace,
        "partOf": render.name.project,
        "image": {"repository": image.repository, "tag": image.tag, "digest": image.digest},
        "imagePullSecrets": [{"name": name} for name in view["pull_secrets"]],
        "stopped": render.effective.scaling.stopped,
        "replicaCount": view["min_replicas"],
        "autoscaling": _autoscaling(view),
        "annotations": dict(view["annotations"]),
        "podAnnotations": pod_annotations(view),
        "serviceAccount": {"annotations": dict(view["account_annotations"])},
        "command": list(view["command"]),
        "args": list(view["args"]),
        "env": env_values(view["env"]),
        "ports": [_port(port) for port in view["ports"]],
        **{f"{kind}Probe": {} for kind in ("startup", "readiness", "liveness")},
        **{probe["kind"]: probe_value(probe) for probe in view["probes"]},
        "resources": {"requests": dict(view["requests"]), "limits": dict(view["limits"])},
        "podSecurityContext": {} if view["run_as_user"] is None else {"runAsUser": view["run_as_user"]},
        "securityContext": {"readOnlyRootFilesystem": view["read_only_root"]},
        "terminationGracePeriodSeconds": view["grace_period"],
        "writablePaths": list(render.agent.security.writable),
        "files": _files(render, view),
        "content": content,
    }


def env_values(variables: Sequence[Mapping[str, Any]]) -> Values:
    """Environment variables by their names: a text, or where a Secret has it."""
    return {variable["name"]: _env_value(variable) for variable in variables}


def pod_annotations(view: Mapping[str, Any]) -> dict[str, Value]:
    """Annotations of the pods: what changes here restarts them, and so only what has to."""
    return {"headpin.dev/revision": view["annotations"]["headpin.dev/revision"]}


def secret_key(name: str, key: str, optional: bool) -> Values:
    """One key of a Secret, as Kubernetes has it."""
    return {"name": name, "key": key, **({"optional": True} if optional else {})}


def probe_value(probe: Mapping[str, Any]) -> Values:
    """A probe, as Kubernetes has it."""
    check: Values
    if probe["http"] is not None:
        check = {"httpGet": {"path": probe["http"]["path"], "port": probe["http"]["port"]}}
    elif probe["tcp"] is not None:
        check = {"tcpSocket": {"port": probe["tcp"]}}
    else:
        check = {"exec": {"command": list(probe["exec"])}}
    return {
        **check,
        "initialDelaySeconds": probe["initial_delay"],
        "periodSeconds": probe["period"],
        "timeoutSeconds": probe["timeout"],
        "failureThreshold": probe["failures"],
    }


def _autoscaling(view: Mapping[str, Any]) -> Values:
    """`replicaCount` is the least number of pods; an autoscaler is there when `maxReplicas` is."""
    most: Values = {"maxReplicas": view["max_replicas"]} if view["max_replicas"] > view["min_replicas"] else {}
    return {**most, "targetCPUUtilizationPercentage": view["target_cpu"]}


def _env_value(variable: Mapping[str, Any]) -> Value:
    if variable["secret"] is None:
        return str(variable["value"])
    return {"secretKeyRef": secret_key(variable["secret"], variable["key"], variable["optional"])}


def _port(port: Mapping[str, Any]) -> Values:
    service: Values = {"servicePort": port["service_port"]} if port["service_port"] != port["port"] else {}
    return {"name": port["name"], "containerPort": port["port"], **service, "protocol": port["protocol"]}


def _files(render: RenderInput, view: Mapping[str, Any]) -> Values:
    keys = {mount["path"]: mount["sub_path"] for mount in view["mounts"] if mount["volume"] == "files"}
    found: Values = {}
    for path, content in render.effective.files.items():
        secret = content.secret
        if secret is not None:
            found[path] = {"secret": secret_key(secret.name, secret.key, secret.optional)}
        else:
            found[path] = {"key": keys[path], "text": content.text or ""}
    return found
