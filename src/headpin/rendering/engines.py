"""The engines: how settings become what is delivered, by the name that environments and agents choose it by."""

from __future__ import annotations

from headpin.rendering.helm import render_chart
from headpin.rendering.inputs import RenderInput
from headpin.rendering.manifests import render_manifests
from headpin.rendering.own_chart import render_own_chart
from headpin.rendering.templates import TemplateSet


def render_files(render: RenderInput, templates: TemplateSet) -> dict[str, str]:
    """Path to text of every file of a deployment, relative to its own folder. Raises RenderError."""
    if render.engine == "manifests":
        return render_manifests(render, templates)
    if render.chart is not None:
        return render_own_chart(render, render.chart, templates)
    return render_chart(render, templates)
