"""Every text in a document, and the letters that no text may hold, however they are written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from headpin.model.faults import Fault, Path

_NOT_CARRIED = re.compile("[\x00\x7f-\x9f\ufffe\uffff]")
"""No process takes U+0000. The others ``kubectl kustomize`` reads, writes as they are, and then cannot read: one
of them in one agent would end the build of its whole project, and U+0085 would come out as another letter."""


def texts_of(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in a loaded value that is not a key, with the way to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, below in value.items():
            yield from texts_of(below, (*path, key))
    elif isinstance(value, tuple):
        for number, below in enumerate(value):
            yield from texts_of(below, (*path, number))


def letter_faults(texts: Iterable[tuple[Path, str]]) -> Iterator[Fault]:
    """A fault for every text that holds a letter that does not reach the cluster."""
    for path, text in texts:
        found = _NOT_CARRIED.search(text)
        if found is not None:
            said = f"{dotted(path)} holds U+{ord(found.group()):04X}, which does not reach a process unchanged"
            yield Fault("HP103", path, False, said, "leave it out")


def is_carried(text: str) -> bool:
    """Whether every letter of `text` reaches the cluster unchanged."""
    return _NOT_CARRIED.search(text) is None


def dotted(path: Path) -> str:
    """The way to a value as people write it."""
    return ".".join(str(part) for part in path)
