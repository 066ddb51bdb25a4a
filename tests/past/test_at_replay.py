"""`headpin at` against a replay written independently: git's own listing, plain parsing, no code of headpin.

A random history of 2,000 events under skewed clocks: the controller's jumps forward and back, people's dates are
random, and others commit onto environment branches with wild dates.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from headpin.controller import Controller
from headpin.controller.branches import Branch
from headpin.errors import Refused
from headpin.releases.codec import format_release
from headpin.status import read_at_time
from headpin.types import AgentName
from tests.world import SMALL, World, git

AGENTS = [AgentName("shop", f"agent-{number}") for number in range(24)]
PINNED = ("staging", "prod")
EVENTS = 2000
INSTANTS = 200
_AGENT = SMALL["projects/shop/agents/cart/agent.yaml"].replace("../sources/cart", "../sources/all")


class RandomHistory:
    """People, a controller and meddlers, each by a clock of their own."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.round = 0
        self.pins: dict[str, dict[AgentName, list[str]]] = {name: {} for name in PINNED}

    def start(self) -> None:
        self.world.push("all")
        files = {path: text for path, text in SMALL.items() if "/agents/" not in path}
        self.world.commit("Start", {**files, **{self.document(agent): _AGENT for agent in AGENTS}})
        self.world.reconcile()

    def document(self, agent: AgentName) -> str:
        return f"projects/shop/agents/{agent.agent}/agent.yaml"

    def wild(self) -> str:
        """A date that nobody can trust."""
        days = self.chance.uniform(-400, 0) if self.chance.random() < 0.8 else self.chance.uniform(0, 2)
        return f"{int((self.world.clock.now + timedelta(days=days)).timestamp())} +0200"

    def turn(self) -> None:
        """Some edits of people, perhaps a meddler, and a pass."""
        self.round += 1
        for _ in range(self.chance.randint(1, 2)):
            self.edit()
        if self.chance.random() < 0.15:
            self.meddle(self.chance.choice(("dev", *PINNED)))
        days = self.chance.choice([0, 0.01, 0.2, -0.3, 1, 2, 3, -2])
        self.world.clock.now += timedelta(days=days, seconds=self.chance.randint(0, 3000))
        self.world.reconcile()

    def edit(self) -> None:
        files: dict[str, str | bytes | None] = {}
        branches = {name: self.world.branch(name) for name in ("dev", "staging")}
        for agent in self.chance.sample(AGENTS, 20):
            files |= self.change(agent, branches)
        dates = {"GIT_AUTHOR_DATE": self.wild(), "GIT_COMMITTER_DATE": self.wild()}
        os.environ.update(dates)
        try:
            author = self.chance.choice(["Ann <ann@example.com>", "Ben <ben@example.com>"])
            self.world.commit(f"Round {self.round}", files, author=author)
        finally:
            for name in dates:
                del os.environ[name]

    def change(self, agent: AgentName, branches: Mapping[str, Branch]) -> dict[str, str | bytes | None]:
        kind = self.chance.choice(["dev", "dev", "staging", "staging", "prod", "prod", "back", "scale", "remove"])
        if kind == "dev":
            return {self.document(agent): _AGENT.replace("info", f"info-{self.round}")}
        target = self.chance.choice(PINNED) if kind in ("back", "remove", "scale") else kind
        path = f"pins/{target}/{agent.project}/{agent.agent}.yaml"
        if kind in PINNED:
            served = branches["dev" if kind == "staging" else "staging"].record(agent).served
            if served is None:
                return {}
            pin = format_release(served.release)
            self.pins[target].setdefault(agent, []).append(pin)
            return {path: pin}
        if kind == "remove":
            return {path: None} if self.chance.random() < 0.2 and (self.world.config / path).exists() else {}
        if kind == "scale":
            layer = f"projects/shop/agents/{agent.agent}/{target}.yaml"
            return {layer: f"scaling:\n  minReplicas: {self.chance.randint(1, 5)}\n  maxReplicas: 9\n"}
        ran = self.pins[target].get(agent)
        return {path: self.chance.choice(ran)} if ran else {}

    def meddle(self, environment: str) -> None:
        """Somebody else commits onto an environment's branch; the next pass undoes it."""
        folder, ref = self.world.config, f"env/{environment}"
        for _ in range(self.chance.randint(1, 2)):
            tree = self.chance.choice([f"{ref}^{{tree}}", "main^{tree}"])
            dates = {"GIT_AUTHOR_DATE": self.wild(), "GIT_COMMITTER_DATE": self.wild()}
            message = self.chance.choice(["Meddle", git("log", "-1", "--format=%B", ref, cwd=folder)])
            if message != "Meddle":
                tree = "main^{tree}"
            made = git("commit-tree", tree, "-p", ref, "-m", message, cwd=folder, env=dates)
            git("update-ref", f"refs/heads/{ref}", made, cwd=folder)

    def events(self) -> int:
        """How many there were so far: of dev, only new releases are counted."""
        branches, dev = [self.world.branch(name) for name in PINNED], self.world.branch("dev")
        return sum(len(dev.ran(agent)) + sum(len(branch.events(agent)) for branch in branches) for agent in AGENTS)


