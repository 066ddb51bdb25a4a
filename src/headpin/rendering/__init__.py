"""Rendering: a pure function from settings and templates to files.

Deterministic: no clock, network, disk or randomness; templates are an argument. Only this package imports
jinja2. Must never emit a value otherwise than as JSON, or as a literal block that holds it exactly.
"""

from headpin.rendering.content import MountedContent, name_fault, size_fault
from headpin.rendering.engines import render_files
from headpin.rendering.inputs import RenderInput
from headpin.rendering.manifests import KUSTOMIZATION, is_kustomized, kustomization
from headpin.rendering.templates import RenderError, TemplateSet

__all__ = [
    "KUSTOMIZATION",
    "MountedContent",
    "RenderError",
    "RenderInput",
    "TemplateSet",
    "is_kustomized",
    "kustomization",
    "name_fault",
    "render_files",
    "size_fault",
]
