"""The deployments gauge agrees with the status matrix after whatever happened."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from headpin.controller import Controller
from headpin.git import Repository
from headpin.status import StatusReport, read_status
from headpin.telemetry import DeploymentCounts
from headpin.types import AgentName
from tests.test_rename import rename
from tests.world import AGENT, SMALL, World

NAMES = ("cart", "mail", "pay")
PIPELINE = SMALL["pipelines/standard.yaml"]


def _matrix(report: StatusReport) -> tuple[dict[str, Counter[str]], Counter[tuple[str, ...]]]:
    words: dict[str, Counter[str]] = {}
    holds: Counter[tuple[str, ...]] = Counter()
    for environment in report.environments:
        words[environment.name] = Counter()
        if environment.hold:
            holds[environment.name, environment.hold.reason.value, "environment"] += 1
    held = {environment.name for environment in report.environments if environment.hold}
    for item in report.deployments:
        words[item.environment][item.word] += 1
        if item.hold and item.environment not in held:
            holds[item.environment, item.hold.reason.value, "deployment"] += 1
    return {name: tally for name, tally in words.items() if tally}, holds


def _agree(world: World, counts: DeploymentCounts, what: str) -> None:
    counts.update(0.0)
    words, holds = _matrix(read_status(world.fresh(), ask_sources=False))
    assert {name: tally for name, tally in counts.words().items() if tally} == words, what
    assert counts.holds() == holds, what


class _Story:
    """One random change at a time."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.agents = ["cart"]
        self.broken = ""

    def step(self) -> str:
        kinds = ("promote", "promote", "promote", "agent", "unpin", "push", "fail", "document", "stop", "reshape")
        kind = "document" if self.broken and self.random.random() < 0.6 else self.random.choice(kinds)
        getattr(self, f"_{kind}")()
        if self.random.random() < 0.75:  # what nobody reconciled yet is told too
            self.world.reconcile()
        return kind

    def _agent(self) -> None:
        left = [name for name in NAMES if name not in self.agents]
        if left and self.random.random() < 0.7:
            self.agents.append(left[0])
            self.world.push(left[0])
            path = f"projects/shop/agents/{left[0]}/agent.yaml"
            self.world.commit(f"Add {left[0]}", {path: AGENT.format(name=left[0])})
        elif len(self.agents) > 1:
            name = self.agents.pop()
            pins = [f"pins/{each}/shop/{name}.yaml" for each in ("staging", "prod")]
            there = [path for path in pins if (self.world.config / path).exists()]
            files = dict.fromkeys((*there, f"projects/shop/agents/{name}/agent.yaml"))
            self.world.commit(f"Delete {name}", files)

    def _promote(self) -> None:
        source, target = self.random.choice((("dev", "staging"), ("staging", "prod")))
        agent = AgentName("shop", self.random.choice(self.agents))
        if self.world.branch(source).exists and self.world.record(source, agent).served is not None:
            self.world.promote(source, target, agent)

    def _unpin(self) -> None:
        path = f"pins/{self.random.choice(('staging', 'prod'))}/shop/{self.random.choice(self.agents)}.yaml"
        if (self.world.config / path).exists():
            self.world.commit("Unpin", {path: None})

    def _push(self) -> None:
        self.world.push(self.random.choice(self.agents))

    def _fail(self) -> None:
        path = f"projects/shop/agents/{self.random.choice(self.agents)}/prod.yaml"
        is_there = (self.world.config / path).exists()
        self.world.commit("Own layer", {path: None if is_there else "scaling: [nothing]\n"})

    def _document(self) -> None:
        if self.broken:
            self.world.commit("Mend", {self.broken: SMALL[self.broken]})
            self.broken = ""
            return
        self.broken, text = self.random.choice((("environments/prod.yaml", "production: 3\n"), ("headpin.yaml", "a\n")))
        self.world.commit("Break", {self.broken: text})

    def _stop(self) -> None:
        path = f"projects/shop/agents/{self.random.choice(self.agents)}/staging.yaml"
        is_there = (self.world.config / path).exists()
        self.world.commit("Stop", {path: None if is_there else "stopped: true\n"})

    def _reshape(self) -> None:
        now = (self.world.config / "pipelines/standard.yaml").read_text()
        short = "stages:\n  - environment: dev\n  - environment: staging\n"
        self.world.commit("Reshape", {"pipelines/standard.yaml": short if now == PIPELINE else PIPELINE})


def test_the_counts_are_those_of_the_matrix_after_random_changes(tmp_path: Path) -> None:
    world = World.small(tmp_path)
    counts = DeploymentCounts(Controller(Repository.open(world.config)))
    _agree(world, counts, "before the first pass")
    story, seen = _Story(world, seed=3), set()
    for _ in range(36):
        what = story.step()
        _agree(world, counts, what)
        seen |= {word for tally in counts.words().values() for word in tally}
    assert {"Deployed", "InProgress", "Invalid", "NoPin", "Stopped"} <= seen


def test_what_another_controller_commits_is_counted(running: World) -> None:
    counts = DeploymentCounts(running.controller)
    counts.update(0.0)
    assert counts.words()["prod"] == {"Deployed": 1}
    running.commit("Stop", {"projects/shop/agents/cart/prod.yaml": "stopped: true\n"})
    running.fresh().reconcile()
    counts.update(1.0)
    assert counts.words()["prod"] == {"Stopped": 1}


def test_nothing_is_asked_again_where_nothing_changed(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    counts = DeploymentCounts(running.controller, every=100)
    counts.update(0.0)
    asked = []
    monkeypatch.setattr("headpin.telemetry.counts.read_status", lambda *args, **how: asked.append(how))
    counts.update(50.0)
    assert not asked
    with pytest.raises(AttributeError):  # what is asked after the interval is everything
        counts.update(100.0)
    assert asked == [{"ask_sources": False}]


def test_a_rename_is_counted_once_before_the_pass_that_moves_it_and_after(running: World) -> None:
    counts = DeploymentCounts(Controller(Repository.open(running.config)))
    _agree(running, counts, "before")
    before = counts.words()
    for number in range(2):
        if number:
            running.git("revert", "--no-edit", "HEAD")
        else:
            rename(running)
        _agree(running, counts, "waiting for a pass")
        assert {name: sum(tally.values()) for name, tally in counts.words().items()} == dict.fromkeys(before, 1)
        running.reconcile()
        _agree(running, counts, "moved")
        assert counts.words() == before
