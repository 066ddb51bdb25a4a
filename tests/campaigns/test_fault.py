"""Short runs of the fault campaign: what it is in full, and its last result, docs/testing.md says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.bout import bout
from tests.campaigns.fault import play

_OF_HTTP = ("taken_and_never_told", "credentials_rotate", "refused")
_OF_GIT = ("down", "storm_on_environments", "branch_deleted", "main_deleted", "main_rewritten")


@pytest.mark.parametrize(("transport", "cases"), [("http", _OF_HTTP), ("git", _OF_GIT)])
def test_nothing_is_lost_and_all_is_well_again(transport: str, cases: tuple[str, ...], tmp_path: Path) -> None:
    lines: list[str] = []
    with bout(transport, tmp_path, outage=1.5) as running:
        play(running, cases, lines.append)
    assert len(lines) == len(cases)
