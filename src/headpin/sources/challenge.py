"""What a server demands with `WWW-Authenticate` (RFC 9110, 11.6.1), as far as registries use it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_MAX_HEADER = 4096
_PART = re.compile(
    r"""(?<![A-Za-z0-9_-])(?P<key>[A-Za-z0-9_-]+)\s{0,9}=\s{0,9}(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,"]+))"""
    r"|(?<![A-Za-z0-9_-])(?P<scheme>[A-Za-z0-9_-]+)(?=\s|,|$)"
    r"|."
)
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to log in: its scheme in lower case, and what the server says of it."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)


def challenges(header: str) -> tuple[Challenge, ...]:
    """Every challenge in the value of a header, or in several values joined by commas. Nonsense is passed over."""
    found: list[Challenge] = []
    for part in _PART.finditer(header[:_MAX_HEADER]):
        if part["scheme"]:
            found.append(Challenge(part["scheme"].lower()))
        elif part["key"] and found:
            value = part["plain"] if part["quoted"] is None else _ESCAPE.sub(r"\1", part["quoted"])
            found[-1].parameters.setdefault(part["key"].lower(), value)
    return tuple(found)
