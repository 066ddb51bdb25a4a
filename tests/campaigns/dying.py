"""A headpin process that dies where it is told to: the real command line, with every boundary watched.

The process kills itself (SIGKILL) at the n-th passing of a named point. Points are what `Controller.reached` is told,
and both sides of everything that writes: objects, refs, files that are renamed into their place, the git program.
Nothing of this is in headpin; it is laid around it here, in a process that a server forks from one that has headpin
loaded.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

_GIT = ("fetch", "push", "repack", "commit-graph", "read-tree", "update-index", "ls-remote", "worktree")
_MOST_LOOSE = 60
"""Loose objects after which a daemon here packs: every few steps."""


@dataclass(frozen=True, order=True)
class Order:
    """To die at the passing number `passing` of `point`, counted from when the order is given."""

    point: str
    passing: int

    def __str__(self) -> str:
        return f"{self.point} #{self.passing}"


class Points:
    """Counts passings, and dies."""

    def __init__(self, orders: Connection, order: Order | None) -> None:
        self._orders = orders
        self._order = order
        self._counts: Counter[str] = Counter()
        self._lock = threading.RLock()

    def passed(self, name: str) -> None:
        """The process is at the point `name`."""
        with self._lock:
            self._counts[name] += 1
            if self._order == Order(name, self._counts[name]):
                os.kill(os.getpid(), signal.SIGKILL)

    def obey(self) -> None:
        """Takes orders for as long as anybody gives some; answers with what was passed since the last."""
        while True:
            try:
                order = self._orders.recv()
            except EOFError:
                os.kill(os.getpid(), signal.SIGKILL)  # the campaign is gone
            with self._lock:
                told, self._counts, self._order = dict(self._counts), Counter(), order
            self._orders.send(told)

    def around(self, owner: Any, name: str, label: Callable[..., str]) -> None:
        """Points before and after `owner.name`, which `label` names by its arguments; "" for none."""
        real = getattr(owner, name)

        def step(*arguments: Any, **named: Any) -> Any:
            said = label(*arguments, **named)
            if said:
                self.passed(f"before-{said}")
            result = real(*arguments, **named)
            if said:
                self.passed(f"after-{said}")
            return result

        setattr(owner, name, step)


def _kind_of(command: Sequence[str], **_: Any) -> str:
    """What a git command is for: the upstream's fetch is another one than a source's."""
    words = [word for word in command if word in _GIT]
    if "git" not in command or not words or "--dry-run" in command:
        return ""
    if words[0] == "fetch":
        return "git-fetch-upstream" if any("refs/remotes/" in word for word in command) else "git-fetch-source"
    if words[0] == "push":
        return "git-push-atomic" if "--atomic" in command else "git-push"
    return f"git-{words[0]}"


def install(points: Points) -> None:
    """Lays points around everything that writes."""
    from headpin.cli import run as command
    from headpin.controller import Controller
    from headpin.daemon.backoff import Waits
    from headpin.daemon.local import LocalSocket
    from headpin.git import Repository, program
    from headpin.git.write import TreeWriter

    made = Controller.__post_init__

    def with_points(controller: Controller) -> None:
        made(controller)
        controller.reached = points.passed

    Controller.__post_init__ = with_points  # type: ignore[method-assign]
    points.around(TreeWriter, "blob", lambda *_: "blob")
    points.around(TreeWriter, "_tree", lambda *_: "tree")
    points.around(Repository, "commit_tree", lambda *_: "commit")
    points.around(Repository, "note_ref", lambda _, name, *__: f"note:{name}")
    points.around(Repository, "create_bare", lambda *_: "create-bare")
    points.around(LocalSocket, "start", lambda *_: "socket")
    points.around(program, "run_program", _kind_of)
    for name in ("rename", "replace"):
        points.around(Path, name, lambda _, target: f"file:{Path(target).parent.name}")
    _inside_programs(points, program)
    _inside_moves(points)
    build = command.build

    def built(controller: Any, plan: Any, line: Any = None) -> Any:
        options = replace(plan.options, waits=Waits(0.05, 0.5, 2.0))
        return build(controller, replace(plan, most_loose=_MOST_LOOSE, options=options), line)

    command.build = built


def _inside_programs(points: Points, program: Any) -> None:
    """A point while a program runs: it goes on without its parent."""
    tell = program._tell

    def told(process: Any, said: bytes) -> None:
        tell(process, said)
        kind = _kind_of(process.args)
        if kind:
            points.passed(f"during-{kind}")

    program._tell = told


def _inside_moves(points: Points) -> None:
    """Points around a move of a ref: announced, locked, moved and not yet told so."""
    from headpin.git import Repository, repository

    points.around(Repository, "move_ref", lambda _, name, *__: f"ref:{name}")
    announced, read = repository.announced, Repository.ref
    moving = threading.local()

    @contextmanager
    def watched(folder: Path, ref: str, new: Any) -> Any:
        with announced(folder, ref, new):
            points.passed(f"announced-ref:{ref}")
            moving.name = ref
            try:
                yield
            finally:
                moving.name = None
            points.passed(f"moved-ref:{ref}")

    def ref(self: Repository, name: str) -> Any:
        if getattr(moving, "name", None) == name:
            points.passed(f"locked-ref:{name}")
        return read(self, name)

    repository.announced = watched
    Repository.ref = ref  # type: ignore[method-assign]


def live(arguments: Sequence[str], orders: Connection, order: Order | None, log: str) -> None:
    """What the process does: `headpin ARGUMENTS`, with what it prints in the file `log`."""
    said = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(said, 1)
    os.dup2(said, 2)
    points = Points(orders, order)
    install(points)
    threading.Thread(target=points.obey, name="orders", daemon=True).start()
    from headpin.cli.app import run

    os._exit(run(list(arguments)))


class Died(Exception):
    """The process is gone."""


class Process:
    """A headpin process that was started with `arguments`, and how it is killed."""

    def __init__(self, arguments: Sequence[str], log: Path, order: Order | None = None) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.campaigns.preloaded"])
        self._orders, theirs = context.Pipe()
        self._process = context.Process(target=live, args=(arguments, theirs, order, str(log)), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def is_alive(self) -> bool:
        return self._process.is_alive()

    @property
    def code(self) -> int | None:
        """How it ended: minus the signal that killed it."""
        return self._process.exitcode

    def order(self, order: Order | None) -> dict[str, int]:
        """Lets it die there; gives how often each point was passed since the last order."""
        try:
            self._orders.send(order)
            return self._orders.recv()
        except (OSError, EOFError) as error:
            raise Died from error

    def programs(self) -> list[int]:
        """The programs that it runs now."""
        found = []
        for task in Path(f"/proc/{self._process.pid}/task").glob("*/children"):
            try:
                found += [int(word) for word in task.read_text().split()]
            except OSError:
                continue
        return found

    def kill(self, how: str) -> bool:
        """Kills the `process`, `everything` (its programs too) or a `program` of it. Whether there was any."""
        victims = self.programs() if how != "process" else []
        if how == "program" and not victims:
            return False
        if how != "program":
            self._process.kill()
        for victim in victims:
            try:
                os.killpg(victim, signal.SIGKILL)  # each leads a group of its own
            except ProcessLookupError:
                continue
        if how != "program":
            self.join()
        return True

    def join(self, seconds: float = 15.0) -> None:
        """Waits until it ended."""
        self._process.join(seconds)
        assert not self._process.is_alive(), "the process does not end"

    def stop(self) -> int | None:
        """SIGTERM, and how it ended then."""
        self._process.terminate()
        self.join()
        return self._process.exitcode
