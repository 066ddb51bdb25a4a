"""`docs/config-reference.md`, generated from the models."""

from __future__ import annotations

import typing
from collections.abc import Iterator
from typing import Any

from pydantic.fields import FieldInfo

from headpin.model.document import Part
from headpin.model.kinds import KINDS
from headpin.model.parse import _alternatives
from headpin.model.settings import Settings

_HEAD = """# Configuration reference

Generated from the models by `headpin schema --reference`; a test keeps it so. Every key of every document, its
type, its default, and its unit. A file's path is its identity: there is no `name:` key anywhere.

How layers come together, and which of them travel with a release, is told in [architecture.md](architecture.md).
Problems that headpin finds in these documents are listed in [problems.md](problems.md).
"""


_TABLE = "| key | type | required or default | what it says |\n|---|---|---|---|"

_SETTINGS = """## Settings

These keys stand in workspace and project defaults, in environments, in agents and in own layers. Of two layers the
narrower one wins; maps are joined key by key, lists are replaced as a whole. From broad to narrow: workspace
defaults, environment, project defaults, project in the environment, agent, agent in the environment.
"""

_HAS_SETTINGS = "Besides the following, it has every key of [Settings](#settings).\n"


def config_reference() -> str:
    """The page as Markdown text."""
    parts = [_HEAD, _SETTINGS, _TABLE, *_rows(Settings, "", {}), ""]
    for kind in KINDS.values():
        places = " or ".join(f"`{place}`" for place in kind.places)
        parts += [f"## {kind.name}\n", f"{places}\n", f"{_summary(kind.model)}\n"]
        has_settings = issubclass(kind.model, Settings)
        without = frozenset(Settings.model_fields) if has_settings else frozenset()
        rows = list(_rows(kind.model, "", {}, without))
        if rows:
            parts += [_HAS_SETTINGS] if has_settings else []
            parts += [_TABLE, *rows, ""]
        else:
            parts.append("It has the keys of [Settings](#settings) and no others.\n")
    return "\n".join(parts)


def _summary(model: type[Part]) -> str:
    return " ".join((model.__doc__ or "").split())


def _rows(
    model: type[Part], prefix: str, shown: dict[type[Part], str], without: frozenset[str] = frozenset()
) -> Iterator[str]:
    """The keys of `model` and of what is below; a mapping that was shown already is only referred to."""
    for name, field in model.model_fields.items():
        if name in without:
            continue
        key = f"{prefix}{field.alias or name}"
        below, suffix = _nested(field.annotation)
        known = shown.get(below) if below is not None else None
        told = _cell(field.description or "") + (f" Its keys are those of `{known}`." if known else "")
        yield f"| `{key}` | {_type_name(field.annotation)} | {_default(field)} | {told} |"
        if below is not None and known is None:
            shown[below] = f"{key}{suffix}"
            yield from _rows(below, f"{key}{suffix}.", shown)


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
