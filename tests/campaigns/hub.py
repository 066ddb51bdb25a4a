"""A workspace behind a server, the people who push to it, and what must be true of it whenever it is at rest.

People push past every proxy, straight to the repositories on the server's disk; a daemon has the network alone.
Keeps the ledger: every promotion that anybody made, each of which has to be in history exactly once.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headpin.controller.branches import RecordReader, read_branch
from headpin.git import Repository
from headpin.releases import EventKind
from headpin.types import AgentName
from tests.inprocess import headpin
from tests.world import CART, SMALL, World, git

MAIL = AgentName("shop", "mail")
_MOVES = {EventKind.PROMOTED, EventKind.ROLLED_BACK, EventKind.ROLLED_FORWARD, EventKind.SUPERSEDED}
_AGENT = """\
source:
  repository: {url}
image:
  pattern: registry.example.com/{name}:{{revision}}
"""


def until(what: Callable[[], object], seconds: float, why: str) -> float:
    """Waits until `what` is true, and tells how many seconds that took."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() < began + seconds, f"not within {seconds:.0f} seconds: {why}"
        time.sleep(0.1)
    return time.monotonic() - began


@dataclass
class Hub:
    """`place` is the bare repository on the server; `world` is a person's clone of it."""

    world: World
    agents: tuple[AgentName, ...] = (CART, MAIL)
    ledger: list[tuple[str, AgentName, str]] = field(default_factory=list)

    @property
    def place(self) -> Path:
        """Beside the sources, so that one server has all."""
        return self.world.sources / "config.git"

    @classmethod
    def make(cls, folder: Path, source: Callable[[str], str], names: Sequence[str] = ("cart", "mail")) -> Hub:
        """dev, staging and prod with the agents `names`; `source` tells how they write where their source is."""
        world = World(folder)
        hub = cls(world, tuple(AgentName("shop", name) for name in names))
        agents = {
            f"projects/shop/agents/{name}/agent.yaml": _AGENT.format(url=source(name), name=name) for name in names
        }
        for name in names:
            world.push(name)
        git("init", "--quiet", "--bare", "--initial-branch=main", str(hub.place), cwd=folder)
        git("config", "http.receivepack", "true", cwd=hub.place)
        world.git("remote", "add", "origin", str(hub.place))
        world.commit("Start", {path: text for path, text in SMALL.items() if "/agents/" not in path} | agents)
        hub.publish()
        return hub

    # ── what people do ───────────────────────────────────────────────────────────────────────────

    def publish(self) -> None:
        """Pushes main; where somebody else was first, on top of theirs."""
        for _ in range(50):
            try:
                self.world.git("push", "--quiet", "--set-upstream", "origin", "main")
                return
            except AssertionError:
                self.world.git("pull", "--quiet", "--rebase", "origin", "main")
        raise AssertionError("main cannot be pushed")

    def commit(self, message: str, files: dict[str, str | bytes | None]) -> str:
        """A commit on main, pushed."""
        self.world.commit(message, files)
        self.publish()
        return self.world.revision()

    def look(self) -> None:
        """Brings every environment's branch to the person's clone."""
        self.world.git("fetch", "--quiet", "origin", "+refs/heads/env/*:refs/heads/env/*")

    def promote(self, source: str, target: str, agent: AgentName = CART) -> str:
        """Pins in `target` what `source` serves; the revision of it."""
        self.look()
        served = self.world.record(source, agent).served
        assert served is not None
        assert served.release.revision != self.served(target, agent), "that would be no promotion"
        self.world.promote(source, target, agent)
        self.publish()
        self.ledger.append((target, agent, served.release.revision))
        return served.release.revision

    # ── what is there ────────────────────────────────────────────────────────────────────────────

    def revision(self, branch: str) -> str:
        """Where a branch is on the server; "" where it is not."""
        return Repository.open_bare(self.place).ref(f"refs/heads/{branch}") or ""

    def set(self, branch: str, revision: str | None) -> None:
        """Moves a branch on the server, whatever it was; None deletes it."""
        ref = f"refs/heads/{branch}"
        git("update-ref", *(["-d", ref] if revision is None else [ref, revision]), cwd=self.place)

    def served(self, environment: str, agent: AgentName = CART) -> str:
        """The revision that is served."""
        if not self.revision(f"env/{environment}"):
            return ""
        record = read_branch(Repository.open_bare(self.place), environment, RecordReader()).record(agent)
        return record.served.release.revision if record.served else ""

    def hold(self, environment: str) -> str:
        """Why the environment is held; "" where it is not."""
        branch = read_branch(Repository.open_bare(self.place), environment, RecordReader())
        return branch.state.hold.message if branch.state and branch.state.hold else ""

    def files(self, environment: str) -> str:
        """Every file of the environment's branch but the one that says which commit of main it was made from."""
        listed = git("ls-tree", f"env/{environment}", cwd=self.place).splitlines()
        return "\n".join(line for line in listed if not line.endswith("environment.yaml"))

    def tips(self, place: Path | None = None) -> str:
        """Where every environment's branch is, on the server or in another repository."""
        return git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/env", cwd=place or self.place)

    def hook(self, name: str, text: str | None) -> None:
        """What the server runs at a push; None takes it away."""
        place = self.place / "hooks" / name
        if text is None:
            place.unlink(missing_ok=True)
            return
        place.parent.mkdir(exist_ok=True)
        made = place.with_suffix(".new")
        made.write_text(f"#!/bin/sh\n{text}\n")
        made.chmod(0o755)
        made.rename(place)

    # ── what has to be true ──────────────────────────────────────────────────────────────────────

    def check(self, mirrors: Iterable[Path], planted: frozenset[str] = frozenset()) -> None:
        """Nothing is lost, nothing done twice, nothing broken. `planted` are the codes that audit has to find."""
        self._check_events()
        for place in (self.place, *mirrors):
            git("fsck", "--strict", "--no-dangling", cwd=place)
            assert self.tips(place) == self.tips(), f"{place} is elsewhere than upstream"
        audited = headpin("audit", "--json", "--no-memory", cwd=self.place)
        assert audited.code in (0, 1), audited.err
        found = json.loads(audited.out)["findings"]
        violations = [line for line in found if line["severity"] == "violation"]
        strange = [f"{line['code']} {line['message']}" for line in violations if line["code"] not in planted]
        assert not strange, strange[:5]

    def _check_events(self) -> None:
        """Every promotion of the ledger is in history, in order and once; and nothing else is."""
        for environment in ("staging", "prod"):
            branch = read_branch(Repository.open_bare(self.place), environment, RecordReader())
            for agent in self.agents:
                made = [revision for name, whose, revision in self.ledger if (name, whose) == (environment, agent)]
                events = [event for event in branch.events(agent) if event.kind in _MOVES]
                told = [event.release.revision for event in events if event.release is not None]
                assert told == made, f"{agent} in {environment}: {told}, and not {made}"


def fresh(folder: Path) -> Path:
    """An empty folder of this name."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
