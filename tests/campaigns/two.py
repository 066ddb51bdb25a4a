"""Two daemons at the same work: `python -m tests.campaigns.two`.

The same people do the same things to copies of one workspace, which one daemon reconciles, or two in each of the ways
that there can be two. At rest all copies have the same files, times and main's own ids apart; no promotion is in
history twice, and neither daemon told of a failure.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from headpin.errors import Conflict, RefLocked
from headpin.git import Repository, Signature
from headpin.types import AgentName
from tests.campaigns.hub import Hub, fresh, until
from tests.campaigns.process import Daemon, daemon
from tests.world import Clock, World, git

PEOPLE = 8
NAMES = tuple(f"a{number}" for number in range(PEOPLE))
PATIENCE = 120.0
_QUICK = ("--interval=0.3", "--source-interval=1.5", "--log-level=debug")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
_DATE = {"GIT_AUTHOR_DATE": "2026-01-05T09:00:00Z", "GIT_COMMITTER_DATE": "2026-01-05T09:00:00Z"}

LAYOUTS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "alone": ((),),
    "two states": ((), ()),
    "one repository": ((), ()),
    "shards": (("--environments=dev", "--environments=staging"), ("--environments=prod",)),
}
"""What each daemon is told of environments. In `one repository` both work in the bare repository itself."""

MOST_CONFLICTS = 4
"""For each commit on an environment's branch, on the average: what two daemons may cost each other."""


def template(folder: Path) -> Path:
    """The workspace that every layout gets a copy of, at the place where it will be."""
    place = folder / "place"
    with _fixed_time():
        Hub.make(place, lambda name: str(place / "sources" / name), NAMES)
    kept = folder / "template"
    place.rename(kept)
    return kept


def lived_through(folder: Path, layout: str, rounds: int) -> Mapping[str, Mapping[str, str]]:
    """The files of each environment's branch after the script, without times and without ids of main's commits."""
    place = folder / "place"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder / "template", place, symlinks=True)
    hub = Hub(World.of(place, Clock()), tuple(AgentName("shop", name) for name in NAMES))
    with ExitStack() as stack:
        running = [
            stack.enter_context(_daemon(folder, hub, layout, number, told))
            for number, told in enumerate(LAYOUTS[layout])
        ]
        for number in range(rounds):
            _round(hub, number)
        mirrors = [each.mirror for each in running if each.state is not None]
        until(lambda: _is_at_rest(hub, mirrors, layout), PATIENCE, "all are at rest")
        for each in running:
            assert not each.told(level="error"), each.told(level="error")[:3]
        _check_conflicts(hub, running)
    hub.check([] if layout == "shards" else mirrors)
    return {name: _normal(hub, name) for name in ("dev", "staging", "prod")}


@contextmanager
def _daemon(folder: Path, hub: Hub, layout: str, number: int, told: Sequence[str]) -> Iterator[Daemon]:
    log = folder / f"log-{layout.replace(' ', '-')}-{number}"
    log.unlink(missing_ok=True)
    if layout == "one repository":
        with daemon(log, *_QUICK, *told, cwd=hub.place) as running:
            yield running
        return
    with daemon(
        log, *_QUICK, *told, "--repository", str(hub.place), state=folder / "place" / f"state{number}"
    ) as running:
        yield running


def _round(hub: Hub, number: int) -> None:
    """All sources move; everybody promotes at once, to staging and on to prod, and somebody writes words meanwhile.

    What depends on who is first is done by itself: settings change when the promotions are served.
    """
    with _fixed_time():
        wanted = {agent: hub.world.push(agent.agent, {"main.py": f"print({number})\n"}) for agent in hub.agents}
    _until_served(hub, "dev", wanted)
    for source, target in (("dev", "staging"), ("staging", "prod")):
        hub.look()
        pins = {agent: hub.world.pin_text(source, agent) for agent in hub.agents}
        with ThreadPoolExecutor(PEOPLE + 1) as people:
            work = [people.submit(_promote, hub.place, target, agent, pin) for agent, pin in pins.items()]
            work.append(people.submit(_write, hub.place, "Words", {"README.md": f"{target} {number}\n".encode()}))
            for each in work:
                each.result()
        hub.ledger += [(target, agent, revision) for agent, revision in wanted.items()]
        _until_served(hub, target, wanted)
        said = f"r{number}"
        own = {f"projects/shop/agents/a0/{target}.yaml": f"variables: {{ROUND: {said}}}\n".encode()}
        _write(hub.place, f"Round {number}", own)
        until(lambda said=said, target=target: said in _deployment(hub, target), PATIENCE, f"{target} has its settings")


