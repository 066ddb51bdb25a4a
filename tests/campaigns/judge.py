"""What has to be true at rest, whatever happened before."""

from __future__ import annotations

import difflib
import json
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import pygit2
import yaml

from headpin.daemon.local import ask_daemons
from headpin.errors import HeadpinError
from headpin.releases import EventKind
from headpin.types import AgentName
from tests.campaigns.dying import Died
from tests.campaigns.script import BY_HAND, REGISTER
from tests.campaigns.world import BELL, ENVIRONMENTS, TILL, Arena, first_parents, state_of, tips
from tests.inprocess import headpin

MOVES = {
    EventKind.PROMOTED,
    EventKind.ROLLED_BACK,
    EventKind.ROLLED_FORWARD,
    EventKind.SUPERSEDED,
    EventKind.REMOVED,
}
PATIENCE = 30.0


class Wrong(AssertionError):
    """Something is not as it has to be."""


def come_to_rest(arena: Arena, is_alive, seconds: float = PATIENCE) -> None:
    """Waits until the daemon says that it has nothing to do, and all that it knows is what there is.

    Raises Died when it does not live, Wrong when it never comes to rest.
    """
    until, why = time.monotonic() + seconds, "it does not answer"
    while True:
        if not is_alive():
            raise Died
        try:
            answers = ask_daemons(arena.sockets, full=False, seconds=seconds)
            why = _unrest(arena, answers)
        except HeadpinError as error:
            answers, why = [], str(error)
        if not why:
            return
        if time.monotonic() > until:
            raise Wrong(f"no rest: {why}")
        time.sleep(0.02)


def _unrest(arena: Arena, answers: list[Mapping]) -> str:
    """What is still to be done; "" for nothing."""
    if len(answers) != 1:
        return f"{len(answers)} daemons answer"
    (answer,) = answers
    if "pass" not in answer:
        return f"{answer}"
    said = answer["pass"]
    if said["config"] != tips(arena.hub)["refs/heads/main"]:
        return "main is further along"
    made = [found["name"] for found in said["environments"] if found["commit"] or found["error"] or found["hold"]]
    if made or said["promotions"] or said["trouble"] or said["silentSources"]:
        return json.dumps(said)
    if arena.kind != "local" and _branches(arena.git_dir) != _branches(arena.hub):
        return f"branches differ: {_branches(arena.git_dir)} {_branches(arena.hub)}"
    arena.catch_up()
    for agent in arena.agents():
        served = arena.record("dev", agent).served
        if served is None or served.release.revision != arena.head_of(agent):
            return f"dev serves something else of {agent}"
        promoted = arena.record("staging", agent).served
        if agent.project == BELL.project and (promoted is None or promoted.release != served.release):
            return f"{agent} is not promoted yet"
    return ""


def _branches(place: Path) -> dict[str, str]:
    return tips(place, "refs/heads/env/")


def judge(arena: Arena, expected: Mapping[str, str] | None) -> dict[str, str]:
    """Raises Wrong for everything that is not right; gives the state, which has to be the `expected`."""
    state = state_of(arena.hub)
    wrong = [*_damage(arena), *_locks(arena), *_moves(arena), *_audited(arena), *_versions(arena), *_again(arena)]
    if expected is not None and state != expected:
        wrong += _differences(expected, state)
    if wrong:
        raise Wrong("\n".join(wrong))
    return state


def _damage(arena: Arena) -> Iterator[str]:
    for place in {arena.hub, arena.place}:
        for _ in range(3):  # a daemon that packs takes packs away while git looks at them
            done = subprocess.run(
                ["git", "fsck", "--full", "--strict"], cwd=place, capture_output=True, text=True, check=False
            )
            said = (done.stdout + done.stderr).splitlines()
            bad = [line for line in said if not line.startswith(("dangling ", "notice: "))]
            if done.returncode == 0 and not bad:
                break
        else:
            yield f"fsck of {place}: {done.returncode} {bad}"


def _locks(arena: Arena) -> Iterator[str]:
    """Lock files that somebody would have to delete by hand."""
    for place in {arena.hub if arena.kind != "local" else arena.git_dir, arena.git_dir}:
        found = [*(place / "refs").rglob("*.lock"), *place.glob("*.lock")]
        for lock in (lock for lock in found if lock.exists() and time.time() - lock.stat().st_mtime > 1):
            yield f"a lock is left: {lock}"


