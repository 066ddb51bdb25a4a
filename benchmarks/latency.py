"""From a push on main to the commit on an environment's branch, by a daemon: `python -m benchmarks.latency`."""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.generate import Generated, generate
from headpin.controller import Controller
from headpin.controller.branches import RecordReader, read_branch
from headpin.git import Repository, Signature
from headpin.releases.codec import format_release
from headpin.types import AgentName, Revision

_PATIENCE = 60.0
_LOOK = 0.0003


@contextmanager
def _daemon(config: Path) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", "headpin", "-C", str(config), "run"], env=os.environ)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


class _Person:
    """Pushes to main, and looks when an environment has followed."""

    def __init__(self, made: Generated) -> None:
        self._made = made
        self._repository = Repository.open(made.config)

    def push(self, files: dict[str, str]) -> float:
        """Moves main, and gives the instant."""
        repository = self._repository
        head = repository.ref("refs/heads/main")
        assert head is not None
        tree = repository.writer.apply(
            repository.commit(head).tree, {path: text.encode() for path, text in files.items()}
        )
        person = Signature("Person", "person@example.com", datetime.now(UTC).replace(microsecond=0))
        commit = repository.commit_tree(tree, [head], "Change\n", person, person)
        began = time.perf_counter()
        repository.move_ref("refs/heads/main", head, commit, "push")
        return began

    def tip(self, environment: str) -> Revision | None:
        """Where the environment's branch is."""
        return self._repository.ref(f"refs/heads/env/{environment}")

    def seconds(self, environment: str, files: dict[str, str]) -> float:
        """From the push to the environment's commit."""
        before = self.tip(environment)
        began = self.push(files)
        while self.tip(environment) == before:
            assert time.perf_counter() - began < _PATIENCE, "no commit came"
            time.sleep(_LOOK)
        return time.perf_counter() - began

    def pin(self, source: str, target: str, agent: AgentName) -> dict[str, str]:
        """What `source` serves, as a pin in `target`."""
        served = read_branch(self._repository, source, RecordReader()).record(agent).served
        assert served is not None
        return {f"pins/{target}/{agent}.yaml": format_release(served.release)}


def measure(made: Generated, rounds: int) -> dict[str, list[float]]:
    """Seconds of each round: an agent's settings to the first environment, and its pin to the second."""
    Controller(Repository.open(made.config)).reconcile()
    first, second = made.environments[:2]
    person = _Person(made)
    found: dict[str, list[float]] = {"agent.yaml": [], "pin": []}
    with _daemon(made.config):
        for number in range(rounds + 2):
            agent = made.agents[(7 * number) % len(made.agents)]
            document = f"projects/{agent.project}/agents/{agent.agent}/agent.yaml"
            changed = person.seconds(first, {document: made.agent_text(agent, number + 1)})
            _rest()
            pinned = person.seconds(second, person.pin(first, second, agent))
            _rest()
            if number >= 2:  # the daemon has started
                found["agent.yaml"].append(changed)
                found["pin"].append(pinned)
    return found


def _rest() -> None:
    """Between two pushes of people."""
    time.sleep(0.2)


def _row(agents: int, case: str, seconds: list[float]) -> str:
    shown: Callable[[float], str] = lambda value: f"{value * 1000:,.0f} ms"  # noqa: E731
    ordered = sorted(seconds)
    slow = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"| {agents:,} x 3 | {case} | {shown(statistics.median(seconds))} | {shown(slow)} |"


def main() -> None:
    """Prints a Markdown table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":", maxsplit=1)[0])
    parser.add_argument("--agents", type=int, nargs="*", default=[20, 2000], help="sizes to measure")
    parser.add_argument("--rounds", type=int, default=30, help="pushes of each kind")
    given = parser.parse_args()
    print("| agents x environments | pushed | median | 95th percentile |")
    print("|---|---|---|---|")
    for agents in given.agents:
        with tempfile.TemporaryDirectory(prefix="headpin-latency-") as folder:
            for case, seconds in measure(generate(Path(folder), agents), given.rounds).items():
                print(_row(agents, case, seconds), flush=True)


if __name__ == "__main__":
    main()
