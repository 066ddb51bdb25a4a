"""Eight processes promote at once against one bare repository: nothing is lost, nothing is done twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from headpin.controller import Controller
from headpin.controller.branches import RecordReader, read_branch
from headpin.git import Repository
from headpin.types import AgentName
from tests.world import AGENT, World, git

AGENTS = 6


def test_eight_processes_promote_at_once_and_history_has_each_accepted_one_once(tmp_path: Path) -> None:
    world = World.small(tmp_path)
    for number in range(AGENTS):
        world.push(f"a{number}")
        path = f"projects/shop/agents/a{number}/agent.yaml"
        world.commit(f"Agent {number}", {path: AGENT.format(name=f"a{number}")})
    world.settle()
    bare = tmp_path / "bare.git"
    git("clone", "--quiet", "--mirror", str(world.config), str(bare), cwd=tmp_path)
    wanted = [*(f"shop/a{number}" for number in range(AGENTS)), "shop/a0", "shop/a0"]
    running = []
    for number, agent in enumerate(wanted):
        place = bare
        if number % 2:  # half of them push from a clone, half work in the bare repository itself
            place = tmp_path / f"clone{number}"
            git("clone", "--quiet", str(bare), str(place), cwd=tmp_path)
            git("config", "user.name", f"Person {number}", cwd=place)
        running.append(
            subprocess.Popen(
                [sys.executable, "-m", "headpin", "promote", agent, "--to", "staging", "--note", f"by {number}"],
                cwd=place, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
        )  # fmt: skip
    ended = [(process, *process.communicate(timeout=300)) for process in running]
    for process, out, err in ended:
        assert process.returncode == 0, f"{out}{err}"
    made = sum("committed" in out for _, out, _ in ended)
    assert made == AGENTS and sum("nothing to do" in out for _, out, _ in ended) == len(wanted) - AGENTS
    subjects = git("log", "--format=%s", "main", cwd=bare).splitlines()
    told = [subject.split(":")[0] for subject in subjects if subject.startswith("Promote")]
    assert sorted(told) == [f"Promote shop/a{number} to staging" for number in range(AGENTS)]
    controller = Controller(Repository.open(bare), clock=world.clock)
    (tmp_path / "sources").rename(tmp_path / "gone")  # relative to another folder by now, and not needed
    controller.reconcile()
    branch = read_branch(Repository.open(bare), "staging", RecordReader())
    for number in range(AGENTS):
        assert [event.kind.value for event in branch.events(AgentName("shop", f"a{number}"))] == ["promoted"]
    git("fsck", "--strict", "--no-dangling", cwd=bare)