def _moves(arena: Arena) -> Iterator[str]:
    """Every move of a pin on main is told once, in the order of main."""
    wanted = pin_moves(arena)
    for environment in ENVIRONMENTS[1:]:
        for agent in {*(agent for name, agent in wanted if name == environment), *arena.agents()}:
            told = [
                event.release.revision + str(event.release.settings) if event.release and _is_pin(event) else None
                for event in arena.events(environment, agent)
                if event.kind in MOVES
            ]
            moved = wanted.get((environment, agent), [])
            if told != moved:
                kinds = [event.kind.value for event in arena.events(environment, agent)]
                yield f"{environment} {agent}: main moved the pin to {moved}, history tells {told} ({kinds})"


def _is_pin(event) -> bool:
    return event.kind is not EventKind.REMOVED


def pin_moves(arena: Arena) -> dict[tuple[str, AgentName], list[str | None]]:
    """What each pin was moved to by main, commit by commit; by the agent's present name."""
    present: dict[tuple[str, AgentName], str | None] = {}
    moves: dict[tuple[str, AgentName], list[str | None]] = {}
    is_renamed = REGISTER in arena.agents()
    for commit in first_parents(arena.hub):
        pins = {(name, _now(agent, is_renamed)): said for name, agent, said in _pins(commit.tree)}
        for key in present | pins:
            if pins.get(key) != present.get(key):
                moves.setdefault(key, []).append(pins.get(key))
        present = pins
    return moves


def _now(agent: AgentName, is_renamed: bool) -> AgentName:
    return REGISTER if is_renamed and agent == TILL else agent


def _pins(tree: pygit2.Tree) -> Iterator[tuple[str, AgentName, str]]:
    for environment in _folder(tree, "pins"):
        for project in environment:
            for entry in project:
                agent = AgentName(project.name, entry.name.removesuffix(".yaml"))
                pin = yaml.safe_load(entry.data)
                yield environment.name, agent, pin["revision"] + pin["settings"]


def _folder(tree: pygit2.Tree, name: str) -> Iterable[pygit2.Object]:
    return tree[name] if name in tree else ()  # noqa: SIM401 - a tree has no get


def _versions(arena: Arena) -> Iterator[str]:
    """1 to n, each for one release."""
    for environment in ENVIRONMENTS:
        for agent in arena.agents():
            ran = arena.branch(environment).ran(agent)
            versions = [each.version for each in ran]
            wanted = [0] * len(ran) if environment == "dev" else list(range(1, len(ran) + 1))
            if (environment != "dev" and versions != wanted) or len({each.release for each in ran}) != len(ran):
                yield f"{environment} {agent}: versions {versions}"


def _audited(arena: Arena) -> Iterator[str]:
    """By a person, in a clone that has everything."""
    place = arena.config if arena.kind == "local" else arena.person
    done = headpin("audit", "--json", cwd=place)
    findings = json.loads(done.out)["findings"] if done.code in (0, 1) else [{"message": done.err}]
    for found in findings:
        if BY_HAND not in found["message"]:  # that somebody did so is said for ever, and rightly
            yield f"audit: {found}"


def _again(arena: Arena) -> Iterator[str]:
    """A pass that believes nothing has nothing to do either."""
    for answer in ask_daemons(arena.sockets, full=True, seconds=PATIENCE):
        said = answer.get("pass")
        if said is None or any(found["commit"] for found in said["environments"]) or said["promotions"]:
            yield f"a second pass is not quiet: {json.dumps(answer)[:2000]}"


def _differences(expected: Mapping[str, str], state: Mapping[str, str]) -> Iterator[str]:
    for path in sorted(expected.keys() | state.keys()):
        if expected.get(path) != state.get(path):
            before, after = (found.get(path, "").splitlines() for found in (expected, state))
            lines = difflib.unified_diff(before, after, "undisturbed", "here", lineterm="", n=0)
            yield "\n".join([path, *(f"  {line[:300]}" for line in islice(lines, 2, 12))])
