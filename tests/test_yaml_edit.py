"""Edits of documents that people wrote, byte for byte."""

from __future__ import annotations

import pytest

from headpin.errors import CannotEdit
from headpin.yaml import DELETE, Change, Path, edit, load

Case = tuple[str, dict[Path, Change], str]

PIN = """\
# released by Kim
revision: "7f3c9a2d0c5be0f3a1f6f2b1f2a7c7f0a4d1e9b3"   # of the agent's source
image: ghcr.io/acme/triage@sha256:aa  # by digest
settings: 'e2e0f1a4'

# the end
"""

SCALARS: dict[str, Case] = {
    "a pin moves and keeps comments, quotes and blank lines": (
        PIN,
        {("revision",): "123e4567", ("image",): "ghcr.io/acme/triage@sha256:bb", ("settings",): "00000000"},
        PIN.replace("7f3c9a2d0c5be0f3a1f6f2b1f2a7c7f0a4d1e9b3", "123e4567")
        .replace(":aa", ":bb")
        .replace("e2e0f1a4", "0" * 8),
    ),
    "a plain text becomes one that is not plain": ("a: x # c\n", {("a",): "x # d"}, 'a: "x # d" # c\n'),
    "a plain text becomes one that looks like a number": ("a: 7f3c9a2\n", {("a",): "1234567"}, 'a: "1234567"\n'),
    "a plain text becomes one that is infinite to some": ("a: x\n", {("a",): "123e4567"}, 'a: "123e4567"\n'),
    "a plain text becomes a word for a truth value": ("a: x\n", {("a",): "Off"}, 'a: "Off"\n'),
    "a plain text becomes a time": ("a: x\n", {("a",): "12:30:45"}, 'a: "12:30:45"\n'),
    "a plain text becomes nothing": ("a: x\n", {("a",): ""}, 'a: ""\n'),
    "a plain text in brackets gets a colon": ("a: [x, w]\n", {("a", 0): "http://z"}, 'a: ["http://z", w]\n'),
    "single quotes hold a quote": ("a: 'x'\n", {("a",): "it's # here"}, "a: 'it''s # here'\n"),
    "single quotes do not hold an invisible mark": ("a: 'x'\n", {("a",): "x\u200by"}, 'a: "x\\u200by"\n'),
    "single quotes do not hold several lines": ("a: 'x'\n", {("a",): " x\ny"}, 'a: " x\\ny"\n'),
    "double quotes hold everything": ('a: "x"\n', {("a",): 'say "hi"\\\t'}, 'a: "say \\"hi\\"\\\\\\t"\n'),
    "a quoted number becomes a number": ('a: "3" # pods\n', {("a",): 3}, "a: 3 # pods\n"),
    "a number becomes a text": ("a: 3\n", {("a",): "x"}, 'a: "x"\n'),
    "a truth value changes": ("a: true\n", {("a",): False}, "a: false\n"),
    "a number becomes the equal truth value": ("a: 1\n", {("a",): True}, "a: true\n"),
    "a value becomes null": ("a: 1 # c\n", {("a",): None}, "a: null # c\n"),
    "nothing gets a value before its comment": ("a: # c\nb:\n", {("a",): 1, ("b",): 2}, "a: 1 # c\nb: 2\n"),
    "nothing at the end without a break": ("a:", {("a",): 1}, "a: 1"),
    "a text on the line below its key": ("a: # c\n  x # d\nb: 1\n", {("a",): "w"}, "a: # c\n  w # d\nb: 1\n"),
    "a text over several lines": ('a: "x\n\n  w" # c\nb: 1\n', {("a",): "z"}, 'a: "z" # c\nb: 1\n'),
    "plain words over several lines": ("a: x w\n  z # c\nb: 1\n", {("a",): "z"}, "a: z # c\nb: 1\n"),
    "a tab before a comment": ("a:\tx\t# c\td\n", {("a",): "w"}, "a:\tw\t# c\td\n"),
    "a value that holds the sign of a comment": (
        "a: x#w # c\nb: 'x # w' # c\n",
        {("a",): "z", ("b",): "z"},
        "a: z # c\nb: 'z' # c\n",
    ),
    "wide letters before the value": (
        "ключ: 日本 # 🙂🙂\n🙂: [é, b]\n",
        {("🙂", 1): "c"},
        "ключ: 日本 # 🙂🙂\n🙂: [é, c]\n",
    ),
    "a key that is a path": (
        '/etc/app/config.toml: a\n"/etc/app/b": b\n',
        {("/etc/app/config.toml",): "c", ("/etc/app/b",): "d"},
        '/etc/app/config.toml: c\n"/etc/app/b": d\n',
    ),
    "carriage returns": ("a: x # c\r\n\r\nb: w\r\n", {("a",): "z", ("c",): 1}, "a: z # c\r\n\r\nb: w\r\nc: 1\r\n"),
    "start and end marked": ("--- # c\na: x\n... # d\n", {("a",): "w", ("b",): 1}, "--- # c\na: w\nb: 1\n... # d\n"),
    "JSON stays JSON": (
        '{"a":1,"b":{"c":"d"}}\n',
        {("a",): "x", ("b", "e"): [1, {"w": 2}]},
        '{"a":"x","b":{"c":"d", "e": [1, {"w": 2}]}}\n',
    ),
    "a key with a question mark": ("? a\n: x # c\nb: 1\n", {("a",): "w"}, "? a\n: w # c\nb: 1\n"),
}

