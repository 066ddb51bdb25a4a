"""From a push on main to the commit on an environment's branch, by a daemon: `python -m benchmarks.latency`."""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
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
    """A daemon as it runs for months: it logs as JSON, counts deployments, and is probed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        probes = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "headpin", "-C", str(config), "run", "--log-format", "json"]
    with (config / "daemon.log").open("wb") as log:
        process = subprocess.Popen([*command, "--probe-address", probes], env=os.environ, stderr=log)
        try:
            _until_ready(process, probes)
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def _until_ready(process: subprocess.Popen[bytes], probes: str) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"http://{probes}/readyz", timeout=5):
                return
        except OSError:
            assert process.poll() is None and time.monotonic() < end, "the daemon does not start"
            time.sleep(0.05)


class _Person:
    """Pushes to main, and looks when an environment has followed. `clone` is where the git program pushes from."""

    def __init__(self, made: Generated, clone: Path) -> None:
        self._config = made.config
        self._repository = Repository.open(made.config)
        subprocess.run(["git", "clone", "--quiet", "--bare", "--shared", str(made.config), str(clone)], check=True)
        self._clone = Repository.open(clone)

    def move(self, files: dict[str, str]) -> float:
        """Moves main here, as a server does when it has taken a push, and gives the instant before."""
        head, commit = self._made(self._repository, files)
        began = time.perf_counter()
        self._repository.move_ref("refs/heads/main", head, commit, "push")
        return began

    def push(self, files: dict[str, str]) -> float:
        """Pushes from the clone by the git program, and gives the instant in which that began."""
        _, commit = self._made(self._clone, files)
        command = ["git", "push", "--quiet", str(self._config), f"{commit}:refs/heads/main"]
        began = time.perf_counter()
        subprocess.run(command, cwd=self._clone.place, check=True)
        return began

    def _made(self, repository: Repository, files: dict[str, str]) -> tuple[Revision, Revision]:
        """Main, and a commit on top of it that is on no branch yet."""
        head = self._repository.ref("refs/heads/main")
        assert head is not None
        changes = {path: text.encode() for path, text in files.items()}
        tree = repository.writer.apply(repository.commit(head).tree, changes)
        person = Signature("Person", "person@example.com", datetime.now(UTC).replace(microsecond=0))
        return head, repository.commit_tree(tree, [head], "Change\n", person, person)

    def tip(self, environment: str) -> Revision | None:
        """Where the environment's branch is."""
        return self._repository.ref(f"refs/heads/env/{environment}")

    def seconds(self, environment: str, files: dict[str, str], publish: Callable[[dict[str, str]], float]) -> float:
        """From the beginning of a push to the environment's commit."""
        before = self.tip(environment)
        began = publish(files)
        while self.tip(environment) == before:
            assert time.perf_counter() - began < _PATIENCE, "no commit came"
            time.sleep(_LOOK)
        return time.perf_counter() - began

    def pin(self, source: str, target: str, agent: AgentName) -> dict[str, str]:
        """What `source` serves, as a pin in `target`."""
        served = read_branch(self._repository, source, RecordReader()).record(agent).served
        assert served is not None
        return {f"pins/{target}/{agent}.yaml": format_release(served.release)}


def measure(made: Generated, rounds: int, clone: Path) -> dict[str, list[float]]:
    """Seconds of each round, by what was pushed and how."""
    Controller(Repository.open(made.config)).reconcile()
    first, second, third = made.environments[:3]
    person = _Person(made, clone)
    found: dict[str, list[float]] = defaultdict(list)
    with _daemon(made.config):
        for number in range(rounds + 2):
            agent, other = (made.agents[(7 * number + more) % len(made.agents)] for more in (0, 3))
            document = "projects/{}/agents/{}/agent.yaml".format
            one, two = (document(each.project, each.agent) for each in (agent, other))
            texts = {one: made.agent_text(agent, number + 1), two: made.agent_text(other, number + 1)}
            times = {"agent.yaml": person.seconds(first, texts, person.move)}
            _rest()
            times["pin"] = person.seconds(second, person.pin(first, second, agent), person.move)
            times["pin, at once after that"] = person.seconds(second, person.pin(first, second, other), person.move)
            _rest()
            times["pin, by git push"] = person.seconds(third, person.pin(second, third, agent), person.push)
            _rest()
            for case, seconds in times.items() if number >= 2 else ():  # the daemon has warmed up
                found[case].append(seconds)
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
    parser.add_argument("--rounds", type=int, default=50, help="pushes of each kind")
    given = parser.parse_args()
    print("| agents x environments | pushed | median | 95th percentile |")
    print("|---|---|---|---|")
    for agents in given.agents:
        with tempfile.TemporaryDirectory(prefix="headpin-latency-") as folder:
            made = generate(Path(folder), agents)
            for case, seconds in measure(made, given.rounds, Path(folder, "clone")).items():
                print(_row(agents, case, seconds), flush=True)


if __name__ == "__main__":
    main()
