"""Filling values into a document that people wrote: everything else stays as it is, comments too.

For documents that `headpin.yaml.load` reads without an issue: no anchors, no tags, no key twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from headpin.yaml.emit import Value, dump, quote, scalar
from headpin.yaml.load import load

KeyPath = tuple[str, ...]


class NoPlace(ValueError):
    """A path leads through something that is no mapping."""


def fill(text: str, values: Mapping[KeyPath, Value]) -> str:
    """`text` with each of `values` at its path; no path is the beginning of another. Raises NoPlace."""
    if "\n" in text and text.count("\n") == text.count("\r\n"):
        return fill(text.replace("\r\n", "\n"), values).replace("\n", "\r\n")
    top = _compose(text)
    there = {path: value for path, value in values.items() if _find(top, path) is not None}
    text = _replaced(text, there)
    for path, value in values.items():
        if path not in there:
            text = _added(text, path, value)
    return text


@dataclass(frozen=True, slots=True)
class _Spot:
    """A value in the text: its node, the column of its key, and whether it stands in a flow collection."""

    node: yaml.Node
    column: int
    in_flow: bool


def _compose(text: str) -> yaml.Node | None:
    node: yaml.Node | None = yaml.compose(text, yaml.CSafeLoader)
    return node


def _find(top: yaml.Node | None, path: KeyPath) -> _Spot | None:
    if top is None:
        return None
    spot = _Spot(top, -2, False)
    for key in path:
        node = spot.node
        below = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((name, value) for name, value in below if name.value == key), None)
        if found is None:
            return None
        in_flow = spot.in_flow or (isinstance(node, yaml.MappingNode) and bool(node.flow_style))
        spot = _Spot(found[1], found[0].start_mark.column, in_flow)
    return spot


def _replaced(text: str, values: Mapping[KeyPath, Value]) -> str:
    top = _compose(text)
    spots = [(spot, value) for path, value in values.items() if (spot := _find(top, path))]
    for spot, value in sorted(spots, key=lambda item: item[0].node.start_mark.index, reverse=True):
        text = _put(text, spot, value)
    return text


def _put(text: str, spot: _Spot, value: Value) -> str:
    node = spot.node
    start, end = node.start_mark.index, _end(text, node)
    is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style
    lines = _lines(value, spot.column + 2)
    if lines and not spot.in_flow:
        before = text[: start - node.start_mark.column] if is_block else text[:start].rstrip(" ") + "\n"
        return before + "\n".join(lines) + text[end:]
    if is_block:  # on a line of its own, deeper than the key, so that comments above it can stay
        return text[: start - node.start_mark.column] + " " * (spot.column + 2) + flow(value) + text[end:]
    gap = "" if text[start - 1 : start].isspace() or (spot.in_flow and text[start - 1] in "{[,") else " "
    return text[:start] + gap + flow(value) + text[end:]


def _added(text: str, path: KeyPath, value: Value) -> str:
    depth = len(path)
    top = _compose(text)
    while depth and _find(top, path[:depth]) is None:
        depth -= 1
    spot = _find(top, path[:depth])
    for key in reversed(path[depth + 1 :]):
        value = {key: value}
    new = {path[depth]: value}
    if spot is None:
        return text + ("" if not text or text.endswith("\n") else "\n") + dump(new)
    node = spot.node
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        at = text.find("\n", _end(text, node))
        at = len(text) if at < 0 else at
        return text[:at] + "\n" + "\n".join(_lines(new, node.start_mark.column)) + text[at:]
    is_empty = isinstance(node, yaml.ScalarNode) and node.value in ("", "null") and not node.style
    if not isinstance(node, yaml.MappingNode) and not is_empty:
        raise NoPlace(f"{'.'.join(path[:depth])} is no mapping")
    return _put(text, spot, {**_value_at(text, path[:depth]), **new})


def _value_at(text: str, path: KeyPath) -> dict[str, Value]:
    found: object = load(text.encode()).value
    for key in path:
        found = found[key] if isinstance(found, dict) else None
    return dict(found) if isinstance(found, dict) else {}


def _end(text: str, node: yaml.Node) -> int:
    """Where the value ends: a block collection's own mark is after the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    start, end = node.start_mark.index, node.end_mark.index
    return max(start, len(text[:end].rstrip()))


def _lines(value: Value, indent: int) -> list[str]:
    """A collection with something in it as lines of a block; no lines for everything else."""
    if isinstance(value, str) or not isinstance(value, (Mapping, Sequence)) or not value:
        return []
    if isinstance(value, Mapping):
        return [" " * indent + line for line in dump(value).splitlines()]
    return [" " * (indent - 2) + line for line in dump({"items": value}).splitlines()[1:]]


def flow(value: Value) -> str:
    """`value` on one line, as JSON."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{quote(key)}: {flow(below)}" for key, below in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value)
