"""Every kind of illegal transition is found, with its commit, environment, agent and person; and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from headpin.problem_kinds import KINDS
from tests.audit.plants import PLANTS
from tests.audit.scene import Scene, copy_of


def test_nothing_is_found_in_a_legal_past(past: Scene) -> None:
    assert past.audit().findings == ()


@pytest.mark.parametrize("name", PLANTS)
def test_what_is_planted_is_found_and_nothing_else(name: str, past: Scene, tmp_path: Path) -> None:
    scene = copy_of(past, tmp_path / "scene")
    expected = PLANTS[name](scene)
    found = scene.audit().findings
    told = "\n".join(f"{f.code} {f.environment} {f.agent} {f.person} {f.message}" for f in found)
    assert len(found) == len(expected), told
    for one in expected:
        assert any(one.is_told_by(finding) for finding in found), f"{one}\n{told}"


def _lines(scene: Scene, kind: str, **said: object) -> dict[str, bytes | None]:
    path = f"deployments/shop/cart.{kind}"
    data = scene.branch("prod").tree.read(path)
    return {path: data + json.dumps(json.loads(data.splitlines()[-1]) | said).encode() + b"\n"}


HOSTILE: dict[str, Callable[[Scene], dict[str, bytes | None]]] = {
    "a list for a revision": lambda scene: _lines(scene, "ran", revision=["a"]),
    "a text for a number": lambda scene: _lines(scene, "ran", version="two"),
    "a mapping for an image": lambda scene: _lines(
        scene, "events", release={"revision": "a", "image": {}, "settings": 1}
    ),
    "a branch for a revision": lambda scene: _lines(scene, "events", config="main"),
    "a number for a revision": lambda scene: _lines(scene, "events", config=7),
    "no JSON": lambda scene: {"deployments/shop/cart.events": b"{\n"},
    "not UTF-8": lambda scene: {"deployments/shop/cart.yaml": b"\xff\xfe"},
    "a record in parts": lambda scene: {
        "deployments/shop/cart.yaml": b'highest: "x"\nrelease: {revision: [], image: 1, settings: 2}\n'
    },
    "odd paths": lambda scene: {
        "deployments/shop/cart.yaml.more": b"",
        "content/x": b"",
        "manifests/..x/y/z": b"",
    },
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_nobody_would_write_is_a_finding_and_no_crash(name: str, past: Scene, tmp_path: Path) -> None:
    scene = copy_of(past, tmp_path / "scene")
    made = scene.forge("prod", HOSTILE[name](scene))
    scene.pin("prod", scene.served("staging").release)
    found = scene.audit(use_memory=True).findings
    assert {finding.commit for finding in found if finding.code != "HP427"} == {made}
    assert scene.audit(use_memory=True).findings == found == scene.audit().findings


def test_a_link_in_the_place_of_a_file_is_a_finding_and_no_crash(past: Scene, tmp_path: Path) -> None:
    scene = copy_of(past, tmp_path / "scene")
    made = []
    for path in ("deployments/shop/cart.yaml", "manifests/shop/kustomization.yaml", "environment.yaml"):
        made.append(scene.forge("prod", {}, link=path))
    found = scene.audit().findings
    assert {(finding.commit, finding.code) for finding in found} >= {(made[0], "HP447"), (made[1], "HP445")}
    assert made[2] in {finding.commit for finding in found if finding.code == "HP421"}


def test_every_kind_of_finding_is_planted() -> None:
    codes = {code for code in KINDS if code.startswith("HP4")}
    text = (Path(__file__).parent / "plants.py").read_text("utf-8")
    assert {code for code in codes if code not in text} == set()
