"""YAML that parsers disagree about, or that blows up: refused at its place, in bounded time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headpin.yaml import Issue, dump, load

BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name, name, b", ".join([b"*%c" % (name - 1)] * 9)) for name in range(ord("b"), ord("k"))
)

REFUSED: dict[str, tuple[bytes, str, int, int]] = {
    # text
    "not UTF-8": (b"a: 1\nb: caf\xe9\n", "HP103", 2, 7),
    "over-long UTF-8": (b"a: \xc0\xaf\n", "HP103", 1, 4),
    "surrogate in UTF-8": (b"a: \xed\xa0\x80\n", "HP103", 1, 4),
    "NUL": (b"a: x\0y\n", "HP103", 1, 5),
    "byte-order mark": (b"\xef\xbb\xbfa: 1\n", "HP103", 1, 1),
    "byte-order mark in the middle": (b"a: 1\n\xef\xbb\xbfb: 1\n", "HP103", 2, 1),
    "UTF-16": ("a: 1\n".encode("utf-16"), "HP103", 1, 1),
    "UTF-16 without a mark": ("a: 1\n".encode("utf-16-le"), "HP103", 1, 2),
    "escape sequence": (b"a: \x1b[31m\n", "HP103", 1, 4),
    "form feed": (b"a: 1\n\x0cb: 1\n", "HP103", 2, 1),
    "next line, a break to YAML 1.1 only": ("a: b\u0085c: d\n".encode(), "HP103", 1, 5),
    "line separator": ("a: |\n  b\u2028c: d\n".encode(), "HP103", 2, 4),
    "paragraph separator": ("# b\u2029c: d\n".encode(), "HP103", 1, 4),
    "control character": ("a: \u0090\n".encode(), "HP103", 1, 4),
    "control character after carriage returns": (b"a: 1\r\nb: 2\rc: \x01\n", "HP103", 3, 4),
    "lone surrogate as an escape": (b'a: "\\ud800"\n', "HP104", 1, 7),
    "surrogate pair as JSON writes it": (b'a: "\\ud83d\\ude00"\n', "HP104", 1, 7),
    # features
    "alias bomb": (BOMB, "HP106", 1, 4),
    "recursive alias": (b"a: &a\n  b: *a\n", "HP106", 1, 4),
    "alias to nothing": (b"a: *b\n", "HP106", 1, 4),
    "anchor nobody uses": (b"a: &x 1\n", "HP106", 1, 4),
    "anchor on a key": (b"&x a: 1\n", "HP106", 1, 1),
    "merge key": (b"<<: {a: 1}\n", "HP106", 1, 1),
    "merge key below": (b"a:\n  <<: {b: 1}\n", "HP106", 2, 3),
    "python object": (b"a: !!python/object:os.system {}\n", "HP106", 1, 4),
    "python call": (b"a: !!python/object/apply:os.system [id]\n", "HP106", 1, 4),
    "python call on a key": (b"? !!python/name:os.system\n: 1\n", "HP106", 1, 3),
    "include": (b"a: !include /etc/passwd\n", "HP106", 1, 4),
    "string tag": (b"a: !!str 1\n", "HP106", 1, 4),
    "binary tag": (b"a: !!binary aGk=\n", "HP106", 1, 4),
    "bare tag": (b"a: ! x\n", "HP106", 1, 4),
    "tag on the whole": (b"!!map\na: 1\n", "HP106", 1, 1),
    "directive": (b"%YAML 1.1\n---\na: 1\n", "HP106", 1, 1),
    "tag directive": (b"%TAG ! tag:x,2000:\n---\na: 1\n", "HP106", 1, 1),
    "second document": (b"a: 1\n---\nb: 1\n", "HP106", 2, 1),
    "second document that is empty": (b"a: 1\n---\n", "HP106", 2, 1),
    "list as a key": (b"? [a, b]\n: 1\n", "HP106", 1, 3),
    "mapping as a key": (b"{a: 1}: 1\n", "HP106", 1, 1),
    # keys
    "duplicate key": (b"a: 1\nb: 2\na: 3\n", "HP105", 3, 1),
    "duplicate key, quoted": (b"a: 1\n'a': 3\n", "HP105", 2, 1),
    "duplicate key in a flow": (b"{a: 1, a: 2}\n", "HP105", 1, 8),
    "duplicate key below": (b"x:\n- a: 1\n  a: 2\n", "HP105", 3, 3),
    "duplicate very long key": (b"? " + b"k" * 2000 + b"\n: 1\n? " + b"k" * 2000 + b"\n: 1\n", "HP105", 3, 3),
    "number as a key": (b"1: a\n", "HP107", 1, 1),
    "no as a key": (b"no: a\n", "HP107", 1, 1),
    "on as a key": (b"on: a\n", "HP107", 1, 1),
    "true as a key": (b"true: a\n", "HP107", 1, 1),
    "nothing as a key": (b": a\n", "HP104", 1, 1),
    # syntax
    "tab as indentation": (b"a:\n\tb: 1\n", "HP104", 2, 1),
    "unclosed quote": (b'a: "b\nc: d\n', "HP104", 3, 1),
    "unclosed list": (b"a: [1, 2\nb: 3\n", "HP104", 2, 2),
    "colon in a plain value": (b"a: b: c\n", "HP104", 1, 5),
    "wrong indentation": (b"a: 1\n  b: 2\n", "HP104", 2, 4),
    "unknown escape": (b'a: "\\q"\n', "HP104", 1, 5),
    "backquote": (b"a: `b`\n", "HP104", 1, 4),
    "very long plain key": (b"k" * 2000 + b": 1\n", "HP104", 1, 2001),
    # shape
    "empty": (b"", "HP109", 1, 1),
    "only spaces": (b"   \n\n", "HP109", 1, 1),
    "only comments": (b"# nothing\n# at all\n", "HP109", 1, 1),
    "only a document start": (b"---\n", "HP109", 1, 1),
    "null": (b"null\n", "HP109", 1, 1),
    "list at the top": (b"- a\n- b\n", "HP109", 1, 1),
    "text at the top": (b"a\n", "HP109", 1, 1),
    # bounds
    "33 levels": (b"[" * 40, "HP108", 1, 34),
    "100,000 nested lists": (b"- " * 100_000, "HP108", 1, 67),
    "100,000 nested keys": (b"? " * 100_000, "HP108", 1, 67),
    "70,000 values": (b"[" + b"0," * 70_000 + b"]", "HP108", 1, 100_000),
}


@pytest.mark.parametrize(("data", "code", "line", "column"), REFUSED.values(), ids=REFUSED)
def test_what_parsers_disagree_about_is_refused_at_its_place(data: bytes, code: str, line: int, column: int) -> None:
    started = time.process_time()
    for places in (False, True):
        issue = load(data, places=places).issues[0]
        assert (issue.code, issue.line, issue.column) == (code, line, column), issue
        assert len(issue.message) < 200 and len(issue.remedy) < 200
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "data",
    [b"a: " + b"[" * 1000 + b"]" * 1000 + b"\n", b"[" * 200_000, b"{" * 100_000],
    ids=["1,000 levels", "200,000 opening brackets", "100,000 opening braces"],
)
def test_a_thousand_levels_are_too_deep_for_headpin_or_for_libyaml_itself(data: bytes) -> None:
    """libyaml 0.2.6 has a bound of its own, and tells a place further on."""
    started = time.process_time()
    issue = load(data).issues[0]
    assert (issue.code, issue.line) == ("HP108", 1) and issue.column > 32
    assert time.process_time() - started < 2


AMBIGUOUS = (
    *("no", "No", "NO", "yes", "on", "Off", "y", "N", "True", "FALSE", "Null", "~", "="),
    *("017", "0o17", "0x1F", "0b11", "08", "00", "-0", "+1", "1_000", "1_", "12:30:45", "190:20:30", "1:30"),
    *("1e3", "1E3", "123e4567", "12e03", "1.5", ".5", "1.", "-1.5e-3", "+.5", ".inf", "-.INF", ".NaN"),
    *("2026-01-05", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43.10 -5"),
    *("1" * 19, "9" * 200_000, "0" * 200_000, "1" * 40),
)


@pytest.mark.parametrize("text", AMBIGUOUS, ids=[text[:30] + "…" * (len(text) > 30) for text in AMBIGUOUS])
def test_a_scalar_that_means_two_things_has_to_be_quoted(text: str) -> None:
    issue = load(f"a: {text}\n".encode()).issues[0]
    assert (issue.code, issue.line, issue.column) == ("HP107", 1, 4)
    assert issue.remedy.startswith("quote it") and len(issue.remedy) < 80
    assert load(f'a: "{text}"\n'.encode()).value == {"a": text}
    assert not load(f"a: '{text}'\n".encode()).issues


@pytest.mark.parametrize(
    ("text", "value"),
    (
        *(("0", 0), ("8080", 8080), ("-7", -7), ("9" * 18, int("9" * 18)), ("true", True), ("false", False)),
        *(("null", None), ("", None), ("1.2.3", "1.2.3"), ("500m", "500m"), ("7f3c9a2", "7f3c9a2"), ("./x", "./x")),
    ),
)
def test_a_scalar_that_means_one_thing_is_taken(text: str, value: object) -> None:
    loaded = load(f"a: {text}\n".encode())
    assert not loaded.issues and loaded.value == {"a": value} and type(loaded.value["a"]) is type(value)


@pytest.mark.parametrize(
    "hostile",
    [
        b"a: " + b"1" * 200_000 + b"x\n",
        b"a: " + b"1_" * 100_000 + b"x\n",
        b"a: " + b"1:1" * 60_000 + b"x\n",
        b"a: " + b"1." * 100_000 + b"x\n",
        b"a: 2026-01-01" + b" " * 200_000 + b"x\n",
        b"a: '" + b"x" * 250_000 + b"'\n",
        b"a: |\n" + b"  x\n" * 60_000,
        b"#" * 250_000 + b"\na: 1\n",
        b"\n" * 250_000 + b"a: 1\n",
        b"".join(b"k%d: 1\n" % number for number in range(20_000)),
        b"a: 1\n" * 20_000,
        b"a: [" + b"&x 1," * 20_000 + b"]\n",
    ],
    ids=(
        *("digits", "digits and underscores", "base 60", "points", "date", "long text", "long block", "long comment"),
        *("empty lines", "many keys", "many duplicates", "many anchors"),
    ),
)
def test_no_document_of_the_size_allowed_takes_long(hostile: bytes) -> None:
    started = time.process_time()
    load(hostile, places=True)
    assert time.process_time() - started < 3


@pytest.mark.parametrize("breaks", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_every_line_ending_reads_the_same_and_counts_the_same_lines(breaks: str) -> None:
    text = "a: |\n  one\n  two\nb:\n  - c\n  - no\n".replace("\n", breaks)
    loaded = load(text.encode(), places=True)
    assert loaded.value == {"a": "one\ntwo\n", "b": ("c", "no")}
    assert [(issue.code, issue.line, issue.column) for issue in loaded.issues] == [("HP107", 6, 5)]
    assert loaded.places["b", 0].line == 5


def test_every_issue_of_a_document_is_reported_and_not_only_the_first() -> None:
    data = b"a: &x no\na: 017\nb: !!str 1\n<<: {c: *x}\nd: 1e3\n1: 2\n"
    found = [(issue.code, issue.line) for issue in load(data).issues]
    assert found == [
        ("HP106", 1),
        ("HP107", 1),
        ("HP107", 2),
        ("HP105", 2),
        ("HP106", 3),
        ("HP106", 4),
        ("HP106", 4),
        ("HP107", 5),
        ("HP107", 6),
    ]


def test_a_syntax_error_does_not_hide_what_stands_before_it() -> None:
    found = [issue.code for issue in load(b"a: no\nb: 1\nb: 2\nc: [\n").issues]
    assert found == ["HP107", "HP105", "HP104"]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_no_bytes_at_all_make_the_loader_raise(data: bytes) -> None:
    _checked(load(data).issues)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab:-?[]{}&*!|>'\"%#@`, \n\t\r0159.~<=\u0085\u2028\ufeff\0\\"), max_size=60))
def test_no_arrangement_of_indicators_makes_the_loader_raise(text: str) -> None:
    _checked(load(text.encode(), places=True).issues)


TEXT = st.characters(codec="utf-8", exclude_characters="\0")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(TEXT),
    lambda below: (
        st.lists(below, max_size=4).map(tuple) | st.dictionaries(st.text(TEXT, max_size=200), below, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(TEXT, min_size=1, max_size=50), VALUES, max_size=5))
def test_what_headpin_writes_it_reads_back_exactly(value: dict[str, object]) -> None:
    loaded = load(dump(value).encode())  # type: ignore[arg-type]
    assert not loaded.issues and loaded.value == value


def _checked(issues: tuple[Issue, ...]) -> None:
    for issue in issues:
        assert issue.code.startswith("HP1") and issue.line >= 1 and issue.column >= 1 and issue.message
