"""What a daemon asks sources for that no environment follows: a pin in a pipeline's first stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from headpin.daemon.loop import Options
from tests.daemon.running import QUICK, running, until
from tests.test_first_stage import First

PINNED_ONLY = Options(("staging", "prod"), QUICK.waits, QUICK.rest)


@pytest.mark.parametrize("options", [QUICK, PINNED_ONLY])
def test_a_pin_in_a_first_stage_is_decided_although_nobody_follows_the_source(tmp_path: Path, options: Options) -> None:
    world = First.of(tmp_path)
    world.push("mono")
    with running(world.config, options) as told:
        until(lambda: told.passes)
        asked = len(told.operations)
        for version in (1, 2):
            world.pin(world.push("mono"))
            until(lambda v=version: (served := world.record("staging").served) and served.version == v)
        until(lambda: told.passes[-1].commits == ())
        world.commit("Nothing", {"README.md": "1\n"})
        world.commit("Nothing", {"README.md": "2\n"})
    assert asked == 0 and not told.failures
    world.settle()
