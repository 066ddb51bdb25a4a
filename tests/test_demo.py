"""`headpin demo`: the story plays, and leaves behind what it says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from headpin.controller import Controller
from headpin.git import Repository
from headpin.status import read_status
from tests.programs import kustomize
from tests.world import git

OBJECTS = {"dev": 18, "staging": 10, "prod": 18}
"""Kubernetes objects on each environment branch at the end of the demo."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of the demo, and what it printed."""
    place = tmp_path_factory.mktemp("demo") / "here"
    done = subprocess.run(
        [sys.executable, "-m", "headpin", "demo", str(place)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "config", done.stdout


def objects(config: Path, environment: str) -> dict[str, dict[str, object]]:
    listed = git("ls-tree", "-r", "--name-only", f"env/{environment}", "manifests", cwd=config).splitlines()
    return {
        path: yaml.safe_load(git("show", f"env/{environment}:{path}", cwd=config))
        for path in listed
        if not path.endswith("kustomization.yaml")
    }


def test_the_story_ends_with_the_matrix_the_history_and_what_to_try(played: tuple[Path, str]) -> None:
    _, out = played
    matrix = out[out.index("What runs where") :]
    row = next(line for line in matrix.splitlines() if "support/triage" in line)
    assert row.split()[1] == "HEAD" and " v2 " in row and " v1 " in row and row.count("Deployed") == 3
    history = matrix[matrix.index("What happened") :]
    assert [word for word in history.split() if word in ("promoted", "rolled-back")] == [
        "rolled-back",
        "promoted",
        "promoted",
        "promoted",
        "promoted",
    ]
    assert "Try next" in history


def test_nothing_is_held_and_a_second_pass_makes_no_commit(played: tuple[Path, str]) -> None:
    config, _ = played
    controller = Controller(Repository.open(config))
    assert not read_status(controller).has_holds
    report = controller.reconcile(full=True)
    assert not report.commits and not report.holds and not report.sources


def test_every_object_passes_kubernetes_schemas(played: tuple[Path, str]) -> None:
    config, _ = played
    for environment, count in OBJECTS.items():
        found = objects(config, environment)
        assert len(found) == count, (environment, sorted(found))
        for path, value in found.items():
            kubernetes_validate.validate(value, "1.31", strict=True)
            assert value["metadata"]["namespace"], path  # type: ignore[index]


def test_only_dev_took_the_shared_setting(played: tuple[Path, str]) -> None:
    config, _ = played
    values = {}
    for environment in OBJECTS:
        (container,) = objects(config, environment)["manifests/support/triage/deployment.yaml"]["spec"]["template"][  # type: ignore[index]
            "spec"
        ]["containers"]
        values[environment] = {item["name"]: item.get("value") for item in container["env"]}["CONFIDENCE_MINIMUM"]
    assert values == {"dev": "0.9", "staging": "0.8", "prod": "0.8"}


def test_what_to_try_next_works(played: tuple[Path, str]) -> None:
    config, out = played
    commands = out[out.index("Try next") :].splitlines()[1:]
    for line in commands:
        command = line.strip().split("  ")[0]
        if not command:
            continue
        done = subprocess.run(
            f'headpin() {{ "{sys.executable}" -m headpin "$@"; }}; {command}',
            shell=True,
            cwd=config,
            env={**os.environ, "GIT_PAGER": "cat"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == (1 if command.startswith("diff") else 0), (command, done.stdout, done.stderr)


def test_kustomize_builds_each_projects_folder(played: tuple[Path, str], tmp_path: Path) -> None:
    config, _ = played
    for environment, count in OBJECTS.items():
        archive = tmp_path / f"{environment}.tar"
        git("archive", "--output", str(archive), f"env/{environment}", "manifests", cwd=config)
        shutil.unpack_archive(archive, tmp_path / environment)
        built = 0
        for folder in sorted((tmp_path / environment / "manifests").iterdir()):
            built += len([document for document in yaml.safe_load_all(kustomize(folder)) if document])
        assert built == count
