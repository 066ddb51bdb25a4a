"""The engine `helm`: a chart for each agent, which Helm takes as it is.

The templates and the schema of the values are the same in every chart of a template set; what varies is in
`values.yaml` and the files below `content/`, and in `Chart.yaml` what names the chart. Helm itself is never run:
that templates and values make the objects of the engine `manifests` is a matter of tests, not of a pass.
"""

from __future__ import annotations

from headpin.rendering.chart_content import content_files, content_values
from headpin.rendering.inputs import RenderInput
from headpin.rendering.templates import RenderError, TemplateSet
from headpin.rendering.values import chart_values
from headpin.rendering.view import view
from headpin.yaml import dump, load
from headpin.yaml.emit import Value

CHART = "Chart.yaml"
VALUES = "values.yaml"

_HEAD = "# Written by headpin: a change made here is undone. What may stand here says values.schema.json.\n"


def render_chart(render: RenderInput, templates: TemplateSet) -> dict[str, str]:
    """Path in the chart to text of every file of it. Raises RenderError."""
    seen = view(render)
    values = chart_values(render, seen, content_values(render, seen))
    text = _HEAD + dump(values, blocks=True)
    _check(text, values)
    return {**templates.chart, **content_files(seen, templates), CHART: dump(_chart(render)), VALUES: text}


def _chart(render: RenderInput) -> dict[str, Value]:
    """What names the chart. Its version is its templates', and so changes only with their set."""
    return {
        "apiVersion": "v2",
        "name": render.object_name,
        "description": f"{render.name} in {render.environment}",
        "type": "application",
        "version": f"{render.template_set}.0.0",
        "appVersion": render.revision,
    }


def _check(text: str, values: dict[str, Value]) -> None:
    """Reads the values again: they are what they were, whatever is in them."""
    loaded = load(text.encode("utf-8", "surrogatepass"))
    if loaded.issues:
        raise RenderError(f"{VALUES}: {loaded.issues[0].message}")
    if dump(loaded.value) != dump(values):
        raise RenderError(f"{VALUES}: the values are not as they were written")