WHOLE: dict[str, Case] = {
    "a mapping becomes a text, with the comments in it": (
        "a:  # why\n  b: 1 # b\n\n  # c\n  c: 2\n  # more\n# out\nd: 3\n",
        {("a",): "x"},
        'a: "x"  # why\n# out\nd: 3\n',
    ),
    "a mapping becomes another, as deep as before": (
        "a:\n    b: 1\n# out\nd: 3",
        {("a",): {"c": "x", "d": {"e": None}}},
        'a:\n    c: "x"\n    d:\n        e: null\n# out\nd: 3',
    ),
    "a mapping becomes a list": ("a:\n  b: 1\nc: 2\n", {("a",): ["x", 1]}, 'a:\n  - "x"\n  - 1\nc: 2\n'),
    "a list becomes another, its dashes below the key": (
        "a:\n- x # x\n- w\nb: 1\n",
        {("a",): ["z"]},
        'a:\n- "z"\nb: 1\n',
    ),
    "a list becomes empty": ("a: # c\n- x\nb: 1\n", {("a",): []}, "a: [] # c\nb: 1\n"),
    "an empty mapping opens below its key": ("a: {} # c\nb: 1\n", {("a", "k"): "v"}, 'a: # c\n  k: "v"\nb: 1\n'),
    "an empty mapping below its key": ("a:\n  {} # c\nb: 1\n", {("a", "k"): 2}, "a:\n  # c\n  k: 2\nb: 1\n"),
    "brackets stay brackets": (
        "a: [x, w] # c\nb: {c: 1}\n",
        {("a",): ["z"], ("b",): {"d": [2]}},
        'a: ["z"] # c\nb: {d: [2]}\n',
    ),
    "brackets on several lines become one": (
        "a: [\n  x, # x\n  w\n] # c\nb: 1\n",
        {("a",): ["z"]},
        'a: ["z"] # c\nb: 1\n',
    ),
    "a block becomes a line": ("a: | # c\n  x\n  # w\n\nb: 1\n", {("a",): "z"}, 'a: "z" # c\n\nb: 1\n'),
    "a block that keeps its last lines becomes a line": ("a: |+\n  x\n\n\nb: 1\n", {("a",): "z"}, 'a: "z"\nb: 1\n'),
    "a block becomes another, as deep as before": (
        "a: >- # c\n     x\n     w\n\nb: 1\n",
        {("a",): "# 1\n\n  2\n"},
        "a: | # c\n     # 1\n\n       2\n\nb: 1\n",
    ),
    "a line becomes a block": ('a: "x" # c\n', {("a",): "1\n2"}, "a: |- # c\n  1\n  2\n"),
    "a block with carriage returns": ("a: x\r\nb: 1\r\n", {("a",): "1\n\n2\n"}, "a: |\r\n  1\r\n\r\n  2\r\nb: 1\r\n"),
    "lines that a block does not hold": ("a: x\n", {("a",): "1 \n2\n"}, 'a: "1 \\n2\\n"\n'),
    "lines with carriage returns of their own": ("a: x\n", {("a",): "1\r\n2\r\n"}, 'a: "1\\r\\n2\\r\\n"\n'),
    "lines that look like the end of a document": ("a: x\n", {("a",): "---\n...\n"}, "a: |\n  ---\n  ...\n"),
    "a block would take the comment below it": (
        "a: x\n\n    # deep\nb: 1\n",
        {("a",): "1\n2\n"},
        'a: "1\\n2\\n"\n\n    # deep\nb: 1\n',
    ),
    "a block is last and has no last break": ("a: x", {("a",): "1\n2"}, "a: |-\n  1\n  2"),
    "a block is last and needs its last break": ("a: x", {("a",): "1\n2\n"}, "a: |\n  1\n  2\n"),
    "an item becomes a mapping": (
        "a:\n- x # c\n- w\n",
        {("a", 0): {"b": 1, "c": 2}, ("a", 1): {"d": 3}},
        "a:\n- # c\n  b: 1\n  c: 2\n- d: 3\n",
    ),
    "an item becomes a text": ("a:\n  - b: 1 # b\n    c: 2\n  - d\n", {("a", 0): "x"}, 'a:\n  - "x"\n  - d\n'),
    "an item becomes a block": ("a:\n  - x\n  - w\n", {("a", 0): "1\n2\n"}, "a:\n  - |\n    1\n    2\n  - w\n"),
}

