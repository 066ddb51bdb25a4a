"""One item more in a list that a person wrote, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from headpin.errors import CannotEdit
from headpin.yaml import insert, load
from tests.documents import Written, documents
from tests.test_yaml_edit_properties import any_document, at, is_subsequence, paths_of, thawed

STAGES = (
    "stages: # way\r\n  # one\r\n  - e: a # a\r\n\r\n  # two\r\n  - e: b\r\n"
    "    g:\r\n      s: 1\r\n      # deep\r\n  # end\r\nd: x\r\n"
)

CASES = {
    "before the first, above its comment": (
        STAGES,
        0,
        STAGES.replace("way\r\n", 'way\r\n  - e: "n"\r\n'),
    ),
    "between, above the comment of what follows": (STAGES, 1, STAGES.replace("# a\r\n", '# a\r\n  - e: "n"\r\n')),
    "at the end, below comments of the list": (STAGES, 2, STAGES.replace("# end\r\n", '# end\r\n  - e: "n"\r\n')),
    "dashes below the key": ("stages:\n- e: a\n- e: b", 1, 'stages:\n- e: a\n- e: "n"\n- e: b'),
    "first of dashes below the key": ("stages:\n- e: a\n", 0, 'stages:\n- e: "n"\n- e: a\n'),
    "in brackets": ("stages: [{e: a}, {e: b}] # c\n", 1, 'stages: [{e: a}, {e: "n"}, {e: b}] # c\n'),
    "first in brackets over lines": ("stages: [\n  {e: a}, # a\n]\n", 0, 'stages: [\n  {e: "n"}, {e: a}, # a\n]\n'),
    "into an empty list": ("stages: []\n", 0, 'stages:\n  - e: "n"\n'),
    "after a block that would take it": (
        "stages:\n  - e: |\n      x\n\n  - e: b\n",
        1,
        'stages:\n  - e: |\n      x\n  - e: "n"\n\n  - e: b\n',
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_an_item_is_put_where_it_is_meant_and_nothing_else_is_touched(case: tuple[str, int, str]) -> None:
    text, position, expected = case
    assert insert(text.encode(), ("stages",), position, {"e": "n"}).decode() == expected


@pytest.mark.parametrize(
    ("text", "path", "position", "words"),
    [
        ("a: {b: 1}\n", ("a",), 0, "a is a mapping"),
        ("a: 1\n", ("a",), 0, "a is a single value"),
        ("a: [x]\n", ("a",), 2, "a is a list of 1"),
        ("a: [x]\n", ("a",), -1, "a is a list of 1"),
        ("a: [x]\n", ("b",), 0, "the document is a mapping"),
        ("a: [x\n", ("a",), 0, "HP10"),
    ],
)
def test_what_cannot_take_an_item_says_so(text: str, path: tuple[str, ...], position: int, words: str) -> None:
    with pytest.raises(CannotEdit, match=words):
        insert(text.encode(), path, position, "n")


@settings(any_document, max_examples=40)
@given(document=documents(), data=st.data())
def test_an_item_in_any_list_of_any_document(document: Written, data: st.DataObject) -> None:
    value: Any = load(document.data).value
    lists = [path for path in paths_of(value) if isinstance(at(value, path), tuple)]
    assume(lists)
    path = data.draw(st.sampled_from(lists))
    position = data.draw(st.integers(0, len(at(value, path))))
    try:
        after = insert(document.data, path, position, "new").decode()
    except CannotEdit:  # a list on the line of another's dash: told, and nothing is given
        assume(False)
    expected = thawed(value)
    at(expected, path).insert(position, "new")
    assert thawed(load(after.encode()).value) == expected
    assert is_subsequence("".join(document.data.decode().split()), "".join(after.split())) or not at(value, path)
