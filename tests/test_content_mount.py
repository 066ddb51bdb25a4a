"""Content of a pinned release, from the object database into manifests: read late, and held where it cannot be."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from headpin.controller.realise import Realised
from headpin.controller.situations import situation_of
from headpin.errors import HistoryMissing
from headpin.git import Repository
from headpin.releases import Action, Decision, HoldReason, Layers, Release, Wanted
from headpin.releases.codec import format_release
from headpin.status import explain, render_environment
from headpin.types import Revision, TreeId
from tests.inprocess import headpin
from tests.rendering.deployments import REVISION
from tests.world import AGENT, CART, World, git

AGENT_PATH = "projects/shop/agents/cart/agent.yaml"
PIN = "pins/prod/shop/cart.yaml"
FILES = {"prompts/system.md": b"be kind\n", "data/all.bin": bytes(range(256))}
FROM_MAPS = "content:\n  - prompts/**\n  - data/*\n"
FETCHED = "content:\n  files: ['**']\n  mount: init\n  path: /srv/content\n"
DELIVERY = "apiVersion: headpin/v1\ndelivery:\n  repository: https://git.example.com/acme/config.git\n"


def _world(folder: Path, content: str, files: dict[str, bytes], workspace: str = "apiVersion: headpin/v1\n") -> World:
    """Main's head names content for the agent; prod's pin names main's settings with the content `files`."""
    world = World.small(folder)
    world.commit("Content", {AGENT_PATH: AGENT.format(name="cart") + content, "headpin.yaml": workspace})
    _pin(world, _stored(world, files))
    return world


def _stored(world: World, files: dict[str, bytes]) -> TreeId:
    """A content snapshot in the object database, as another stage's branch would have it."""
    return Repository.open(world.config).writer.apply(None, files)


def _pin(world: World, content: str | None) -> None:
    """Pins by hand what no stage before has run: what gates say to that is not asked here."""
    settings = world.fresh().workspace().snapshot(CART)
    assert settings is not None
    image = f"registry.example.com/cart:{REVISION}"
    release = Release(Revision(REVISION), image, settings.id, TreeId(content) if content else None)
    world.commit("Pin", {PIN: format_release(release)})


def _rendered(world: World) -> dict[str, str]:
    """What prod's pin renders, gates or no gates."""
    rendered, without = render_environment(world.fresh(), "prod")
    assert without == {}
    return dict(rendered[0].files)


def _why_not(world: World) -> str:
    rendered, without = render_environment(world.fresh(), "prod")
    assert rendered == []
    return without[CART]


def _realised(world: World) -> tuple[Realised, int]:
    """Prod's pin realised as if its gates were open, and how many deployments that rendered."""
    controller = world.fresh()
    around = controller.surroundings(controller.main_head())
    situation = situation_of(around, "prod", CART, ())
    assert isinstance(situation.desired, Wanted)
    realiser = controller.realiser(around)
    decision = Decision(Action.SERVE, "", Layers.HEAD, situation.desired.release, 1)
    return realiser.realise(situation, decision), realiser.rendered


def test_a_pinned_releases_content_comes_out_of_the_object_database(tmp_path: Path) -> None:
    files = _rendered(_world(tmp_path, FROM_MAPS, FILES))
    found = yaml.load(files["configmap-content-1.yaml"], yaml.CSafeLoader)
    assert found["data"] == {"system.md": "be kind\n"}
    assert base64.b64decode(found["binaryData"]["all.bin"]) == FILES["data/all.bin"]
    pod = yaml.load(files["deployment.yaml"], yaml.CSafeLoader)["spec"]["template"]["spec"]
    assert {"name": "content", "mountPath": "/content", "readOnly": True} in pod["containers"][0]["volumeMounts"]


def test_what_is_fetched_is_named_and_never_read(tmp_path: Path) -> None:
    world = _world(tmp_path, FETCHED, {"large.bin": b"\0" * 3_000_000}, DELIVERY)
    files = _rendered(world)
    assert not any("content" in name for name in files)
    assert _stored(world, {"large.bin": b"\0" * 3_000_000}) in files["deployment.yaml"]
    assert "https://git.example.com/acme/config.git" in files["deployment.yaml"]


def test_a_release_without_content_is_rendered_as_before(tmp_path: Path) -> None:
    world = _world(tmp_path, FROM_MAPS, FILES)
    with_content = _rendered(world)
    _pin(world, None)
    without = _rendered(world)
    assert set(with_content) - set(without) == {"configmap-content-1.yaml"}
    assert "/content" not in without["deployment.yaml"]


TOO_LARGE = {
    "one file": ({"all.bin": b"\0" * 1_000_000}, "the content's file all.bin has 1,000,000 bytes"),
    "all files": (
        {f"{n}.bin": b"%d" % n * 800_000 for n in range(9)},
        "has 7,200,000 bytes in 9 files, and 8 ConfigMaps",
    ),
}


