"""What Kubernetes accepts: its own schemas (from kubernetes-validate), and the rules that no schema says.

Written from Kubernetes' validation (apimachinery `util/validation`, core `validation.go`), not from headpin's
models, so that one can find fault with the other.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import jsonschema
import referencing
from kubernetes_validate import utils

VERSIONS = ("1.27", "1.31", utils.latest_version())
"""An old, a middle and the newest version that the package carries."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SERVICE = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_PORT_NAME = re.compile(r"[a-z0-9](-?[a-z0-9])*")
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?([numkMGTPE]|[KMGTPE]i)?")
_FACTORS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3}
_FACTORS |= {letter: 1000.0**power for power, letter in enumerate("kMGTPE", 1)}
_FACTORS |= {f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", 1)}


@cache
def _validator(version: str, kind: str, api_version: str) -> Any:
    """kubernetes_validate reads two files for every object; this reads them once."""
    full = [known for known in utils.all_versions() if known.startswith(f"{utils.major_minor(version)}.")][-1]
    folder = f"kubernetes-json-schema/v{full}-local-strict"
    group = api_version.split("/", maxsplit=1)[0].split(".", maxsplit=1)[0]
    stem = f"{kind.lower()}-{group}-{api_version.split('/')[1]}" if "/" in api_version else f"{kind.lower()}-{group}"
    schema = utils.schema_contents(f"{folder}/{stem}.json", version)
    registry: Any = referencing.Registry()
    for contents in (schema, utils.schema_contents(f"{folder}/_definitions.json", version)):
        registry = referencing.Resource.from_contents(contents) @ registry
    return jsonschema.Draft202012Validator(schema, registry=registry)


def faults(objects: Mapping[str, Any]) -> list[str]:
    """Everything that Kubernetes, in one of VERSIONS, would refuse in a deployment's objects."""
    found = schema_faults(objects.values())
    for value in objects.values():
        found += [f"{value['kind']}: {fault}" for fault in _rules(value, objects)]
    return found


def schema_faults(objects: Iterable[Any], versions: Iterable[str] = VERSIONS) -> list[str]:
    """Everything in any objects that the schemas of these versions refuse."""
    found = []
    for value in objects:
        kind = value["kind"]
        for version in versions:
            problems = _validator(version, kind, value["apiVersion"]).iter_errors(value)
            found += [f"{version} {kind} {problem.json_path}: {problem.message}" for problem in problems]
    return found


def _rules(value: Any, objects: Mapping[str, Any]) -> Iterator[str]:
    yield from _metadata(value["metadata"], is_subdomain if value["kind"] == "ConfigMap" else is_label)
    match value["kind"]:
        case "ConfigMap":
            yield from _config_map(value)
        case "Deployment":
            yield from _deployment(value, objects)
        case "Service":
            yield from _service(value, objects)
        case "HorizontalPodAutoscaler":
            spec = value["spec"]
            if not 1 <= spec["minReplicas"] <= spec["maxReplicas"]:
                yield f"minReplicas {spec['minReplicas']}, maxReplicas {spec['maxReplicas']}"


def _unless(fits: object, message: str) -> Iterator[str]:
    if not fits:
        yield message


def _metadata(metadata: Any, is_name: Callable[[str], bool]) -> Iterator[str]:
    name, namespace = metadata["name"], metadata["namespace"]
    yield from _unless(is_name(name), f"the name {name}")
    yield from _unless(is_label(namespace), f"the namespace {namespace}")
    yield from _labels(metadata["labels"])
    yield from _annotations(metadata.get("annotations", {}))


def _labels(labels: Mapping[str, str]) -> Iterator[str]:
    for key, value in labels.items():
        yield from _unless(is_qualified(key), f"the label key {key}")
        yield from _unless(_LABEL_VALUE.fullmatch(value) and len(value) <= 63, f"the label value {value}")


def _annotations(annotations: Mapping[str, str]) -> Iterator[str]:
    for key, value in annotations.items():
        yield from _unless(is_qualified(key.lower()), f"the annotation key {key}")
        yield from _unless(isinstance(value, str), f"the annotation {key} is no text")
    size = sum(len(key) + len(value.encode()) for key, value in annotations.items())
    yield from _unless(size <= 256 * 1024, f"{size} bytes of annotations")


def is_qualified(key: str) -> bool:
    """Whether Kubernetes takes `key` as the key of a label or an annotation."""
    prefix, slash, name = key.rpartition("/")
    if slash and not (_SUBDOMAIN.fullmatch(prefix) and len(prefix) <= 253):
        return False
    return _QUALIFIED.fullmatch(name) is not None and len(name) <= 63


def is_config_key(key: str) -> bool:
    """Whether Kubernetes takes `key` as a key of a ConfigMap or a Secret."""
    return _CONFIG_KEY.fullmatch(key) is not None and len(key) <= 253 and key != "." and not key.startswith("..")


def is_label(name: str) -> bool:
    """Whether Kubernetes takes `name` wherever a label is wanted."""
    return _LABEL.fullmatch(name) is not None and len(name) <= 63


def is_subdomain(name: str) -> bool:
    """Whether Kubernetes takes `name` for a ConfigMap, a Secret or a ServiceAccount."""
    return _SUBDOMAIN.fullmatch(name) is not None and len(name) <= 253


def _config_map(value: Any) -> Iterator[str]:
    texts, binary = value.get("data", {}), value.get("binaryData", {})
    for key in (*texts, *binary):
        yield from _unless(is_config_key(key), f"the key {key}")
    yield from _unless(not texts.keys() & binary.keys(), "a key stands under data and binaryData")
    size = sum(len(text.encode()) for text in texts.values())
    size += sum(len(base64.b64decode(data, validate=True)) for data in binary.values())
    yield from _unless(size <= 1024 * 1024, f"{size} bytes of data")


def _service(value: Any, objects: Mapping[str, Any]) -> Iterator[str]:
    name = value["metadata"]["name"]
    yield from _unless(_SERVICE.fullmatch(name), f"the name {name} does not start with a letter")
    container = objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    there = {(port["name"], port["protocol"]) for port in container["ports"]}
    ports = value["spec"]["ports"]
    for port in ports:
        yield from _unless((port["targetPort"], port["protocol"]) in there, f"no port {port['targetPort']}")
    yield from _port_names(ports)
    yield from _unless(len({(p["port"], p["protocol"]) for p in ports}) == len(ports), "a port is offered twice")
    labels = objects["Deployment"]["spec"]["template"]["metadata"]["labels"]
    yield from _unless(value["spec"]["selector"].items() <= labels.items(), "the selector finds no pods")


def _port_names(ports: Any) -> Iterator[str]:
    names = [port["name"] for port in ports]
    yield from _unless(len(set(names)) == len(names), "a port's name stands twice")
    for name in names:
        fits = _PORT_NAME.fullmatch(name) and len(name) <= 15 and re.search("[a-z]", name)
        yield from _unless(fits, f"the port name {name}")


def _deployment(value: Any, objects: Mapping[str, Any]) -> Iterator[str]:
    spec = value["spec"]
    template = spec["template"]
    yield from _labels(template["metadata"]["labels"])
    yield from _annotations(template["metadata"]["annotations"])
    fits = spec["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    yield from _unless(fits, "the selector does not match the pods")
    yield from _unless(spec.get("replicas", 0) >= 0, "replicas")
    pod = template["spec"]
    account = objects["ServiceAccount"]["metadata"]["name"]
    yield from _unless(pod["serviceAccountName"] == account, "the service account is another")
    for secret in pod.get("imagePullSecrets", ()):
        yield from _unless(is_subdomain(secret["name"]), f"the pull secret {secret['name']}")
    container = pod["containers"][0]
    yield from _environment(container.get("env", []))
    yield from _port_names(container.get("ports", []))
    yield from _probes(container)
    yield from _resources(container["resources"])
    yield from _volumes(pod, objects)
    for fetching in pod.get("initContainers", ()):
        yield from _environment(fetching["env"])
        yield from _resources(fetching["resources"])
    for text in (*container.get("command", ()), *container.get("args", ())):
        yield from _unless("\0" not in text, "a NUL in the command")


def _environment(env: Any) -> Iterator[str]:
    names = [variable["name"] for variable in env]
    yield from _unless(len(set(names)) == len(names), "a variable stands twice")
    for variable in env:
        name = variable["name"]
        yield from _unless(re.fullmatch(r"[-._a-zA-Z][-._a-zA-Z0-9]*", name), f"the variable {name}")
        if "valueFrom" in variable:
            reference = variable["valueFrom"]["secretKeyRef"]
            yield from _unless(is_subdomain(reference["name"]), f"the secret {reference['name']}")
            yield from _unless(is_config_key(reference["key"]), f"the secret's key {reference['key']}")
        else:  # a process takes no NUL, and Linux bounds each string of its environment
            yield from _unless("\0" not in variable["value"], f"a NUL in {name}")
            yield from _unless(len(name) + len(variable["value"].encode()) + 2 <= 131_072, f"{name} is too long")


def _probes(container: Any) -> Iterator[str]:
    tcp = {port["name"] for port in container.get("ports", ()) if port["protocol"] == "TCP"}
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        probe = container.get(kind)
        if probe is None:
            continue
        handlers = [handler for handler in ("httpGet", "tcpSocket", "exec") if handler in probe]
        yield from _unless(len(handlers) == 1, f"{kind} has {handlers}")
        port = probe[handlers[0]].get("port")
        yield from _unless(port is None or port in tcp, f"{kind} asks the port {port}")
        for number in ("periodSeconds", "timeoutSeconds", "failureThreshold"):
            yield from _unless(probe[number] >= 1, f"{kind} {number}")


def number(quantity: str) -> float:
    """A quantity as a number."""
    found = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", quantity)
    assert found is not None
    return float(found.group(1)) * _FACTORS[found.group(2)]


def _resources(resources: Any) -> Iterator[str]:
    for part in ("requests", "limits"):
        for name, quantity in resources.get(part, {}).items():
            yield from _unless(name in ("cpu", "memory", "ephemeral-storage"), f"the resource {name}")
            yield from _unless(_QUANTITY.fullmatch(quantity), f"the quantity {quantity}")
            in_bytes = name == "cpu" or not quantity.endswith(("m", "u", "n"))
            yield from _unless(in_bytes, f"thousandths of a byte: {quantity}")
    for name, limit in resources.get("limits", {}).items():
        request = resources["requests"].get(name, "0")
        yield from _unless(number(request) <= number(limit) * (1 + 1e-12), f"the request of {name} exceeds the limit")


def _volumes(pod: Any, objects: Mapping[str, Any]) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in pod.get("volumes", ())}
    containers = [*pod.get("initContainers", ()), *pod["containers"]]
    mounted = {mount["name"] for container in containers for mount in container.get("volumeMounts", ())}
    yield from _unless(len(volumes) == len(pod.get("volumes", ())), "a volume's name stands twice")
    yield from _unless(set(volumes) == mounted, "volumes and mounts differ")
    for name, volume in volumes.items():
        yield from _unless(is_label(name), f"the volume {name}")
        for item in volume.get("secret", {}).get("items", ()):
            yield from _unless(is_config_key(item["key"]), f"the secret's key {item['key']}")
        yield from _projected(volume.get("projected", {}).get("sources", ()), objects)
    for container in containers:
        yield from _mounts(container, volumes, objects)


def _mounts(container: Any, volumes: Mapping[str, Any], objects: Mapping[str, Any]) -> Iterator[str]:
    mounts = container.get("volumeMounts", [])
    paths = [mount["mountPath"] for mount in mounts]
    yield from _unless(len(set(paths)) == len(paths), "something is mounted twice at one path")
    for mount in mounts:
        path, inside = mount["mountPath"], mount.get("subPath", "")
        yield from _unless(path.startswith("/") and ":" not in path, f"the mount path {path}")
        yield from _unless(not inside.startswith("/") and ".." not in inside.split("/"), f"the path {inside}")
        if "configMap" in volumes.get(mount["name"], {}):
            config = objects["ConfigMap"]
            yield from _unless(config["metadata"]["name"] == volumes[mount["name"]]["configMap"]["name"], "the map")
            yield from _unless(inside in config["data"], f"{inside} is not in the ConfigMap")


def _projected(sources: Any, objects: Mapping[str, Any]) -> Iterator[str]:
    """Core `validateProjectionSources`, and what kubelet's atomic writer refuses to write."""
    maps = {found["metadata"]["name"]: found for found in objects.values() if found["kind"] == "ConfigMap"}
    paths: list[str] = []
    for source in sources:
        found = maps.get(source["configMap"]["name"], {})
        there = found.get("data", {}).keys() | found.get("binaryData", {}).keys()
        for item in source["configMap"]["items"]:
            path = item["path"]
            paths.append(path)
            yield from _unless(item["key"] in there, f"{item['key']} is not in its ConfigMap")
            fits = not path.startswith(("/", "..")) and ".." not in path.split("/") and len(path) <= 4096
            yield from _unless(fits and all(0 < len(part) <= 255 for part in path.split("/")), f"the path {path}")
    yield from _unless(len(set(paths)) == len(paths), "two files are projected to one path")
    folders = {"/".join(path.split("/")[:depth]) for path in paths for depth in range(1, path.count("/") + 1)}
    yield from _unless(not folders & set(paths), "a file is projected in a folder's place")
