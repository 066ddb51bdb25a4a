"""A branch that the head environment lists and nobody has: put back where it is known, else begun anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headpin.releases import HoldReason
from headpin.yaml import dump
from tests.structure import copy, run
from tests.world import CART, World, git

REFUSED, USED_WRONGLY, WORLD_FAILED = 1, 2, 3
INIT = ("environment", "init", "prod")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """prod served v1, v2 and v1 again; then its branch was deleted."""
    world = World.small(tmp_path_factory.mktemp("lost") / "template")
    world.reconcile()
    for _ in range(2):
        for source, target in (("dev", "staging"), ("staging", "prod")):
            world.promote(source, target)
            world.reconcile()
        world.push("cart")
        world.reconcile()
    run(world, "rollback", "shop/cart", "--env", "prod", "--yes")
    world.settle()
    world.git("branch", "-D", "env/prod")
    return world.folder


@pytest.fixture
def lost(template: Path, tmp_path: Path) -> World:
    return copy(template, tmp_path / "world")


def forget(world: World) -> None:
    """Takes away every object that nothing refers to."""
    world.git("reflog", "expire", "--expire=now", "--all")
    world.git("gc", "--quiet", "--prune=now")


def test_the_pass_names_the_command_and_the_list_tells(lost: World) -> None:
    done = run(lost, "reconcile", code=WORLD_FAILED)
    assert "the branch env/prod is missing here and upstream" in done.out + done.err
    assert "'headpin environment init prod' puts it back" in done.out + done.err
    assert "prod cannot be read: the branch env/prod is missing" in run(lost, "environment", "list").out


def test_a_commit_that_nothing_refers_to_is_found_and_nothing_is_lost(lost: World) -> None:
    before = lost.git("for-each-ref")
    shown = run(lost, *INIT, "--dry-run").out
    assert "Put back env/prod at " in shown and "an object that no branch refers to any more" in shown
    assert lost.git("for-each-ref") == before
    run(lost, *INIT)
    lost.settle()
    served = lost.record("prod").served
    assert served is not None and served.version == 1 and lost.record("prod").highest == 2
    assert [event.kind.value for event in lost.events("prod")] == ["promoted", "promoted", "rolled-back"]


def test_a_ref_of_any_name_that_has_it_is_named(lost: World, tmp_path: Path) -> None:
    run(lost, *INIT)
    git("clone", "--quiet", "--bare", str(lost.config), str(tmp_path / "backup.git"), cwd=tmp_path)
    lost.git("branch", "-D", "env/prod")
    forget(lost)
    lost.git("fetch", "--quiet", str(tmp_path / "backup.git"), "+refs/heads/*:refs/saved/*")
    told = json.loads(run(lost, *INIT, "--json").out)
    assert told["where"] == "where refs/saved/env/prod is" and told["branchAt"] == told["found"]
    lost.settle()


def test_anew_it_takes_the_name_and_says_what_that_costs(lost: World) -> None:
    forget(lost)
    before = lost.git("for-each-ref")
    done = run(lost, *INIT, code=USED_WRONGLY)
    assert "no commit of it is known any more" in done.out and "--confirm prod" in done.err
    assert "what delivers from it removes everything until the next pass" in done.out
    assert "shop/cart goes on at v3: main's history tells of 2 at most" in done.out
    run(lost, *INIT, "--confirm", "prd", code=USED_WRONGLY)
    assert lost.git("for-each-ref") == before


def test_anew_no_number_is_given_twice(lost: World) -> None:
    forget(lost)
    run(lost, *INIT, "--confirm", "prod", "--author", "Ann <ann@example.com>")
    assert lost.git("log", "-1", "--format=%an, %cn: %s", "env/prod") == "Ann, headpin: Start the environment prod anew"
    lost.settle()
    served = lost.record("prod").served
    assert served is not None and served.version == 3, "v1 was this release, and nobody knows that any more"
    run(lost, "promote", "shop/cart", "--to", "prod", "--yes")
    lost.settle()
    served = lost.record("prod").served
    assert served is not None and served.version == 4


def test_numbers_that_others_took_from_there_count_as_well(running: World) -> None:
    """main was rewritten since, so that its history tells of less."""
    run(running, "environment", "create", "eu", "--pipeline", "standard", "--after", "prod")
    running.settle()
    run(running, "promote", "shop/cart", "--to", "eu")
    running.settle()
    tree = running.git("rev-parse", "main^{tree}")
    running.git("reset", "--quiet", "--hard", running.git("commit-tree", "-m", "Only this", tree))
    running.git("branch", "-D", "env/prod")
    for pin in ("staging", "eu", "prod"):
        running.git("rm", "--quiet", f"pins/{pin}/shop/cart.yaml")
    running.git("commit", "--quiet", "--amend", "-m", "Without pins")
    forget(running)
    told = json.loads(run(running, *INIT, "--dry-run", "--json").out)
    assert told["highest"] == {"shop/cart": 1}


def test_an_override_that_may_be_used_up_opens_nothing_again(lost: World) -> None:
    release = lost.record("staging").served
    assert release is not None
    text = {
        "allow": "gates",
        "environment": "prod",
        "agents": [str(CART)],
        "gates": ["note"],
        "release": release.release.as_mapping(),
        "reason": "at night",
    }
    chain = "stages:\n  - environment: dev\n  - environment: staging\n  - environment: prod\n"
    gates = "    gates: {note: required, overridable: [note]}\n"
    lost.commit("Gates", {"overrides/note.yaml": dump(text), "pipelines/standard.yaml": chain + gates})
    forget(lost)
    run(lost, *INIT, "--confirm", "prod")
    blob = lost.git("rev-parse", "main:overrides/note.yaml")
    assert lost.record("prod").consumed == (blob,)
    run(lost, "reconcile", code=REFUSED)
    hold = lost.record("prod").hold
    assert hold is not None and hold.reason is HoldReason.BLOCKED and "note" in hold.message


def test_what_is_not_missing_is_left_alone(running: World) -> None:
    assert "env/prod is there" in run(running, *INIT, "--confirm", "prod", code=REFUSED).err
    running.commit("One more", {"environments/eu.yaml": "{}\n"})
    done = run(running, "environment", "init", "eu", "--confirm", "eu", code=REFUSED)
    assert "never was there" in done.err and "the next pass makes it" in done.err
    assert "there is no environment prd" in run(running, "environment", "init", "prd", code=USED_WRONGLY).err


def test_a_shallow_clone_does_not_begin_anything(lost: World, tmp_path: Path) -> None:
    forget(lost)
    clone = tmp_path / "clone"
    git("clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{lost.config}", str(clone), cwd=tmp_path)
    lost.config = clone
    done = run(lost, *INIT, "--confirm", "prod", code=WORLD_FAILED)
    assert "deepen" in done.err or "unshallow" in done.err
    assert lost.git("for-each-ref", "refs/heads/env") == ""
