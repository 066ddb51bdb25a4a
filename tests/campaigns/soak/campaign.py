"""One campaign: changes through a daemon, samples of it on the way, and everything that is judged at the end."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from headpin.controller import Controller
from headpin.git import Repository
from tests.campaigns.soak.people import People
from tests.campaigns.soak.process import Daemon, daemon
from tests.campaigns.soak.replay import Replay, events_told
from tests.campaigns.soak.samples import Sample, growth, take
from tests.world import git


@dataclass(frozen=True)
class Bounds:
    """What may grow after the first so many changes: memory by a part of what it was, threads by a number."""

    after: int = 1000
    memory: float = 0.05
    threads: int = 0


@dataclass
class Result:
    """What the campaign found; `wrong` is empty where everything was right.

    `rests` are samples of moments in which nothing was left to do: after the first changes, and at the end.
    """

    samples: list[Sample] = field(default_factory=list)
    rests: list[Sample] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)
    passes: int = 0
    commits: int = 0
    events: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def run(
    place: Path, changes: int, seed: int, bounds: Bounds, *, every: int = 100, outstanding: int = 4, debug: str = ""
) -> Result:
    """Makes so many changes with at most `outstanding` commits that no pass has seen yet."""
    chance = random.Random(seed)  # the campaign again
    people = People(place, chance)
    result = Result(done=people.done)
    with daemon(place, debug=debug) as process:
        people.hook = process.hook
        began = time.monotonic()
        for number in range(1, changes + 1):
            people.change()
            _let_follow(process, people, chance.randrange(outstanding))
            if number % every == 0:
                result.samples.append(_sample(process, place, number, time.monotonic() - began))
                if debug == "memory" and number % (5 * every) == 0:
                    process.process.send_signal(signal.SIGUSR1)
            if number == bounds.after:
                _come_to_rest(process, people, 1.0)
                result.rests.append(_sample(process, place, number, time.monotonic() - began))
        result.seconds = time.monotonic() - began
        people.mend_all()
        _come_to_rest(process, people, 4.0)
        result.rests.append(_sample(process, place, changes, time.monotonic() - began))
    _judge(result, people, process, place)
    result.wrong += _grew(result, bounds)
    return result


def _sample(process: Daemon, place: Path, number: int, seconds: float) -> Sample:
    assert process.ask("/livez")
    return take(process.process.pid, number, seconds, place / "config", process.ask("/metrics"))


def _let_follow(process: Daemon, people: People, outstanding: int) -> None:
    """Waits until passes have seen all but so many commits."""
    seen = {step.revision for step in people.steps[-outstanding - 1 :]}
    process.wait_for(lambda: process.passes[-1].config in seen)


def _come_to_rest(process: Daemon, people: People, seconds: float) -> None:
    """Waits for the pass of the last commit, and until nothing has moved for some seconds."""
    process.wait_for(lambda: process.passes[-1].config == people.steps[-1].revision)
    quiet, known = time.monotonic(), -1
    while time.monotonic() - quiet < seconds:
        if known != (known := len(process.passes) + process.receiver.told.total()):
            quiet = time.monotonic()
        time.sleep(0.05)


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
    result.wrong += [*_repository_is_right(place), *_audit(people, place)]


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
        shown = git("show", "--stat", "-p", report.commits[0], cwd=place / "config")
        yield f"a fresh pass --full commits: {shown[:2000]}"


def _audit(people: People, place: Path) -> Iterator[str]:
    """Audit finds nothing but pins that people should not have written."""
    command = [sys.executable, "-m", "headpin", "-C", str(place / "config"), "audit", "--json", "--no-memory"]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        yield f"headpin audit: {done.returncode} {done.stderr[-500:]}"
        return
    told = json.loads(done.stdout)
    subjects = {str(step.revision): step.subject for step in people.steps}
    for finding in (each for each in told["findings"] if each["severity"] == "violation"):
        subject = subjects.get(finding["main"] or "", "")
        if not finding["agent"] or not subject:
            yield f"audit: {finding['code']} {finding['message']} ({subject})"


def _grew(result: Result, bounds: Bounds) -> Iterator[str]:
    """What grew by more than it may: memory by samples in full speed, what is counted where nothing is left to do."""
    for what in ("rss", "pss"):
        early, late, part = growth(result.samples, bounds.after, what)
        if part > bounds.memory:
            yield f"{what} grew by {part:.1%}: {early / 1024:.1f} to {late / 1024:.1f} MB"
    first, last = result.rests
    most = {
        "files": first.files - first.packs + last.packs,
        "threads": first.threads + bounds.threads,
        "children": 0,
    }
    for what, bound in most.items():
        if getattr(last, what) > bound:
            yield f"{what} grew: {getattr(first, what)} after {first.changes} changes, {getattr(last, what)} at the end"