ADDED: dict[str, Case] = {
    "to an empty document": ("", {("a",): 1}, "a: 1\n"),
    "to blank lines": ("\n\n", {("a",): 1}, "\n\na: 1\n"),
    "to a comment": ("# c\n", {("a",): 1}, "# c\na: 1\n"),
    "to a comment without a last break": ("# c", {("a",): 1}, "# c\na: 1"),
    "to braces": ("# c\n{} # d\n", {("a",): 1, ("b", "c"): 2}, "# c\n# d\na: 1\nb:\n  c: 2\n"),
    "to nothing between marks": ("---\n# c\n...\n", {("a",): 1}, "---\n# c\na: 1\n...\n"),
    "to a start mark alone": ("---", {("a",): 1}, "---\na: 1"),
    "to braces behind the start mark": ("--- {} # c\n", {("a",): 1}, "--- # c\na: 1\n"),
    "at the end, before blank lines": ("a: 1 # c\n\n\n", {("b",): 2}, "a: 1 # c\nb: 2\n\n\n"),
    "without a last break": ("a: 1", {("b",): 2}, "a: 1\nb: 2"),
    "to a mapping, before what belongs to the next": (
        "v:\n  A: x\n\n# about w\nw: 1\n",
        {("v", "B"): "w"},
        'v:\n  A: x\n  B: "w"\n\n# about w\nw: 1\n',
    ),
    "to a mapping, after comments in it": (
        "v:\n  A: x\n  # B: 1\n# w\nw: 1\n",
        {("v", "C"): 2},
        "v:\n  A: x\n  # B: 1\n  C: 2\n# w\nw: 1\n",
    ),
    "to a mapping with its own indentation": (
        "v:\n     A: x\nw: 1\n",
        {("v", "B", "C"): 2},
        "v:\n     A: x\n     B:\n          C: 2\nw: 1\n",
    ),
    "to a document that is indented": ("  a: 1\n", {("b",): {"c": 2}}, "  a: 1\n  b:\n    c: 2\n"),
    "with the mappings above it": (
        "a: 1\n",
        {("b", "c", "d"): "x", ("b", "e"): 2},
        'a: 1\nb:\n  c:\n    d: "x"\n  e: 2\n',
    ),
    "below a key without a value": ("v: # c\nw: 1\n", {("v", "A"): 1}, "v: # c\n  A: 1\nw: 1\n"),
    "after a nested mapping": (
        "a:\n  b:\n    c: 1\n# x\nd: 1\n",
        {("a", "e"): 1},
        "a:\n  b:\n    c: 1\n  e: 1\n# x\nd: 1\n",
    ),
    "after a block and its blank lines": (
        "a:\n  b: |\n    x\n\n\nc: 1\n",
        {("a", "d"): 1},
        "a:\n  b: |\n    x\n  d: 1\n\n\nc: 1\n",
    ),
    "after a block that keeps its last lines": ("a: |+\n  x\n\n", {("b",): 1}, "a: |+\n  x\n\nb: 1\n"),
    "after a block without a last break, which stays without": ("a: |\n  x", {("b",): 1}, "a: |-\n  x\nb: 1"),
    "files": (
        "files:\n  /etc/a: x\n",
        {("files", "/etc/b.toml"): "[b]\nc = 1\n", ("files", "/etc/d"): "e"},
        'files:\n  /etc/a: x\n  "/etc/b.toml": |\n    [b]\n    c = 1\n  "/etc/d": "e"\n',
    ),
    "keys that have to be quoted": (
        "a: 1\n",
        {("no",): 1, ("b c",): 2, ("1",): 3, ("#",): 4},
        'a: 1\n"no": 1\n"b c": 2\n"1": 3\n"#": 4\n',
    ),
    "a key as its neighbour": ('"a": 1\n', {("b",): 2}, '"a": 1\n"b": 2\n'),
    "in braces": ("v: {A: x} # c\n", {("v", "B"): "w"}, 'v: {A: x, B: "w"} # c\n'),
    "in braces with spaces": ("v: { A: x }\n", {("v", "B"): 1}, "v: { A: x, B: 1 }\n"),
    "in braces after a comma": ("v: {A: x,}\n", {("v", "B"): 1}, "v: {A: x, B: 1,}\n"),
    "in braces after a key alone": ("v: {A}\n", {("v", "B"): 1, ("v", "A"): 2}, "v: {A: 2, B: 1}\n"),
    "in braces after a key without a value": ("v: {A: }\n", {("v", "B"): 1}, "v: {A: , B: 1 }\n"),
    "in braces in braces": ("v: {A: {}}\n", {("v", "A", "B"): 1}, "v: {A: {B: 1}}\n"),
    "in braces on several lines": (
        "v: {\n  A: x # a, b\n  # end\n}\n",
        {("v", "B"): 1},
        "v: {\n  A: x, # a, b\n  B: 1\n  # end\n}\n",
    ),
    "in braces on several lines after a comma": (
        "v: {\n  A: x, # a\n}\n",
        {("v", "B"): 1},
        "v: {\n  A: x, # a\n  B: 1,\n}\n",
    ),
    "an item": ("a:\n- x # c\nb: 1\n", {("a", 1): "w"}, 'a:\n- x # c\n- "w"\nb: 1\n'),
    "a mapping as an item": ("a:\n  - x\n", {("a", 1): {"b": 1, "c": [2]}}, "a:\n  - x\n  - b: 1\n    c:\n      - 2\n"),
    "an item in brackets": ("a: [x]\n", {("a", 1): "w", ("a", 2): 3}, 'a: [x, "w", 3]\n'),
    "to a mapping in a list": (
        "a:\n  - b: 1 # c\n  - d: 1\n",
        {("a", 0, "e"): 2},
        "a:\n  - b: 1 # c\n    e: 2\n  - d: 1\n",
    ),
    "to nothing, a list": ("a:\n", {("a", 0): 1, ("b",): 2}, "a:\n  - 1\nb: 2\n"),
}

