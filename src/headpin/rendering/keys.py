"""The keys of files in a ConfigMap."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence

_WITH_DIGEST = re.compile(r"[0-9a-f]{8}-.*")


def file_keys(paths: Sequence[str]) -> dict[str, str]:
    """A key in the ConfigMap for each path: the file's name where that is free of doubt.

    A name that looks like one with a digest before it gets a digest too, so that no two keys are the same.
    """
    names = Counter(_base(path) for path in paths)
    return {
        path: base
        if names[base := _base(path)] == 1 and _WITH_DIGEST.fullmatch(base) is None
        else f"{hashlib.sha256(path.encode()).hexdigest()[:8]}-{base}"
        for path in paths
    }


def _base(path: str) -> str:
    """The file's name in the letters that a ConfigMap's key takes; never ``.`` or ``..``."""
    name = re.sub(r"[^-._A-Za-z0-9]", "_", path.rpartition("/")[2])
    return name[-200:].lstrip(".") or "file"
