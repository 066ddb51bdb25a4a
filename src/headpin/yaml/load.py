"""Strict loading on libyaml's events.

Sequences come back as tuples, mappings as dicts, so that a loaded document is a value. Everything that
parsers disagree about, or that could blow up, is an issue with its place. Bounds are checked while events
are pulled: libyaml alone needs quadratic time for ``[[[[…``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml
from yaml._yaml import CParser

from headpin.yaml.scalars import Ambiguous, plain

MAX_DEPTH = 32
MAX_VALUES = 50_000
_MAX_SHOWN = 40
_TOO_DEEP = "maximum nesting depth"

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""Also U+0085, U+2028 and U+2029: line breaks to YAML 1.1, letters to YAML 1.2 and to every editor."""

_BREAK = re.compile(r"\r\n|\r|\n")

Path = tuple[str | int, ...]
"""The way from the top of a document to a value: keys and positions in lists."""


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column, both from 1, of a value and of the key it stands under."""

    line: int
    column: int
    key_line: int
    key_column: int


@dataclass(frozen=True, slots=True)
class Issue:
    """Something headpin does not accept as YAML. `code` is one of HP103 to HP109."""

    code: str
    message: str
    line: int
    column: int
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A document: its value (a dict unless there are issues), its issues, and the place of every path."""

    value: dict[str, Any]
    issues: tuple[Issue, ...]
    places: dict[Path, Place]


def load(data: bytes, *, places: bool = False) -> Loaded:
    """The one document in `data` (UTF-8).

    Never raises for what the bytes hold. `places` records where each value stands; it costs a fifth more
    time, so bulk reading leaves it out and reads again to report a problem.
    """
    text_issue = _text_issue(data)
    if text_issue is not None:
        return Loaded({}, (text_issue,), {})
    builder = _Builder(data, places)
    try:
        value = builder.document()
    except _Stop as stop:
        return Loaded({}, (*builder.issues, stop.issue), builder.places)
    except yaml.YAMLError as error:
        return Loaded({}, (*builder.issues, _syntax_issue(error)), builder.places)
    if not isinstance(value, dict):
        said = "the document is empty" if value is None else "the top level is not a mapping"
        return Loaded({}, (*builder.issues, Issue("HP109", said, 1, 1)), builder.places)
    return Loaded(value, tuple(builder.issues), builder.places)


class _Stop(Exception):
    """Reading goes no further."""

    def __init__(self, issue: Issue) -> None:
        super().__init__(issue.message)
        self.issue = issue


def _text_issue(data: bytes) -> Issue | None:
    if data.startswith(b"\xef\xbb\xbf"):
        return Issue("HP103", "the file starts with a byte-order mark", 1, 1)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line, column = _position(data[: error.start].decode())
        return Issue("HP103", f"byte {data[error.start]:#04x} is not UTF-8", line, column)
    found = _CONTROL.search(text)
    if found is None:
        return None
    line, column = _position(text[: found.start()])
    said = f"the control character U+{ord(found.group()):04X} cannot stand in a document"
    return Issue("HP103", said, line, column, f'write it as an escape in double quotes: "\\u{ord(found.group()):04x}"')


def _position(before: str) -> tuple[int, int]:
    """Line and column, from 1, of what follows `before`."""
    lines = _BREAK.split(before)
    return len(lines), len(lines[-1]) + 1


def _syntax_issue(error: yaml.YAMLError) -> Issue:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read"
    if mark is None:
        return Issue("HP104", f"not YAML: {said}", 1, 1)
    if _TOO_DEEP in said:  # libyaml looks ahead in flow collections, and 0.2.6 counts their levels itself
        return Issue("HP108", f"nested deeper than {MAX_DEPTH} levels", mark.line + 1, mark.column + 1)
    return Issue("HP104", f"not YAML: {said}", mark.line + 1, mark.column + 1)


class _Builder:
    """Pulls events and builds one document."""

    def __init__(self, data: bytes, with_places: bool) -> None:
        self._next = CParser(data).get_event
        self._with_places = with_places
        self._values = 0
        self.issues: list[Issue] = []
        self.places: dict[Path, Place] = {}

    def document(self) -> Any:
        self._next()  # stream start
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        if getattr(event, "version", None) or getattr(event, "tags", None):
            self._issue("HP106", "YAML directives are not accepted", event)
        value = self._value(self._next(), (), 0)
        self._next()  # document end
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            self._issue("HP106", "a second document starts here", event)
        return value

    def _value(self, event: Any, path: Path, depth: int) -> Any:
        self._values += 1
        if depth > MAX_DEPTH:
            raise _Stop(_issue_at("HP108", f"nested deeper than {MAX_DEPTH} levels", event))
        if self._values > MAX_VALUES:
            raise _Stop(_issue_at("HP108", f"more than {MAX_VALUES:,} values", event))
        if isinstance(event, yaml.AliasEvent):
            self._issue("HP106", "an alias is not accepted", event)
            return None
        if event.anchor is not None:
            self._issue("HP106", "an anchor is not accepted", event)
        if event.tag is not None:
            self._issue("HP106", "a tag is not accepted", event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path, depth)
        return self._sequence(path, depth)

    def _scalar(self, event: yaml.ScalarEvent) -> str | int | bool | None:
        text: str = event.value
        if not event.implicit[0]:
            return text
        try:
            return plain(text)
        except Ambiguous:
            shown = _short(text)
            self._issue("HP107", f"{shown} means different things to different parsers", event, f'quote it: "{shown}"')
            return text

    def _mapping(self, path: Path, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(key_event := self._next(), yaml.MappingEndEvent):
            key = self._key(key_event, path, depth)
            event = self._next()
            if self._with_places:
                self._place((*path, key), event, key_event)
            value = self._value(event, (*path, key), depth + 1)
            if key in found:
                self._issue("HP105", f"the key {_short(key)!r} stands here a second time", key_event)
            else:
                found[key] = value
        return found

    def _key(self, event: Any, path: Path, depth: int) -> str:
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
            self._issue("HP106", "merge keys are not accepted", event)
            return "<<"
        key = self._value(event, path, depth + 1)
        if isinstance(event, yaml.ScalarEvent) and isinstance(key, str):
            return key
        if isinstance(event, yaml.ScalarEvent):
            shown = _short(event.value)
            self._issue("HP107", f"the key {shown} is not a string", event, f'quote it: "{shown}"')
            return str(event.value)
        self._issue("HP106", "a key has to be a plain string", event)
        return f"?{self._values}"

    def _sequence(self, path: Path, depth: int) -> tuple[Any, ...]:
        found: list[Any] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            here = (*path, len(found))
            if self._with_places:
                self._place(here, event, event)
            found.append(self._value(event, here, depth + 1))
        return tuple(found)

    def _place(self, path: Path, event: Any, key_event: Any) -> None:
        mark, key_mark = event.start_mark, key_event.start_mark
        self.places.setdefault(path, Place(mark.line + 1, mark.column + 1, key_mark.line + 1, key_mark.column + 1))

    def _issue(self, code: str, message: str, event: Any, remedy: str = "") -> None:
        self.issues.append(_issue_at(code, message, event, remedy))


def _short(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def _issue_at(code: str, message: str, event: Any, remedy: str = "") -> Issue:
    mark = event.start_mark
    return Issue(code, message, mark.line + 1, mark.column + 1, remedy)
