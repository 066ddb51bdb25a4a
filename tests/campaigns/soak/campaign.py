"""One campaign: changes through a daemon, samples of it on the way, and everything that is judged at the end."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headpin.controller import Controller
from headpin.git import Repository
from tests.campaigns.soak.people import AGENTS, People
from tests.campaigns.soak.process import Daemon, daemon
from tests.campaigns.soak.replay import Replay, events_told
from tests.campaigns.soak.samples import Sample, growth, take, windows
from tests.world import git


@dataclass(frozen=True)
class Bounds:
    """What may grow: memory by a part of what it was after `after` changes; open files and threads by a number."""

    after: int = 1000
    memory: float = 0.05
    files: int = 0
    threads: int = 0


@dataclass
class Result:
    """What the campaign found; `wrong` is empty where everything was right."""

    samples: list[Sample] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    passes: int = 0
    commits: int = 0
    events: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def run(place: Path, changes: int, seed: int, *, every: int = 100, outstanding: int = 4, debug: str = "") -> Result:
    """Makes so many changes with at most `outstanding` commits that no pass has seen yet."""
    chance = random.Random(seed)  # the campaign again
    people = People(place, chance)
    result = Result(done=people.done)
    with daemon(place, debug=debug) as process:
        people.hook = process.hook
        began = time.monotonic()
        for number in range(1, changes + 1):
            people.change()
            _let_follow(process, people, chance.randint(1, outstanding))
            if number % every == 0:
                result.samples.append(_sample(process, place, number, time.monotonic() - began))
        result.seconds = time.monotonic() - began
        people.mend_all()
        _come_to_rest(process, people)
    _judge(result, people, process, place)
    return result


def _sample(process: Daemon, place: Path, number: int, seconds: float) -> Sample:
    assert process.ask("/livez")
    return take(process.process.pid, number, seconds, place / "config", process.ask("/metrics"))


def _let_follow(process: Daemon, people: People, outstanding: int) -> None:
    """Waits until passes have seen all but so many commits."""
    seen = {step.revision for step in people.steps[-outstanding:]}
    if people.steps[-1].revision not in seen or len(people.steps) > len(seen):
        process.wait_for(lambda: bool(process.passes) and _is_near(process, people, outstanding))


def _is_near(process: Daemon, people: People, outstanding: int) -> bool:
    config = process.passes[-1].config
    return any(step.revision == config for step in people.steps[-outstanding - 1 :])


def _come_to_rest(process: Daemon, people: People) -> None:
    """Waits for the pass of the last commit, for the last pushes to be found, and until nothing moves any more."""
    process.wait_for(lambda: process.passes[-1].config == people.steps[-1].revision)
    quiet, known = time.monotonic(), -1
    while time.monotonic() - quiet < 4.0:
        if known != (known := len(process.passes) + sum(process.receiver.told.values())):
            quiet = time.monotonic()
        time.sleep(0.1)


# ── judging ──────────────────────────────────────────────────────────────────────────────────────────


def _judge(result: Result, people: People, process: Daemon, place: Path) -> None:
    result.passes = len(process.passes)
    result.commits = sum(len(one.commits) for one in process.passes)
    result.wrong += [f"the daemon told of trouble: {said}" for said in process.troubles[:5]]
    replay = Replay(people)
    result.wrong += replay.run(process.passes)[:5]
    told = events_told(replay.model)
    result.events = sum(told.values())
    result.wrong += _untold(told, process)
    result.wrong += [*_repository_is_right(place), *_audit(people, replay, place)]


def _untold(told: dict[tuple[str, str, str], int], process: Daemon) -> Iterator[str]:
    """Every event was logged once, and its receiver notified once."""
    logged = {key: count for key, count in process.transitions.items() if key[0] != "dev" and key[2] != "released"}
    if logged != told:
        yield f"logged otherwise than happened: {_differing(logged, told)}"
    doubled = [name for name, count in process.receiver.told.items() if count > 1]
    if doubled:
        yield f"notified more than once: {doubled[:3]}"
    if dict(process.receiver.kinds) != told:
        yield f"notified otherwise than happened: {_differing(process.receiver.kinds, told)}"


def _differing(found: dict[tuple[str, str, str], int], wanted: dict[tuple[str, str, str], int]) -> list[str]:
    keys = sorted(key for key in found.keys() | wanted.keys() if found.get(key, 0) != wanted.get(key, 0))
    return [f"{' '.join(key)}: {found.get(key, 0)} for {wanted.get(key, 0)}" for key in keys[:5]]


def _repository_is_right(place: Path) -> Iterator[str]:
    """It is sound, and a pass that remembers nothing has nothing to add."""
    done = subprocess.run(
        ["git", "fsck", "--strict", "--no-dangling"], cwd=place / "config", capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        yield f"git fsck: {done.stdout[:300]}{done.stderr[:300]}"
    left = [file for file in (place / "config").rglob("*.lock") if "headpin" not in file.parts]  # those are held
    if left:
        yield f"locks were left: {left}"
    report = Controller(Repository.open(place / "config")).reconcile(full=True)
    if report.commits:
        yield f"a fresh pass --full commits: {git('show', '--stat', '-p', report.commits[0], cwd=place / 'config')[:2000]}"


def _audit(people: People, replay: Replay, place: Path) -> Iterator[str]:
    """Audit finds nothing but pins that people should not have written."""
    command = [sys.executable, "-m", "headpin", "-C", str(place / "config"), "audit", "--json", "--no-memory"]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        yield f"headpin audit: {done.returncode} {done.stderr[-500:]}"
        return
    told = json.loads(done.stdout)
    subjects = {step.revision: step.subject for step in people.steps}
    del replay
    for finding in (each for each in told["findings"] if each["severity"] == "violation"):
        subject = subjects.get(finding["main"] or "", "")
        if not finding["agent"] or not subject:
            yield f"audit: {finding['code']} {finding['message']} ({subject})"


def not_bounded(samples: Sequence[Sample], bounds: Bounds) -> list[str]:
    """What grew by more than it may."""
    found = []
    for what in ("rss", "pss"):
        early, late, part = growth(samples, bounds.after, what)
        if part > bounds.memory:
            found.append(f"{what} grew by {part:.1%}: {early / 1024:.1f} to {late / 1024:.1f} MB")
    for what, most in (("files", bounds.files), ("threads", bounds.threads), ("children", 0)):
        early, late = (max(getattr(one, what) for one in some) for some in windows(samples, bounds.after))
        if late > early + most:
            found.append(f"{what} grew from {early} to {late}")
    return found


AGENT_COUNT = len(AGENTS)
