"""Lock files of refs: a dead headpin's is taken away, everybody else's stays."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headpin.errors import RefLocked
from headpin.git import Line, Repository
from headpin.git.locks import FOLDER
from headpin.types import Revision
from tests.daemon.running import running, until
from tests.daemon.test_upstream import Hub, hub
from tests.world import World, git

__all__ = ["hub"]

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


def die_holding(place: Path, said: str, new: str, ref: str = REF) -> Path:
    folder = place / ".git"
    (folder / ref).parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([sys.executable, "-c", _DYING, str(folder), ref, new, said], check=False)
    assert done.returncode == -9
    return folder / f"{ref}.lock"


def aged(lock: Path) -> None:
    past = time.time() - 60
    os.utime(lock, (past, past))


@pytest.mark.parametrize("is_written", [False, True])
def test_a_lock_of_a_dead_headpin_is_taken_away(world: World, is_written: bool) -> None:
    world.settle()
    new = world.revision()
    lock = die_holding(world.config, f"{new}\n" if is_written else "", new)
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
        die_holding(world.config, f"{tip if case == 'other' else new}\n", new)
    if case != "young":
        aged(lock)
    with pytest.raises(RefLocked, match="locked by another program"):
        Repository.open(world.config).move_ref(REF, Revision(tip), Revision(new), "test")
    assert lock.exists()


def test_what_is_remembered_of_a_branch_can_be_written_again_after_a_death(world: World) -> None:
    world.settle()
    tip = world.revision("env/dev")
    lock = die_holding(world.config, f"{tip}\n", tip, "refs/headpin/tips/dev")
    with running(world.config) as told:
        until(lambda: told.passes)
        aged(lock)
        world.push("cart")
        until(lambda: world.git("for-each-ref", "--format=%(objectname)", "refs/headpin/tips/dev") not in ("", tip))
    assert not told.failures and not lock.exists()


def test_a_clone_fetches_again_whose_daemon_died_as_it_noted_a_push(hub: Hub) -> None:
    place = hub.world.config
    line = Line(place, "origin")
    with running(place, line=line):
        until(lambda: hub.revision("env/prod") and "origin/env/prod" in hub.world.git("branch", "--remotes"))
    tip = hub.revision("env/dev")
    lock = die_holding(place, f"{tip}\n", tip, "refs/remotes/origin/env/dev")
    aged(lock)
    foreign = git("commit-tree", "-p", tip, "-m", "By hand", f"{tip}^{{tree}}", cwd=hub.place)
    git("update-ref", "refs/heads/env/dev", foreign, cwd=hub.place)
    with running(place, line=line):
        until(lambda: git("rev-parse", "env/dev~1", cwd=hub.place) == foreign)
    assert not lock.exists()
