"""The template engine: sandboxed, strict about names, and every interpolated value becomes JSON.

JSON scalars are YAML scalars, so no value can end its line, open a document or become another type. Only
`block` writes text otherwise: as an indented literal block, and only text that such a block holds exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from headpin.problems import printable
from headpin.yaml.emit import block, key_text, scalar


class _Fragment(str):
    """YAML text that is ready to stand in a template's output."""

    __slots__ = ()


_FAILURES = (
    *(jinja2.TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
    *(RecursionError, MemoryError),
)
"""What an expression in a template may end in: the template's fault, and so one deployment's."""


class RenderError(Exception):
    """A template could not be rendered, or its output is not what it claims to be."""


@dataclass(frozen=True)
class TemplateSet:
    """The built-in templates of one number.

    `texts` are the engine `manifests`' templates by file name, `chart` the files that every chart of the engine
    `helm` has as they are, by their paths in it.
    """

    number: int
    texts: Mapping[str, str]
    chart: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _environment(self) -> jinja2.Environment:
        environment = ImmutableSandboxedEnvironment(
            loader=jinja2.DictLoader(dict(self.texts)),
            undefined=jinja2.StrictUndefined,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            auto_reload=False,
            cache_size=-1,
            autoescape=False,
        )
        environment.filters["block"] = _block
        environment.filters["key"] = _key
        return environment

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """The template `name` with `values`. Raises RenderError."""
        try:
            return self._environment.get_template(name).render(values)
        except _FAILURES as error:
            raise RenderError(printable(f"template {name}: {error or type(error).__name__}")) from error


def _finalize(value: Any) -> str:
    if isinstance(value, _Fragment):
        return value
    if isinstance(value, jinja2.Undefined):
        return str(value)  # raises: an undefined name is an error
    if value is None or isinstance(value, (str, int, bool)):
        return scalar(value)
    raise RenderError(f"a {type(value).__name__} cannot stand in a template's output")


def _key(text: str) -> _Fragment:
    return _Fragment(key_text(text))


def _block(text: str, indent: int) -> _Fragment:
    """`text` as a literal block indented by `indent` spaces, or quoted where a block would change it."""
    return _Fragment(block(text, indent))
