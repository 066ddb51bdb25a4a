"""The built-in template sets, read once from the installation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headpin.rendering import TemplateSet
from headpin.resources import resource


def built_in_templates() -> Mapping[int, TemplateSet]:
    """Every set by its number."""
    return {
        int(folder.name): TemplateSet(
            int(folder.name),
            {file.name: file.read_text("utf-8") for file in sorted((folder / "manifests").glob("*.j2"))},
            _texts(folder / "helm"),
        )
        for folder in sorted(resource("templates").iterdir())
        if folder.name.isdigit()
    }


def _texts(folder: Path) -> Mapping[str, str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_text("utf-8") for file in files}
