"""The built-in template sets, read once from the installation."""

from __future__ import annotations

from collections.abc import Mapping

from headpin.rendering import TemplateSet
from headpin.resources import resource


def built_in_templates() -> Mapping[int, TemplateSet]:
    """Every set by its number, for the engine `manifests`."""
    return {
        int(folder.name): TemplateSet(
            int(folder.name),
            {file.name: file.read_text("utf-8") for file in sorted((folder / "manifests").glob("*.j2"))},
        )
        for folder in sorted(resource("templates").iterdir())
        if folder.name.isdigit()
    }
