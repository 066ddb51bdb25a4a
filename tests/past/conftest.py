"""Branches of 3,000 commits, and of 900, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.past.packed import packed_world


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 promotions by turns of ten agents in prod and 1,000 releases in dev, from 300 commits on main."""
    return packed_world(tmp_path_factory.mktemp("long") / "config", 3000, 300)


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with 900 promotions, from 90 commits."""
    return packed_world(tmp_path_factory.mktemp("short") / "config", 900, 90)