DELETED: dict[str, Case] = {
    "a key with its lines": (
        "# a\na: 1\n# b\nb:\n  c: 2 # c\n  # d\n# e\ne: 3\n",
        {("b",): DELETE},
        "# a\na: 1\n# b\n# e\ne: 3\n",
    ),
    "the last key without a last break": ("a: 1\r\nb: 2", {("b",): DELETE}, "a: 1"),
    "a block": ("a: |\n  x\n\nb: 1\n", {("a",): DELETE}, "\nb: 1\n"),
    "what empties a mapping, and that one": (
        "a: 1\nb: # b\n  c:\n    d: 1\ne: 2\n",
        {("b", "c", "d"): DELETE},
        "a: 1\ne: 2\n",
    ),
    "all keys of a mapping at once": ("a: {b: 1, c: 2}\nd: 1\n", {("a", "b"): DELETE, ("a", "c"): DELETE}, "d: 1\n"),
    "all keys of a mapping that gets others": (
        "a: # c\n  b: 1\nd: 1\n",
        {("a", "b"): DELETE, ("a", "e"): 2},
        "a: # c\n  e: 2\nd: 1\n",
    ),
    "the only key": ("# a\na: 1 # b\n\n# c\n", {("a",): DELETE}, "# a\n{}\n\n# c\n"),
    "the only key without a last break": ("a: 1", {("a",): DELETE}, "{}"),
    "the only key between marks": ("---\na:\n  b: 1\n...\n", {("a", "b"): DELETE}, "---\n{}\n...\n"),
    "the only key in braces": ("{a: 1} # c\n", {("a",): DELETE}, "{} # c\n"),
    "what is not there": ("a: 1\nb:\n", {("c",): DELETE, ("b", "c", "d"): DELETE, ("e", "f"): DELETE}, "a: 1\nb:\n"),
    "the first key of an item": ("a:\n- b: 1 # b\n  c: 2\n", {("a", 0, "b"): DELETE}, "a:\n- c: 2\n"),
    "the first key of an item, a comment below it": (
        "a:\n- b: 1\n  # c\n  c: 2\n",
        {("a", 0, "b"): DELETE},
        "a:\n-\n  # c\n  c: 2\n",
    ),
    "the only key of an item": ("a:\n- b: 1 # b\n- c\n", {("a", 0, "b"): DELETE}, "a:\n- {}\n- c\n"),
    "an item": ("a:\n- b: 1\n  c: 2\n# d\n- d\n", {("a", 0): DELETE}, "a:\n# d\n- d\n"),
    "several items": ("a: [b, c, d, e]\n", {("a", 0): DELETE, ("a", 2): DELETE, ("a", 1): "x"}, "a: [x, e]\n"),
    "the only item": ("a: # c\n- b\nd: 1\n", {("a", 0): DELETE}, "a: [] # c\nd: 1\n"),
    "the first in braces": ("a: { b: 1, c: 2 }\n", {("a", "b"): DELETE}, "a: { c: 2 }\n"),
    "the last in braces": ("a: { b: 1, c: 2 }\n", {("a", "c"): DELETE}, "a: { b: 1 }\n"),
    "the last in braces, before a comma": ("a: {b: 1, c: 2,}\n", {("a", "c"): DELETE}, "a: {b: 1, }\n"),
    "a line in braces": ("a: {\n  b: 1, # b\n  c: 2 # c\n}\n", {("a", "b"): DELETE}, "a: {\n  c: 2 # c\n}\n"),
    "the last line in braces": ("a: {\n  b: 1, # b\n  c: 2 # c\n}\n", {("a", "c"): DELETE}, "a: {\n  b: 1 # b\n}\n"),
    "what kept a comment out of a block": (
        "a: |\n  x\nb: 1\n\n  # deep\nc: 1\n",
        {("b",): DELETE},
        "a: |\n  x\n\n# deep\nc: 1\n",
    ),
    "what kept blank lines out of a block": ("a: |+\n  x\nb: 1\n\nc: 1\n", {("b",): DELETE}, "a: |+\n  x\nc: 1\n"),
    "what stands behind a block, and has no last break": ("a: |\n  x\nb: 1", {("b",): DELETE}, "a: |\n  x\n"),
}


