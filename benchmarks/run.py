"""Measures headpin on generated workspaces: `python -m benchmarks.run`. README.md says how to read it."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import platform
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pygit2

from benchmarks.generate import ENVIRONMENTS, FIVE_ENVIRONMENTS, Generated, generate
from headpin.controller import Controller
from headpin.controller.branches import RecordReader, read_branch
from headpin.controller.report import Work
from headpin.git import Repository
from headpin.releases.codec import format_release
from headpin.types import AgentName
from headpin.workspace import DocumentReader, Workspace, check

_ROUNDS = 3
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Measured:
    """One row: the best of a few rounds; `processor` counts this process's own seconds, `megabytes` its peak so far."""

    case: str
    seconds: float
    processor: float
    work: Work
    megabytes: int


def measure(folder: Path, agents: int, environments: tuple[str, ...]) -> Iterator[Measured]:
    """Every case on one workspace, in an order in which each finds a settled one."""
    made = generate(folder, agents, environments)
    yield _measured("validate", lambda: _validate(made))
    controller = _controller(made)
    yield _measured("cold pass", lambda: _passed(controller), rounds=1)
    yield _measured("nothing to do", lambda: _passed(controller))
    yield _measured("README change", _after(made, _readme(made), lambda: _passed(controller)))
    yield _measured("README change, fresh", _after(made, _readme(made), lambda: _passed(_controller(made))))
    yield _measured("one pin", _after(made, _pins(made, controller), lambda: _passed(controller)))
    yield _measured("one pin, fresh", _after(made, _pins(made, controller), lambda: _passed(_controller(made))))
    yield _measured("one agent.yaml", _after(made, _agents(made, 50), lambda: _passed(controller)))


@dataclass(frozen=True, slots=True)
class _Round:
    seconds: float
    processor: float
    work: Work


def _measured(case: str, run: Callable[[], _Round], rounds: int = _ROUNDS) -> Measured:
    gc.collect()
    found = [run() for _ in range(rounds)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    seconds, processor = min(one.seconds for one in found), min(one.processor for one in found)
    return Measured(case, seconds, processor, found[-1].work, peak)


def _timed(run: Callable[[], _R]) -> tuple[float, float, _R]:
    wall, own = time.perf_counter(), time.process_time()
    found = run()
    return time.perf_counter() - wall, time.process_time() - own, found


def _controller(made: Generated) -> Controller:
    return Controller(Repository.open(made.config))


def _passed(controller: Controller) -> _Round:
    seconds, processor, report = _timed(controller.reconcile)
    assert not report.holds, "held"
    assert not report.failed, "failed"
    return _Round(seconds, processor, report.work)


def _validate(made: Generated) -> _Round:
    repository = Repository.open(made.config)
    revision = repository.resolve("main")
    assert revision is not None
    reader = DocumentReader()
    workspace = Workspace(repository.tree(revision), reader)
    seconds, processor, problems = _timed(lambda: check(workspace))
    assert not problems, str(problems[0])
    return _Round(seconds, processor, Work(reader.parsed, 0, 0))


def _after(made: Generated, changes: Iterator[dict[str, str]], run: Callable[[], _Round]) -> Callable[[], _Round]:
    """`run`, each time after the next of `changes` is committed, which is not measured."""

    def changed() -> _Round:
        made.commit(dict(next(changes)), "Change")
        return run()

    return changed


def _readme(made: Generated) -> Iterator[dict[str, str]]:
    for number in range(1000):
        yield {"README.md": f"# {made.config.parent.name} {number} {time.time_ns()}\n"}


def _agents(made: Generated, round_: int) -> Iterator[dict[str, str]]:
    for number in range(round_, round_ + 1000):
        agent = made.agents[number % len(made.agents)]
        yield {_document(agent): made.agent_text(agent, number)}


def _pins(made: Generated, controller: Controller) -> Iterator[dict[str, str]]:
    """Moves one pin in the environment after the first to a release that just ran there."""
    first, second = made.environments[:2]
    for change in _agents(made, 1 + time.time_ns() % 1_000_000):
        made.commit(dict(change), "Change")
        controller.reconcile()
        (path,) = change
        agent = AgentName(path.split("/")[1], path.split("/")[3])
        served = read_branch(Repository.open(made.config), first, RecordReader()).record(agent).served
        assert served is not None
        yield {f"pins/{second}/{agent}.yaml": format_release(served.release)}


def _document(agent: AgentName) -> str:
    return f"projects/{agent.project}/agents/{agent.agent}/agent.yaml"


def _measure_and_print(agents: int, environments: tuple[str, ...], folder: Path) -> None:
    for row in measure(folder, agents, environments):
        work = row.work
        print(
            f"| {agents:,} x {len(environments)} | {row.case} | {_shown(row.seconds)} "
            f"| {_shown(row.processor)} | {work.parsed:,} "
            f"| {work.rendered:,} | {work.written:,} | {row.megabytes:,} |",
            flush=True,
        )


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms" if seconds < 10 else f"{seconds:,.1f} s"


def main() -> None:
    """Prints a Markdown table, each size in a process of its own."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":", maxsplit=1)[0])
    parser.add_argument("--agents", type=int, nargs="*", default=[20, 2000], help="sizes to measure")
    parser.add_argument("--full", action="store_true", help="10,000 agents in five environments too: takes minutes")
    parser.add_argument("--dir", type=Path, help="where the workspaces are made; default: a temporary folder")
    given = parser.parse_args()
    libgit2 = f"pygit2 {pygit2.__version__} (libgit2 {pygit2.LIBGIT2_VERSION})"
    print(f"Python {platform.python_version()}, {libgit2}, {multiprocessing.cpu_count()} processors\n")
    print("| agents x environments | case | time | processor | parsed | rendered | written | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    sizes = [(count, ENVIRONMENTS) for count in given.agents]
    sizes += [(10_000, FIVE_ENVIRONMENTS)] if given.full else []
    for count, environments in sizes:
        with tempfile.TemporaryDirectory(prefix="headpin-benchmark-", dir=given.dir) as folder:
            process = multiprocessing.get_context("spawn").Process(
                target=_measure_and_print, args=(count, environments, Path(folder))
            )
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(process.exitcode)


if __name__ == "__main__":
    main()
