"""The rules about charts that agents bring: whether headpin's values reach them, and whether anything uses them."""

from __future__ import annotations

from collections.abc import Iterator

from headpin.problems import Problem, errors
from headpin.types import AgentName
from headpin.workspace.chart_places import places_in, without_place
from headpin.workspace.charts import CONTENT_FOLDER, VALUES_FILE
from headpin.workspace.settings import Effective, OwnLayers
from headpin.workspace.snapshot import Snapshot
from headpin.workspace.workspace import Workspace


def chart_problems(workspace: Workspace, agent: AgentName, snapshot: Snapshot) -> Iterator[Problem]:
    """What is wrong between an agent and its chart; what is wrong in the chart itself is among the snapshot's."""
    model, chart = snapshot.agent.model, snapshot.chart
    if model is None or model.chart is None or chart is None:
        return
    if not errors(chart.problems):
        places = places_in(chart, model.chart)
        for path in places.blocked:
            said = f"{chart.path}/{VALUES_FILE} has no mapping to put {'.'.join(path)} into"
            yield snapshot.agent.problem("HP335", ("chart", "values", ".".join(path)), said)
        if not places.has_image:
            said = f"the release's image has no place in {chart.path}/{VALUES_FILE}"
            yield snapshot.agent.problem("HP335", ("chart",), said)
        if "content" in places.names and any(path.startswith(f"{CONTENT_FOLDER}/") for path in chart.files):
            said = f"{chart.path} has a folder {CONTENT_FOLDER}/, and headpin would put the content there"
            yield snapshot.agent.problem("HP335", ("chart",), said, remedy="give that folder another name")
    reached = [workspace.environments.get(stage.environment) for stage in workspace.stages(agent.project)]
    engines = {found.model.engine for found in reached if found and found.model}
    if model.engine is None and engines and "helm" not in engines:
        said = f"no environment of {agent.project} has the engine helm"
        yield snapshot.agent.problem("HP336", ("chart",), said)


def settings_without_place(snapshot: Snapshot, own: OwnLayers, effective: Effective) -> Iterator[Problem]:
    """The settings of a deployment that do not reach its chart."""
    model, chart, environment = snapshot.agent.model, snapshot.chart, own.environment.model
    if model is None or model.chart is None or chart is None or environment is None:
        return
    if (model.engine or environment.engine) == "helm":
        for name in without_place(places_in(chart, model.chart), effective, model.content is not None):
            yield snapshot.agent.problem("HP337", ("chart",), f"no value of {chart.path} takes {name}")
