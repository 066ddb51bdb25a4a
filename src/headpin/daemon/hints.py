"""Hints from outside that a repository moved: never a fact, only a reason to look now.

Bounded, because there are only so many repositories that anybody here follows, and coalesced by repository.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from headpin.daemon.wakes import Reason, Wakes
from headpin.git import address_of

_SCP = re.compile(r"(?:[^@/\s:]+@)?([^@/\s:]+):(?!//)(.+)")


def same_place(address: str) -> str:
    """One spelling for all addresses of a repository: host and path, without scheme, user, port and ``.git``."""
    text = address.strip()
    if "://" in text:
        try:
            parts = urlsplit(text)
            host, path = parts.hostname or "", unquote(parts.path)
        except ValueError:
            return ""
    elif (scp := _SCP.fullmatch(text)) is not None:
        host, path = scp[1], scp[2]
    else:
        host, path = "", text
    path = path.strip("/").removesuffix(".git").rstrip("/")
    return f"{host.casefold()}/{path.casefold()}" if path else ""


def places_of(address: str, base: Path) -> frozenset[str]:
    """How hints may spell the place of a repository that a document names; a relative path starts at `base`.

    A folder is known by its own path and by the one that it was reached on, which a link may be part of.
    """
    found = address_of(address, base)
    if isinstance(found, str) or found.scheme not in ("path", "file"):
        return frozenset({same_place(address)} - {""})
    path = unquote(urlsplit(found.url).path) if found.scheme == "file" else found.url
    return frozenset({same_place(os.path.normpath(path)), same_place(os.path.realpath(path))} - {""})


class Hints:
    """Takes hints in any thread; the loop takes what they name. Relative paths in documents start at `base`."""

    def __init__(self, wakes: Wakes, base: Path = Path("/")) -> None:
        self._wakes = wakes
        self._base = base
        self._lock = threading.Lock()
        self._told: tuple[str, ...] = ()
        self._known: Mapping[str, Collection[str]] = {}
        self._waiting: set[str] = set()

    def know(self, repositories: Collection[str]) -> None:
        """The addresses, as they are written, of all repositories that anybody follows."""
        told = tuple(repositories)
        if told == self._told:  # after nearly every pass: links are not followed again each time
            return
        known: dict[str, set[str]] = {}
        for repository in told:
            for place in places_of(repository, self._base):
                known.setdefault(place, set()).add(repository)
        with self._lock:
            self._told, self._known = told, known

    def offer(self, addresses: frozenset[str]) -> bool:
        """Takes spellings of one repository's address; False where it is nobody's that is followed."""
        with self._lock:
            places = {same_place(address) for address in addresses}
            found = {name for place in places for name in self._known.get(place, ())}
            self._waiting |= found
        if found:
            self._wakes.wake(Reason.HINT)
        return bool(found)

    def take(self) -> frozenset[str]:
        """Every repository that was hinted at since, as its address is written."""
        with self._lock:
            taken = frozenset(self._waiting)
            self._waiting.clear()
            return taken
