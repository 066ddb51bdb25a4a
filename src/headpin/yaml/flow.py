"""Entries of mappings and lists in brackets: where their commas, lines and comments are.

Must never be asked for the only entry of a collection: whoever takes that out, replaces the collection.
"""

from __future__ import annotations

import re

from headpin.errors import CannotEdit
from headpin.yaml.nodes import Collection, after_line, indicator, line_end, line_start

_BLANKS = re.compile(r"[ \t]*")


def added_in_flow(text: str, node: Collection, new: str, line_break: str) -> str:
    """The entry `new` after the last one of `node`: on a line of its own where that one has one."""
    last, close = node.children[-1], node.end - 1
    if text[node.start] not in "[{":
        raise CannotEdit("a mapping that is written in a list without braces takes no second key")
    end = last.node.end
    comma = indicator(text, end, close, ",")
    line, after = line_start(text, last.start), line_end(text, end if comma is None else comma)
    if line > node.start and not text[line : last.start].strip() and after < close:
        at, new = after, line_break + text[line : last.start] + new
    else:
        at, new = end if comma is None else comma + 1, " " + new
    if comma is not None:
        return text[:at] + new + "," + text[at:]
    separator = " ," if last.anchor == end else ","
    return text[:end] + separator + text[end:at] + new + text[at:]


def removed_in_flow(text: str, node: Collection, position: int) -> str:
    """Without the entry at `position`, its comma, and its lines where nothing else stands on them."""
    child, close = node.children[position], node.end - 1
    follows = node.children[position + 1].start if position + 1 < len(node.children) else close
    begin, end = child.start, child.node.end
    comma = indicator(text, end, follows, ",")
    cut = end if comma is None else comma + 1
    line, after = line_start(text, begin), after_line(text, cut)
    rest = text[cut : line_end(text, cut)].strip()
    alone = line > node.start and not text[line:begin].strip() and after <= close and rest[:1] in ("", "#")
    if alone:
        begin, cut = line, after
    elif follows != close and rest[:1] != "#":
        found = _BLANKS.match(text, cut)
        cut = found.end() if found else cut
    if comma is not None or position == 0:
        return text[:begin] + text[cut:]
    previous = node.children[position - 1].node.end
    drop = indicator(text, previous, child.start, ",")
    between = text[previous:begin] if drop is None else text[previous:drop] + text[drop + 1 : begin]
    if not alone:
        between = between.rstrip(" \t") or " " * (text[previous - 1] == ":")
    return text[:previous] + between + text[cut:]
