"""One change to the text of a document: what to cut, what to put there, and not a letter more.

Works on the text and on the places of its nodes. A value stands in a *trail*: the entries from the top of the
document down to its own. Must never decide what a change means; `edit` does, and checks every result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from headpin.yaml.compose import Layout, collection, ends_open, entry, inline, is_filled, item, key_text, styled, texts
from headpin.yaml.emit import Value
from headpin.yaml.flow import added_in_flow, removed_in_flow
from headpin.yaml.nodes import (
    Child,
    Collection,
    Node,
    Scalar,
    after_line,
    indentation,
    line_end,
    line_start,
    lines_from,
)

_BREAK = re.compile(r"\r\n|\r|\n")
_NO_CHOMPING = str.maketrans("", "", "+-")

Trail = Sequence[Child]


@dataclass(frozen=True, slots=True)
class _Hole:
    """Where a value was: from `start` to `end` on a line, and further lines of it up to the line start `below`."""

    start: int
    end: int
    below: int


class Splice:
    """Changes to `text`. Each gives a new text and leaves this as it is."""

    def __init__(self, text: str) -> None:
        self._text = text
        found = _BREAK.search(text)
        self._break = found.group() if found else "\n"
        self._unended = text != "" and text[-1] not in "\r\n"

    # ── Values ─────────────────────────────────────────────────────────────────────────────────────

    def replaced(self, trail: Trail, value: Value) -> str:
        """The value at `trail` replaced, in the style of the one before where that can be."""
        child, node = trail[-1], trail[-1].node
        if any(isinstance(above.node, Collection) and above.node.flow for above in trail[:-1]):
            new = self._behind(child, _one_line(node, value, in_flow=True))
            return self._text[: node.start] + new + self._text[node.end :]
        hole = self._hole(child)
        layout = self._layout(trail, self._text[hole.below :])
        if is_filled(value) and (node.is_block or isinstance(node, Scalar) or not node.children):
            return self._put_below(trail, hole, value, layout)
        first, *more = texts(value, child.column + layout.step, layout) if isinstance(value, str) else [""]
        if not more:
            first = _one_line(node, value, in_flow=False)
        rest = self._text[hole.end : line_end(self._text, hole.end)]
        lines = [self._behind(child, first) + rest, *more]
        return self._put(hole.start, hole.below, lines, bool(more) and ends_open(value, layout))

    def emptied(self, root: Child) -> str:
        """The document `root` without its only entry; what is left can be loaded and added to."""
        node = root.node
        if not isinstance(node, Collection) or node.flow:
            return self._text[: node.start] + "{}" + self._text[node.end :]
        return self._put(line_start(self._text, node.start), self._stop(node.children[0]), ["{}"])

    def _hole(self, child: Child) -> _Hole:
        node, text = child.node, self._text
        if child.anchor is None or not (isinstance(node, Collection) and node.is_block):
            return _Hole(node.start, node.end, node.stop)
        on_its_line = line_start(text, node.start) <= child.anchor
        end = line_end(text, child.anchor) if on_its_line else child.anchor
        return _Hole(child.anchor, end, self._stop(child))

    @staticmethod
    def _behind(child: Child, new: str) -> str:
        """`new` for the place of a value, with what has to stand between it and the key where nothing did."""
        node = child.node
        if node.start < node.end and not (isinstance(node, Collection) and node.is_block):
            return new
        return ": " + new if child.anchor is None else " " + new

    def _put_below(self, trail: Trail, hole: _Hole, value: Value, layout: Layout) -> str:
        """A collection on lines of its own, below its key, behind its dash, or at the top of the document."""
        text, child = self._text, trail[-1]
        if len(trail) == 1 and hole.start == hole.end:
            return self._inserted(hole.start, collection(value, 0, layout), ends_open(value, layout))
        begin = line_start(text, hole.start)
        head = text[begin : hole.start].rstrip(" \t")
        rest = text[hole.end : line_end(text, hole.end)]
        comment = rest.lstrip(" \t")
        column = _column_below(trail, value, layout)
        lines = collection(value, column, layout)
        if not head:
            lines = [" " * column + comment, *lines] if comment else lines
        elif comment:
            blanks = rest.removesuffix(comment)
            lines = [head + (" " if not blanks or head.endswith("-") else blanks) + comment, *lines]
        elif isinstance(child.key, int):
            lines = [head.ljust(column) + lines[0].lstrip(" "), *lines[1:]]
        else:
            lines = [head, *lines]
        return self._put(begin, hole.below, lines, ends_open(value, layout))

    # ── Entries ────────────────────────────────────────────────────────────────────────────────────

    def added(self, trail: Trail, key: str | int, value: Value) -> str:
        """An entry put at the end of the collection at `trail`, which has entries already."""
        node = trail[-1].node
        if not isinstance(node, Collection):
            raise TypeError("only a collection has entries")
        last = node.children[-1]
        if node.flow:
            head = "" if isinstance(key, int) else key_text(key, last.key_style) + ": "
            return added_in_flow(self._text, node, head + inline(value, last.key_style), self._break)
        at = self._after_comments(node.stop, last.column)
        layout = self._layout((*trail, last), self._text[at:])
        if isinstance(key, int):
            lines = item(value, last.column, layout)
        else:
            lines = entry(key_text(key, last.key_style) + ":", value, last.column, layout)
        lines[0] = " " * last.column + lines[0]
        return self._chomped(_last_leaf(last.node), self._inserted(at, lines, ends_open(value, layout)))

    def put_before(self, trail: Trail, position: int, value: Value) -> str:
        """An item put before the one at `position` of the list at `trail`; comments above that one stay above it."""
        node = trail[-1].node
        if not isinstance(node, Collection):
            raise TypeError("only a collection has entries")
        following = node.children[position]
        if node.flow:
            at = following.start
            return f"{self._text[:at]}{inline(value, following.key_style)}, {self._text[at:]}"
        before = node.children[position - 1] if position else None
        if before is not None:
            at = self._stop(before)
        else:
            above = trail[-1].anchor
            at = after_line(self._text, above) if above is not None and len(trail) > 1 else following.start
        layout = self._layout((*trail, following), self._text[at:])
        lines = item(value, following.column, layout)
        lines[0] = " " * following.column + lines[0]
        return self._inserted(at, lines, open_end=True)

    def _chomped(self, leaf: Node, new: str) -> str:
        """`new` with a block that was last and had no last break, as one that takes none: now a break follows."""
        if not (isinstance(leaf, Scalar) and leaf.is_block and self._unended and leaf.stop == len(self._text)):
            return new
        header = self._text[leaf.start : leaf.end]
        if "-" in header or not leaf.value:
            return new
        return new[: leaf.start] + header.replace("+", "") + "-" + new[leaf.end :]

    def removed(self, trail: Trail) -> str:
        """The entry at `trail`, not the only one of its collection, taken out with its lines."""
        text, child, node = self._text, trail[-1], trail[-2].node
        if not isinstance(node, Collection):
            raise TypeError("only a collection has entries")
        position = next(at for at, each in enumerate(node.children) if each is child)
        if node.flow:
            return removed_in_flow(text, node, position)
        begin, stop = line_start(text, child.start), self._stop(child)
        if not text[begin : child.start].strip(" "):
            return self._cut(begin, stop, node.children[position - 1] if position else None, child.column)
        following = node.children[position + 1]
        if line_start(text, following.start) == stop:
            return text[: child.start] + text[following.start :]
        return text[: child.start].rstrip(" ") + self._break + text[stop:]

    # ── Lines ──────────────────────────────────────────────────────────────────────────────────────

    def _put(self, start: int, stop: int, lines: list[str], open_end: bool = False) -> str:
        """`lines` instead of the text up to the line start `stop`; its last line ends as before.

        `open_end`: the last line has to end with a break.
        """
        before, tail = self._text[:start], self._text[stop:]
        end = "" if not tail and self._unended and not open_end else self._break
        return before + self._break.join(lines) + end + tail

    def _inserted(self, at: int, lines: list[str], open_end: bool) -> str:
        """`lines` before the line that starts at `at`, or after the last one."""
        begun = at > 0 and self._text[at - 1] not in "\r\n"
        return self._put(at, at, ["", *lines] if begun else lines, open_end)

    def _cut(self, start: int, stop: int, before: Child | None, column: int) -> str:
        """Without the lines between `start` and `stop`, and nothing after them taken into a block `before` them."""
        head, tail = self._text[:start], self._text[stop:]
        leaf = None if before is None else _last_leaf(before.node)
        if isinstance(leaf, Scalar) and leaf.is_block:
            return head + (tail if head[leaf.stop :].strip() else self._settled(tail, leaf, column))
        if not tail and self._unended:
            return head.removesuffix("\n").removesuffix("\r")
        return head + tail

    @staticmethod
    def _settled(tail: str, block: Scalar, column: int) -> str:
        """`tail` such that a block that ends before it takes none of its lines for its own."""
        kept = ""
        for start, line in lines_from(tail, 0):
            if line.strip(" "):
                deep = indentation(line) >= block.depth
                return kept + (" " * column + tail[start:].lstrip(" ") if deep else tail[start:])
            if not block.keeps:
                kept += tail[start + len(line) : after_line(tail, start)]
        return kept

    def _stop(self, child: Child) -> int:
        """The line start after `child`. Comments deeper than its key go with a collection."""
        if isinstance(child.node, Collection) and child.node.is_block:
            return self._after_comments(child.node.stop, child.column + 1)
        return child.node.stop

    def _after_comments(self, stop: int, column: int) -> int:
        """The line start after the comments from `stop` on that stand in `column` or deeper."""
        for start, line in lines_from(self._text, stop):
            if not line.lstrip(" ").startswith("#") or indentation(line) < column:
                return start
        return len(self._text)

    @staticmethod
    def _layout(trail: Trail, tail: str) -> Layout:
        """The indentation used at the end of `trail`, else around it, else anywhere in the document."""
        around = trail[-2].node if len(trail) > 1 else None
        near = around.children if isinstance(around, Collection) else ()
        found: dict[str, int] = {}
        for each in chain(trail[-1:], near, _below(trail[0])):
            node = each.node
            if not node.is_block or isinstance(each.key, int) or each is trail[0]:
                continue
            if isinstance(node, Scalar):
                found.setdefault("step", node.depth - each.column)
            else:
                found.setdefault("dash" if node.listed else "step", node.children[0].column - each.column)
            if len(found) == len(("step", "dash")):
                break
        return Layout(found.get("step", 2), found.get("dash", 2), _leaves_alone(tail, trail[-1].column))


def _one_line(node: Node, value: Value, *, in_flow: bool) -> str:
    """`value` in place of `node`, in its quotes."""
    if isinstance(value, str | int) or value is None:
        was_text = isinstance(node, Scalar) and isinstance(node.value, str)
        return styled(value, node.style if isinstance(node, Scalar) and was_text else '"', in_flow)
    keys = node.children if isinstance(node, Collection) else ()
    return inline(value, '"' if any(child.key_style == '"' for child in keys) else "")


def _column_below(trail: Trail, value: Value, layout: Layout) -> int:
    """The column for the entries of `value` on lines of their own."""
    child, node = trail[-1], trail[-1].node
    if len(trail) == 1:
        return 0
    if not isinstance(child.key, int):
        return child.column + (layout.dash if isinstance(value, Sequence) else layout.step)
    if isinstance(node, Collection) and node.is_block:
        return node.children[0].column
    return child.column + 2


def _below(child: Child) -> Iterator[Child]:
    if isinstance(child.node, Collection):
        for each in child.node.children:
            yield each
            yield from _below(each)


def _last_leaf(node: Node) -> Node:
    while isinstance(node, Collection) and node.is_block:
        node = node.children[-1].node
    return node


def _leaves_alone(tail: str, column: int) -> bool:
    """Whether a block deeper than `column` that ends before `tail` takes none of its lines for its own."""
    for _, line in lines_from(tail, 0):
        if indentation(line) > column:
            return False
        if line.strip(" "):
            return True
    return True
