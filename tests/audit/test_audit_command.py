"""`headpin audit` as people and programs see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.audit.plants import PLANTS
from tests.audit.scene import Scene, copy_of
from tests.inprocess import headpin


@pytest.fixture(scope="module")
def spoilt(past: Scene, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A past with a violation in prod, one in staging, and two notices; nobody changes it."""
    scene = copy_of(past, tmp_path_factory.mktemp("spoilt") / "scene")
    PLANTS["an_override_used"](scene)
    PLANTS["a_pin_with_settings_that_never_ran"](scene)
    PLANTS["an_event_edited"](scene)
    return scene


def test_people_read_it_by_severity_and_newest_first(spoilt: Scene) -> None:
    ran = headpin("audit", "--no-memory", cwd=spoilt.folder / "config")
    assert ran.code == 1
    lines = ran.out.splitlines()
    codes = [line.split()[0] for line in lines if line.startswith("HP")]
    assert codes == ["HP429", "HP401", "HP407", "HP406"]
    assert lines[0] == "VIOLATIONS (2)" and "NOTICES (2)" in lines
    assert "HP429 event edited or removed: shop/cart in prod" in lines
    assert any("Mallory Example <mallory@example.com>, 2026-01-05T" in line for line in lines)
    assert lines[-2] == "2 violations, 2 notices"
    assert lines[-1] == f"replayed 8 commits of main and 3 branches, up to {spoilt.head()[:7]}"


def test_programs_read_all_of_it(spoilt: Scene) -> None:
    ran = headpin("audit", "--json", cwd=spoilt.folder / "config")
    assert ran.code == 1
    value = json.loads(ran.out)
    assert (value["apiVersion"], value["kind"]) == ("headpin/v1", "Audit")
    assert (value["violations"], value["notices"], value["since"]) == (2, 2, None)
    assert value["replayed"] == {"main": 8, "branches": 3, "revision": spoilt.head()}
    first = value["findings"][0]
    assert list(first) == [
        *("code", "severity", "title", "environment", "agent", "main", "commit", "person", "at", "message", "remedy")
    ]
    assert (first["code"], first["environment"], first["agent"]) == ("HP429", "prod", "shop/cart")
    assert headpin("audit", "--json", cwd=spoilt.folder / "config").out == ran.out


def test_an_answer_about_a_part_says_that_there_is_more(spoilt: Scene) -> None:
    ran = headpin("audit", "--env", "staging", cwd=spoilt.folder / "config")
    assert "3 more findings elsewhere; 'headpin audit' tells all" in ran.err
    assert "elsewhere" not in headpin("audit", cwd=spoilt.folder / "config").err


@pytest.mark.parametrize(
    ("arguments", "code", "codes"),
    [
        (("--env", "staging"), 1, ["HP401"]),
        (("--env", "dev"), 0, []),
        (("--agent", "shop/mail"), 0, []),
        (("--agent", "shop/cart", "--env", "prod"), 1, ["HP429", "HP407", "HP406"]),
        (("--since", "main"), 0, []),
        (("--since", "main~1"), 1, ["HP429", "HP401"]),
        (("--since", "main:defaults.yaml"), 2, []),
    ],
)
def test_less_can_be_asked_for(arguments: tuple[str, ...], code: int, codes: list[str], spoilt: Scene) -> None:
    ran = headpin("audit", *arguments, "-o", "wide", "--no-headers", cwd=spoilt.folder / "config")
    assert ran.code == code, ran.err
    assert [line.split()[0] for line in ran.out.splitlines() if line.startswith("HP")] == codes


def test_what_was_found_under_an_old_name_is_told_of_the_agent(spoilt: Scene, tmp_path: Path) -> None:
    scene = copy_of(spoilt, tmp_path / "scene")
    config = scene.folder / "config"
    before = json.loads(headpin("audit", "--agent", "shop/cart", "--json", cwd=config).out)["findings"]
    assert headpin("agent", "rename", "shop/cart", "shop/basket", "--yes", cwd=config).code == 0
    for name in ("shop/basket", "shop/cart"):
        found = json.loads(headpin("audit", "--agent", name, "--json", cwd=config).out)["findings"]
        assert [item for item in found if item["agent"] == "shop/cart"] == before
    assert len(before) == 4


def test_notices_alone_are_no_failure(past: Scene, tmp_path: Path) -> None:
    scene = copy_of(past, tmp_path / "scene")
    PLANTS["a_stage_skipped_and_held"](scene)
    ran = headpin("audit", cwd=scene.folder / "config")
    assert ran.code == 0 and "0 violations, 1 notice" in ran.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "nowhere"), "there is no commit 'nowhere' here"),
        (("--env", "prd"), "did you mean prod?"),
        (("--since", "main@{1}"), "the id of a commit, a branch, a tag, or steps from one, as main~2"),
        (("--agent", "cart"), "agents are named project/agent"),
    ],
)
def test_wrong_use_is_told(arguments: tuple[str, ...], said: str, spoilt: Scene) -> None:
    ran = headpin("audit", *arguments, cwd=spoilt.folder / "config")
    assert ran.code == 2 and said in ran.err


def test_what_people_wrote_is_inert(spoilt: Scene, tmp_path: Path) -> None:
    scene = copy_of(spoilt, tmp_path / "scene")
    scene.foreign("prod", {"README.md": b"x"}, "\x1b[31mred\u202e")
    ran = headpin("audit", cwd=scene.folder / "config")
    assert ran.code == 1 and "HP420" in ran.out
    assert "\x1b" not in ran.out and "\u202e" not in ran.out
