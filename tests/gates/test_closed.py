"""What cannot be known, or is not said, keeps a gate closed."""

from __future__ import annotations

import pytest

from headpin.releases import EventKind, HoldReason
from tests.gates.test_gates import pipeline, version
from tests.inprocess import headpin
from tests.world import AGENT, World

PIPELINE = "pipelines/standard.yaml"
BROKEN = "stages: [\n"
FROZEN = '{freeze: [{from: "2025-12-01T00:00:00Z", until: "2026-12-01T00:00:00Z", reason: holidays}]}'


@pytest.fixture
def rolled_back(running: World) -> World:
    """v2 ran in prod and was rolled back to v1; the promotion is the commit before the last."""
    running.push("cart")
    running.settle()
    for source, target in (("dev", "staging"), ("staging", "prod")):
        running.promote(source, target)
        running.settle()
    running.git("revert", "--no-edit", "HEAD")
    running.settle()
    return running


def test_a_pipeline_that_cannot_be_read_opens_no_gate_for_what_ran_before(rolled_back: World) -> None:
    rolled_back.commit("Broken", {PIPELINE: BROKEN})
    rolled_back.git("revert", "--no-edit", "HEAD~1")
    rolled_back.settle()
    hold = rolled_back.record("prod").hold
    assert hold is not None and hold.reason is HoldReason.BLOCKED and "cannot be read" in hold.message
    assert version(rolled_back) == 1
    text = (rolled_back.config / PIPELINE).read_text()
    assert text == BROKEN
    rolled_back.commit("Mended", pipeline("{}"))
    rolled_back.settle()
    assert version(rolled_back) == 2 and rolled_back.events("prod")[-1].kind is EventKind.ROLLED_FORWARD


def test_a_pipeline_that_cannot_be_read_may_hide_a_freeze(running: World) -> None:
    running.commit("Broken", {PIPELINE: BROKEN})
    running.commit("Own", {"projects/shop/prod.yaml": "variables: {NEW: here}\nscaling: {minReplicas: 2}\n"})
    running.settle()
    files = running.files("prod")["manifests/shop/cart/deployment.yaml"]
    assert "NEW" not in files and "replicas: 2" in files
    running.commit("Mended", pipeline("{}"))
    running.settle()
    assert "NEW" in running.files("prod")["manifests/shop/cart/deployment.yaml"]


def test_a_rollback_goes_through_a_pipeline_that_cannot_be_read(rolled_back: World) -> None:
    rolled_back.git("revert", "--no-edit", "HEAD")
    rolled_back.settle()
    assert version(rolled_back) == 2
    rolled_back.commit("Broken", {PIPELINE: BROKEN})
    rolled_back.git("revert", "--no-edit", "HEAD~1")
    rolled_back.settle()
    assert version(rolled_back) == 1


def test_a_train_needs_a_note_as_one_agent_does(running: World) -> None:
    running.push("search")
    running.commit("Search", {"projects/shop/agents/search/agent.yaml": AGENT.format(name="search")})
    running.push("cart")
    running.commit("Note", pipeline("{}", staging="{note: required}"))
    running.settle()
    refused = headpin("promote", "shop/*", "--to", "staging", cwd=running.config)
    assert refused.code == 1 and "needs a note" in refused.err
    assert headpin("promote", "shop/*", "--to", "staging", "--note", "why", cwd=running.config).code == 0


def test_headpin_itself_writes_no_note_that_a_gate_would_take(running: World) -> None:
    stages = (
        "stages:\n  - environment: dev\n  - environment: staging\n    promotion: automatic\n"
        "    gates: {note: required}\n  - environment: prod\n"
    )
    running.commit("Automatic", {PIPELINE: stages})
    running.push("cart")
    running.settle()
    assert version(running, "staging") == 1


def test_an_adoption_is_frozen_as_everything_is(world: World) -> None:
    revision = world.push("cart")
    world.commit("Frozen", pipeline(FROZEN))
    world.settle()
    done = headpin(
        "adopt", "shop/cart", "--env", "prod", "--revision", revision, "--reason", "ran by hand", "--yes",
        cwd=world.config,
    )  # fmt: skip
    assert done.code == 1 and "holidays" in done.err


def test_a_setting_that_a_freeze_would_hold_is_refused_with_the_promotion(running: World) -> None:
    running.commit("Frozen", pipeline(FROZEN))
    running.settle()
    done = headpin("promote", "shop/cart", "--to", "prod", "--yes", "--set", "NEW=1", cwd=running.config)
    assert done.code == 1 and "holidays" in done.err, done.out
    assert headpin("scale", "shop/cart", "--env", "prod", "--min", "2", "--yes", cwd=running.config).code == 0
