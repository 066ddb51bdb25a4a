"""Fixtures of the daemon's tests."""

from __future__ import annotations

import pytest

from tests.world import World


@pytest.fixture
def running_world(running: World) -> World:
    """cart at v1 in staging and prod; by another name, because `running` is what runs a daemon here."""
    return running
