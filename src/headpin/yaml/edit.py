"""Changes to documents that people wrote: what is not concerned stays as it is, byte for byte.

Comments, quotes, the order of keys, indentation, blank lines, line endings and a missing last one: nothing but the
lines of the changed values is touched. That is done by splicing the text where libyaml's events say that the
values stand. A round trip through a library that keeps comments (ruamel.yaml) writes the whole document
anew, and with it other quotes, widths and line endings; so there is none here. Every result is loaded again and
compared with what the change means; must never return anything else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import yaml

from headpin.errors import CannotEdit
from headpin.yaml.compose import is_list, is_mapping
from headpin.yaml.emit import Value
from headpin.yaml.load import Issue, Path, load
from headpin.yaml.nodes import Child, Collection, read_nodes
from headpin.yaml.splice import Splice


class Delete(Enum):
    """The type of `DELETE`."""

    DELETE = "delete"


DELETE: Final = Delete.DELETE
"""Instead of a value: the key or item is to go."""

Change = Value | Delete


def edit(data: bytes, changes: Mapping[Path, Change]) -> bytes:
    """The document `data` with all `changes`; the same bytes where they change no value.

    Paths and positions are those of `data`; no path may lead through another. A value replaces what stands
    there as a whole, a scalar in the quotes of the one before where they hold it. A missing key is added at the
    end of its mapping, with the mappings above it; the position after the last item adds an item. What is to be
    deleted and is not there, is no change. A mapping that a deletion empties goes with its key, but stays as
    `{}` in a list and at the top; a list stays as `[]`. An empty document is a mapping without keys.

    Raises CannotEdit for a document with problems, for a path through a scalar or with a key for a list, and
    where the document is written so unusually that the change would touch more than its value.
    """
    text, value = _read(data)
    steps = _steps(value, changes)
    while steps:
        text, taken = _after_some(text, steps)
        steps = steps[taken:]
    return text.encode()


def insert(data: bytes, path: Path, position: int, value: Value) -> bytes:
    """The document `data` with one item more in the list at `path`: `value`, before the item at `position`.

    The position after the last item puts it there. Comments stay with the items that they stand above. Raises
    CannotEdit as `edit` does, and for what is no list.
    """
    text, before = _read(data)
    there: Any = before
    trail = [read_nodes(text)]
    for depth, step in enumerate(path):
        child = _child(trail[-1], step)
        if child is None:
            raise _no_way(there, path, depth)
        trail.append(child)
        there = there[step]
    if not isinstance(there, tuple) or not 0 <= position <= len(there):
        raise _no_way(there, (*path, position), len(path))
    if position == len(there):
        return edit(data, {(*path, position): value})
    new = Splice(text).put_before(trail, position, value)
    _check(new, path, _value_with(before, path, [*there[:position], value, *there[position:]]))
    return new.encode()


@dataclass(frozen=True, slots=True)
class _Step:
    """A change that has an effect, and what the document means after it and all before it."""

    path: Path
    change: Change
    value: Any


def _steps(value: dict[str, Any], changes: Mapping[Path, Change]) -> list[_Step]:
    found = []
    for path, change in _in_order(changes):
        changed = _value_with(value, path, change)
        if not _same(changed, value):
            found.append(_Step(path, change, changed))
            value = changed
    return found


def _after_some(text: str, steps: Sequence[_Step]) -> tuple[str, int]:
    """`text` after the first steps, as many as touch different lines, and how many these are.

    All of them at once, because reading the document is what takes the time. Where they turn out to depend on
    each other, it is the first alone.
    """
    root = read_nodes(text)
    patches = _apart(_Patch.between(text, _text_with(text, root, step.path, step.change)) for step in steps)
    if len(patches) > 1:
        new, last = _patched(text, patches), steps[len(patches) - 1]
        if _is_loaded_as(new, last.value):
            return new, len(patches)
    new = _patched(text, patches[:1])
    _check(new, steps[0].path, steps[0].value)
    return new, 1


def _read(data: bytes) -> tuple[str, dict[str, Any]]:
    loaded = load(data)
    if not loaded.issues:
        return data.decode(), loaded.value
    issue = loaded.issues[0]
    if issue.code == "HP109":
        text = data.decode()
        node = read_nodes(text).node
        if not isinstance(node, Collection) and node.value is None:
            return text, {}
    raise CannotEdit(f"the document has a problem: {_told(issue)}", remedy="run 'headpin validate'")


def _told(issue: Issue) -> str:
    return f"{issue.line}:{issue.column}: {issue.code} {issue.message}"


def _shown(path: Path) -> str:
    return ".".join(str(step) for step in path)


def _in_order(changes: Mapping[Path, Change]) -> list[tuple[Path, Change]]:
    """Values first, so that a mapping of which all is exchanged stays; then deletions, later positions first."""
    for path in changes:
        if not path:
            raise CannotEdit("a document cannot be replaced by an edit")
        for length in range(1, len(path)):
            if path[:length] in changes:
                raise CannotEdit(f"{_shown(path[:length])} and {_shown(path)} cannot both be changed")
    gone = [path for path, change in changes.items() if change is DELETE]
    gone.sort(key=lambda path: [(step, "") if isinstance(step, int) else (-1, step) for step in path], reverse=True)
    return [*((path, change) for path, change in changes.items() if change is not DELETE), *((p, DELETE) for p in gone)]


# ── Values ─────────────────────────────────────────────────────────────────────────────────────────────


def _value_with(value: dict[str, Any], path: Path, change: Change) -> Any:
    """What the document means after `change`."""
    if isinstance(change, Delete):
        left = _without(value, path, 0)
        return {} if left is DELETE else left
    return _with(value, path, 0, change)


def _with(value: Any, path: Path, depth: int, new: Value) -> Any:
    if depth == len(path):
        return _plain_value(new)
    step = path[depth]
    if isinstance(step, str) and (value is None or isinstance(value, dict)):
        old = value or {}
        return {**old, step: _with(old.get(step), path, depth + 1, new)}
    if isinstance(step, int) and (value is None or isinstance(value, tuple)):
        items = list(value or ())
        if 0 <= step <= len(items):
            items[step : step + 1] = [_with(items[step] if step < len(items) else None, path, depth + 1, new)]
            return tuple(items)
    raise _no_way(value, path, depth)


def _without(value: Any, path: Path, depth: int) -> Any:
    """`value` without what stands at `path`; `DELETE` where it was a mapping and nothing is left."""
    if depth == len(path):
        return DELETE
    step = path[depth]
    if value is None:
        return None
    if isinstance(step, str) and isinstance(value, dict):
        if step not in value:
            return value
        below = _without(value[step], path, depth + 1)
        left = {key: below if key == step else old for key, old in value.items() if key != step or below is not DELETE}
        return left or DELETE
    if isinstance(step, int) and isinstance(value, tuple):
        if not 0 <= step < len(value):
            return value
        below = _without(value[step], path, depth + 1)
        is_item = depth + 1 == len(path)
        items = () if is_item else ({} if below is DELETE else below,)
        return (*value[:step], *items, *value[step + 1 :])
    raise _no_way(value, path, depth)


def _no_way(value: Any, path: Path, depth: int) -> CannotEdit:
    step = path[depth]
    above = _shown(path[:depth]) or "the document"
    if isinstance(value, dict):
        return CannotEdit(f"{above} is a mapping: it has no position {step}")
    if isinstance(value, tuple):
        return CannotEdit(f"{above} is a list of {len(value)}: it has no {step}")
    if value is None:
        return CannotEdit(f"{above} is not there: it has no position {step}")
    return CannotEdit(f"{above} is a single value: it has no {step}")


def _plain_value(value: Value) -> Any:
    """`value` as `load` gives it."""
    if is_mapping(value):
        return {key: _plain_value(below) for key, below in value.items()}
    return tuple(_plain_value(item) for item in value) if is_list(value) else value


def _same(left: Any, right: Any) -> bool:
    """Whether two loaded values are equal, their keys in the same order; 1 and true are not."""
    if left is right:
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, tuple) and isinstance(right, tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


# ── Text ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Patch:
    """The lines `start` to `stop`, from 0, and what stands there instead."""

    start: int
    stop: int
    lines: tuple[str, ...]

    @classmethod
    def between(cls, old: str, new: str) -> _Patch:
        """What makes `new` of `old`."""
        before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
        shorter = min(len(before), len(after))
        start = next((at for at in range(shorter) if before[at] != after[at]), shorter)
        same = next((at for at in range(shorter - start) if before[~at] != after[~at]), shorter - start)
        return cls(start, len(before) - same, tuple(after[start : len(after) - same]))

    def is_apart_from(self, other: _Patch) -> bool:
        """Whether both leave each other's lines alone; between the same two lines both may put theirs."""
        return self.stop <= other.start or other.stop <= self.start


