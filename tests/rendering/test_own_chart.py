"""Charts that agents bring: how a stop and a release's content reach them, and what happens to `values.yaml`."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from headpin.problems import Problem
from headpin.tree import MemoryTree
from headpin.workspace import DocumentReader, Workspace, check
from headpin.workspace.layout import agent_layer_path, agent_path
from headpin.yaml import dump
from tests.rendering.deployments import CART, PLAIN, Rendered, deploy, deploy_from
from tests.rendering.helm import helm, lint, template, write

CONTENT = {"prompts/a.md": b"{{ .Values.image }} <no value>\n", "b/a.md": b"b", "icon.png": b"\x89PNG\r\n"}
VALUES = "image: {repository: '', tag: ''}\nreplicaCount: 1\n"
CONFIG_MAPS = """\
{{- range .Values.snapshot.configMaps }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .name }}
data:
  {{- range $path, $file := .files }}
  {{- if hasSuffix ".txt" $file }}
  {{ base $file | trimSuffix ".txt" }}: {{ $.Files.Get $file | quote | replace "<" "\\\\x3c" }}
  {{- end }}
  {{- end }}
binaryData:
  {{- range $path, $file := .files }}
  {{- if hasSuffix ".base64" $file }}
  {{ base $file | trimSuffix ".base64" }}: {{ $.Files.Get $file | trim }}
  {{- end }}
  {{- end }}
{{- end }}
"""


def _tree(chart: Mapping[str, str], agent: Mapping[str, Any], own: Mapping[str, Any] | None = None) -> MemoryTree:
    files = {
        "headpin.yaml": dump(
            {"apiVersion": "headpin/v1", "delivery": {"repository": "https://git.example.com/config.git"}}
        ),
        "environments/dev.yaml": "tracks: head\n",
        "environments/prod.yaml": "namespace: acme\n",
        "pipelines/main.yaml": "stages:\n  - environment: dev\n  - environment: prod\n",
        "projects/shop/project.yaml": "pipeline: main\n",
        agent_path(CART): dump({**PLAIN, "engine": "helm", "chart": "charts/cart", **agent}),
        **({agent_layer_path(CART, "prod"): dump(dict(own))} if own else {}),
        "charts/cart/Chart.yaml": 'apiVersion: v2\nname: cart\nversion: "1.0.0"\n',
        **{f"charts/cart/{path}": text for path, text in chart.items()},
    }
    return MemoryTree(files)


def _render(
    chart: Mapping[str, str],
    agent: Mapping[str, Any] | None = None,
    own: Mapping[str, Any] | None = None,
    content: Mapping[str, bytes] | None = None,
) -> Rendered:
    return deploy_from(_tree(chart, agent or {}, own), "prod", CART, content=content)


def _problems(
    chart: Mapping[str, str], agent: Mapping[str, Any] | None = None, own: Mapping[str, Any] | None = None
) -> list[Problem]:
    """Without what comes of a chart that has nothing but the values in question."""
    found = check(Workspace(_tree(chart, agent or {}, own), DocumentReader()))
    return [problem for problem in found if problem.message != "no value of charts/cart takes scaling"]


def _values(rendered: Rendered) -> Any:
    return yaml.load(rendered.files["values.yaml"], yaml.CSafeLoader)


# ── stopped ──────────────────────────────────────────────────────────────────────────────────────────

SCALED = {"scaling": {"minReplicas": 2, "maxReplicas": 5}}


def _created(folder: Path) -> dict[str, str]:
    """The chart that `helm create` makes, without its test."""
    assert helm("create", folder / "cart").returncode == 0
    found = {path.relative_to(folder / "cart").as_posix(): path for path in (folder / "cart").rglob("*")}
    return {name: path.read_text() for name, path in found.items() if path.is_file() and "/tests/" not in name}


def test_a_stop_reaches_the_chart_that_helm_create_makes(tmp_path: Path) -> None:
    chart = _created(tmp_path)
    running, stopped = (_render(chart, SCALED, {"stopped": value}) for value in (False, True))
    made = template(write(tmp_path / "running", running.files))
    assert made["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] == 5
    folder = write(tmp_path / "stopped", stopped.files)
    lint(folder)
    made = template(folder)
    assert "HorizontalPodAutoscaler" not in made and made["Deployment"]["spec"]["replicas"] == 0
    assert _problems(chart, SCALED, {"stopped": True}) == []


def test_a_stop_changes_the_lines_that_have_to() -> None:
    chart = {"values.yaml": VALUES + "autoscaling: {enabled: false, minReplicas: 1, maxReplicas: 1}\n"}
    running, stopped = (_values(_render(chart, SCALED, {"stopped": value})) for value in (False, True))
    assert (running["replicaCount"], running["autoscaling"]["enabled"]) == (2, True)
    assert stopped == {**running, "replicaCount": 0, "autoscaling": {**running["autoscaling"], "enabled": False}}


@pytest.mark.parametrize(
    ("values", "rule", "told"),
    [
        ("replicaCount: 1\n", {}, False),
        ("autoscaling: {enabled: true, minReplicas: 1, maxReplicas: 1}\n", {}, True),
        ("replicaCount: 1\nautoscaling: {minReplicas: 1, maxReplicas: 1}\n", {}, True),
        ("replicaCount: 1\nautoscaling: {enabled: true, minReplicas: 1, maxReplicas: 1}\n", {}, False),
        ("autoscaling: {minReplicas: 1, maxReplicas: 1}\n", {"halted": "stopped"}, False),
    ],
)
def test_a_stop_that_the_chart_cannot_carry_out_is_told(values: str, rule: dict[str, str], told: bool) -> None:
    chart = {"values.yaml": "image: {repository: '', tag: ''}\n" + values}
    agent = {"chart": {"path": "charts/cart", "values": rule}}
    found = _problems(chart, agent, {"stopped": True})
    assert [problem.message for problem in found] == (["no value of charts/cart takes stopped"] if told else [])
    assert _problems(chart, agent) == []


def test_a_chart_may_take_the_stop_itself() -> None:
    agent = {"chart": {"path": "charts/cart", "values": {"halted": "stopped"}}}
    for stopped in (False, True):
        assert _values(_render({"values.yaml": VALUES}, agent, {"stopped": stopped}))["halted"] is stopped


# ── content ──────────────────────────────────────────────────────────────────────────────────────────

TAKES_CONTENT = {"chart": {"path": "charts/cart", "values": {"snapshot": "content"}}, "content": ["**"]}


def test_a_chart_makes_config_maps_of_the_same_files_as_headpins_own(tmp_path: Path) -> None:
    rendered = _render({"values.yaml": VALUES, "templates/content.yaml": CONFIG_MAPS}, TAKES_CONTENT, content=CONTENT)
    (expected,) = deploy({"content": ["**"]}, content=CONTENT).content_maps
    folder = write(tmp_path / "chart", rendered.files)
    lint(folder)
    made = template(folder)["ConfigMap content 1"]
    assert made["metadata"]["name"] == expected["metadata"]["name"]
    assert (made["data"], made["binaryData"]) == (expected["data"], expected["binaryData"])
    assert base64.b64decode(made["binaryData"]["icon.png"]) == CONTENT["icon.png"]
    (found,) = _values(rendered)["snapshot"]["configMaps"]
    assert list(found["files"]) == sorted(CONTENT)


def test_a_chart_gets_the_container_that_fetches() -> None:
    agent = {**TAKES_CONTENT, "content": {"files": ["**"], "mount": "init"}}
    rendered = _render({"values.yaml": VALUES}, agent, content=CONTENT)
    init = _values(rendered)["snapshot"]["init"]
    assert rendered.render.content is not None
    assert init["env"]["HEADPIN_CONTENT"] == rendered.render.content.id
    assert [path for path in rendered.files if path.startswith("content/")] == ["content/fetch-content.sh"]
    (container,) = deploy(
        {"content": agent["content"]}, content=CONTENT, delivery={"repository": "https://git.example.com/config.git"}
    ).pod["initContainers"]
    assert rendered.files["content/fetch-content.sh"] == container["command"][2]


def test_a_release_without_content_says_so() -> None:
    rendered = _render({"values.yaml": VALUES}, TAKES_CONTENT)
    assert _values(rendered)["snapshot"] == {}
    assert not any(path.startswith("content/") for path in rendered.files)


def test_content_without_a_place_is_told_and_left_out() -> None:
    (found,) = _problems({"values.yaml": VALUES}, {"content": ["**"]})
    assert (found.code, found.message) == ("HP337", "no value of charts/cart takes content")
    rendered = _render({"values.yaml": VALUES}, {"content": ["**"]}, content=CONTENT)
    assert set(rendered.files) == {"Chart.yaml", "values.yaml"}


def test_a_folder_of_the_chart_in_the_contents_place_is_a_problem() -> None:
    chart = {"values.yaml": VALUES, "content/a.txt": "mine\n"}
    (found,) = _problems(chart, TAKES_CONTENT)
    assert found.code == "HP335" and "charts/cart has a folder content/" in found.message
    assert "another name" in found.remedy
    assert _problems(chart) == []
    assert _render(chart).files["content/a.txt"] == "mine\n"


# ── values.yaml ──────────────────────────────────────────────────────────────────────────────────────


def test_anchors_and_aliases_are_told_where_they_stand_with_what_to_do() -> None:
    chart = {"values.yaml": VALUES + "labels: &labels\n  a: b\nmore:\n  <<: *labels\n  own: *labels\n"}
    found = _problems(chart)
    assert {(problem.code, problem.path) for problem in found} == {("HP335", "charts/cart/values.yaml")}
    assert [problem.line for problem in found] == [3, 6, 6, 7]
    assert all("write out" in problem.remedy for problem in found)
    assert [problem.message for problem in found] == [
        "an anchor is not accepted",
        "merge keys are not accepted",
        "an alias is not accepted",
        "an alias is not accepted",
    ]


def test_every_line_but_those_of_the_values_stays_as_it_is() -> None:
    text = (
        "# Values\r\nimage:\r\n  repository: 'x' # where\r\n  tag: \"\"\r\n\r\n"
        "# How many\r\nreplicaCount: 1\r\nother:\r\n- a\r\n-   b # b\r\nblock: |\r\n  one\r\n\r\nenv: []\r\n# end"
    )
    rendered = _render({"values.yaml": text}, {"variables": {"A": "1"}, "scaling": {"minReplicas": 3}})
    revision = rendered.render.revision
    assert rendered.files["values.yaml"] == (
        text.replace("'x'", "'registry.example.com/shop/cart'")
        .replace('tag: ""', f'tag: "{revision}"')
        .replace("replicaCount: 1", "replicaCount: 3")
        .replace("env: []", 'env:\r\n- name: "A"\r\n  value: "1"')
    )


@pytest.mark.parametrize("values", ["", "# nothing yet\n", "{}\n"])
def test_values_without_keys_are_filled_in_too(values: str) -> None:
    agent = {"chart": {"path": "charts/cart", "values": {"app.image": "image", "app.count": "replicas"}}}
    rendered = _render({"values.yaml": values}, agent)
    assert _values(rendered) == {"app": {"image": rendered.render.image, "count": 1}}