@pytest.mark.parametrize("name", SCALARS)
def test_a_single_value_is_changed_in_its_place(name: str) -> None:
    before, changes, after = SCALARS[name]
    assert edit(before.encode(), changes).decode() == after


@pytest.mark.parametrize("name", WHOLE)
def test_a_value_is_replaced_as_a_whole(name: str) -> None:
    before, changes, after = WHOLE[name]
    assert edit(before.encode(), changes).decode() == after


@pytest.mark.parametrize("name", ADDED)
def test_a_value_is_added(name: str) -> None:
    before, changes, after = ADDED[name]
    assert edit(before.encode(), changes).decode() == after


@pytest.mark.parametrize("name", DELETED)
def test_a_value_is_deleted(name: str) -> None:
    before, changes, after = DELETED[name]
    assert edit(before.encode(), changes).decode() == after


@pytest.mark.parametrize("name", [*SCALARS, *WHOLE, *ADDED])
def test_doing_it_again_changes_nothing(name: str) -> None:
    _, changes, after = {**SCALARS, **WHOLE, **ADDED}[name]
    values = {path: change for path, change in changes.items() if change is not DELETE}
    assert edit(after.encode(), values).decode() == after


def test_what_changes_no_value_changes_no_byte() -> None:
    before = "a: 'x'  # c\r\nb: { c: [1 ,2] }\nd: |\n  e\n\n\n? f\n: g"
    same: dict[Path, Change] = {("a",): "x", ("b",): {"c": [1, 2]}, ("d",): "e\n", ("f",): "g", ("none",): DELETE}
    assert edit(before.encode(), same) == before.encode()