def _apart(patches: Iterable[_Patch]) -> list[_Patch]:
    """The first of them, up to one that touches a line of another."""
    found: list[_Patch] = []
    for patch in patches:
        if not all(patch.is_apart_from(other) for other in found):
            break
        found.append(patch)
    return found


def _patched(text: str, patches: Sequence[_Patch]) -> str:
    lines = text.splitlines(keepends=True)
    new: list[str] = []
    done = 0
    for patch in sorted(patches, key=lambda patch: (patch.start, patch.stop)):
        new += [*lines[done : patch.start], *patch.lines]
        done = patch.stop
    return "".join([*new, *lines[done:]])


def _text_with(text: str, root: Child, path: Path, change: Change) -> str:
    """`text`, whose nodes are `root`, with a change that `_value_with` found possible and not without effect."""
    trail = [root]
    splice = Splice(text)
    for depth, step in enumerate(path):
        child = _child(trail[-1], step)
        if child is not None:
            trail.append(child)
        elif not isinstance(change, Delete):
            return _grown(splice, trail, path[depth:], change)
    return _shrunk(splice, trail) if isinstance(change, Delete) else splice.replaced(trail, change)


def _child(above: Child, step: str | int) -> Child | None:
    if not isinstance(above.node, Collection):
        return None
    return next((child for child in above.node.children if child.key == step), None)


