"""Writing values so that every YAML parser reads the same: strings are JSON-quoted, always."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring

Value = str | int | bool | None | Sequence["Value"] | Mapping[str, "Value"]

# Line breaks to a YAML 1.1 parser, invisible marks and text-direction marks: all written as escapes.
_ESCAPED = re.compile("[\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufff9-\uffff]")

_PLAIN_KEY = re.compile(r"[A-Za-z]{2,}")
_NOT_PLAIN = frozenset({"yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})


def quote(text: str) -> str:
    """`text` as a double-quoted scalar: valid JSON and valid YAML, on one line."""
    return _ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", encode_basestring(text))


def scalar(value: str | int | bool | None) -> str:
    """A scalar as JSON writes it."""
    if isinstance(value, str):
        return quote(value)
    return json.dumps(value)


def dump(value: Mapping[str, Value]) -> str:
    """`value` as a block-style document: keys in their order, strings quoted, empty collections inline."""
    lines: list[str] = []
    _mapping(value, "", lines)
    return "\n".join(lines) + "\n" if lines else "{}\n"


def _mapping(value: Mapping[str, Value], indent: str, lines: list[str]) -> None:
    for key, below in value.items():
        _entry(f"{indent}{key_text(key)}:", below, indent + "  ", lines)


def key_text(key: str) -> str:
    """A key as it is written: plain where every parser reads it as text, else as JSON."""
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _NOT_PLAIN else quote(key)


def _entry(head: str, value: Value, indent: str, lines: list[str]) -> None:
    if isinstance(value, Mapping):
        lines.append(head if value else f"{head} {{}}")
        _mapping(value, indent, lines)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        lines.append(head if value else f"{head} []")
        for item in value:
            _item(item, indent, lines)
    else:
        lines.append(f"{head} {scalar(value)}")


def _item(value: Value, indent: str, lines: list[str]) -> None:
    if isinstance(value, Mapping) and value:
        below: list[str] = []
        _mapping(value, indent + "  ", below)
        below[0] = f"{indent}- {below[0].lstrip()}"
        lines.extend(below)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        lines.append(f"{indent}-")
        for item in value:
            _item(item, indent + "  ", lines)
    else:
        _entry(f"{indent}-", value, indent, lines)
