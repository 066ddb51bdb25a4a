"""What people do, made up from a seed: the same in every run in which headpin did the same before.

Each step is one move of the hub's main, or of one source, or of one environment's branch; whatever headpin has to do
for it, it has to do once, however often it is killed meanwhile.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from headpin.releases import Ran, Release
from headpin.releases.codec import format_release
from headpin.types import AgentName
from tests.campaigns.world import BELL, TILL, Arena
from tests.inprocess import headpin

Deed = Callable[[], None]
BY_HAND = "By hand"
REGISTER = AgentName("shop", "register")


@dataclass(frozen=True)
class Step:
    """`name` says what `do` does."""

    name: str
    do: Deed


def pin_path(environment: str, agent: AgentName) -> str:
    return f"pins/{environment}/{agent.project}/{agent.agent}.yaml"


Script = int | tuple[str, ...]
"""A seed, or the names of the steps."""

EVERYTHING: Script = (
    "push desk/bell",
    "both shop/cart",
    "report shop/cart",
    "push shop/cart",
    "flicker shop/cart staging",
    "vandal delete staging",
    "vandal commit prod",
    "rename till",
)
"""In which headpin passes every point that there is."""


def step(arena: Arena, script: Script, number: int) -> Step:
    """The step of this number: the one that is named, or one that is possible as things stand."""
    arena.catch_up()
    chance = random.Random(f"{script}/{number}" if isinstance(script, int) else 0)
    possible = list(_possible(arena, chance, number))
    if not isinstance(script, int):
        return Step(script[number], dict(possible)[script[number]])
    kinds = sorted({name.split(" ", 1)[0] for name, _ in possible})
    weights = [_WEIGHTS.get(kind, 1) for kind in kinds]
    kind = chance.choices(kinds, weights)[0]
    name, do = chance.choice([each for each in possible if each[0].split(" ", 1)[0] == kind])
    return Step(name, do)


_WEIGHTS = {"promote": 5, "push": 3, "return": 3, "both": 3, "flicker": 2}


def _possible(arena: Arena, chance: random.Random, number: int):
    agents = arena.agents()
    for agent in agents:
        # Only what is still tells one release: of two pushes nobody says whether dev ran the first.
        yield f"push {agent}", lambda agent=agent: arena.push(arena_source(arena, agent))
        yield f"share {agent}", lambda agent=agent: _shared(arena, agent, number)
        yield from _promotions(arena, agent)
        yield from _returns(arena, agent)
        path = pin_path("prod", agent)
        if (arena.person / path).exists() and chance.random() < 0.5:
            yield f"remove {agent} prod", lambda path=path: _commit(arena, "Remove", {path: None})
        if arena.record("dev", agent).served:
            yield f"report {agent}", lambda agent=agent: _report(arena, agent)
    own = {"projects/shop/prod.yaml": f'variables: {{NUMBER: "{number}"}}\n'}
    yield "own shop prod", lambda: _commit(arena, "Own", own)
    yield "scale desk", lambda: _scale(arena, number)
    if TILL in agents:
        yield "rename till", lambda: _rename(arena)
    for name in ("staging", "prod"):
        yield f"vandal delete {name}", lambda name=name: _vandalise(arena, name, "delete")
        yield f"vandal back {name}", lambda name=name: _vandalise(arena, name, "back")
        yield f"vandal commit {name}", lambda name=name: _vandalise(arena, name, "commit")


def arena_source(arena: Arena, agent: AgentName) -> str:
    """The name of its source: a renamed agent keeps it."""
    return "till" if agent == REGISTER else agent.agent


def _commit(arena: Arena, message: str, files: dict[str, str | None]) -> None:
    arena.commit(message, files)
    arena.publish()


def _pin(release: Release) -> str:
    return format_release(release)


def _pinned(arena: Arena, environment: str, agent: AgentName) -> str | None:
    place = arena.person / pin_path(environment, agent)
    return place.read_text() if place.exists() else None


def _promotions(arena: Arena, agent: AgentName):
    """One stage at a time, two at once, and one that is taken back in the same push."""
    for source, target in (("dev", "staging"), ("staging", "prod")):
        served, ran = arena.record(source, agent).served, arena.branch(target).ran(agent)
        if (target == "staging" and agent.project == BELL.project) or served is None:
            continue
        new, path = _pin(served.release), pin_path(target, agent)
        if new in {_pin(each.release) for each in ran}:
            continue
        yield f"promote {agent} {target}", lambda p=path, n=new, t=target: _commit(arena, f"Promote to {t}", {p: n})
        if source == "dev":
            files = {pin_path(name, agent): new for name in ("staging", "prod")}
            yield f"both {agent}", lambda files=files: _commit(arena, "Promote to staging and prod", files)
        before = _pinned(arena, target, agent)
        if before is not None:
            yield f"flicker {agent} {target}", lambda p=path, n=new, b=before: _flicker(arena, p, n, b)


def _flicker(arena: Arena, path: str, new: str, before: str) -> None:
    arena.commit("Promote", {path: new})
    arena.commit("Not yet", {path: before})
    arena.publish()


def _returns(arena: Arena, agent: AgentName):
    for name in ("staging", "prod"):
        pinned = _pinned(arena, name, agent)
        if pinned is None or (name == "staging" and agent.project == BELL.project):
            continue
        others: list[Ran] = [each for each in arena.branch(name).ran(agent) if _pin(each.release) != pinned]
        for each in others[-2:]:
            files = {pin_path(name, agent): _pin(each.release)}
            said = f"return {agent} {name} v{each.version}"
            yield said, lambda files=files, said=said: _commit(arena, said.capitalize(), files)


def _shared(arena: Arena, agent: AgentName, number: int) -> None:
    path = f"projects/{agent.project}/agents/{agent.agent}/agent.yaml"
    lines = (arena.person / path).read_text().splitlines()
    text = "\n".join(f"  LOG_LEVEL: level-{number}" if "LOG_LEVEL" in line else line for line in lines)
    _commit(arena, "Share", {path: f"{text}\n"})


def _scale(arena: Arena, number: int) -> None:
    least = 1 + number % 4
    text = f"scaling: {{minReplicas: {least}, maxReplicas: {least + 2}}}\n"
    _commit(arena, "Scale", {"projects/desk/agents/bell/staging.yaml": text})


def _rename(arena: Arena) -> None:
    old, new = "projects/shop/agents/till/agent.yaml", "projects/shop/agents/register/agent.yaml"
    files: dict[str, str | None] = {old: None, new: (arena.person / old).read_text() + "formerly: shop/till\n"}
    for name in ("staging", "prod"):
        pinned = _pinned(arena, name, TILL)
        if pinned is not None:
            files |= {pin_path(name, TILL): None, pin_path(name, REGISTER): pinned}
    _commit(arena, "Rename", files)


def _report(arena: Arena, agent: AgentName) -> None:
    """Upstream, or, where there is a clone, only there: the daemon brings it along."""
    place, how = (arena.config, "--no-push") if arena.kind == "clone" else (arena.person, "--push")
    told = ["health", "report", str(agent), "--env", "dev", "--version", "HEAD", "--healthy", how]
    if arena.kind == "clone":
        arena.git("pull", "--quiet", "--ff-only", cwd=place)
        arena.git("fetch", "--quiet", "origin", cwd=place)
    done = headpin(*told, "--author", "Test Person <test.person@example.com>", cwd=place)
    assert done.code == 0, done.err


def _vandalise(arena: Arena, name: str, how: str) -> None:
    """Somebody deletes, rewrites or commits to an environment's branch."""
    branch, hub = f"refs/heads/env/{name}", arena.hub
    if how == "delete":
        arena.git("update-ref", "-d", branch, cwd=hub)
    elif how == "back":
        arena.git("update-ref", branch, f"{branch}~1", cwd=hub)
    else:
        tree = arena.git("rev-parse", f"{branch}~1^{{tree}}", cwd=hub)
        made = arena.git("commit-tree", tree, "-p", branch, "-m", BY_HAND, cwd=hub)
        arena.git("update-ref", branch, made, cwd=hub)
