"""`git log --first-parent main -- pins/E/P/A.yaml` lists exactly the commits that `history` names as pin moves."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from headpin.types import AgentName
from tests.inprocess import headpin
from tests.world import AGENT, CART, SMALL, World

MENU = AgentName("shop", "menu")
PINNED = ("staging", "prod")


def listed_by_git(world: World, environment: str, agent: AgentName) -> list[str]:
    path = f"pins/{environment}/{agent.project}/{agent.agent}.yaml"
    return world.git("log", "--first-parent", "--format=%H", "main", "--", path).splitlines()


def told(world: World, environment: str, agent: AgentName, *more: str) -> list[dict[str, str]]:
    done = headpin("history", str(agent), "--env", environment, "--json", *more, cwd=world.config)
    assert done.code == 0, done.err
    found: list[dict[str, str]] = json.loads(done.out)["events"]
    return found


class People:
    """They promote, roll back, revert, remove and comment, on main or on branches, and merge in every style."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.old: dict[tuple[str, AgentName], list[str]] = {}
        self.number = 0

    def turn(self) -> None:
        kind = self.chance.choice(["main", "main", "squash", "merge", "rebase", "push", "own", "revert"])
        if kind == "push":
            self.world.push(self.chance.choice(["cart", "menu"]))
        elif kind == "own":
            layer = f"projects/shop/agents/cart/{self.chance.choice(PINNED)}.yaml"
            self.world.commit("Own", {layer: f"scaling:\n  minReplicas: {self.chance.randint(1, 9)}\n"})
        elif kind == "revert":
            self.revert()
        elif kind == "main":
            self.edit()
        else:
            self.merged(kind)
        if self.chance.random() < 0.55:
            self.world.reconcile()

    def edit(self) -> None:
        """One commit that touches one pin, or two."""
        files = {}
        for _ in range(self.chance.choice([1, 1, 2])):
            files |= self.change()
        self.number += 1
        self.world.commit(f"Edit {self.number}", files)

    def change(self) -> dict[str, str | bytes | None]:
        agent, target = self.chance.choice([CART, MENU]), self.chance.choice(PINNED)
        path = f"pins/{target}/{agent.project}/{agent.agent}.yaml"
        place, old = self.world.config / path, self.old.setdefault((target, agent), [])
        kind = self.chance.choice(["promote", "promote", "promote", "back", "comment", "remove", "broken"])
        if kind == "promote":
            source = "dev" if target == "staging" else "staging"
            if self.world.record(source, agent).served is None:
                return {}
            old.append(self.world.pin_text(source, agent))
            return {path: old[-1]}
        if kind == "back" and old:
            return {path: self.chance.choice(old)}
        if kind == "comment" and place.exists():
            return {path: f"# {self.chance.random()}\n{place.read_text()}"}
        if kind == "broken" and self.chance.random() < 0.3:
            return {path: "revision: no\n"}
        return {path: None} if kind == "remove" and place.exists() and self.chance.random() < 0.4 else {}

    def revert(self) -> None:
        number = self.chance.randint(0, 3)
        parents = self.world.git("log", "--first-parent", "--format=%P", f"-{number + 1}", "main").splitlines()
        if len(parents) <= number or not parents[number]:
            return
        more = ["-m", "1"] if " " in parents[number] else []
        try:
            self.world.git("revert", "--no-edit", *more, f"main~{number}")
        except AssertionError:
            self.world.git("reset", "--quiet", "--hard")

    def merged(self, style: str) -> None:
        """Commits on a branch, perhaps others on main meanwhile, and a merge, a squash or a rebase."""
        world = self.world
        world.git("checkout", "--quiet", "-b", "work")
        for _ in range(self.chance.randint(1, 3)):
            self.edit()
        world.git("checkout", "--quiet", "main")
        if self.chance.random() < 0.5:
            world.commit("Meanwhile", {"README.md": f"{self.chance.random()}\n"})
        if style == "merge":
            world.git("merge", "--quiet", "--no-ff", "-m", "Merge work", "work")
        elif style == "squash":
            world.git("merge", "--quiet", "--squash", "work")
            world.git("commit", "--quiet", "--allow-empty", "-m", "All of work")
        else:
            world.git("rebase", "--quiet", "main", "work")
            world.git("checkout", "--quiet", "main")
            world.git("merge", "--quiet", "--ff-only", "work")
        world.git("branch", "--quiet", "-D", "work")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_history_names_exactly_the_commits_that_git_lists(tmp_path: Path, seed: int) -> None:
    world = World(tmp_path)
    world.push("cart")
    world.push("menu")
    world.commit("Start", {**SMALL, "projects/shop/agents/menu/agent.yaml": AGENT.format(name="menu")})
    world.reconcile()
    people = People(world, seed)
    kinds: set[str] = set()
    for number in range(1, 37):
        people.turn()
        if number % 12 == 0:
            for environment in PINNED:
                for agent in (CART, MENU):
                    events, listed = told(world, environment, agent), listed_by_git(world, environment, agent)
                    assert {event["pinCommit"] for event in events} - {None} == set(listed)
                    untold = [event["pinCommit"] for event in events if event["kind"] in ("edited", "pending")]
                    assert untold == [commit for commit in listed if commit in untold], "in main's order, each once"
                    kinds |= {event["kind"] for event in events}
                    for limit in (1, 3, 7):
                        assert told(world, environment, agent, "-n", str(limit)) == events[:limit], limit
    assert kinds >= {"promoted", "edited"}


def test_a_comment_a_move_taken_back_and_one_that_no_pass_has_seen_are_told_apart(running: World) -> None:
    path = "pins/staging/shop/cart.yaml"
    pin = (running.config / path).read_text()
    comment = running.commit("=A comment", {path: f"# why\n{pin}"})
    gone = running.commit("Take it away", {path: None})
    back = running.commit("Put it back", {path: pin})
    running.settle()
    running.push("cart", message="Sell more")
    running.settle()
    waiting = running.promote("dev", "staging", author="Ann <ann@example.com>")
    events = told(running, "staging", CART)
    assert [(event["kind"], event["pinCommit"], event["message"]) for event in events[:4]] == [
        ("pending", waiting, "no pass has seen it yet"),
        ("pending", back, "no pass has seen it yet"),
        ("pending", gone, "no pass has seen it yet"),
        ("edited", comment, "the release stayed as it was"),
    ]
    assert events[0]["subject"] == "Sell more" and events[0]["person"] == "Ann <ann@example.com>"
    running.settle()
    events = told(running, "staging", CART)
    assert [(event["kind"], event["pinCommit"]) for event in events[:4]] == [
        ("promoted", waiting),
        ("edited", back),
        ("edited", gone),
        ("edited", comment),
    ]
    shown = headpin("history", "shop/cart", "--env", "staging", cwd=running.config).out
    assert "edited" in shown and "the release stayed as it was" in shown
