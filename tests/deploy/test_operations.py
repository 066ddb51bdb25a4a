"""docs/operations.md and the files that it is about name what there is: values, options, metrics."""

from __future__ import annotations

import re
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from headpin.cli.app import app
from headpin.telemetry import Metrics
from tests.deploy.chart import DEPLOY, plain_values, pods, rendered
from tests.deploy.test_chart import EVERYTHING, LEAST
from tests.programs import kustomize

PAGE = (DEPLOY.parent / "docs" / "operations.md").read_text("utf-8")
_LETTERS = re.compile(r"--[a-z][a-z-]+")
_OF_OTHERS = {"--group-add", "--from"}
"""Options of the programs that build and run containers."""

_VARIABLE = re.compile(r"\bHEADPIN_RUN_[A-Z_]+\b")


def _blocks(first: str) -> list[Any]:
    texts = re.findall(rf"(?ms)^```yaml\n# {re.escape(first)}\n(.*?)^```", PAGE)
    assert texts
    return [yaml.load(text, yaml.CSafeLoader) for text in texts]


def test_the_chart_takes_the_values_of_the_page(tmp_path: Path) -> None:
    whole, notify, shards = _blocks("values.yaml")
    assert len(pods(rendered(tmp_path, whole))) == 1
    assert len(pods(rendered(tmp_path, LEAST | notify))) == 1
    assert len(pods(rendered(tmp_path, LEAST | shards))) == 2


def test_the_kustomization_of_the_page_goes_on_top_of_the_manifests(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY / "kubernetes", tmp_path / "base")
    (own,) = _blocks("kustomization.yaml")
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(own))
    built = list(yaml.load_all(kustomize(tmp_path), yaml.CSafeLoader))
    assert {value["metadata"]["namespace"] for value in built} == {"tools"}
    assert [pod["spec"]["containers"][0]["image"] for pod in pods(built)] == ["registry.example.com/own:v1"]


def test_every_value_that_the_page_names_is_one(tmp_path: Path) -> None:
    values = yaml.load((DEPLOY / "chart" / "headpin" / "values.yaml").read_text("utf-8"), yaml.CSafeLoader)
    named = re.findall(r"(?m)^\| `([a-zA-Z.]+)` \|", PAGE.partition("## In Kubernetes")[2].partition("## Cred")[0])
    assert named
    for name in named:
        found = values
        for part in name.split("."):
            found = found[part]


@pytest.fixture(scope="module")
def run_options() -> tuple[set[str], set[str]]:
    """The options of `headpin run`, and the variables that stand for them."""
    import_module("headpin.cli.run")
    group: Any = typer.main.get_command(app)
    options = {option for parameter in group.commands["run"].params for option in parameter.opts}
    options = {option for option in options if option.startswith("--")}
    return options, {f"HEADPIN_RUN_{option.removeprefix('--').replace('-', '_').upper()}" for option in options}


def test_headpin_run_has_the_options_that_it_is_started_with(
    tmp_path: Path, run_options: tuple[set[str], set[str]]
) -> None:
    options, variables = run_options
    given: set[str] = set()
    for values in (plain_values(), EVERYTHING | {"extraArgs": []}):
        for pod in pods(rendered(tmp_path, values)):
            given |= {text.partition("=")[0] for text in pod["spec"]["containers"][0]["args"][1:]}
    unit = (DEPLOY / "systemd" / "headpin.service").read_text("utf-8")
    given |= set(_LETTERS.findall(re.findall(r"(?m)^ExecStart=(.*)$", unit)[0]))
    table = PAGE.partition("## Credentials")[2].partition("## Webhooks")[0]
    given |= set(re.findall(r"\| `(--[a-z-]+)` \|", table))
    given |= set(_LETTERS.findall(PAGE.partition("headpin:0.1.0 run")[2].partition("```")[0]))
    given |= set(re.findall(r"`(--[a-z-]+)", PAGE)) - _OF_OTHERS
    assert len(given) > 8
    assert given <= options
    texts = [
        PAGE,
        unit,
        *((DEPLOY / name).read_text("utf-8") for name in ("systemd/headpin.env", "container/Containerfile")),
    ]
    assert {name for text in texts for name in _VARIABLE.findall(text)} <= variables


def test_the_page_names_every_metric_and_no_other() -> None:
    text = Metrics().text().decode()
    there = set(re.findall(r"(?m)^# TYPE (headpin_\w+) ", text))
    named = set(re.findall(r"headpin_[a-z_]+", PAGE))
    assert named == there
