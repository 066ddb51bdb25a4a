"""Worlds that many tests start from: made once, packed, and copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.hostile import TILL
from tests.world import AGENT, CART, World, git


@pytest.fixture(scope="session")
def _two_agents(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small world with a second agent, both served in all environments."""
    folder = tmp_path_factory.mktemp("two-agents")
    world = World.small(folder)
    world.push("till")
    world.commit("Add till", {"projects/shop/agents/till/agent.yaml": AGENT.format(name="till")})
    world.settle()
    for source, target in (("dev", "staging"), ("staging", "prod")):
        for agent in (CART, TILL):
            world.promote(source, target, agent)
        world.settle()
    for place in (world.config, world.sources / "cart", world.sources / "till"):
        git("gc", "--quiet", "--prune=now", cwd=place)
        shutil.rmtree(place / ".git" / "hooks")
    return folder


@pytest.fixture
def served(_two_agents: Path, tmp_path: Path) -> World:
    """Two agents, both served in dev, staging and prod."""
    world = World(tmp_path / "served")
    shutil.copytree(_two_agents, world.folder, dirs_exist_ok=True)
    world.controller = world.fresh()
    return world
