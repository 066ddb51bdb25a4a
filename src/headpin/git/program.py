"""The git program, for what libgit2 does not do or does not bound: remotes, above all.

The one place that starts programs; what else has to run is run by `run_program`, within the same bounds.
Environment variables of git are scrubbed (a `GIT_DIR` of the caller would redirect every call), nothing
ever asks on a terminal, every call has a time limit, and its whole process group ends with it.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from headpin.errors import PermanentError, SourceTrouble, TemporaryError, TimedOut

_KEPT = frozenset(
    {"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_ASKPASS", "GIT_TRACE"}
    | {f"GIT_{role}_{part}" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
)
TOKEN = "HEADPIN_TOKEN"  # noqa: S105 - the name of a variable
_MAX_OUTPUT = 8 * 1024 * 1024
_PART = 64 * 1024
_LOCAL_SECONDS = 60.0
_GRACE = 1.0
"""Seconds that a program has to take its locks away after it was told to end."""

_NOBODY = {"NAME": "headpin", "EMAIL": "headpin@localhost"}


@dataclass(frozen=True, slots=True)
class Output:
    """What the program said, and its exit code."""

    code: int
    out: str
    err: str


class _Running:
    """Every program that runs now, in whichever thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may come in between
        self._processes: set[subprocess.Popen[bytes]] = set()

    def add(self, process: subprocess.Popen[bytes]) -> None:
        """It was started."""
        with self._lock:
            self._processes.add(process)

    def remove(self, process: subprocess.Popen[bytes]) -> None:
        """It ended."""
        with self._lock:
            self._processes.discard(process)

    def all(self) -> tuple[subprocess.Popen[bytes], ...]:
        """Those that did not end yet."""
        with self._lock:
            return tuple(self._processes)


_RUNNING = _Running()


def end_programs() -> None:
    """Ends every program that any thread waits for, so that this process can end."""
    for process in _RUNNING.all():
        _signal(process, signal.SIGTERM)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for the git program: the caller's, without what would redirect or stop it."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_") or key in _KEPT}
    kept.pop(TOKEN, None)  # git is given what it needs of it; a hook, a helper or another host's ssh needs nothing
    fixed = {"GIT_TERMINAL_PROMPT": "0", "GCM_INTERACTIVE": "never", "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    kept.setdefault("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oConnectTimeout=10")
    return kept | fixed | dict(extra or {})


def run_git(
    arguments: Sequence[str],
    *,
    seconds: float,
    extra: Mapping[str, str] | None = None,
    place: Path | None = None,
    is_slow: bool = False,
) -> Output:
    """Runs ``git ARGUMENTS``, behind everything else with `is_slow`.

    Raises TimedOut at the time limit, PermanentError without a git program.
    """
    command = ["nice", "-n", "19", "git"] if is_slow else ["git"]
    try:
        return run_program([*command, *arguments], seconds=seconds, variables=environment(extra), place=place)
    except FileNotFoundError as error:
        raise PermanentError("there is no git program on PATH", remedy="install git") from error
    except OSError as error:
        raise TemporaryError(f"git cannot be started: {error}") from error


def run_program(
    command: Sequence[str],
    *,
    seconds: float,
    variables: Mapping[str, str],
    place: Path | None = None,
    told: bytes = b"",
) -> Output:
    """Runs `command`, which reads `told` (what a pipe holds: a few lines) as its input.

    Raises SourceTrouble at the time limit or when it writes too much, OSError when it cannot be started.
    """
    process = subprocess.Popen(
        command,
        cwd=place,
        env=variables,
        stdin=subprocess.PIPE if told else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    _RUNNING.add(process)
    with process:
        try:
            _tell(process, told)
            out, err = _said(process, seconds)
        except BaseException:
            _end(process)
            raise
        finally:
            _RUNNING.remove(process)
            _reap(process)
    return Output(process.returncode, out, err)


def _tell(process: subprocess.Popen[bytes], told: bytes) -> None:
    if process.stdin is None:
        return
    with suppress(BrokenPipeError):  # a program may end without reading; its exit code says how that went
        os.write(process.stdin.fileno(), told)
    process.stdin.close()


def _said(process: subprocess.Popen[bytes], seconds: float) -> tuple[str, str]:
    """What the program writes until it ends. Raises SourceTrouble when that takes too long, or is too much."""
    until = time.monotonic() + seconds
    said = {stream: bytearray() for stream in (process.stdout, process.stderr) if stream is not None}
    late = TimedOut(f"no answer within {seconds:g} seconds")
    with selectors.DefaultSelector() as open_streams:
        for stream in said:
            open_streams.register(stream, selectors.EVENT_READ)
        while open_streams.get_map():
            ready = open_streams.select(max(until - time.monotonic(), 0))
            if not ready or time.monotonic() > until:
                raise late
            for key, _ in ready:
                part = os.read(key.fd, _PART)
                said[key.fileobj] += part  # type: ignore[index]
                if not part:
                    open_streams.unregister(key.fileobj)
            if sum(map(len, said.values())) > _MAX_OUTPUT:
                raise SourceTrouble(f"an answer of more than {_MAX_OUTPUT:,} bytes")
    try:
        process.wait(max(until - time.monotonic(), 0))
    except subprocess.TimeoutExpired as error:
        raise late from error
    out, err = (text.decode("utf-8", "replace") for text in said.values())
    return out, err


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the program and what it started (ssh, a remote helper); git takes its lock files away where it can."""
    _signal(process, signal.SIGTERM)
    until = time.monotonic() + _GRACE
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    _signal(process, signal.SIGKILL)


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Takes in what outlived the program for a moment and came to this process: the first one of a container.

    Nobody else would, and each of them would keep its number for as long as the container runs.
    """
    process.wait()
    until = time.monotonic() + _GRACE
    with suppress(ChildProcessError):  # there is none, or none came here
        while os.waitpid(-process.pid, os.WNOHANG)[0] != 0 or time.monotonic() < until:
            time.sleep(0.001)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def create_repository(place: Path, branch: str = "main") -> None:
    """A new repository with a work tree at `place`, on an unborn `branch`."""
    place.mkdir(parents=True, exist_ok=True)
    _checked(["init", "--quiet", f"--initial-branch={branch}"], place)


def configure(place: Path, settings: Mapping[str, str]) -> None:
    """Writes git settings of the repository at `place`."""
    for key, value in settings.items():
        _checked(["config", key, value], place)


def commit_all(place: Path, message: str) -> None:
    """Commits everything in the work tree at `place`, as git's own configuration says who.

    Where git knows nobody, the author is headpin on this machine: a new workspace needs no account.
    """
    who = {}
    if run_git(["var", "GIT_AUTHOR_IDENT"], seconds=_LOCAL_SECONDS, place=place).code != 0:
        who = {f"GIT_{role}_{part}": value for role in ("AUTHOR", "COMMITTER") for part, value in _NOBODY.items()}
    _checked(["add", "--all"], place)
    _checked(["commit", "--quiet", "--no-verify", "-m", message], place, who)


def _checked(arguments: Sequence[str], place: Path, extra: Mapping[str, str] | None = None) -> None:
    done = run_git(arguments, seconds=_LOCAL_SECONDS, extra=extra, place=place)
    if done.code != 0:
        raise PermanentError(f"git {arguments[0]} failed in {place}: {' '.join(done.err.split())}")
