"""Images by digest, end to end: dev waits for an image, and a release carries its digest from then on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headpin.images import with_digest
from headpin.releases import HoldReason
from tests.inprocess import headpin
from tests.registry import docker_registry, push
from tests.world import AGENT, World

AGENT_PATH = "projects/shop/agents/cart/agent.yaml"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    with docker_registry(tmp_path / "registry") as address:
        yield address


@pytest.fixture
def world(tmp_path: Path, registry: str) -> World:
    """cart's image is looked up, and there is none yet."""
    world = World.small(tmp_path / "world")
    text = AGENT.format(name="cart").replace("registry.example.com", registry).replace("{revision}", "{short}")
    world.commit("By digest", {AGENT_PATH: text.replace("{short}\n", "{short}\n  resolve: digest\n")})
    return world


def image(world: World, environment: str) -> str:
    served = world.record(environment).served
    assert served is not None
    return served.release.image


def test_a_missing_image_is_waited_for_and_never_deployed(world: World, registry: str) -> None:
    revision = world.push("cart")
    world.settle()
    hold = world.record("dev").hold
    assert hold is not None and hold.reason is HoldReason.WAITING_FOR_IMAGE
    assert f"{registry}/cart:{revision[:7]} is not in its registry yet" in hold.message
    assert not world.files("dev")
    digest = push(registry, "cart", revision[:7])
    assert world.record("dev").served is None
    world.controller.lookups.forget()
    world.settle()
    assert image(world, "dev") == with_digest(f"{registry}/cart:{revision[:7]}", digest)
    assert world.record("dev").hold is None
    assert digest in world.files("dev")["manifests/shop/cart/deployment.yaml"]


def test_what_is_served_stays_while_the_next_image_is_missing(world: World, registry: str) -> None:
    first = world.push("cart")
    push(registry, "cart", first[:7])
    world.settle()
    before = world.files("dev")
    world.push("cart")
    world.settle()
    assert world.record("dev").hold.reason is HoldReason.WAITING_FOR_IMAGE  # type: ignore[union-attr]
    assert world.record("dev").served.release.revision == first  # type: ignore[union-attr]
    assert world.files("dev") == before


def test_a_digest_is_for_ever_and_is_promoted_with_the_release(world: World, registry: str) -> None:
    revision = world.push("cart")
    digest = push(registry, "cart", revision[:7])
    world.settle()
    push(registry, "cart", revision[:7], "somebody moved the tag")
    world.commit("Shared", {AGENT_PATH: (world.config / AGENT_PATH).read_text() + "  MORE: here\n"})
    world.settle()
    assert image(world, "dev").endswith(digest)
    world.promote("dev", "staging")
    world.settle()
    assert image(world, "staging") == image(world, "dev")


def test_a_registry_that_is_gone_holds_only_what_needs_it(world: World, registry: str, tmp_path: Path) -> None:
    world.push("search")
    world.commit("Search", {"projects/shop/agents/search/agent.yaml": AGENT.format(name="search")})
    text = (world.config / AGENT_PATH).read_text()
    world.commit("Nowhere", {AGENT_PATH: text.replace(registry, "127.0.0.1:1")})
    world.settle()
    hold = world.record("dev").hold
    assert hold is not None and "the registry of 127.0.0.1:1/cart:" in hold.message
    assert "manifests/shop/search/deployment.yaml" in world.files("dev")


def test_a_pinned_first_stage_takes_only_the_digest_that_the_registry_has(world: World, registry: str) -> None:
    world.commit("Direct", {"pipelines/standard.yaml": "stages:\n  - environment: staging\n  - environment: prod\n"})
    revision = world.push("cart")
    waiting = headpin("promote", "shop/cart", "--to", "staging", cwd=world.config)
    assert waiting.code == 3 and "is not in its registry yet" in waiting.err
    digest = push(registry, "cart", revision[:7])
    done = headpin("promote", "shop/cart", "--to", "staging", cwd=world.config)
    assert done.code == 0, done.err
    pin = (world.config / "pins/staging/shop/cart.yaml").read_text()
    assert digest in pin
    world.commit("Another digest", {"pins/staging/shop/cart.yaml": pin.replace(digest, "sha256:" + "0" * 64)})
    world.settle()
    hold = world.record("staging").hold
    assert hold is not None and hold.reason is HoldReason.BLOCKED and "its image is" in hold.message
    world.commit("Without", {"pins/staging/shop/cart.yaml": pin.replace(f"@{digest}", "")})
    world.settle()
    assert world.record("staging").served is None
    world.commit("Right", {"pins/staging/shop/cart.yaml": pin})
    world.settle()
    assert image(world, "staging").endswith(digest)


def test_stop_and_own_settings_do_not_wait_for_an_image(world: World, registry: str) -> None:
    first = world.push("cart")
    push(registry, "cart", first[:7])
    world.settle()
    world.push("cart")
    world.settle()
    world.commit("Own", {"projects/shop/agents/cart/dev.yaml": "stopped: true\nvariables: {MORE: here}\n"})
    world.settle()
    record, text = world.record("dev"), world.files("dev")["manifests/shop/cart/deployment.yaml"]
    assert record.hold is not None and record.hold.reason is HoldReason.WAITING_FOR_IMAGE
    assert "replicas: 0" in text and 'name: "MORE"' in text and first in text


def test_a_moved_tag_is_not_another_release_in_a_pinned_first_stage(world: World, registry: str) -> None:
    world.commit("Direct", {"pipelines/standard.yaml": "stages:\n  - environment: staging\n  - environment: prod\n"})
    revision = world.push("cart")
    push(registry, "cart", revision[:7])
    assert headpin("promote", "shop/cart", "--to", "staging", cwd=world.config).code == 0
    world.settle()
    push(registry, "cart", revision[:7], "somebody moved the tag")
    assert "nothing to do" in headpin("promote", "shop/cart", "--to", "staging", cwd=world.config).out
