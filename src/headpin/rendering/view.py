"""What templates and charts are filled with: plain values, every choice made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from headpin.model import FileContent, Port, Probe, SecretKey
from headpin.rendering.content import content_maps, init_container
from headpin.rendering.inputs import RenderInput
from headpin.rendering.keys import file_keys

MANAGER = "headpin"


def view(render: RenderInput) -> dict[str, Any]:
    """The names that templates use, all defined for every deployment."""
    effective, agent = render.effective, render.agent
    scaling = effective.scaling
    texts = {path: content.text for path, content in effective.files.items() if content.text is not None}
    keys = file_keys(sorted(texts))
    data = {keys[path]: texts[path] for path in sorted(texts)}
    maps = content_maps(render.object_name, render.content)
    files_name = f"{render.object_name}-{_digest(data)}" if data else None
    return {
        "name": render.object_name,
        "namespace": render.namespace,
        "labels": _labels(render),
        "selector": {"app.kubernetes.io/name": render.name.agent, "app.kubernetes.io/instance": render.object_name},
        "annotations": _annotations(render),
        "account_annotations": dict(effective.annotations),
        "pull_secrets": list(effective.image_pull_secrets),
        "image": render.image,
        "command": _list(agent.command),
        "args": _list(agent.args),
        "env": _env(effective.variables),
        "ports": [_port(port) for port in agent.ports],
        "probes": [
            _probe(kind, probe)
            for kind, probe in (
                ("startupProbe", agent.probes.startup),
                ("readinessProbe", agent.probes.readiness),
                ("livenessProbe", agent.probes.liveness),
            )
            if probe is not None
        ],
        "requests": _resources(effective.requests),
        "limits": _resources(effective.limits),
        "run_as_user": agent.security.run_as_user,
        "read_only_root": agent.security.read_only_root,
        "grace_period": agent.grace_period,
        "files_name": files_name,
        "data": data,
        "content_maps": maps,
        "init": init_container(render.environment, render.content),
        "mounts": _mounts(effective.files, keys, agent.security.writable) + _content_mount(render),
        "volumes": _volumes(effective.files, files_name, agent.security.writable) + _empty_content(render, maps),
        "replicas": scaling.replicas,
        "min_replicas": scaling.min_replicas,
        "max_replicas": scaling.max_replicas,
        "target_cpu": scaling.target_cpu,
    }


def _labels(render: RenderInput) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": render.name.agent,
        "app.kubernetes.io/instance": render.object_name,
        "app.kubernetes.io/part-of": render.name.project,
        "app.kubernetes.io/managed-by": MANAGER,
    }


def _annotations(render: RenderInput) -> dict[str, str]:
    return {
        "headpin.dev/environment": render.environment,
        "headpin.dev/revision": render.revision,
        "headpin.dev/version": "HEAD" if render.tracks_head else f"v{render.version}",
    }


def _list(values: Sequence[str] | None) -> list[str]:
    return list(values or ())


def _env(variables: Mapping[str, str | SecretKey]) -> list[dict[str, Any]]:
    return [
        {"name": name, "value": None, "secret": value.name, "key": value.key, "optional": value.optional}
        if isinstance(value, SecretKey)
        else {"name": name, "value": _literal(value), "secret": None}
        for name, value in variables.items()
    ]


def _literal(text: str) -> str:
    """Kubernetes expands ``$(NAME)`` in values and reads ``$$`` as ``$``; a value stays a value."""
    return text.replace("$", "$$")


def _port(port: Port) -> dict[str, Any]:
    return {
        "name": port.name,
        "port": port.port,
        "service_port": port.service_port or port.port,
        "protocol": port.protocol,
    }


def _probe(kind: str, probe: Probe) -> dict[str, Any]:
    return {
        "kind": kind,
        "http": {"port": probe.http.port, "path": probe.http.path} if probe.http else None,
        "tcp": probe.tcp.port if probe.tcp else None,
        "exec": list(probe.exec.command) if probe.exec else None,
        "initial_delay": probe.initial_delay,
        "period": probe.period,
        "timeout": probe.timeout,
        "failures": probe.failures,
    }


def _resources(quantities: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("ephemeralStorage", "ephemeral-storage"): value for name, value in quantities.items()}


def _mounts(files: Mapping[str, FileContent], keys: Mapping[str, str], writable: Sequence[str]) -> list[dict[str, Any]]:
    volumes = {(secret.name, secret.optional): name for name, secret, _ in _secret_volumes(files)}
    mounts: list[dict[str, Any]] = [
        {"volume": f"writable-{number}", "path": path, "sub_path": None, "read_only": False}
        for number, path in enumerate(writable)
    ]
    for path, content in files.items():
        secret = content.secret
        volume = volumes[secret.name, secret.optional] if secret else "files"
        inside = secret.key if secret else keys[path]
        mounts.append({"volume": volume, "path": path, "sub_path": inside, "read_only": True})
    return mounts


def _content_mount(render: RenderInput) -> list[dict[str, Any]]:
    """The folder of the content, from the volume that templates make of `content_maps` or of `init`."""
    if render.content is None:
        return []
    return [{"volume": "content", "path": render.content.path, "sub_path": None, "read_only": True}]


def _empty_content(render: RenderInput, maps: Sequence[object]) -> list[dict[str, Any]]:
    """An empty folder for a content snapshot without files."""
    if render.content is None or render.content.mount != "configmap" or maps:
        return []
    return [{"name": "content", "config_map": None, "secret": None}]


def _volumes(files: Mapping[str, FileContent], files_name: str | None, writable: Sequence[str]) -> list[dict[str, Any]]:
    volumes: list[dict[str, Any]] = [
        {"name": f"writable-{number}", "config_map": None, "secret": None} for number in range(len(writable))
    ]
    if files_name:
        volumes.append({"name": "files", "config_map": files_name, "secret": None})
    for name, secret, keys in _secret_volumes(files):
        volumes.append(
            {"name": name, "config_map": None, "secret": secret.name, "keys": keys, "optional": secret.optional}
        )
    return volumes


def _secret_volumes(files: Mapping[str, FileContent]) -> list[tuple[str, SecretKey, list[str]]]:
    """A volume's name, one of its Secret's keys and all that are mounted, for each Secret.

    The keys are named, because without a required key Kubernetes would mount an empty folder in the file's
    place; optional ones are a volume of their own, because a volume is optional as a whole.
    """
    found: dict[tuple[str, bool], list[SecretKey]] = {}
    for secret in sorted((c.secret for c in files.values() if c.secret), key=lambda s: (s.name, s.optional, s.key)):
        found.setdefault((secret.name, secret.optional), []).append(secret)
    return [
        (f"secret-{number}", secrets[0], sorted({secret.key for secret in secrets}))
        for number, secrets in enumerate(found.values())
    ]


def _digest(data: Mapping[str, str]) -> str:
    """Ten hexadecimal digits that change when any file does, so that pods restart.

    Of lines of key and digest, because the charts of the engine `helm` compute the same in their templates.
    """
    lines = (
        f"{key} {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}\n"
        for key, text in sorted(data.items())
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:10]
