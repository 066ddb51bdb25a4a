"""Real programs that tests give work to."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_TOOLS = Path(__file__).parents[1] / ".cache" / "tools"
"""Where `.ci/run` puts what it builds."""


def program(*names: str) -> str:
    """The first of these programs that is there, on PATH, in a folder of servers or where CI installs it.

    A test without any is skipped, except in CI, where one has to be.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", str(_TOOLS)])
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    message = f"there is no {' and no '.join(names)} on this machine"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{message}, and in CI there has to be")
    pytest.skip(message)


def kustomize(folder: Path) -> bytes:
    """What kustomize, by itself or in kubectl, builds of a folder; blind to the user's settings."""
    found = program("kustomize", "kubectl")
    command = [found, "build"] if Path(found).name == "kustomize" else [found, "kustomize"]
    env = {"HOME": str(folder), "PATH": os.environ["PATH"]}
    done = subprocess.run([*command, str(folder)], env=env, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
