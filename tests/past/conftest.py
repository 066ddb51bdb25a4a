"""Branches of 3,000 commits, and of 300, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.past.packed import packed_world


@pytest.fixture(scope="session")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 promotions by turns of five agents in dev and in prod, from 300 commits on main."""
    return packed_world(tmp_path_factory.mktemp("long") / "config", 3000, 300)


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with 300 promotions."""
    return packed_world(tmp_path_factory.mktemp("short") / "config", 300, 30)
