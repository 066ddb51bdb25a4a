"""Edits of any document: what it means afterwards, and that nothing else was touched."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from headpin.yaml import DELETE, Change, Path, edit, load
from tests.documents import Written, documents, keys, values

# A busy machine draws large documents slowly: no fault of theirs.
any_document = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def paths_of(value: Any, above: Path = ()) -> list[Path]:
    """Every path in `value`, in the order of the document."""
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, tuple) else ()
    found: list[Path] = []
    for step, below in steps:
        found += [(*above, step), *paths_of(below, (*above, step))]
    return found


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def has(value: Any, path: Path) -> bool:
    return not path or path in paths_of(value)


@st.composite
def new_paths(draw: st.DrawFn, value: dict[str, Any]) -> Path:
    """The path of something that is not in `value` yet, and can be."""
    above = draw(
        st.sampled_from([(), *(path for path in paths_of(value) if not isinstance(at(value, path), (str, int)))])
    )
    there = at(value, above)
    if isinstance(there, tuple):
        return (*above, len(there), *draw(st.lists(keys, max_size=1)))
    new = draw(keys.filter(lambda key: key not in (there or {})))
    return (*above, new, *draw(st.lists(keys, max_size=2)))


@st.composite
def changes_to(draw: st.DrawFn, value: dict[str, Any], most: int = 4) -> dict[Path, Change]:
    """Changes that go together: no path leads through another, and no position is added twice."""
    old = st.tuples(st.sampled_from(paths_of(value)), values | st.just(DELETE))
    new = st.tuples(new_paths(value), values)
    changes: dict[Path, Change] = {}
    for path, change in draw(st.lists(old | new, min_size=1, max_size=most)):
        if not any(path[: len(other)] == other or other[: len(path)] == path for other in changes):
            changes[path] = change
    return changes


# ── What a document means after changes, said anew ─────────────────────────────────────────────────────


def thawed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: thawed(below) for key, below in value.items()}
    return [thawed(below) for below in value] if isinstance(value, (tuple, list)) else value


def expected(value: Any, changes: dict[Path, Change]) -> Any:
    top = {"top": thawed(value)}
    for path, change in changes.items():
        if change is not DELETE:
            _put(top, ("top", *path), thawed(change))
    removed = [("top", *path) for path, change in changes.items() if change is DELETE]
    for path in removed:
        at(top, path[:-1])[path[-1]] = DELETE
    return _cleaned(top["top"], top=True)


def _put(there: Any, path: Path, new: Any) -> None:
    for step, following in zip(path, (*path[1:], None), strict=True):
        below = new if following is None else [] if isinstance(following, int) else {}
        if isinstance(there, list) and step == len(there):
            there.append(below)
        elif following is None or (isinstance(there, dict) and there.get(step) is None) or there[step] is None:
            there[step] = below
        there = there[step]


def _cleaned(value: Any, top: bool = False) -> Any:
    """`value` without what is marked, and without the mappings that this empties."""
    if isinstance(value, list):
        items = [{} if (kept := _cleaned(item)) is DELETE and item is not DELETE else kept for item in value]
        return [item for item in items if item is not DELETE]
    if not isinstance(value, dict) or not value:
        return value
    left = {key: kept for key, below in value.items() if (kept := _cleaned(below)) is not DELETE}
    return left if left or top else DELETE


def pairs(value: Any) -> Any:
    """`value` such that equality also compares types and the order of keys."""
    if isinstance(value, dict):
        return [(key, pairs(below)) for key, below in value.items()]
    return [pairs(below) for below in value] if isinstance(value, (tuple, list)) else (type(value), value)


def is_subsequence(part: str, whole: str) -> bool:
    rest = iter(whole)
    return all(letter in rest for letter in part)


# ── Properties ─────────────────────────────────────────────────────────────────────────────────────────


@any_document
@given(documents(), st.data())
def test_the_result_means_what_the_changes_say_and_other_entries_stay(written: Written, data: st.DataObject) -> None:
    value = load(written.data).value
    changes = data.draw(changes_to(value)) if value else {("a",): 1}
    result = edit(written.data, changes)
    loaded = load(result)
    assert not loaded.issues
    assert pairs(loaded.value) == pairs(expected(value, changes))
    text, position = result.decode(), 0
    for key, own in written.entries.items():
        for comment in written.comments[key]:
            position = text.index(comment, position) + len(comment)
        if not any(path[0] == key for path in changes):
            position = text.index(own, position) + len(own)
    assert (
        edit(result, {path: new for path, new in changes.items() if not any(isinstance(s, int) for s in path)})
        == result
    )


@any_document
@given(documents(), st.data())
def test_an_added_value_leaves_every_letter_where_it_was(written: Written, data: st.DataObject) -> None:
    value = load(written.data).value
    path = data.draw(new_paths(value))
    above = next(at(value, path[:length]) for length in range(len(path) - 1, -1, -1) if has(value, path[:length]))
    assume(above)
    result = edit(written.data, {path: data.draw(values)})
    assert is_subsequence(written.data.decode(), result.decode())


@any_document
@given(documents(), st.data())
def test_a_deleted_value_brings_nothing_new(written: Written, data: st.DataObject) -> None:
    value = load(written.data).value
    assume(value)
    path = data.draw(st.sampled_from(paths_of(value)))
    result = edit(written.data, {path: DELETE})
    written_letters, left = ("".join(each.decode().split()) for each in (written.data, result))
    for empty in ("", "{}", "[]"):
        if is_subsequence(left.replace(empty, "", 1) if empty else left, written_letters):
            return
    raise AssertionError(result)


@any_document
@given(documents(), st.data())
def test_a_replaced_value_leaves_all_lines_before_and_after_it(written: Written, data: st.DataObject) -> None:
    loaded = load(written.data, places=True)
    assume(loaded.value)
    paths = paths_of(loaded.value)
    path = data.draw(st.sampled_from(paths))
    lines = written.data.splitlines(keepends=True)
    entry = next(path[:length] for length in range(len(path), 0, -1) if isinstance(path[length - 1], str))
    first = loaded.places[entry].key_line
    own = [other for other in paths if other[: len(path)] == path]
    later = [loaded.places[other] for other in paths[paths.index(own[-1]) + 1 :]]
    last = max(loaded.places[other].line for other in own)
    beginning = [
        place.key_line for place in later if not lines[place.key_line - 1].decode()[: place.key_column - 1].strip(" -")
    ]
    following = next((line for line in beginning if line > last), len(lines) + 1)
    result = edit(written.data, {path: data.draw(values)})
    assert result.startswith(b"".join(lines[: first - 1]))
    assert result.endswith(b"".join(lines[following - 1 :]))


# ── Many changes at once ───────────────────────────────────────────────────────────────────────────────


def _sections(count: int) -> str:
    return "".join(
        f"# number {number}\npart{number}:\n  image: {{name: a, tag: b}}\n  port: 1  # its own\n  list: []\n\n"
        for number in range(count)
    )


def test_many_changes_read_the_document_only_a_few_times() -> None:
    """Reading is what takes the time: thirty changes of different lines may cost as much as a few, never thirty."""
    data = _sections(100).encode()
    many: dict[Path, Change] = {(f"part{number}", "port"): number + 2 for number in range(30)}
    many |= {(f"part{number}", "list"): ["x"] for number in range(30)}
    few = dict(list(many.items())[:1])

    def cost(changes: dict[Path, Change]) -> float:
        taken = []
        for _ in range(3):
            begun = time.process_time()
            edit(data, changes)
            taken.append(time.process_time() - begun)
        return min(taken)

    assert cost(many) < 12 * cost(few)


def test_changes_that_meet_on_a_line_are_all_made() -> None:
    data = _sections(3).encode()
    changes: dict[Path, Change] = {("part0", "port"): DELETE, ("part0", "list"): DELETE}
    changes |= {("part1", "image", key): "new" for key in ("name", "tag")}
    changes |= {("part2", key): "end" for key in ("one", "two")} | {("last",): "end"}
    expected = _sections(3).replace("  port: 1  # its own\n  list: []\n", "", 1)
    expected = "part1:\n  image: {name: new, tag: new}\n".join(expected.split("part1:\n  image: {name: a, tag: b}\n"))
    expected = expected.removesuffix("\n") + '  one: "end"\n  two: "end"\nlast: "end"\n\n'
    assert edit(data, changes).decode() == expected
