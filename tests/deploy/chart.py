"""headpin's own Helm chart, rendered by Helm, and the plain manifests that are made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import yaml

from tests.rendering.helm import helm

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "chart" / "headpin"
PLAIN_VALUES = DEPLOY / "kubernetes.values.yaml"
NAMESPACE = "headpin"

_SOURCE = "# Source: headpin/templates/"
_OF_HELM = ("managed-by: Helm", "helm.sh/chart:", "checksum/config:")
"""What means something to Helm alone. The last of these is the pods' only annotation."""


def run_template(
    folder: Path,
    values: Mapping[str, Any],
    *,
    chart: Path = CHART,
    release: str = NAMESPACE,
    kubernetes: str = "1.31.0",
    show: str = "",
) -> CompletedProcess[str]:
    """`helm template` with the chart's own values and these; the folder gets the file that they are read from."""
    file = folder / "values.json"
    file.write_text(json.dumps(values))
    command = ["template", release, chart, "--namespace", NAMESPACE, "--kube-version", kubernetes, "--values", file]
    return helm(*command, *(("--show-only", show) if show else ()))


def rendered(folder: Path, values: Mapping[str, Any], *, release: str = NAMESPACE) -> list[Any]:
    """Every object that the chart makes of these values."""
    done = run_template(folder, values, release=release)
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.load_all(done.stdout, yaml.CSafeLoader) if found is not None]


@cache
def plain_values() -> dict[str, Any]:
    """The values of deploy/kubernetes."""
    values: dict[str, Any] = yaml.load(PLAIN_VALUES.read_text("utf-8"), yaml.CSafeLoader)
    return values


def plain_manifests(folder: Path) -> dict[str, str]:
    """The files of deploy/kubernetes, besides its kustomization: rendered, without what only Helm would read."""
    done = run_template(folder, plain_values())
    assert done.returncode == 0, done.stderr
    return dict(_plain(document) for document in done.stdout.split("---\n") if _SOURCE in document)


def _plain(document: str) -> tuple[str, str]:
    source, lines = "", []
    for line in document.rstrip("\n").split("\n"):
        if line.startswith(_SOURCE):
            source = line.removeprefix(_SOURCE)
        elif line.strip() != "annotations:" and not any(sign in line for sign in _OF_HELM):
            lines.append(line)
    return source, "\n".join([f"# Of deploy/chart/headpin/templates/{source}", *lines, ""])


def pods(objects: list[Any]) -> list[Any]:
    """The pod templates of the Deployments, each with the Deployment's name on it."""
    found = [value for value in objects if value["kind"] == "Deployment"]
    return [value["spec"]["template"] | {"name": value["metadata"]["name"]} for value in found]


def of_kind(objects: list[Any], kind: str) -> list[Any]:
    """The objects of a kind, as they come."""
    return [value for value in objects if value["kind"] == kind]