@pytest.mark.parametrize(("files", "told"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_config_maps_do_not_take_is_a_hold_with_its_place_and_remedy(
    tmp_path: Path, files: dict[str, bytes], told: str
) -> None:
    world = _world(tmp_path, FROM_MAPS, files)
    realised, rendered = _realised(world)
    assert (realised.decision.action, realised.files, rendered) == (Action.HOLD, None, 0)
    assert realised.decision.reason.startswith(f"{AGENT_PATH}:11:3: HP346 ")
    assert told in realised.decision.reason and "say 'content.mount: init'" in realised.decision.reason
    assert realised.decision.hold is HoldReason.INVALID
    assert _why_not(world) == realised.decision.reason


def test_content_that_nobody_can_fetch_is_a_problem_with_its_line(tmp_path: Path) -> None:
    world = _world(tmp_path, FETCHED, FILES)
    valid = headpin("validate", cwd=world.config)
    assert valid.code == 1
    assert f"{AGENT_PATH}:12:10: error HP345" in valid.out and "set delivery.repository in headpin.yaml" in valid.out
    assert _why_not(world).startswith(f"{AGENT_PATH}:12:10: HP345")


def test_a_link_in_a_snapshot_is_followed_nowhere(tmp_path: Path) -> None:
    world = _world(tmp_path, FROM_MAPS, FILES)
    blob = git("hash-object", "-w", "headpin.yaml", cwd=world.config)
    git("update-index", "--add", "--cacheinfo", f"120000,{blob},prompts/link", cwd=world.config)
    tree = git("write-tree", "--prefix=prompts/", cwd=world.config)
    git("reset", "--quiet", cwd=world.config)
    _pin(world, tree)
    assert "HP348 the content's link is a symbolic link" in _why_not(world)


def test_a_name_that_kubernetes_does_not_mount_is_a_problem_for_config_maps_only(tmp_path: Path) -> None:
    world = _world(tmp_path / "one", FROM_MAPS, {"..data/x": b"1"})
    assert "HP348 Kubernetes mounts no file of a ConfigMap at ..data/x" in _why_not(world)
    assert _rendered(_world(tmp_path / "other", FETCHED, {"..data/x": b"1"}, DELIVERY))


def test_content_that_the_settings_know_no_place_for_is_a_problem(tmp_path: Path) -> None:
    assert "HP347 the release has content" in _why_not(_world(tmp_path, "", FILES))


def test_content_that_is_not_in_this_clone_is_told_and_never_left_out(tmp_path: Path) -> None:
    world = _world(tmp_path, FROM_MAPS, FILES)
    _pin(world, "1" * 40)
    assert "does not have the object" in _why_not(world)
    with pytest.raises(HistoryMissing):
        _realised(world)


def test_the_digest_is_of_the_snapshots_id_and_needs_no_file(tmp_path: Path) -> None:
    world = _world(tmp_path, FROM_MAPS, FILES)
    realised, rendered = _realised(world)
    assert realised.rendered is not None and realised.files is not None and rendered == 1
    render = render_environment(world.fresh(), "prod")[0][0].render
    assert render.content is not None and render.content.files is None
    moved = replace(render, content=replace(render.content, id=TreeId("2" * 40)))
    assert moved.digest() != render.digest() == realised.rendered.digest


def test_the_address_concerns_only_what_is_fetched(tmp_path: Path) -> None:
    digests = {}
    for name, content in (("maps", FROM_MAPS), ("fetched", FETCHED)):
        world = _world(tmp_path / name, content, FILES, DELIVERY)
        before = _realised(world)[0].rendered
        credentials = "  credentials:\n    secret: config-reader\n"
        world.commit("Credentials", {"headpin.yaml": DELIVERY + credentials})
        after = _realised(world)[0].rendered
        assert before is not None and after is not None
        digests[name] = (before.digest == after.digest, after.secrets)
    assert digests == {"maps": (True, ()), "fetched": (False, ("config-reader",))}


def test_a_change_of_the_address_renders_nothing_that_is_served_without_it(tmp_path: Path) -> None:
    world = World.small(tmp_path)
    world.settle()
    tips = world.tips()
    world.commit("Address", {"headpin.yaml": DELIVERY})
    assert world.settle().work.rendered == 0
    assert world.tips() == tips


def test_explain_shows_what_is_mounted(tmp_path: Path) -> None:
    world = _world(tmp_path, FROM_MAPS, FILES)
    found = explain(world.fresh(), CART, "prod")
    assert found.content is not None
    identity = _stored(world, FILES)
    shown = {"id": identity, "files": 2, "bytes": 264, "mount": "configmap", "path": "/content"}
    assert found.content.as_json() == shown
    told = headpin("explain", "shop/cart", "--env", "prod", cwd=world.config)
    assert f"content  {identity}: 2 files, 264 bytes, by configmap at /content" in told.out
    machine = json.loads(headpin("explain", "shop/cart", "--env", "prod", "--json", cwd=world.config).out)
    assert machine["content"] == shown
    _pin(world, None)
    assert explain(world.fresh(), CART, "prod").content is None
