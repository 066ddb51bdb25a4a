"""Lock files of refs: a dead headpin's is taken away, everybody else's stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headpin.errors import RefLocked
from headpin.git import Repository
from headpin.git.locks import FOLDER
from headpin.types import Revision
from tests.world import World

_DYING = """
import os, sys
from pathlib import Path
from headpin.git.locks import announced
folder, ref, new, said = Path(sys.argv[1]), *sys.argv[2:]
with announced(folder, ref, new):
    (folder / f"{ref}.lock").write_text(said)
    os.kill(os.getpid(), 9)
"""
REF = "refs/heads/env/dev"


def die_holding(world: World, said: str, new: str) -> Path:
    folder = world.config / ".git"
    done = subprocess.run([sys.executable, "-c", _DYING, str(folder), REF, new, said], check=False)
    assert done.returncode == -9
    return folder / f"{REF}.lock"


def aged(lock: Path) -> None:
    past = time.time() - 60
    os.utime(lock, (past, past))


@pytest.mark.parametrize("is_written", [False, True])
def test_a_lock_of_a_dead_headpin_is_taken_away(world: World, is_written: bool) -> None:
    world.settle()
    new = world.revision()
    lock = die_holding(world, f"{new}\n" if is_written else "", new)
    aged(lock)
    world.push("cart")
    report = world.reconcile()
    assert not report.failed and not lock.exists()
    assert not [place for place in (world.config / ".git" / FOLDER).iterdir() if place.name != "cleaning"]


@pytest.mark.parametrize("case", ["young", "other", "nobody"])
def test_any_other_lock_stays(world: World, case: str) -> None:
    world.settle()
    new, tip = world.revision(), world.revision("env/dev")
    lock = world.config / ".git" / f"{REF}.lock"
    if case == "nobody":
        lock.write_text("")
    else:
        die_holding(world, f"{tip if case == 'other' else new}\n", new)
    if case != "young":
        aged(lock)
    with pytest.raises(RefLocked, match="locked by another program"):
        Repository.open(world.config).move_ref(REF, Revision(tip), Revision(new), "test")
    assert lock.exists()
