"""A fault in one document, before it is known where the document lies."""

from __future__ import annotations

from dataclasses import dataclass

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """`path` leads to the value (or to its key, with `at_key`); the rest is as in a `Problem`."""

    code: str
    path: Path
    at_key: bool
    message: str
    remedy: str = ""
