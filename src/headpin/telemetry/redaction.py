"""What may leave the process in a log line: text without what opens anything, and without what a terminal obeys.

Owns which secrets this process knows by value (the signing secrets, the addresses and headers of notifications), so
that one is not told even where a library put it into its own words. Must never be asked for what it hides.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from headpin.git import redacted
from headpin.model import conceal

MAX_TEXT = 4_000
MAX_TRACE = 16_000
_MIN_SECRET = 6
"""What is shorter stands in ordinary words too."""


class Redaction:
    """The secrets that are known by value, and the forms of those that are not."""

    def __init__(self) -> None:
        self._known: tuple[str, ...] = ()
        self._lock = threading.Lock()

    def add(self, secrets: Iterable[str]) -> None:
        """Hides these from now on; the longest first, so that no part of one stays."""
        with self._lock:
            found = {secret for secret in secrets if len(secret) >= _MIN_SECRET}
            self._known = tuple(sorted({*self._known, *found}, key=len, reverse=True))

    def text(self, text: str, limit: int = MAX_TEXT) -> str:
        """`text` without secrets, at most `limit` letters of it."""
        for secret in self._known:
            text = text.replace(secret, "…")
        text = conceal(redacted(text))
        return text if len(text) <= limit else f"{text[: limit - 1]}…"

    def value(self, value: Any) -> Any:
        """A field of a log line: what JSON has, its texts without secrets."""
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [self.value(item) for item in value]
        return self.text(str(value))


def inert(text: str) -> str:
    """`text` on one line, without what a terminal would act on: escapes, marks of direction, line breaks."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode("ascii")
        for letter in text
    )
