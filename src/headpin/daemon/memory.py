"""Giving memory back to the system that this process does not need any more. Changes no answer."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Collects what only refers to itself, and lets the C library return what is free.

    Python counts objects and not the memory that libgit2 holds for them, so it would collect too late; and libgit2's
    buffers of all threads leave holes that the C library keeps. Takes some ten milliseconds. Returns nothing where the
    C library has no such call (malloc_trim(3) is glibc's).
    """
    gc.collect()
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
