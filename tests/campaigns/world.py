"""What campaigns do things in: a hub that people push to, their sources, and a place where a daemon runs.

Three arrangements: a daemon in the repository that people pull into (`local`), in a clone with an upstream (`clone`),
and on a mirror of a repository that a git server serves (`mirror`). People are always the same person in one clone.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pygit2

from headpin.controller.branches import Branch, RecordReader, read_branch
from headpin.git import Repository
from headpin.releases import Event, Record
from headpin.types import AgentName

ARRANGEMENTS = ("local", "clone", "mirror")
CART, TILL, BELL = AgentName("shop", "cart"), AgentName("shop", "till"), AgentName("desk", "bell")
AGENTS = (CART, TILL, BELL)
ENVIRONMENTS = ("dev", "staging", "prod")
_START = 1_767_600_000
"""Seconds: the first commit. Every later one is a minute after the one before, whatever the time is."""

_AGENT = """\
source:
  repository: {sources}/{name}
image:
  pattern: registry.example.com/{name}:{{revision}}
ports:
  - name: http
    port: 8080
variables:
  LOG_LEVEL: info
"""
_STAGES = "stages:\n  - environment: dev\n  - environment: staging\n{more}  - environment: prod\n"


class Arena:
    """The folder `root` with everything in it; `kind` is the arrangement, `url` where the mirror's hub is served."""

    def __init__(self, root: Path, kind: str, url: str = "") -> None:
        self.root, self.kind, self.url = root, kind, url
        self.sources, self.person, self.config, self.state = (
            root / name for name in ("sources", "person", "config", "state")
        )
        self.hub = self.config if kind == "local" else root / "upstream.git"
        self.minutes = 0

    # ── people ───────────────────────────────────────────────────────────────────────────────────

    def make(self) -> None:
        """A workspace of three agents; bell's staging is promoted into automatically."""
        self.root.mkdir(parents=True)
        if self.kind == "local":
            self.git("init", "--quiet", "--initial-branch=main", str(self.hub), cwd=self.root)
            self.git("commit", "--quiet", "--allow-empty", "-m", "Begin", cwd=self.hub)
        else:
            self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.hub), cwd=self.root)
        self.git("clone", "--quiet", str(self.hub), str(self.person), cwd=self.root)
        documents = {
            "headpin.yaml": "apiVersion: headpin/v1\n",
            "environments/dev.yaml": "tracks: head\n",
            "environments/staging.yaml": "description: before production\n",
            "environments/prod.yaml": "production: true\n",
            "pipelines/standard.yaml": _STAGES.format(more=""),
            "pipelines/quick.yaml": _STAGES.format(more="    promotion: automatic\n"),
            "projects/shop/project.yaml": "pipeline: standard\n",
            "projects/desk/project.yaml": "pipeline: quick\n",
        }
        for agent in AGENTS:
            self.push(agent.agent)
            text = _AGENT.format(name=agent.agent, sources=self.sources)
            documents[f"projects/{agent.project}/agents/{agent.agent}/agent.yaml"] = text
        self.commit("Start", documents)
        self.publish()
        if self.kind == "clone":
            self.git("clone", "--quiet", str(self.hub), str(self.config), cwd=self.root)

    def git(self, *arguments: str, cwd: Path) -> str:
        """Runs git; each commit is a minute after the one before by these people's clock."""
        self.minutes += arguments[0].startswith("commit")
        at = f"{_START + 60 * self.minutes} +0000"
        dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        done = subprocess.run(
            ["git", *arguments], cwd=cwd, env=os.environ | dates, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def push(self, source: str) -> None:
        """A new commit in a source repository."""
        place = self.sources / source
        if not place.exists():
            place.mkdir(parents=True)
            self.git("init", "--quiet", "--initial-branch=main", cwd=place)
        (place / "main.py").write_text(f"print({self.minutes})\n")
        self.git("add", "--all", cwd=place)
        self.git("commit", "--quiet", "-m", "Change", cwd=place)

    def catch_up(self) -> None:
        """The person's clone at the hub's main."""
        self.git("fetch", "--quiet", "--prune", "origin", cwd=self.person)
        self.git("reset", "--quiet", "--hard", "origin/main", cwd=self.person)

    def commit(self, message: str, files: Mapping[str, str | None]) -> None:
        """A commit in the person's clone that is on no other's main yet; None deletes a file."""
        for path, text in files.items():
            place = self.person / path
            if text is None:
                place.unlink()
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
        self.git("add", "--all", cwd=self.person)
        self.git("commit", "--quiet", "-m", message, cwd=self.person)

    def publish(self) -> None:
        """Everything that was committed since, in one move of the hub's main."""
        if self.kind == "local":
            self.git("pull", "--quiet", "--ff-only", str(self.person), "main", cwd=self.hub)
        else:
            self.git("push", "--quiet", "origin", "main", cwd=self.person)

    # ── how things stand ─────────────────────────────────────────────────────────────────────────

    @property
    def place(self) -> Path:
        """The repository that the daemon works in."""
        return next(iter(self.state.glob("*.git")), self.state) if self.kind == "mirror" else self.config

    @property
    def git_dir(self) -> Path:
        """Its git directory."""
        return self.place if self.kind == "mirror" else self.config / ".git"

    @property
    def sockets(self) -> Path:
        """Where its daemon is asked."""
        return (self.state if self.kind == "mirror" else self.config / ".git") / "headpin/daemons"

    def command(self, *more: str) -> list[str]:
        """What a daemon is started with."""
        often = ["--interval", "0.2", "--source-interval", "0.15", "--log-format", "json", *more]
        if self.kind == "mirror":
            return ["run", "--repository", self.url, "--state", str(self.state), *often]
        return ["-C", str(self.config), "run", *often]

    def branch(self, environment: str) -> Branch:
        """An environment's branch in the hub."""
        return read_branch(Repository.open(self.hub), environment, RecordReader())

    def record(self, environment: str, agent: AgentName) -> Record:
        return self.branch(environment).record(agent)

    def events(self, environment: str, agent: AgentName) -> tuple[Event, ...]:
        return self.branch(environment).events(agent)

    def agents(self) -> list[AgentName]:
        """Those that are on main."""
        places = sorted(self.person.glob("projects/*/agents/*/agent.yaml"))
        return [AgentName(place.parts[-4], place.parts[-2]) for place in places]

    def head_of(self, agent: AgentName) -> str:
        """The newest commit of its source."""
        document = (self.person / f"projects/{agent.project}/agents/{agent.agent}/agent.yaml").read_text()
        place = Path(re.search(r"repository: (\S+)", document)[1])  # type: ignore[index]
        return tips(place)["refs/heads/main"]


def tips(place: Path, prefix: str = "refs/heads/") -> dict[str, str]:
    """Where refs are."""
    repository = pygit2.Repository(str(place))
    names = [name for name in repository.references if name.startswith(prefix)]
    return {name: str(repository.references[name].target) for name in names}


def first_parents(place: Path, branch: str = "refs/heads/main") -> list[pygit2.Commit]:
    """The branch's history, oldest first."""
    repository = pygit2.Repository(str(place))
    found, commit = [], repository.references[branch].peel(pygit2.Commit)
    while True:
        found.append(commit)
        if not commit.parent_ids:
            return found[::-1]
        commit = commit.parents[0]


def files_of(repository: pygit2.Repository, tree: pygit2.Tree, folder: str = "") -> Iterator[tuple[str, str]]:
    """Path and text of every file."""
    for entry in tree:
        path = f"{folder}{entry.name}"
        if isinstance(entry, pygit2.Tree):
            yield from files_of(repository, entry, f"{path}/")
        else:
            yield path, entry.data.decode()


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_OBSERVED = re.compile(r"^(config|folded): .*\n", re.MULTILINE)


def state_of(place: Path) -> dict[str, str]:
    """Every file on every environment's branch, without times, and with commits of main by their place in it.

    Which main the branch was looked at from is left out: a pass that changes nothing does not write it.
    """
    repository = pygit2.Repository(str(place))
    named = {str(commit.id): f"main~{number}" for number, commit in enumerate(first_parents(place))}
    ids = re.compile("|".join(named))
    found = {}
    for name in ENVIRONMENTS:
        tree = repository.references[f"refs/heads/env/{name}"].peel(pygit2.Tree)
        for path, text in files_of(repository, tree):
            said = _TIME.sub("T", ids.sub(lambda match: named[match[0]], text))
            found[f"{name}:{path}"] = _OBSERVED.sub("", said) if path == "environment.yaml" else said
    return found


@contextmanager
def git_server(root: Path) -> Iterator[str]:
    """A `git daemon` on loopback that serves everything below `root`, pushes included; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["git", "daemon", "--reuseaddr", "--listen=127.0.0.1", f"--port={port}", f"--base-path={root}"]
    command += ["--export-all", "--enable=receive-pack", "--timeout=30", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < until, "git daemon does not start"
                time.sleep(0.02)
        yield f"git://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def copy(place: Path, to: Path) -> None:
    """A folder as it is, in another place that is not there yet, or is replaced."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(place, to, symlinks=True, ignore=_no_sockets)


def _no_sockets(folder: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_socket()]
