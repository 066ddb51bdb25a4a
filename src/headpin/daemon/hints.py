"""Hints from outside that a repository moved: never a fact, only a reason to look now.

Bounded, because there are only so many repositories that anybody here follows, and coalesced by repository.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Mapping
from urllib.parse import unquote, urlsplit

from headpin.daemon.wakes import Reason, Wakes

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


class Hints:
    """Takes hints in any thread; the loop takes what they name."""

    def __init__(self, wakes: Wakes) -> None:
        self._wakes = wakes
        self._lock = threading.Lock()
        self._known: Mapping[str, Collection[str]] = {}
        self._waiting: set[str] = set()

    def know(self, repositories: Collection[str]) -> None:
        """The addresses, as they are written, of all repositories that anybody follows."""
        known: dict[str, set[str]] = {}
        for repository in repositories:
            known.setdefault(same_place(repository), set()).add(repository)
        known.pop("", None)
        with self._lock:
            self._known = known

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