def _deployment(hub: Hub, environment: str) -> str:
    return git("show", f"env/{environment}:manifests/shop/a0/deployment.yaml", cwd=hub.place)


def _until_served(hub: Hub, environment: str, wanted: Mapping[AgentName, str]) -> None:
    def is_served() -> bool:
        return all(hub.served(environment, agent) == revision for agent, revision in wanted.items())

    until(is_served, PATIENCE, f"{environment} serves what is wanted")


def _promote(place: Path, target: str, agent: AgentName, pin: str) -> None:
    _write(place, f"Promote {agent} to {target}", {f"pins/{target}/shop/{agent.agent}.yaml": pin.encode()})


def _write(place: Path, message: str, files: Mapping[str, bytes]) -> None:
    """One person's commit on main, from where it is; who was not first looks again."""
    repository = Repository.open_bare(place)
    for _ in range(1000):
        head = repository.ref("refs/heads/main")
        assert head is not None
        tree = repository.writer.apply(repository.commit(head).tree, dict(files))
        person = Signature("Test Person", "test.person@example.com", datetime.now(UTC))
        made = repository.commit_tree(tree, [head], f"{message}\n", person, person)
        try:
            repository.move_ref("refs/heads/main", head, made, "a person")
        except (Conflict, RefLocked):
            time.sleep(random.uniform(0, 0.05))
        else:
            return
    raise AssertionError("somebody else is always first")


def _is_at_rest(hub: Hub, mirrors: Sequence[Path], layout: str) -> bool:
    """Every mirror has what upstream has; a shard has its own."""
    there = set(hub.tips().splitlines())
    here = [set(hub.tips(place).splitlines()) for place in mirrors]
    if layout == "shards":
        return all(tips and tips <= there for tips in here)
    return all(tips == there for tips in here)


def _check_conflicts(hub: Hub, running: Sequence[Daemon]) -> None:
    commits = sum(int(git("rev-list", "--count", f"env/{name}", cwd=hub.place)) for name in ("dev", "staging", "prod"))
    conflicts = sum(len(each.told("push.conflict")) for each in running)
    assert conflicts <= MOST_CONFLICTS * commits, f"{conflicts} conflicts for {commits} commits"


def _normal(hub: Hub, environment: str) -> Mapping[str, str]:
    own = set(git("rev-list", "main", cwd=hub.place).split())
    listed = git("ls-tree", "-r", "--name-only", f"env/{environment}", cwd=hub.place).splitlines()
    files = {}
    for path in listed:
        text = git("show", f"env/{environment}:{path}", cwd=hub.place)
        text = re.sub(r"[0-9a-f]{40}", lambda found: "C" if found[0] in own else found[0], text)
        files[path] = _TIME.sub("T", text)
    return files


@contextmanager
def _fixed_time() -> Iterator[None]:
    """Commits of sources get the same ids in every layout."""
    os.environ |= _DATE
    try:
        yield
    finally:
        for name in _DATE:
            del os.environ[name]


def differences(one: Mapping[str, Mapping[str, str]], other: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Every file that is not the same in both, with both texts."""
    found = []
    for name in sorted(one.keys() | other.keys()):
        here, there = one.get(name, {}), other.get(name, {})
        for path in sorted(here.keys() | there.keys()):
            if here.get(path) != there.get(path):
                found.append(f"{name}:{path}\n{here.get(path)}\n───\n{there.get(path)}")
    return found


def main(arguments: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.two", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="how often everybody promotes")
    parser.add_argument("--folder", type=Path, help="where to work; kept")
    said = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="headpin-two-") as made:
        folder = said.folder or Path(made)
        template(fresh(folder))
        alone = lived_through(folder, "alone", said.rounds)
        for layout in list(LAYOUTS)[1:]:
            found = differences(alone, lived_through(folder, layout, said.rounds))
            assert not found, "\n".join(found[:3])
            sys.stdout.write(f"{layout}: {said.rounds} rounds of {PEOPLE} people, as one daemon alone\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
