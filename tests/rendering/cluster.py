"""As much of a Kubernetes API server as `helm upgrade --install` talks to: it takes what is new."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.loopback import Handler, listening

_KINDS = {
    "v1": ("ConfigMap", "Secret", "Service", "ServiceAccount"),
    "apps/v1": ("Deployment",),
    "autoscaling/v2": ("HorizontalPodAutoscaler",),
    "policy/v1": ("PodDisruptionBudget",),
}
_MISSING = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}


class Cluster:
    """`objects` are those that it was given; `address` is where the server listens."""

    def __init__(self) -> None:
        self.port = 0
        self.objects: list[Any] = []

    @property
    def address(self) -> str:
        """Of the server, as a kubeconfig has it."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """What stands at `path`: discovery, or a list; None for every object, because none is there yet."""
        if path == "/version":
            return {"major": "1", "minor": "31", "gitVersion": "v1.31.0"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(v) for v in _KINDS if "/" in v]}
        version = path.removeprefix("/apis/").removeprefix("/api/")
        if version in _KINDS:
            return {"kind": "APIResourceList", "groupVersion": version, "resources": [*map(_resource, _KINDS[version])]}
        if path.endswith("/secrets"):  # where Helm keeps its releases: always none
            return {"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": []}
        return None


def _group(version: str) -> dict[str, Any]:
    found = {"groupVersion": version, "version": version.split("/")[1]}
    return {"name": version.split("/", maxsplit=1)[0], "versions": [found], "preferredVersion": found}


def _resource(kind: str) -> dict[str, Any]:
    verbs = ["create", "get", "list", "patch", "update"]
    return {"name": f"{kind.lower()}s", "singularName": kind.lower(), "namespaced": True, "kind": kind, "verbs": verbs}


class _Handler(Handler):
    def respond(self) -> None:
        if self.command != "GET":
            self._store(201 if self.command == "POST" else 200)
            return
        found = self.server.said.get(urlsplit(self.path).path)
        self._answer(200 if found else 404, json.dumps(found or _MISSING).encode())

    def _store(self, code: int) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        kind = self.headers["Content-Type"]
        if kind.startswith(("application/json", "application/apply-patch")):
            found = yaml.load(body, yaml.CSafeLoader)  # JSON is YAML
            self.server.said.objects.append(found)
            body, kind = json.dumps(found).encode(), "application/json"
        self._answer(code, body, kind)  # anything else is Helm's own release: given back as it came

    def _answer(self, code: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster on a free port of loopback, for as long as the block lasts."""
    found = Cluster()
    with listening(_Handler, found):
        yield found
