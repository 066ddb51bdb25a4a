"""The Pod Security Standard "restricted", field by field as Kubernetes' documentation lists them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_PROFILES = ("RuntimeDefault", "Localhost")


def violations(pod: Any) -> list[str]:
    """Everything in the spec of a pod that a namespace which enforces "restricted" would refuse it for."""
    return [*_pod(pod), *(fault for container in _containers(pod) for fault in _container(container, pod))]


def _containers(pod: Any) -> list[Any]:
    return [*pod.get("initContainers", ()), *pod["containers"], *pod.get("ephemeralContainers", ())]


def _pod(pod: Any) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield field
    for volume in pod.get("volumes", ()):
        if not (volume.keys() - {"name"}) <= _VOLUMES:
            yield f"the volume {volume['name']}"
    context = pod.get("securityContext", {})
    if context.get("sysctls"):
        yield "sysctls"
    if context.get("runAsUser") == 0:
        yield "the pod's runAsUser"
    yield from _either(context, "the pod")


def _container(container: Any, pod: Any) -> Iterator[str]:
    context, outer = container.get("securityContext", {}), pod.get("securityContext", {})
    if context.get("privileged"):
        yield "privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if context.get("runAsNonRoot", outer.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot"
    if context.get("runAsUser") == 0:
        yield "runAsUser"
    if context.get("seccompProfile", outer.get("seccompProfile", {})).get("type") not in _PROFILES:
        yield "seccompProfile"
    capabilities = context.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", ()) or not set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"}:
        yield "capabilities"
    if context.get("procMount", "Default") != "Default":
        yield "procMount"
    if any(port.get("hostPort") for port in container.get("ports", ())):
        yield "hostPort"
    yield from _either(context, "the container")


def _either(context: Any, whose: str) -> Iterator[str]:
    """What is refused on a pod and on a container alike."""
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield f"{whose}'s windowsOptions"
    options = context.get("seLinuxOptions", {})
    if options.get("user") or options.get("role"):
        yield f"{whose}'s seLinuxOptions"
    if context.get("appArmorProfile", {}).get("type") == "Unconfined":
        yield f"{whose}'s appArmorProfile"
