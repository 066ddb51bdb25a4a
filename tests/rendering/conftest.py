"""Programs that rendered output is given to."""

from __future__ import annotations

import os
import shutil

import pytest


@pytest.fixture
def kubectl() -> str:
    """The program; in CI it has to be there."""
    found = shutil.which("kubectl")
    if found is None and os.environ.get("CI") != "true":
        pytest.skip("kubectl is not installed")
    assert found is not None, "CI has to have kubectl"
    return found
