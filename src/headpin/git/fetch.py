"""Fetching branches of a source repository into a bare mirror, as much of them as somebody needs.

Must never fetch tags or submodules, run a hook, or keep an address or a credential in the mirror's settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from pathlib import Path

from headpin.errors import PermanentError
from headpin.git.access import NOTHING, Access
from headpin.git.address import RemoteAddress
from headpin.git.remotes import talk
from headpin.types import branch_fault

_SETTINGS = {
    "core.hooksPath": "/dev/null",
    "gc.auto": "0",
    "fetch.unpackLimit": "1",  # a pack is there whole or not at all; loose objects come one by one
    "maintenance.auto": "false",
    "fetch.writeCommitGraph": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "20",
}
_REMOTE = "source"


class Reach(Enum):
    """How much of a repository's history is fetched, by the options that say so.

    A server that knows no filters sends more: the answers are the same.
    """

    MESSAGES = ("--filter=tree:0",)
    TREES = ("--filter=blob:none",)
    FILES = ()


def fetch_branches(
    address: RemoteAddress,
    place: Path,
    branches: Iterable[str],
    reach: Reach,
    seconds: float,
    *,
    deepen: int = 0,
    access: Access = NOTHING,
) -> None:
    """Brings `branches` of `address` into the bare repository at `place`, whatever they were there before.

    Of MESSAGES only the heads come, and with `deepen` so many more commits of what is there.
    Raises SourceTrouble when the repository does not answer in time, PermanentError as `list_heads`.
    """
    specs = []
    for branch in sorted(set(branches)):
        fault = branch_fault(branch)
        if fault:
            raise PermanentError(f"{branch!r} is no branch: {fault}")
        specs.append(f"+refs/heads/{branch}:refs/heads/{branch}")
    settings = [part for key, value in _SETTINGS.items() for part in ("-c", f"{key}={value}")]
    settings += ["-c", f"remote.{_REMOTE}.url={address.url}"]
    options = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-maintenance"]
    if reach is Reach.MESSAGES:
        options.append(f"--deepen={deepen}" if deepen else "--depth=1")
    talk(address, [*settings, f"--git-dir={place}", "fetch", *options, *reach.value, _REMOTE, *specs], seconds, access)
