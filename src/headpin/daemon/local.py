"""The socket on which people on this machine ask a running daemon for a pass, and how they find it.

Each daemon has one in a folder that only its own user may enter: beside the refs of a local repository, or in the
state directory. A socket that nobody answers was left by one that is dead, and is taken away by who finds it.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from headpin.daemon.requests import MOST, Answer, Requests
from headpin.errors import CannotWrite, SourceTrouble

FOLDER = "headpin/daemons"
"""Below the folder of a repository's refs, or a state directory."""

_LONGEST_PATH = 100
"""What fits into a socket's address everywhere; a longer one is reached by way of its folder."""

_MOST_SAID = 4096
_ASKING_SECONDS = 5.0
_MOST_ANSWERED = 256 * 1024 * 1024


class LocalSocket:
    """Listens from `start` to `stop`. `seconds` is how long a person waits for a pass."""

    def __init__(self, folder: Path, requests: Requests, seconds: float = 600.0) -> None:
        self._folder = folder
        self._name = f"{os.getpid()}.{id(self):x}.sock"
        self._requests = requests
        self._seconds = seconds
        self._listening: socket.socket | None = None
        self._slots = threading.BoundedSemaphore(MOST)

    def start(self) -> None:
        """Begins to listen. Raises CannotWrite."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            listening = socket.socket(socket.AF_UNIX)
            before = os.umask(0o177)
            try:
                with _reached(self._folder, f"{self._name}.new") as address:
                    listening.bind(address)
            finally:
                os.umask(before)
            listening.listen(MOST)
            (self._folder / f"{self._name}.new").rename(self._folder / self._name)
        except OSError as error:
            raise CannotWrite(f"no socket can be made in {self._folder}: {error.strerror}") from error
        self._listening = listening
        threading.Thread(target=self._serve, args=(listening,), name="socket", daemon=True).start()

    def stop(self) -> None:
        """Ends it, and takes it away."""
        if self._listening is not None:
            with suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
        (self._folder / self._name).unlink(missing_ok=True)

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            if self._slots.acquire(blocking=False):
                threading.Thread(target=self._answer, args=(connection,), name="asked", daemon=True).start()
            else:
                connection.close()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):
                connection.settimeout(_ASKING_SECONDS)
                said = _line(connection)
                if said is not None:
                    connection.sendall(json.dumps(self._asked(said)).encode())
        finally:
            self._slots.release()

    def _asked(self, said: bytes) -> Answer:
        try:
            wish = json.loads(said)
        except (ValueError, RecursionError):
            return {"error": "that is no request", "remedy": "use 'headpin reconcile --now'"}
        request = self._requests.ask(full=isinstance(wish, dict) and wish.get("full") is True)
        if request is None:
            return {"error": "the daemon takes no more requests", "remedy": "ask again in a moment"}
        answer = request.wait(self._seconds)
        return answer or {"error": f"no pass ended within {self._seconds:g} seconds", "remedy": "see the daemon's log"}


def _line(connection: socket.socket) -> bytes | None:
    """The first line that is said; None when none of a reasonable length comes."""
    said = b""
    while b"\n" not in said:
        part = connection.recv(_MOST_SAID)
        said += part
        if not part or len(said) > _MOST_SAID:
            return None
    return said.partition(b"\n")[0]


def ask_daemons(folder: Path, *, full: bool, seconds: float) -> list[Answer]:
    """What every daemon whose socket is in `folder` answers to the wish for a pass; empty where none runs.

    Raises SourceTrouble when one does not answer within `seconds`.
    """
    answers = []
    for place in sorted(folder.glob("*.sock")):
        answer = _ask(place, full, seconds)
        if answer is not None:
            answers.append(answer)
    return answers


def _ask(place: Path, full: bool, seconds: float) -> Answer | None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        try:
            with _reached(place.parent, place.name) as address:
                connection.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            place.unlink(missing_ok=True)  # its daemon is dead: a living one listens before the socket has a name
            return None
        try:
            connection.sendall(json.dumps({"full": full}).encode() + b"\n")
            told = json.loads(_all(connection))
        except (OSError, ValueError) as error:
            raise SourceTrouble(
                f"the daemon at {place} does not answer: {error or type(error).__name__}",
                remedy="see its log; 'headpin reconcile' makes a pass without it",
            ) from error
        if not isinstance(told, dict):
            raise SourceTrouble(f"the daemon at {place} does not answer as one does")
        return told


def _all(connection: socket.socket) -> bytes:
    said = bytearray()
    while part := connection.recv(64 * 1024):
        said += part
        if len(said) > _MOST_ANSWERED:
            raise SourceTrouble("the daemon's answer has no end")
    return bytes(said)


@contextmanager
def _reached(folder: Path, name: str) -> Iterator[str]:
    """An address of a socket that is short enough."""
    place = folder / name
    if len(os.fsencode(place)) <= _LONGEST_PATH:
        yield str(place)
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{opened}/{name}"
    finally:
        os.close(opened)
