"""Fixtures. Every repository in these tests is real, in a folder of its own, blind to the user's git settings."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_HOME = Path(tempfile.mkdtemp(prefix="headpin-tests-"))
for _name in [name for name in os.environ if name.startswith(("GIT_", "HEADPIN_"))]:
    del os.environ[_name]
os.environ |= {  # before anything imports libgit2, which reads HOME once
    "HOME": str(_HOME),
    "XDG_CONFIG_HOME": str(_HOME / ".config"),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": str(_HOME / ".gitconfig"),
    "TZ": "UTC",
    "NO_COLOR": "1",
}
(_HOME / ".gitconfig").write_text(
    "[user]\n\tname = Test Person\n\temail = test.person@example.com\n[init]\n\tdefaultBranch = main\n"
    "[commit]\n\tgpgSign = false\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[core]\n\tfsync = none\n"
)

import hypothesis  # noqa: E402
import pytest  # noqa: E402

from tests.world import World  # noqa: E402

# What CI tries is the same every time; new examples are searched for on people's machines.
# How long an example takes says more of the machine than of headpin, so there is no deadline.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("person", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "person")


def pytest_addoption(parser: pytest.Parser) -> None:
    """One flag writes the golden files of rendered output anew."""
    parser.addoption(
        "--update-golden", action="store_true", dest="update_golden", help="write tests/rendering/golden/ anew"
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A workspace of dev, staging and prod with the agent shop/cart, committed and not yet reconciled."""
    return World.small(tmp_path)


@pytest.fixture
def running(world: World) -> World:
    """cart at v1 in staging and prod."""
    world.settle()
    world.promote("dev", "staging")
    world.settle()
    world.promote("staging", "prod")
    world.settle()
    return world
