"""From loaded values to models, with every fault told in headpin's own words."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from headpin.model.credentials import conceal, credential_faults
from headpin.model.document import Part
from headpin.model.faults import Fault, Path
from headpin.model.pin import Pin
from headpin.model.texts import letter_faults, texts_of

M = TypeVar("M", bound=Part)

__all__ = ["Fault", "parse"]

_MAX_SUGGESTIONS = 100
_MAX_SHOWN = 60


@dataclass(frozen=True, slots=True)
class _Words:
    code: str
    message: str
    remedy: str = ""


_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "dict_type": "a mapping of keys and values",
    "model_type": "a mapping of keys and values",
    "tuple_type": "a list",
}


def parse(model: type[M], value: dict[str, Any]) -> tuple[M | None, tuple[Fault, ...]]:
    """`value` as a `model`, or None and every fault. Credentials are faults too, and never shown."""
    try:
        found = model.model_validate(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, (*_faults(model, details), *_text_faults(value))
    faults = () if issubclass(model, Pin) else _text_faults(value)  # a pin has no free text
    return (None if faults else found), faults


def _text_faults(value: dict[str, Any]) -> tuple[Fault, ...]:
    texts = tuple(texts_of(value))
    return (*letter_faults(texts), *credential_faults(texts))


def _faults(model: type[Part], details: list[ErrorDetails]) -> Iterator[Fault]:
    """One a detail. Only the first get a suggestion: a document of 20,000 misspelt keys is no misspelling."""
    for number, detail in enumerate(details):
        yield _fault(model, detail, suggest=number < _MAX_SUGGESTIONS)


def _fault(model: type[Part], detail: ErrorDetails, *, suggest: bool) -> Fault:
    path: Path = tuple(part for part in detail["loc"] if part != "[key]")
    words = _words(model, path, detail, suggest)
    at_key = detail["type"] == "extra_forbidden" or "[key]" in detail["loc"]
    place = path[:-1] if detail["type"] == "missing" else path
    is_key = at_key or detail["type"] == "missing"
    return Fault(words.code, place, is_key, conceal(words.message), conceal(words.remedy))


def _words(model: type[Part], path: Path, detail: ErrorDetails, suggest: bool) -> _Words:
    kind, given, name = detail["type"], detail["input"], _dotted(path)
    if kind == "extra_forbidden":
        return _unknown_key(model, path) if suggest else _Words("HP201", f"unknown key {name}")
    if kind == "missing":
        return _Words("HP202", f"{name} is missing")
    if kind in _TYPES:
        return _Words("HP203", f"{name} takes {_TYPES[kind]}, not {_shown(given)}", _quoting(kind, given))
    if kind == "value_error":
        return _Words("HP204", f"{name}: {detail['ctx']['error']}" if name else str(detail["ctx"]["error"]))
    if kind == "literal_error":
        return _Words("HP204", f"{name} takes {detail['ctx']['expected']}, not {_shown(given)}", _closest(detail))
    if kind == "string_pattern_mismatch":
        what = "the key" if "[key]" in detail["loc"] else name
        return _Words("HP204", f"{what}: {_shown(given)} does not match {detail['ctx']['pattern']}")
    return _Words("HP204", f"{name}: {_lower(detail['msg'])}, not {_shown(given)}")


def _unknown_key(model: type[Part], path: Path) -> _Words:
    known = _keys_at(model, path[:-1])
    close = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.6)
    remedy = f"did you mean {close[0]}?" if close else f"the keys here are: {', '.join(known)}"
    return _Words("HP201", f"unknown key {_dotted(path)}", remedy)


def _closest(detail: ErrorDetails) -> str:
    expected = [word.strip("'") for word in str(detail["ctx"]["expected"]).replace(" or ", ", ").split(", ")]
    close = difflib.get_close_matches(str(detail["input"]), expected, n=1)
    return f"did you mean {close[0]}?" if close else ""


def _quoting(kind: str, given: Any) -> str:
    if kind == "string_type" and isinstance(given, (int, bool)):
        return f'quote it: "{str(given).lower() if isinstance(given, bool) else given}"'
    return ""


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _shown(given: Any) -> str:
    if given is None:
        return "nothing"
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, int):
        return f"the number {given}"
    if isinstance(given, dict):
        return "a mapping"
    if isinstance(given, tuple):
        return "a list"
    text = conceal(str(given))
    return repr(text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "…")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _keys_at(model: type[Part], path: Path) -> list[str]:
    found: Any = model
    for part in path:
        found = _below(found, part)
    part_model = _part_in(found)
    return [] if part_model is None else [field.alias or name for name, field in part_model.model_fields.items()]


def _below(annotation: Any, part: str | int) -> Any:
    model = _part_in(annotation)
    if model is not None and isinstance(part, str):
        for name, field in model.model_fields.items():
            if part in (field.alias, name):
                return field.annotation
        return None
    for inner in _alternatives(annotation):
        if typing.get_origin(inner) in (dict, tuple):
            arguments = typing.get_args(inner)
            return arguments[1] if typing.get_origin(inner) is dict else arguments[0]
    return None


def _part_in(annotation: Any) -> type[Part] | None:
    for inner in _alternatives(annotation):
        if isinstance(inner, type) and issubclass(inner, Part):
            return inner
    return None


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) is typing.Annotated:
        return _alternatives(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(found for inner in typing.get_args(annotation) for found in _alternatives(inner))
    return (annotation,)
