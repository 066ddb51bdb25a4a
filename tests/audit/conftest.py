"""The legal past that all of these tests start from, made once."""

from __future__ import annotations

import pytest

from tests.audit.scene import Scene, build_past


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The legal past; nobody changes it."""
    return build_past(tmp_path_factory.mktemp("past") / "past")
