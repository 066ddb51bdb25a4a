"""The crash campaign in short: some named points and some instants, in one arrangement."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.campaigns.crash import LIVE, Campaign, Pending, Told
from tests.campaigns.dying import Order

SCRIPT = ("push desk/bell", "both shop/cart")

POINTS = {
    "clone": (
        ("before-note:refs/headpin/tips/dev", "during-git-push"),
        ("before-push:env/prod", "before-file:notify"),
    ),
}
"""Where it dies in each of the two steps: of the second one while it catches up with what the first one left."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", POINTS)
def test_a_daemon_that_is_killed_leaves_what_an_undisturbed_one_leaves(kind: str, tmp_path: Path) -> None:
    told = Told()
    with ExitStack() as stack:
        campaign = Campaign(tmp_path / "campaign", kind, stack, told)
        reference = campaign.reference(SCRIPT, len(SCRIPT))
        orders: Pending = {number: [Order(point, 1) for point in points] for number, points in enumerate(POINTS[kind])}
        campaign.named(SCRIPT, reference, orders, LIVE)
        assert told.kills["at named points"] >= 2, told
        assert campaign.instants(SCRIPT, reference, 2) >= 1
    assert told.rests >= 2
