"""How what a person wants gets to main, upstream and to colleagues: names, races, crashes, remotes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inprocess import Ran, headpin
from tests.world import World, git

REFUSED, USED_WRONGLY, WORLD_FAILED = 1, 2, 3
PROMOTE = ("promote", "shop/cart", "--to", "staging", "--yes")


def run(place: Path, *arguments: str, code: int = 0) -> Ran:
    done = headpin(*arguments, cwd=place)
    assert done.code == code, f"{arguments}: {done.code}\n{done.out}{done.err}"
    return done


@pytest.fixture
def served(world: World) -> World:
    """cart runs in dev, and nowhere else."""
    world.settle()
    return world


# ── what is wrong use ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--set", "BAD-NAME=1"), "cannot be the name of a variable"),
        (("--set", "1X=1"), "cannot be the name of a variable"),
        (("--set", "X\n=1"), "cannot be the name of a variable"),
        (("--set-file", "/etc/x=nowhere.txt"), "nowhere.txt cannot be read"),
        (("--set-file", "/etc/x=."), "cannot be read"),
        (("--set-file", "etc/x=headpin.yaml"), "is no path to mount at"),
        (("--set-file", "/etc/../x=headpin.yaml"), "is no path to mount at"),
    ],
)
def test_what_cannot_be_set_is_told_at_the_option(served: World, option: tuple[str, str], words: str) -> None:
    before = served.revision()
    done = run(served.config, *PROMOTE, *option, code=USED_WRONGLY)
    assert words in done.err and "HP204" not in done.err
    assert served.revision() == before and served.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    "name", ["main", "env/qa", "env", "Env/qa", "headpin", "headpin/evidence", "headpin/evidence/dev", "-x", "a..b"]
)
def test_a_branch_that_is_not_for_pull_requests_cannot_be_named(served: World, name: str) -> None:
    before = served.git("for-each-ref")
    done = run(served.config, *PROMOTE, f"--branch={name}", code=USED_WRONGLY)
    assert name in done.err
    assert served.git("for-each-ref") == before


def test_a_branch_beside_those_of_headpin_can_be_named(served: World) -> None:
    for name in ("headpin/mine", "environment/x", "mainly"):
        run(served.config, *PROMOTE, f"--branch={name}")
        assert served.git("show", "--format=", "--name-only", name) == "pins/staging/shop/cart.yaml"


# ── upstream ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shared(served: World) -> World:
    """Beside it a bare repository, and two people's clones of it."""
    git("clone", "--quiet", "--bare", str(served.config), "up.git", cwd=served.folder)
    for name in ("ann", "bob"):
        git("clone", "--quiet", "up.git", name, cwd=served.folder)
    return served


def upstream(world: World, *arguments: str) -> str:
    return git(*arguments, cwd=world.folder / "up.git")


def with_hook(place: Path, text: str) -> None:
    hook = place / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{text}\n")
    hook.chmod(0o755)


def test_the_persons_own_hook_has_a_say_in_what_is_pushed(shared: World) -> None:
    ann = shared.folder / "ann"
    before = upstream(shared, "rev-parse", "main")
    with_hook(ann, "echo no pushes on Fridays; exit 1")
    done = run(ann, *PROMOTE, code=WORLD_FAILED)
    assert "pre-push hook" in done.err and "no pushes on Fridays" in done.err
    assert upstream(shared, "rev-parse", "main") == before == git("rev-parse", "main", cwd=ann)
    assert git("status", "--porcelain", cwd=ann) == ""
    with_hook(ann, "echo fine; cat > pushed")
    run(ann, *PROMOTE)
    assert upstream(shared, "rev-parse", "main^") == before
    assert "refs/heads/main" in (ann / "pushed").read_text()
