"""Every kind of illegal transition is found, with its commit, environment, agent and person; and nothing else is."""

from __future__ import annotations

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


def test_every_kind_of_finding_is_planted() -> None:
    codes = {code for code in KINDS if code.startswith("HP4")}
    text = (Path(__file__).parent / "plants.py").read_text("utf-8")
    assert {code for code in codes if code not in text} == set()
