"""A short soak: what 240 changes of people leave behind, to the last event."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.soak.campaign import Bounds, run


@pytest.mark.slow
def test_changes_of_people_leave_what_the_model_says(tmp_path: Path) -> None:
    bounds = Bounds(after=80, memory=0.5, threads=4)  # too short to tell of memory: the long one does
    result = run(tmp_path, 240, 0, bounds, every=20)
    assert not result.wrong
    assert result.events > 100
    assert sum(result.done.values()) == 240
