"""How new values look in a document that people wrote: keys as they write them, texts quoted or in blocks.

In contrast to `emit`, which writes documents that only programs write. Must never look at the document: the
places of entries come in as a `Layout`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeGuard

from headpin.yaml.emit import VISIBLE, Value, literal, quote, scalar
from headpin.yaml.scalars import Ambiguous, plain

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_PLAIN_WORDS = re.compile(r"[A-Za-z0-9/_](?:[A-Za-z0-9_./@+=~-]|:(?=[A-Za-z0-9_./@])|(?<=[^ ]) (?=[A-Za-z0-9_/]))*")
_WORDS = re.compile(r"[A-Za-z0-9/_](?:[A-Za-z0-9_./@+=~-]|:(?=[A-Za-z0-9_./@])|(?<=[^ ]) (?=[A-Za-z0-9_/]))*")
_SINGLE_QUOTED = re.compile(r"[\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u0370-\u05ff\u3040-\u9fff\uac00-\ud7a3]*")
"""Letters that need no escape anywhere; more would do, but not all are visible or stay in their place."""

_TYPED_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "nan", "inf"})


@dataclass(frozen=True, slots=True)
class Layout:
    """How much deeper things stand than the key above them, in columns.

    `step` is that of a mapping's entries and of a block's lines, `dash` that of a list's dashes. Without
    `literal` texts of several lines are quoted on one.
    """

    step: int = 2
    dash: int = 2
    literal: bool = True


def is_mapping(value: Value) -> TypeGuard[Mapping[str, Value]]:
    """Whether `value` has keys."""
    return isinstance(value, Mapping)


def is_list(value: Value) -> TypeGuard[Sequence[Value]]:
    """Whether `value` has positions."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def is_filled(value: Value) -> TypeGuard[Mapping[str, Value] | Sequence[Value]]:
    """Whether `value` is a collection that is not empty, and so can stand on lines of its own."""
    return bool(value) and (is_mapping(value) or is_list(value))


def styled(value: str | int | bool | None, style: str, in_flow: bool) -> str:
    """A scalar on one line in the quotes `style`, where they hold it; else in double quotes."""
    if not isinstance(value, str):
        return scalar(value)
    if style == "'" and VISIBLE.fullmatch(value) and "\n" not in value and "\t" not in value:
        return "'" + value.replace("'", "''") + "'"
    if style == "" and _is_plain(value, _PLAIN_WORDS) and not (in_flow and ":" in value):
        return value
    return quote(value)


def key_text(key: str, style: str = "") -> str:
    """A key: in double quotes where `style`, that of its neighbour, is; else plain where that is a text."""
    return key if style != '"' and _is_plain(key, _PLAIN_KEY) else quote(key)


def inline(value: Value, key_style: str = "") -> str:
    """`value` on one line, collections in brackets."""
    if is_mapping(value):
        return "{" + ", ".join(f"{key_text(k, key_style)}: {inline(v, key_style)}" for k, v in value.items()) + "}"
    if is_list(value):
        return "[" + ", ".join(inline(item, key_style) for item in value) + "]"
    return scalar(value)  # type: ignore[arg-type]


def entry(head: str, value: Value, column: int, layout: Layout) -> list[str]:
    """The lines of the entry `head` (a key with its colon, in `column`) with `value`; the first is not indented."""
    if not is_filled(value):
        first, *below = texts(value, column + layout.step, layout)
        return [f"{head} {first}", *below]
    offset = layout.step if is_mapping(value) else layout.dash
    return [head, *collection(value, column + offset, layout)]


def texts(value: Value, column: int, layout: Layout) -> list[str]:
    """A scalar or empty collection: what follows its key on the line, then lines of a block in `column`."""
    block = literal(value, column) if isinstance(value, str) and layout.literal else None
    return [inline(value)] if block is None else block.split("\n")


def collection(value: Value, column: int, layout: Layout) -> list[str]:
    """The lines of a mapping or list that is not empty, its keys or dashes in `column`."""
    margin = " " * column
    lines: list[str] = []
    if is_mapping(value):
        for key, below in value.items():
            first, *rest = entry(f"{key_text(key)}:", below, column, layout)
            lines += [margin + first, *rest]
    elif is_list(value):
        for below in value:
            first, *rest = item(below, column, layout)
            lines += [margin + first, *rest]
    return lines


def item(value: Value, column: int, layout: Layout) -> list[str]:
    """The lines of a list's item, its dash in `column`; the first is not indented."""
    if is_mapping(value) and value:
        first, *rest = collection(value, column + 2, layout)
        return ["- " + first.lstrip(" "), *rest]
    return entry("-", value, column, replace(layout, step=2, dash=2))


def ends_open(value: Value, layout: Layout) -> bool:
    """Whether the last line of `value` in blocks has to end with a break, because that is part of the value."""
    if isinstance(value, str):
        return layout.literal and value.endswith("\n") and literal(value, 0) is not None
    if is_mapping(value) and value:
        return ends_open(list(value.values())[-1], layout)
    return is_list(value) and bool(value) and ends_open(value[-1], layout)


def _is_plain(text: str, form: re.Pattern[str]) -> bool:
    """Whether `text` has the form and every parser reads it as a text."""
    if not form.fullmatch(text) or text.lower() in _TYPED_WORDS:
        return False
    try:
        return isinstance(plain(text), str)
    except Ambiguous:
        return False
