"""The real Helm, asked about charts in folders."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from headpin.rendering import RenderInput, render_files
from tests.programs import program
from tests.rendering.deployments import templates

CONTENT_NAME = re.compile(r"-content-[0-9a-f]{12}(?:-([1-9]))?$")
"""The end of the name of a ConfigMap of content: twelve digits, where one of `files` has ten."""


def charted(render: RenderInput) -> dict[str, str]:
    """The files of a deployment in the engine `helm`."""
    return render_files(replace(render, engine="helm"), templates())


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """The files in `folder`, and nothing else in it."""
    if folder.exists():
        shutil.rmtree(folder)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    return folder


def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs Helm, blind to the user's settings (HOME is the tests' own); what it prints is UTF-8."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "KUBE", "XDG_"))}
    command = [program("helm"), *map(str, arguments)]
    return subprocess.run(command, env=env, capture_output=True, encoding="utf-8", timeout=60, check=False)


def lint(folder: Path) -> None:
    """`helm lint --strict`: no error and no warning."""
    done = helm("lint", "--strict", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout + done.stderr
    assert "[ERROR]" not in done.stdout + done.stderr


def template(folder: Path, *arguments: str) -> dict[str, Any]:
    """Every object that the chart makes, as `by_kind` has them."""
    done = helm("template", "any-release", folder, *arguments)
    assert done.returncode == 0, done.stderr
    return by_kind(found for found in yaml.load_all(done.stdout, yaml.CSafeLoader) if found is not None)


def by_kind(found: Iterable[Any]) -> dict[str, Any]:
    """Objects by their kinds, and ``ConfigMap content 1`` and so on for content: as `read` has those of a file each."""
    objects: dict[str, Any] = {}
    for value in found:
        kind, name = value["kind"], value["metadata"]["name"]
        content = CONTENT_NAME.search(name) if kind == "ConfigMap" else None
        key = f"{kind} content {content.group(1) or 1}" if content else kind
        assert key not in objects
        objects[key] = value
    return objects
