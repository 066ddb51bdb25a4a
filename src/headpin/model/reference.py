"""`docs/config-reference.md`, generated from the models."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from headpin.model.document import Part
from headpin.model.kinds import KINDS
from headpin.model.parse import _alternatives

_HEAD = """# Configuration reference

Generated from the models by `headpin schema --reference`; a test keeps it so. Every key of every document, its
type, its default, and its unit. A file's path is its identity: there is no `name:` key anywhere.

How layers come together, and which of them travel with a release, is told in [architecture.md](architecture.md).
Problems that headpin finds in these documents are listed in [problems.md](problems.md).
"""


def config_reference() -> str:
    """The page as Markdown text."""
    parts = [_HEAD]
    for kind in KINDS.values():
        places = ", ".join(f"`{place}`" for place in kind.places)
        parts.append(f"## {kind.name}\n\n{places}\n\n{_summary(kind.model)}\n")
        parts.append("| key | type | required or default | what it says |\n|---|---|---|---|")
        parts.append("\n".join(_rows(kind.model, "")) + "\n")
    return "\n".join(parts)


def _summary(model: type[Part]) -> str:
    return " ".join((model.__doc__ or "").split())


def _rows(model: type[Part], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        below, suffix = _nested(field.annotation)
        kind = _type_name(field.annotation)
        yield f"| `{key}` | {kind} | {_default(field)} | {_cell(field.description or '')} |"
        if below is not None:
            yield from _rows(below, f"{key}{suffix}.")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.get_default()
    if value is None or isinstance(value, Part) or value in ((), {}):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return "`[" + ", ".join(str(item) for item in value) + "]`"
    return f"`{value}`"


def _nested(annotation: Any) -> tuple[type[Part] | None, str]:
    for inner in _alternatives(annotation):
        if isinstance(inner, type) and issubclass(inner, Part):
            return inner, ""
        origin, arguments = typing.get_origin(inner), typing.get_args(inner)
        if origin is dict:
            return _nested(arguments[1])[0], ".<name>"
        if origin is tuple:
            return _nested(arguments[0])[0], "[]"
    return None, ""


_NAMES = {str: "text", int: "integer", bool: "boolean"}


def _type_name(annotation: Any) -> str:
    names = []
    for inner in _alternatives(annotation):
        origin, arguments = typing.get_origin(inner), typing.get_args(inner)
        if inner is type(None):
            continue
        if origin is typing.Literal:
            names.append(" or ".join(f"`{value}`" for value in arguments))
        elif origin is dict:
            names.append(f"map of {_type_name(arguments[1])}")
        elif origin is tuple:
            names.append(f"list of {_type_name(arguments[0])}")
        else:
            names.append(_NAMES.get(inner, "mapping"))
    return " or ".join(dict.fromkeys(names))
