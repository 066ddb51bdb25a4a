"""A world to test in: a config repository, source repositories, a controller with a clock of its own.

Everything is done with the git program, as a person would; headpin is only asked to reconcile and to read.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headpin.controller import Controller, PassReport
from headpin.controller.branches import Branch, RecordReader, read_branch
from headpin.git import Repository
from headpin.releases import Event, Record
from headpin.releases.codec import format_release
from headpin.types import AgentName

AGENT = """\
source:
  repository: ../sources/{name}
image:
  pattern: registry.example.com/{name}:{{revision}}
ports:
  - name: http
    port: 8080
variables:
  LOG_LEVEL: info
"""

SMALL = {
    "headpin.yaml": "apiVersion: headpin/v1\n",
    "environments/dev.yaml": "tracks: head\n",
    "environments/staging.yaml": "description: before production\n",
    "environments/prod.yaml": "production: true\n",
    "pipelines/standard.yaml": ("stages:\n  - environment: dev\n  - environment: staging\n  - environment: prod\n"),
    "projects/shop/project.yaml": "pipeline: standard\n",
    "projects/shop/agents/cart/agent.yaml": AGENT.format(name="cart"),
}

CART = AgentName("shop", "cart")


class Clock:
    """A clock that goes one minute a look."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


def git(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Runs git and gives what it prints; a failure shows what git said."""
    done = subprocess.run(
        ["git", *arguments], cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise AssertionError(f"git {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


class World:
    """`config` and `sources` are folders; `controller` reconciles the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "config"
        self.sources = folder / "sources"
        self.clock = Clock()
        self.config.mkdir(parents=True)
        git("init", "--quiet", "--initial-branch=main", cwd=self.config)
        self.controller = Controller(Repository.open(self.config), clock=self.clock)

    @classmethod
    def of(cls, folder: Path, clock: Clock) -> World:
        """A world that is in `folder` already, a copy of another; it goes on at the time of `clock`."""
        world = cls.__new__(cls)
        world.folder, world.config, world.sources = folder, folder / "config", folder / "sources"
        world.clock = Clock()
        world.clock.now = clock.now
        world.controller = Controller(Repository.open(world.config), clock=world.clock)
        return world

    @classmethod
    def small(cls, folder: Path) -> World:
        """dev, staging, prod; one project with one agent."""
        world = cls(folder)
        world.push("cart")
        world.commit("Start", SMALL)
        return world

    def write(self, files: Mapping[str, str | bytes | None]) -> None:
        """Writes files of the config repository's work tree; None deletes one."""
        for path, content in files.items():
            place = self.config / path
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(
        self, message: str, files: Mapping[str, str | bytes | None] | None = None, *, author: str | None = None
    ) -> str:
        """Commits everything in the work tree, after `files`; gives the revision."""
        self.write(files or {})
        git("add", "--all", cwd=self.config)
        extra = ["--author", author] if author else []
        git("commit", "--quiet", "--allow-empty", "-m", message, *extra, cwd=self.config)
        return self.revision()

    def git(self, *arguments: str) -> str:
        """Runs git in the config repository."""
        return git(*arguments, cwd=self.config)

    def revision(self, name: str = "HEAD") -> str:
        """The commit that `name` is in the config repository."""
        return self.git("rev-parse", f"{name}^{{commit}}")

    def push(self, source: str, files: Mapping[str, str] | None = None, message: str = "Change") -> str:
        """A new commit in a source repository, made when it is not there; gives the revision."""
        place = self.sources / source
        if not place.exists():
            place.mkdir(parents=True)
            git("init", "--quiet", "--initial-branch=main", cwd=place)
        for path, text in (files or {"main.py": f"print({self.clock().timestamp()})\n"}).items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
        git("add", "--all", cwd=place)
        git("commit", "--quiet", "--allow-empty", "-m", message, cwd=place)
        return git("rev-parse", "HEAD", cwd=place)

    def revision_of_source(self, source: str) -> str:
        """The newest commit of a source repository."""
        return git("rev-parse", "HEAD", cwd=self.sources / source)

    def reconcile(self, *, full: bool = False) -> PassReport:
        """One pass; the next one has to do nothing, which is checked with `settle`."""
        return self.controller.reconcile(full=full)

    def settle(self) -> PassReport:
        """One pass, and the proof that a second one makes no commit."""
        report = self.reconcile()
        again = self.controller.reconcile(full=True)
        assert not again.commits, [str(environment) for environment in again.environments]
        return report

    def fresh(self) -> Controller:
        """A controller that remembers nothing."""
        return Controller(Repository.open(self.config), clock=self.clock)

    def branch(self, environment: str) -> Branch:
        """An environment's branch as it stands."""
        return read_branch(Repository.open(self.config), environment, RecordReader())

    def record(self, environment: str, agent: AgentName = CART) -> Record:
        """The record of a deployment."""
        return self.branch(environment).record(agent)

    def events(self, environment: str, agent: AgentName = CART) -> tuple[Event, ...]:
        """The events of a deployment, oldest first."""
        return self.branch(environment).events(agent)

    def pin_text(self, environment: str, agent: AgentName = CART) -> str:
        """What is served, as a pin file."""
        served = self.record(environment, agent).served
        assert served is not None, f"{environment} serves nothing of {agent}"
        return format_release(served.release)

    def promote(self, source: str, target: str, agent: AgentName = CART, *, author: str | None = None) -> str:
        """Pins in `target` what `source` serves, and commits that by hand."""
        path = f"pins/{target}/{agent.project}/{agent.agent}.yaml"
        return self.commit(f"Promote {agent} to {target}", {path: self.pin_text(source, agent)}, author=author)

    def files(self, environment: str, folder: str = "manifests") -> dict[str, str]:
        """The files below `folder` on an environment's branch."""
        listed = self.git("ls-tree", "-r", "--name-only", f"env/{environment}", folder or ".").splitlines()
        return {path: self.git("show", f"env/{environment}:{path}") for path in listed}

    def tips(self) -> dict[str, str]:
        """Where every environment branch is."""
        listed = self.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads/env").splitlines()
        return dict(line.split(" ", 1) for line in listed)