def test_what_is_added_to_an_emptied_document_takes_the_place_of_the_braces() -> None:
    emptied = edit(b"# why\na: 1\n# end\n", {("a",): DELETE})
    assert load(emptied).value == {}
    assert edit(emptied, {("b",): 2}) == b"# why\nb: 2\n# end\n"


REFUSED: dict[str, tuple[str, dict[Path, Change], str]] = {
    "a document with two problems": ("a: no\na: 1\n", {("a",): 1}, "1:4: HP107"),
    "a list as the document": ("- a\n", {("a",): 1}, "HP109"),
    "a text as the document": ("'a'\n", {("a",): 1}, "HP109"),
    "the whole document": ("a: 1\n", {(): {"b": 1}}, "cannot be replaced"),
    "a key below a text": ("a: x\n", {("a", "b"): 1}, "a is a single value"),
    "a deletion below a text": ("a: x\n", {("a", "b"): DELETE}, "a is a single value"),
    "a key of a list": ("a: {b: [x]}\n", {("a", "b", "c"): 1}, "a.b is a list"),
    "a position of a mapping": ("a: {b: 1}\n", {("a", 0): 1}, "a is a mapping"),
    "a position of the document": ("a: 1\n", {(0,): 1}, "the document is a mapping"),
    "a position beyond the end": ("a: [x]\n", {("a", 2): 1}, "a is a list of 1"),
    "a position from the end": ("a: [x]\n", {("a", -1): 1}, "a is a list of 1"),
    "a position in nothing": ("a: 1\n", {("b", 1): 1}, "b is not there"),
    "a change within another": ("a: {b: 1}\n", {("a",): {}, ("a", "b"): 1}, "a and a.b"),
    "half a letter": ("a: 1\n", {("a",): "\ud800"}, "a cannot be changed so"),
    "a number that parsers round": ("a: 1\n", {("a",): 10**18}, "a cannot be changed so: 1:4: HP107"),
    "a second key without braces": ("a: [b: 1]\n", {("a", 0, "c"): 1}, "without braces"),
    "a key alone with a question mark": ("? a\nb: 1\n", {("a",): 1}, "a cannot be changed so"),
    "deeper than documents go": ("a: 1\n", {("b",) * 40: 1}, "HP108"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_refused_with_the_reason(name: str) -> None:
    before, changes, reason = REFUSED[name]
    with pytest.raises(CannotEdit, match=reason.replace(".", r"\.")):
        edit(before.encode(), changes)
