"""Giving memory back to the system that this process does not need any more. Changes no answer."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Lets the C library return what is free: libgit2's buffers of all threads leave holes that it keeps otherwise.

    Takes milliseconds. Does nothing where the C library has no such call (malloc_trim(3) is glibc's).
    """
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
