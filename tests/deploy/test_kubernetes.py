"""deploy/kubernetes: the chart without Helm, and it builds with kustomize."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from tests.deploy.chart import DEPLOY, NAMESPACE, plain_manifests, pods
from tests.deploy.restricted import violations
from tests.programs import kustomize
from tests.rendering.kubernetes import VERSIONS, schema_faults

PLACE = DEPLOY / "kubernetes"
KUSTOMIZATION = PLACE / "kustomization.yaml"


def test_the_manifests_are_what_the_chart_makes(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    made = plain_manifests(tmp_path)
    if request.config.getoption("update_golden"):
        for name, text in made.items():
            (PLACE / name).write_text(text, "utf-8")
    there = {file.name: file.read_text("utf-8") for file in PLACE.iterdir() if file != KUSTOMIZATION}
    assert there == made


def test_they_build_and_kubernetes_takes_them(tmp_path: Path) -> None:
    listed = yaml.load(KUSTOMIZATION.read_text("utf-8"), yaml.CSafeLoader)["resources"]
    assert sorted(listed) == sorted(file.name for file in PLACE.iterdir() if file != KUSTOMIZATION)
    built = list(yaml.load_all(kustomize(shutil.copytree(PLACE, tmp_path / "here")), yaml.CSafeLoader))
    assert len(built) == len(listed)
    assert schema_faults(built, ("1.25", *VERSIONS)) == []
    assert {value["metadata"]["namespace"] for value in built} == {NAMESPACE}
    (pod,) = pods(built)
    assert violations(pod["spec"]) == []
    assert "Helm" not in str(built)