def _grown(splice: Splice, trail: list[Child], path: Path, value: Value) -> str:
    """With `value` at `path` below the end of the trail, where there is nothing of it yet."""
    for step in reversed(path[1:]):
        value = {step: value} if isinstance(step, str) else [value]
    node, key = trail[-1].node, path[0]
    if isinstance(node, Collection) and node.children:
        return splice.added(trail, key, value)
    return splice.replaced(trail, {key: value} if isinstance(key, str) else [value])


def _shrunk(splice: Splice, trail: list[Child]) -> str:
    """Without the entry at the end of the trail, and without the mappings that it leaves empty."""
    while len(trail) > 1:
        above = trail[-2]
        if not isinstance(above.node, Collection) or len(above.node.children) > 1:
            return splice.removed(trail)
        trail = trail[:-1]
        if len(trail) > 1 and (isinstance(above.key, int) or above.node.listed):
            return splice.replaced(trail, [] if above.node.listed else {})
    return splice.emptied(trail[0])


def _is_loaded_as(text: str, expected: Any) -> bool:
    try:
        _check(text, (), expected)
    except CannotEdit:
        return False
    return True


def _check(text: str, path: Path, expected: Any) -> None:
    """Raises CannotEdit unless `text` loads as `expected`."""
    try:
        loaded = load(text.encode())
    except (UnicodeEncodeError, yaml.YAMLError) as error:
        raise CannotEdit(f"{_shown(path)} cannot take a text that is not Unicode") from error
    if loaded.issues:
        raise CannotEdit(
            f"{_shown(path)} cannot be changed so: {_told(loaded.issues[0])}", remedy="edit the file by hand"
        )
    if not _same(loaded.value, expected):
        raise CannotEdit(f"changing {_shown(path)} would change more than that", remedy="edit the file by hand")
