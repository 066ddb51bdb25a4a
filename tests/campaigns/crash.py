"""The crash campaign: headpin is killed everywhere, and nobody can tell afterwards.

    python -m tests.campaigns.crash [--instants 300] [--seed 1] [--no-points] [--only local|clone|mirror] [--folder DIR]

A daemon runs while people do what a script says. It is killed (SIGKILL) at the first, the middle and the last passing
of every named point, and at random instants: the process, or its programs with it, or a program of it alone. It is
started again, comes to rest, and what is there then has to be what an undisturbed run of the same script left behind.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.campaigns.dying import Died, Order, Process
from tests.campaigns.judge import Wrong, come_to_rest, judge
from tests.campaigns.receiver import Receiver
from tests.campaigns.script import EVERYTHING, Script, step
from tests.campaigns.world import ARRANGEMENTS, Arena, copy, git_server

LIVE, COLD = "live", "cold"
"""How a step is met: by a daemon that runs, or by one that is started afterwards, without what it remembered."""


CHAIN = 4
"""Orders in one step: who died of the first dies of the next when it is started again, while it catches up."""

Pending = dict[int, list[Order]]
"""By the number of a step, of what is still to be died of in it."""


@dataclass
class Reference:
    """An undisturbed run: after each step the state, what was passed, and how long it took from step to rest."""

    states: list[dict[str, str]] = field(default_factory=list)
    passed: dict[str, list[dict[str, int]]] = field(default_factory=lambda: {LIVE: [], COLD: []})
    seconds: list[float] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)


@dataclass
class Told:
    """What a campaign did."""

    kills: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    points: set[str] = field(default_factory=set)
    rests: int = 0


class Campaign:
    """In one arrangement, in the folder `root`, which is the same for every run: states can be compared."""

    def __init__(self, root: Path, kind: str, stack: ExitStack, told: Told) -> None:
        self.root, self.kind, self.told = root, kind, told
        self.log = root / "daemon.log"
        root.mkdir(parents=True)
        url = f"{stack.enter_context(git_server(root))}/world/upstream.git" if kind == "mirror" else ""
        self.receiver = Receiver() if kind == "clone" else None
        self.more: list[str] = []
        if self.receiver is not None:
            stack.enter_context(self.receiver.listening())
            notify = root / "notify.yaml"
            notify.write_text(f"endpoints:\n  - name: ops\n    url: {self.receiver.url}\n")
            self.more = ["--notify", str(notify)]
        self.running: Process | None = None
        self.arena = Arena(root / "world", kind, url)
        self.arena.make()
        process = self.start()
        self.rest(process)
        judge(self.arena, None)
        assert process.stop() == 0, self.log.read_text()
        copy(self.arena.root, root / "template")
        self.minutes = self.arena.minutes

    # ── pieces of a run ──────────────────────────────────────────────────────────────────────────

    def start(self, order: Order | None = None) -> Process:
        self.running = Process(self.arena.command(*self.more), self.log, order)
        return self.running

    def rest(self, process: Process) -> None:
        come_to_rest(self.arena, lambda: process.is_alive)
        if self.receiver is not None:
            self.receiver.until_all(self.arena, lambda: process.is_alive)

    def renew(self) -> None:
        """Everything as it was before the first step."""
        copy(self.root / "template", self.arena.root)
        self.arena.minutes = self.minutes
        self.log.write_text("")
        if self.receiver is not None:
            self.receiver.forget(self.arena)

    def forget(self) -> None:
        """What headpin remembers is deleted: it may be, at any time."""
        shutil.rmtree(self.arena.state, ignore_errors=True)
        if self.kind != "mirror":
            shutil.rmtree(self.arena.git_dir / "headpin" / "sources", ignore_errors=True)

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────

    def reference(self, script: Script, length: int, how: str = LIVE, known: Reference | None = None) -> Reference:
        """The script with nobody killed; with `known`, which has to come out the same, in another way."""
        found = known or Reference()
        self.renew()
        process = self.start()
        self.rest(process)
        for number in range(length):
            if how == COLD:
                process.kill("process")
            else:
                process.order(None)
            todo = step(self.arena, script, number)
            todo.do()
            began = time.monotonic()
            if how == COLD:
                self.lose(todo.name)
                process = self.start()
            self.rest(process)
            took = time.monotonic() - began
            state = judge(self.arena, found.states[number] if known else None)
            if known is None:
                found.states.append(state)
                found.steps.append(todo.name)
            if how == LIVE:
                found.seconds.append(took)
            found.passed[how].append(process.order(None))
        assert process.stop() == 0
        return found

    def lose(self, name: str) -> None:
        """Memory, before every cold start but those after which it is needed to put a branch back."""
        if not name.startswith("vandal"):
            self.forget()

    def named(self, script: Script, reference: Reference, orders: Pending, how: str) -> None:
        """A run of the script in which headpin dies of some of `orders` in each step; takes out what was tried."""
        self.renew()
        process = self.start()
        self.rest(process)
        for number in range(max(orders) + 1):
            chain = orders.get(number, [])[:CHAIN]
            if how == COLD:
                process.kill("process")
            elif chain:
                process.order(chain[0])
            todo = step(self.arena, script, number)
            todo.do()
            if how == COLD:
                self.lose(todo.name)
                process = self.start(chain[0] if chain else None)
            process, died = self.settled(process, chain)
            if chain:
                tried = died or chain[:1]  # who was first and did not die passes there no more
                orders[number] = [order for order in orders[number] if order not in tried]
                self.told.missed += [f"{self.kind} {order}" for order in tried if order not in died]
                self.check(reference, number, f"step {number} ({todo.name}), {how}, died {died or tried}")
        self.end(process)
        for number in [number for number, left in orders.items() if not left]:
            del orders[number]

    def settled(self, process: Process, chain: Sequence[Order]) -> tuple[Process, list[Order]]:
        """At rest; started again where it died of the first of `chain`, to die of the next. And of which it died."""
        died: list[Order] = []
        while True:
            try:
                self.rest(process)
                process.order(None)
            except Died:
                process.join()
                assert len(died) < len(chain) and process.code == -9, f"it ended by itself: {process.code}"
                self.told.kills["at named points"] += 1
                died.append(chain[len(died)])
                self.told.points.add(died[-1].point)
                process = self.start(chain[len(died)] if len(died) < len(chain) else None)
            else:
                return process, died

    def instants(self, script: Script, reference: Reference, most: int) -> int:
        """A run of the script in which headpin is killed at some instant in every step; how often it was."""
        chance = random.Random(f"instants/{script}")
        self.renew()
        process = self.start()
        self.rest(process)
        killed = 0
        for number, seconds in enumerate(reference.seconds):
            if killed >= most:
                break
            todo = step(self.arena, script, number)
            todo.do()
            said = []
            while True:
                pause, how = chance.uniform(0, seconds), chance.choice(HOWS)
                time.sleep(pause)
                is_killed = process.kill(how)
                said.append(f"{how} after {pause:.3f}")
                if is_killed:
                    killed += 1
                    self.told.kills[f"at random: {how}"] += 1
                if how != "program":
                    process = self.start()
                if chance.random() < 0.6:
                    break
            self.rest(process)
            self.check(reference, number, f"script {script}, step {number} ({todo.name}), killed: {', '.join(said)}")
        self.end(process)
        return killed

    def check(self, reference: Reference, number: int, said: str) -> None:
        self.told.rests += 1
        try:
            judge(self.arena, reference.states[number])
        except Wrong as wrong:
            raise Wrong(f"{said}\n{wrong}") from wrong

    def end(self, process: Process) -> None:
        assert process.stop() == 0, self.log.read_text()[-4000:]


HOWS = ("process", "process", "process", "everything", "everything", "program")


def orders_of(passed: Sequence[Mapping[str, int]]) -> list[tuple[int, Order]]:
    """The first, the middle and the last passing of every point, as the step and the passing in it."""
    found = []
    for point in sorted({name for each in passed for name in each}):
        places = [(number, n) for number, each in enumerate(passed) for n in range(1, each.get(point, 0) + 1)]
        chosen = {places[0], places[len(places) // 2], places[-1]}
        found += [(number, Order(point, n)) for number, n in sorted(chosen)]
    return found


def campaign(
    folder: Path, kinds: Sequence[str], seed: int, instants: int, length: int, told: Told, say, points: bool = True
) -> None:
    """All of it: named points, then instants, in each arrangement."""
    for place, kind in enumerate(kinds):
        with ExitStack() as stack:
            arranged = Campaign(folder / kind, kind, stack, told)
            if points:
                _named(arranged, EVERYTHING, say)
            _instants(arranged, seed, instants // len(kinds) + (place < instants % len(kinds)), length, say)


def _named(arranged: Campaign, script: Script, say) -> None:
    reference = arranged.reference(script, len(script))
    arranged.reference(script, len(script), COLD, reference)
    for how in (LIVE, COLD):
        left: Pending = {}
        for number, order in orders_of(reference.passed[how]):
            left.setdefault(number, []).append(order)
        while left:
            say(f"{arranged.kind}: {how}, {sum(map(len, left.values()))} orders left")
            before = sum(map(len, left.values()))
            _tell_failure(arranged, partial(arranged.named, script, reference, left, how), say)
            if sum(map(len, left.values())) == before:
                break  # it failed at the first


def _instants(arranged: Campaign, seed: int, wanted: int, length: int, say) -> None:
    made = 0
    while made < wanted:
        seed += 1
        say(f"{arranged.kind}: instants, seed {seed}, {made} of {wanted}")
        before = sum(arranged.told.kills.values())
        _tell_failure(arranged, partial(_instants_of, arranged, seed, length, wanted - made), say)
        made += max(sum(arranged.told.kills.values()) - before, 1)


def _instants_of(arranged: Campaign, seed: int, length: int, most: int) -> None:
    arranged.instants(seed, arranged.reference(seed, length), most)


def _tell_failure(arranged: Campaign, run, say) -> None:
    """Runs it; a failure is told with everything that is needed to look at it, and the folder is kept."""
    try:
        run()
    except Exception as error:  # noqa: BLE001 - the campaign goes on, and ends with 1
        if arranged.running is not None:
            arranged.running.kill("everything")
        kept = arranged.root.parent / f"failure-{len(arranged.told.failures) + 1}"
        arranged.arena.root.rename(kept)
        shutil.copy(arranged.log, kept / "daemon.log")
        arranged.told.failures.append(f"{arranged.kind}: {type(error).__name__}: {error}\nkept: {kept}")
        say(arranged.told.failures[-1])


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--instants", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--points", action=argparse.BooleanOptionalAction, default=True, help="die at named points too")
    parser.add_argument("--only", choices=ARRANGEMENTS, action="append")
    parser.add_argument("--folder", type=Path)
    said = parser.parse_args()
    folder = said.folder or Path(tempfile.mkdtemp(prefix="headpin-crash-"))
    told, began = Told(), time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:7.1f}  {text}\n")
        sys.stdout.flush()

    campaign(folder, said.only or ARRANGEMENTS, said.seed, said.instants, said.steps, told, say, said.points)
    for how, number in sorted(told.kills.items()):
        say(f"{number} kills {how}")
    say(f"{len(told.points)} points, {len(told.missed)} not passed again, {told.rests} rests judged")
    say(f"{len(told.failures)} failures; seed {said.seed}")
    if not told.failures and said.folder is None:
        shutil.rmtree(folder)
    return 1 if told.failures else 0


if __name__ == "__main__":
    sys.exit(main())
