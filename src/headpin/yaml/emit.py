"""Writing values so that every YAML parser reads the same: strings are JSON-quoted, always."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring

Value = str | int | bool | None | Sequence["Value"] | Mapping[str, "Value"]

# Line breaks to a YAML 1.1 parser, invisible marks and text-direction marks: all written as escapes.
_ESCAPED = re.compile("[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufff9-\uffff]")

VISIBLE = re.compile(
    r"[\t\n\x20-\x7e\u00a1-\u00ac\u00ae-\u061b\u061e-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\ud7ff"
    r"\ue000-\ufefe\uff00-\uff60\U00010000-\U0001fffd]*"
)
"""Letters that a block or quotes hold as they are: no line breaks but ours, nothing invisible."""

_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z_]+")
_NOT_PLAIN = frozenset({"yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


def quote(text: str) -> str:
    """`text` as a double-quoted scalar: valid JSON and valid YAML, on one line."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", encode_basestring(text))


def scalar(value: str | int | bool | None) -> str:
    """A scalar as JSON writes it."""
    if isinstance(value, str):
        return quote(value)
    return json.dumps(value)


def literal(text: str, indent: int) -> str | None:
    """`text` as a literal block, header and lines indented by `indent` spaces, without the last line's break.

    None where a block would not hold it exactly, or where one line does as well.
    """
    lines = text.split("\n")
    fits = (
        "\n" in text
        and VISIBLE.fullmatch(text) is not None
        and bool(lines[0].strip())
        and lines[0][0] not in " \t"
        and not text.endswith("\n\n")
        and not any(line != line.rstrip() for line in lines)
    )
    if not fits:
        return None
    chomp = "|" if text.endswith("\n") else "|-"
    body = "\n".join(f"{' ' * indent}{line}" if line else "" for line in lines).rstrip("\n")
    return f"{chomp}\n{body}"


def block(text: str, indent: int) -> str:
    """`text` as a literal block indented by `indent` spaces, or quoted where a block would change it."""
    return literal(text, indent) or quote(text)


def dump(value: Mapping[str, Value], *, blocks: bool = False) -> str:
    """`value` as a block-style document: keys in their order, strings quoted, empty collections inline.

    With `blocks`, a text of several lines is a literal block where that holds it exactly.
    """
    lines = _Writer(blocks).mapping(value, "")
    return "\n".join(lines) + "\n" if lines else "{}\n"


def key_text(key: str) -> str:
    """A key as it is written: plain where every parser reads it as text, else as JSON."""
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _NOT_PLAIN else quote(key)


@dataclass(frozen=True, slots=True)
class _Writer:
    blocks: bool

    def mapping(self, value: Mapping[str, Value], indent: str) -> list[str]:
        lines: list[str] = []
        for key, below in value.items():
            lines += self._entry(f"{indent}{key_text(key)}:", below, indent + "  ")
        return lines

    def _entry(self, head: str, value: Value, indent: str) -> list[str]:
        if isinstance(value, Mapping):
            return [head, *self.mapping(value, indent)] if value else [f"{head} {{}}"]
        if isinstance(value, Sequence) and not isinstance(value, str):
            items = [line for item in value for line in self._item(item, indent)]
            return [head, *items] if items else [f"{head} []"]
        if isinstance(value, str) and self.blocks:
            return [f"{head} {block(value, len(indent))}"]
        return [f"{head} {scalar(value)}"]

    def _item(self, value: Value, indent: str) -> list[str]:
        if isinstance(value, Mapping) and value:
            below = self.mapping(value, indent + "  ")
            return [f"{indent}- {below[0].lstrip()}", *below[1:]]
        if isinstance(value, Sequence) and not isinstance(value, str) and value:
            return [f"{indent}-", *(line for item in value for line in self._item(item, indent + "  "))]
        return self._entry(f"{indent}-", value, indent + "  ")
