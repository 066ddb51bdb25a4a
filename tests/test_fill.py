"""Filling values into a document: they are there afterwards, and everything else is as it was."""

from __future__ import annotations

import copy
from typing import Any

import hypothesis
import pytest
import yaml
from hypothesis import strategies as st

from headpin.yaml import NoPlace, dump, fill, load
from headpin.yaml.fill import flow

TEXT = """\
# top
count: 1  # pods

image:
  # where
  name: x
  tag:   # none
  digest: ""

limits: {}  # later
env:
- name: A
  value: b
# before list
list:
  - x

flow: {a: 1, b: {c: d}, e: }
text: |
  one

  two
# tail
none:
quoted: 'x'
folded: >-
  a
  b
"""


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        ("count", 3, "count: 1  # pods", "count: 3  # pods"),
        ("count", [1, 2], "count: 1  # pods", "count:\n  - 1\n  - 2  # pods"),
        ("image.name", "a: #", "name: x", 'name: "a: #"'),
        ("image.tag", "1", "tag:   # none", 'tag: "1"   # none'),
        ("image.tag", {"aa": {}}, "tag:   # none", "tag:\n    aa: {}   # none"),
        ("image.more", True, 'digest: ""', 'digest: ""\n  more: true'),
        ("limits", {"cpu": "1"}, "limits: {}  # later", 'limits:\n  cpu: "1"  # later'),
        ("limits.cpu.max", "1", "limits: {}  # later", 'limits:\n  cpu:\n    max: "1"  # later'),
        ("env", [{"name": "B"}], "- name: A\n  value: b", '  - name: "B"'),
        ("env", [], "- name: A\n  value: b", "  []"),
        ("env", "no", "- name: A\n  value: b", '  "no"'),
        ("list", {}, "  - x", "  {}"),
        ("flow.a", "b", "{a: 1,", '{a: "b",'),
        ("flow.b", [{"x": [1]}], "b: {c: d}", 'b: [{"x": [1]}]'),
        ("flow.e", 5, "e: }", "e: 5}"),
        ("text", "new\n", "text: |\n  one\n\n  two", 'text: "new\\n"'),
        ("none.a.bb", 1, "none:", 'none:\n  "a":\n    bb: 1'),
        ("quoted", None, "quoted: 'x'", "quoted: null"),
        ("folded", "c", "folded: >-\n  a\n  b", 'folded: "c"'),
        ("new.deep", [], "  b\n", "  b\nnew:\n  deep: []\n"),
    ],
)
def test_only_the_value_changes(path: str, value: Any, before: str, after: str) -> None:
    keys = tuple(path.split("."))
    found = fill(TEXT, {keys: value})
    assert found == after.join(TEXT.rsplit(before, 1))
    assert _at(load(found.encode()).value, keys) == _plain(value)


@pytest.mark.parametrize("path", ["count.x", "env.x", "image.name.x.y", "text.x", "quoted.x"])
def test_what_is_no_mapping_takes_no_key(path: str) -> None:
    with pytest.raises(NoPlace, match=path.rpartition(".x")[0].removesuffix(".x").replace(".", r"\.")):
        fill(TEXT, {tuple(path.split(".")): 1})


@pytest.mark.parametrize("text", ["", "# only this\n", "# without an end", "{}\n", "---\n", "a: 1", "{b: 2}\n"])
def test_the_shortest_documents_take_values(text: str) -> None:
    found = fill(text, {("aa",): "x", ("bb", "cc"): [1]})
    before = yaml.load(text, yaml.CSafeLoader) or {}
    assert load(found.encode()).value == {**before, "aa": "x", "bb": {"cc": (1,)}}


def test_line_endings_of_other_systems_stay() -> None:
    text = TEXT.replace("\n", "\r\n")
    values = {("count",): 3, ("image", "tag"): "1", ("limits",): {"cpu": "1"}, ("new",): "y"}
    assert fill(text, values) == fill(TEXT, values).replace("\n", "\r\n")


KEYS = st.sampled_from(["aa", "bb", "cc", "no", "x-y"])
LEAVES = st.one_of(st.text(max_size=12), st.integers(-99, 99), st.booleans(), st.none())
VALUES = st.recursive(
    LEAVES, lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(KEYS, below, max_size=3)), max_leaves=8
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=4)
SINGLE_PATHS = st.lists(KEYS, min_size=1, max_size=3).map(tuple)


@st.composite
def _texts(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A document as people write them: some of it on one line, with comments and empty lines in between."""
    value = draw(DOCUMENTS)
    lines: list[str] = []
    for key, below in value.items():
        if draw(st.booleans()):
            lines.append(f"{dump({key: 0}).split(':')[0]}: {flow(below)}")
        else:
            lines += dump({key: below}, blocks=draw(st.booleans())).splitlines()
        lines += draw(st.lists(st.sampled_from(["", "# between", "  # indented"]), max_size=2))
    return "".join(f"{line}\n" for line in lines), value


@hypothesis.settings(max_examples=300, deadline=None)
@hypothesis.given(written=_texts(), path=SINGLE_PATHS, value=VALUES)
def test_whatever_is_filled_in_is_there_and_the_rest_stays(
    written: tuple[str, dict[str, Any]], path: tuple[str, ...], value: Any
) -> None:
    text, before = written
    hypothesis.assume(not load(text.encode()).issues)
    try:
        found = fill(text, {path: value})
    except NoPlace:
        hypothesis.event("no place")
        return
    expected = copy.deepcopy(before)
    _set(expected, path, value)
    loaded = load(found.encode())
    assert loaded.issues == () and loaded.value == _plain(expected)
    assert yaml.load(found, yaml.CSafeLoader) == expected
    assert found.count("# between") == text.count("# between")


def _set(found: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        if found.get(key) is None:
            found[key] = {}
        found = found[key]
    found[path[-1]] = value


def _at(found: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        found = found[key]
    return found


def _plain(value: Any) -> Any:
    """As `load` gives it: lists as tuples."""
    if isinstance(value, dict):
        return {key: _plain(below) for key, below in value.items()}
    return tuple(_plain(item) for item in value) if isinstance(value, (list, tuple)) else value