class Replay:
    """What git says of each branch, read once; then every instant is looked for from the beginning."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.blobs: dict[str, Any] = {}
        self.states: dict[str, dict[str, dict[str, Any]]] = {}
        self.git = subprocess.Popen(
            ["git", "cat-file", "--batch"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.chains = {name: list(self.chain(name)) for name in ("dev", *PINNED)}

    def close(self) -> None:
        """Ends the git program."""
        self.git.communicate()

    def chain(self, environment: str) -> Iterator[tuple[str, int, bool]]:
        """Commits, oldest first: id, committer's seconds, and whether headpin made it."""
        listed = git("rev-list", "--first-parent", "--reverse", f"env/{environment}", cwd=self.folder).splitlines()
        for commit in listed:
            head, _, message = self.text(commit).partition("\n\n")
            tree = head.splitlines()[0].removeprefix("tree ")
            (committer,) = [line for line in head.splitlines() if line.startswith("committer ")]
            last = dict(line.split(": ", 1) for line in message.split("\n\n")[-1].splitlines() if ": " in line)
            is_own = last.get("Headpin-Tree") == tree
            if is_own:
                state = yaml.safe_load(self.text(f"{commit}:environment.yaml"))
                is_own = state["config"] == last["Headpin-Config"]
            yield commit, int(committer.split(" ")[-2]), is_own

    def text(self, name: str) -> str:
        """An object, from one git program that stays."""
        assert self.git.stdin is not None and self.git.stdout is not None
        self.git.stdin.write(f"{name}\n".encode())
        self.git.stdin.flush()
        size = int(self.git.stdout.readline().split()[2])
        return self.git.stdout.read(size + 1)[:-1].decode()

    def parsed(self, blob: str, *, lines: bool) -> Any:
        if blob not in self.blobs:
            text = self.text(blob)
            self.blobs[blob] = [json.loads(line) for line in text.splitlines()] if lines else yaml.safe_load(text)
        return self.blobs[blob]

    def commit_at(self, environment: str, seconds: float) -> str | None:
        found = None
        for commit, at, is_own in self.chains[environment]:
            if at > seconds:
                break
            found = commit if is_own else found
        return found

    def ran(self, environment: str, commit: str) -> dict[str, dict[str, Any]]:
        """By agent: version, release, status, since; and of pinned environments the event that brought it."""
        if commit in self.states:
            return self.states[commit]
        listed = git("ls-tree", "-r", commit, "deployments/", cwd=self.folder).splitlines()
        files = {line.split("\t")[1].removeprefix("deployments/"): line.split()[2] for line in listed}
        found: dict[str, dict[str, Any]] = {}
        for path, blob in files.items():
            record = self.parsed(blob, lines=False) if path.endswith(".yaml") else {}
            if "release" not in record and "hold" not in record:
                continue
            name, hold = path.removesuffix(".yaml"), record.get("hold")
            found[name] = {
                "version": record.get("version"),
                "release": record.get("release"),
                "status": hold["reason"] if hold else record["status"],
                "since": hold["since"] if hold else record["since"],
            }
            if environment != "dev":
                found[name]["event"] = self.brought(name, files, record.get("release"))
        self.states[commit] = found
        return found

    def brought(self, name: str, files: dict[str, str], release: object) -> tuple[str, str, str] | None:
        if release is None:
            return None
        segments = sorted(path for path in files if path.startswith(f"{name}.events."))
        lines = [event for path in (*segments, f"{name}.events") for event in self.parsed(files[path], lines=True)]
        kinds = ("promoted", "rolled-back", "rolled-forward")
        mine = [event for event in lines if event["kind"] in kinds and event["release"] == release]
        return mine[-1]["kind"], mine[-1]["at"], mine[-1]["person"]


def told_by_headpin(controller: Controller, at: datetime) -> dict[str, tuple[str | None, dict[str, dict[str, Any]]]]:
    """The same, as `headpin at` says it."""
    try:
        value = read_at_time(controller, at).as_json()
    except Refused as error:
        assert "existed yet" in str(error)
        return {name: (None, {}) for name in ("dev", *PINNED)}
    found: dict[str, tuple[str | None, dict[str, dict[str, Any]]]] = {
        environment["name"]: (environment["commit"], {}) for environment in value["environments"]
    }
    for item in value["deployments"]:
        keys = ("version", "release", "status", "since")
        told = {key: item[key] for key in keys}
        if item["environment"] != "dev":
            event = item["event"]
            told["event"] = (event["kind"], event["at"], event["person"]) if event else None
        elif item["event"] is not None:
            assert item["event"]["at"] == item["since"] or item["hold"]
        found[item["environment"]][1][item["agent"]] = told
    return found


@pytest.mark.slow
def test_at_agrees_with_a_replay_at_200_instants_of_a_history_of_2000_events(tmp_path: Path) -> None:
    history = RandomHistory(World(tmp_path), 2026)
    history.start()
    for _ in range(400):
        history.turn()
        if history.round % 5 == 0 and history.events() >= EVENTS:
            break
    assert history.events() >= EVENTS
    replay = Replay(history.world.config)
    times = [at for chain in replay.chains.values() for _, at, _ in chain]
    assert any(later < earlier for earlier, later in pairwise(times))
    chance = random.Random(7)
    own = sorted(at for chain in replay.chains.values() for _, at, is_own in chain if is_own)
    instants = [chance.uniform(own[0] - 3600, own[-1] + 3600) for _ in range(INSTANTS // 2)]
    instants += [chance.choice(own) + chance.choice([-1, 0, 1]) for _ in range(INSTANTS // 2)]
    different = set()
    controller = history.world.fresh()
    for seconds in (min(int(instant), own[-1]) for instant in instants):
        told = told_by_headpin(controller, datetime.fromtimestamp(seconds, UTC))
        for environment in ("dev", *PINNED):
            commit = replay.commit_at(environment, seconds)
            assert told[environment][0] == commit, (environment, seconds)
            assert told[environment][1] == (replay.ran(environment, commit) if commit else {}), (environment, seconds)
            different.add(commit)
    replay.close()
    assert len(different) > INSTANTS / 2, f"{len(different)} states were looked at"
