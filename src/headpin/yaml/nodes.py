"""Where everything stands in the text of a document: what an edit needs to know, and loading does not.

Positions count characters of the decoded text, as libyaml's marks do. Ends are those of what was written, not
libyaml's: it lets a block mapping reach to the next token, over comments that belong to what follows.
Only for documents that `load` has no issue with. Must never change a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml._yaml import CParser

from headpin.yaml.scalars import plain

_BREAK = re.compile(r"\r\n|\r|\n")
_LINE_END = re.compile(r"[\r\n]|\Z")
_HEADER = re.compile(r"[|>][-+0-9]*")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, number, truth value or nothing.

    `style` is empty where it is plain, else a quote, `|` or `>`. `end` of a block scalar is that of its
    header; its lines are at `depth` columns. `stop` is the start of the line after the last one.
    """

    start: int
    end: int
    stop: int
    style: str
    value: str | int | bool | None
    keeps: bool = False
    depth: int = 0

    @property
    def is_block(self) -> bool:
        """Whether its text stands on the lines below it."""
        return self.style in ("|", ">")


@dataclass(frozen=True, slots=True)
class Collection:
    """A mapping, or a list (`listed`). `flow`: in brackets, where there is no way back to blocks."""

    start: int
    end: int
    stop: int
    flow: bool
    listed: bool
    children: tuple[Child, ...]

    @property
    def is_block(self) -> bool:
        """Whether its entries stand on lines of their own."""
        return not self.flow


Node = Scalar | Collection


@dataclass(frozen=True, slots=True)
class Child:
    """An entry of a mapping or a list.

    `start` is where its key, `?` or dash stands, in `column`; `anchor` is right behind its colon or dash and
    None where it has none: an item in brackets, or a key alone. `key_style` is that of the key as a scalar.
    """

    key: str | int
    start: int
    column: int
    anchor: int | None
    node: Node
    key_style: str = ""


def read_nodes(text: str) -> Child:
    """The document in `text`, as an entry without a key in column -1.

    Where the document is empty it is a plain scalar where content may stand. Raises what libyaml raises.
    """
    return _Reader(text).document()


def line_start(text: str, index: int) -> int:
    """Where the line of `index` begins."""
    start = text.rfind("\n", 0, index) + 1
    return max(start, text.rfind("\r", start, index) + 1)


def line_end(text: str, index: int) -> int:
    """Where the line of `index` ends, before its break."""
    found = _LINE_END.search(text, index)
    return found.start() if found else len(text)


def after_line(text: str, index: int) -> int:
    """Where the line after that of `index` begins; the end of the text where there is none."""
    found = _BREAK.search(text, index)
    return found.end() if found else len(text)


def lines_from(text: str, index: int) -> Iterator[tuple[int, str]]:
    """Start and text, without the break, of each line from the line start `index` on."""
    while index < len(text):
        yield index, text[index : line_end(text, index)]
        index = after_line(text, index)


def indentation(line: str) -> int:
    """The number of spaces that `line` begins with."""
    return len(line) - len(line.lstrip(" "))


def indicator(text: str, start: int, end: int, wanted: str) -> int | None:
    """Where the indicator `wanted` stands between two nodes, outside comments."""
    index = start
    while index < end:
        if text[index] == wanted:
            return index
        index = line_end(text, index) if text[index] == "#" else index + 1
    return None


class _Reader:
    """Pulls events and builds nodes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._next: Callable[[], Any] = CParser(text).get_event

    def document(self) -> Child:
        self._next()  # stream start
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            end = len(self._text)
            return Child("", end, -1, end, Scalar(end, end, end, "", None))
        anchor = event.end_mark.index
        return Child("", anchor, -1, anchor, self._node(self._next(), -1))

    def _node(self, event: Any, column: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, column)
        listed = isinstance(event, yaml.SequenceStartEvent)
        start, flow = event.start_mark.index, bool(event.flow_style)
        children: list[Child] = []
        before = start
        while not _is_end(below := self._next()):
            child = self._item(below, before, flow, len(children)) if listed else self._entry(below, before)
            children.append(child)
            before = _end_of(child.node)
        if flow:
            end = below.end_mark.index
            return Collection(start, end, after_line(self._text, end), flow, listed, tuple(children))
        last = children[-1].node
        return Collection(start, last.end, last.stop, flow, listed, tuple(children))

    def _entry(self, event: Any, before: int) -> Child:
        begin, key_end = event.start_mark.index, event.end_mark.index
        key, style = event.value, "" if event.implicit[0] else event.style
        question = indicator(self._text, before, begin, "?")
        start = begin if question is None else question
        column = start - line_start(self._text, start)
        node = self._node(self._next(), column)
        colon = indicator(self._text, key_end, node.start, ":")
        anchor = None if colon is None else colon + 1
        if node.start == node.end:
            node = self._nothing(key_end if anchor is None else anchor)
        return Child(key, start, column, anchor, node, style)

    def _item(self, event: Any, before: int, flow: bool, position: int) -> Child:
        start = event.start_mark.index
        dash = None if flow else indicator(self._text, before, start, "-")
        start = start if dash is None else dash
        column = start - line_start(self._text, start)
        return Child(position, start, column, None if dash is None else dash + 1, self._node(event, column))

    def _scalar(self, event: Any, column: int) -> Scalar:
        start, end = event.start_mark.index, event.end_mark.index
        if event.style in ("|", ">"):
            return self._block(event, column)
        value = plain(event.value) if event.implicit[0] else event.value
        style = "" if event.implicit[0] else event.style
        return Scalar(start, end, after_line(self._text, end), style, value)

    def _block(self, event: Any, column: int) -> Scalar:
        start, below = event.start_mark.index, event.end_mark.index
        found = _HEADER.match(self._text, start)
        header = found.group() if found else self._text[start]
        end = start + len(header)
        first = after_line(self._text, end)
        body = self._text[first:below]
        if "+" not in header:
            written = body.rstrip("\r\n")
            below = after_line(self._text, first + len(written)) if written else first
        depth = next((indentation(line) for _, line in lines_from(body, 0) if line.strip(" ")), column + 1)
        digits = header.strip("|>+-")
        depth = max(column, 0) + int(digits) if digits else depth
        return Scalar(start, end, below, event.style, event.value, "+" in header, depth)

    def _nothing(self, index: int) -> Scalar:
        return Scalar(index, index, after_line(self._text, index), "", None)


def _is_end(event: Any) -> bool:
    return isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent)


def _end_of(node: Node) -> int:
    """Where `node` ends, with the lines of a block scalar."""
    while isinstance(node, Collection) and not node.flow:
        node = node.children[-1].node
    return node.stop if node.is_block else node.end
