"""`run --once`: one pass with what goes before and after it, for cron and CI."""

from __future__ import annotations

import pytest

from tests.daemon.test_upstream import Hub, hub
from tests.inprocess import headpin
from tests.world import World, git

__all__ = ["hub"]


def test_a_repository_that_is_alone(world: World) -> None:
    ran = headpin("run", "--once", cwd=world.config)
    assert ran.code == 0 and "env/prod" in world.tips(), ran.err
    world.commit("Broken", {"pins/staging/shop/cart.yaml": "revision: 1\n"})
    tips = world.tips()
    assert headpin("run", "--once", "--dry-run", cwd=world.config).code == 1
    assert headpin("run", "--once", "--environments", "prod", "--environments", "d*", cwd=world.config).code == 0
    assert world.tips()["env/staging"] == tips["env/staging"]
    assert headpin("run", "--once", cwd=world.config).code == 1
    assert headpin("run", "--once", "--push", cwd=world.config).code == 2


def test_a_clone_pushes_what_it_made_unless_it_is_told_not_to(hub: Hub) -> None:
    assert headpin("run", "--once", "--no-push", cwd=hub.world.config).code == 0
    assert not hub.revision("env/prod")
    assert headpin("run", "--once", cwd=hub.world.config).code == 0
    assert hub.revision("env/prod") == hub.world.revision("env/prod")
    other = hub.folder / "other"
    git("clone", "--quiet", str(hub.place), str(other), cwd=hub.folder)
    (other / "README.md").write_text("more\n")
    git("add", "--all", cwd=other)
    git("commit", "--quiet", "-m", "More", cwd=other)
    git("push", "--quiet", cwd=other)
    hub.world.push("cart")
    behind = hub.world.revision("main")
    assert headpin("run", "--once", cwd=hub.world.config).code == 0
    config = git("show", "env/dev:environment.yaml", cwd=hub.place)
    assert hub.revision("main") in config and hub.world.revision("main") == behind


@pytest.mark.parametrize("gone", ["upstream", "refused"])
def test_an_upstream_that_does_not_take_it_is_told(hub: Hub, gone: str) -> None:
    if gone == "upstream":
        hub.place.rename(hub.folder / "away")
    else:
        hook = hub.place / "hooks" / "pre-receive"
        hook.write_text("#!/bin/sh\necho closed; exit 1\n")
        hook.chmod(0o755)
    ran = headpin("run", "--once", cwd=hub.world.config)
    if gone == "upstream":
        (hub.folder / "away").rename(hub.place)
    assert ran.code == 3
    assert "origin cannot be" in ran.err if gone == "upstream" else "closed" in ran.err
