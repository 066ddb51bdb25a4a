"""Content: files of the source that are promoted with the release and mounted into the container.

Owns which patterns name files, and which file a pattern names. Must never read a file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from headpin.model.document import Part
from headpin.model.settings import MountPath
from headpin.types import path_fault

_MAX_PATTERNS = 50


def _pattern(text: str) -> str:
    """Parts of a path, in which ``*`` and ``?`` stand for letters and ``**`` for any number of folders."""
    fault = path_fault(re.sub(r"[*?]+", "x", text))
    if fault:
        raise ValueError(fault)
    if any("**" in part and part != "**" for part in text.split("/")):
        raise ValueError("** stands alone between slashes")
    return text


ContentPattern = Annotated[str, AfterValidator(_pattern), Field(json_schema_extra={"maxLength": 1024})]


class Content(Part):
    """Files of the source, as a snapshot that is promoted with the release. A plain list stands for `files`."""

    files: Annotated[tuple[ContentPattern, ...], Field(min_length=1, max_length=_MAX_PATTERNS)] = Field(
        description="Which files, relative to the source's path: '*' is any part of a name, '**' any folders."
    )
    mount: Literal["configmap", "init"] = Field(
        "configmap",
        description="'configmap': from ConfigMaps; 'init': an init container fetches them from the environment's "
        "branch, for what is too large for ConfigMaps.",
    )
    path: MountPath = Field("/content", description="The folder in the container that they are mounted at, read-only.")

    def names(self, path: str) -> bool:
        """Whether the file at `path`, relative to the source's path, is content."""
        return any(_names(pattern, path) for pattern in self.files)

    def leads_into(self, folder: str) -> bool:
        """Whether a file somewhere below `folder`, relative to the source's path, could be content."""
        return any(_leads_into(pattern.split("/"), folder.split("/")) for pattern in self.files)

    def needs(self, folder: str) -> bool:
        """Whether a pattern names `folder` itself, letter by letter, on the way to its files."""
        return any(pattern.startswith(f"{folder}/") for pattern in self.files)


def _from_list(value: Any) -> Any:
    return {"files": value} if isinstance(value, tuple) else value


def list_too(schema: dict[str, Any]) -> None:
    """Tells editors that a plain list of patterns is fine too."""
    schema["anyOf"] = [
        *schema.pop("anyOf", []),
        {"type": "array", "items": {"type": "string", "maxLength": 1024}, "minItems": 1, "maxItems": _MAX_PATTERNS},
    ]


ContentRule = Annotated[Content | None, BeforeValidator(_from_list), Field(json_schema_extra=list_too)]


def _matches(pattern: Sequence[str], names: Sequence[str], stands: Callable[[str, str], bool], any_number: str) -> bool:
    """Whether `names` is one of what `pattern` stands for, in which `any_number` is any run of them.

    Goes back to the last such run only, so that no pattern takes more than the product of both lengths.
    """
    here = there = 0
    last = resumed = -1
    while there < len(names):
        if here < len(pattern) and pattern[here] == any_number:
            last, resumed = here, there
            here += 1
        elif here < len(pattern) and stands(pattern[here], names[there]):
            here, there = here + 1, there + 1
        elif last >= 0:
            resumed += 1
            here, there = last + 1, resumed
        else:
            return False
    return all(part == any_number for part in pattern[here:])


def _part_matches(pattern: str, name: str) -> bool:
    return _matches(pattern, name, lambda one, letter: one in ("?", letter), "*")


def _leads_into(pattern: Sequence[str], folder: Sequence[str]) -> bool:
    for part, name in zip(pattern, folder, strict=False):
        if part == "**":
            return True
        if not _part_matches(part, name):
            return False
    return len(pattern) > len(folder)


def _names(pattern: str, path: str) -> bool:
    parts = pattern.split("/")
    if parts[-1] == "**":  # what is in the folder, never the folder's own name
        parts[-1:] = ["**", "*"]
    return _matches(parts, path.split("/"), _part_matches, "**")
