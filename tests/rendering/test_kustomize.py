"""What is on a branch builds with kustomize, project by project."""

from __future__ import annotations

from pathlib import Path

import yaml

from headpin.rendering import KUSTOMIZATION
from tests.example import IN_DEV, example_world
from tests.programs import kustomize
from tests.rendering.kubernetes import faults


def test_each_projects_folder_builds(tmp_path: Path) -> None:
    world = example_world(tmp_path / "world")
    world.reconcile()
    checkout = tmp_path / "checkout"
    world.git("worktree", "add", "--quiet", "--detach", str(checkout), "env/dev")
    for project in sorted({name.split("/")[0] for name in IN_DEV}):
        folder = checkout / "manifests" / project
        written = [file for file in folder.rglob("*.yaml") if file.name != KUSTOMIZATION]
        built = list(yaml.load_all(kustomize(folder), yaml.CSafeLoader))
        assert len(built) == len(written)
        agents = {found["metadata"]["labels"]["app.kubernetes.io/name"] for found in built}
        assert agents == {name.split("/")[1] for name in IN_DEV if name.startswith(f"{project}/")}
        for agent in agents:
            own = [found for found in built if found["metadata"]["labels"]["app.kubernetes.io/name"] == agent]
            assert faults({found["kind"]: found for found in own}) == []
