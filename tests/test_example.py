"""The example that people copy: valid without a warning, complete, and reconciled without a hold."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest

from headpin.git import Repository
from headpin.model import KINDS, json_schema
from headpin.problems import Problem
from headpin.resources import resource
from headpin.tree import DiskTree, Tree
from headpin.types import AgentName
from headpin.workspace import DocumentReader, Workspace, check
from headpin.workspace.layout import Place, classify
from headpin.yaml import load
from tests.example import EXAMPLE, IN_DEV, example_world
from tests.world import World

SCHEMAS = resource("schemas")
DOCUMENTS = sorted(
    path
    for file in EXAMPLE.rglob("*.yaml")
    if isinstance(classify(path := file.relative_to(EXAMPLE).as_posix()), Place)
)
AUTOSCALED = ["horizontalpodautoscaler.yaml", "poddisruptionbudget.yaml"]


def _problems(tree: Tree) -> tuple[Problem, ...]:
    return check(Workspace(tree, DocumentReader()))


def _kind(path: str) -> str:
    place = classify(path)
    assert isinstance(place, Place)
    return place.kind


@pytest.fixture
def example(tmp_path: Path) -> World:
    """The example as a repository."""
    return example_world(tmp_path)


def _promote_all(world: World, source: str, target: str, agents: list[AgentName]) -> None:
    pins = {f"pins/{target}/{agent}.yaml": world.pin_text(source, agent) for agent in agents}
    world.commit(f"Promote everything from {source} to {target}", pins)
    assert not world.settle().holds


def test_it_is_valid_without_a_warning_on_disk() -> None:
    assert _problems(DiskTree(EXAMPLE)) == ()


def test_it_is_valid_without_a_warning_as_a_commit(example: World) -> None:
    repository = Repository.open(example.config)
    assert _problems(repository.tree_at(repository.commit(example.revision()).tree)) == ()


def test_it_shows_every_shape() -> None:
    workspace = Workspace(DiskTree(EXAMPLE), DocumentReader())
    assert list(workspace.environment_order) == ["dev", "staging", "prod"]
    assert len(workspace.pipelines) == 2
    assert len(workspace.projects) == 3
    agents = {name: document.model for name in workspace.all_agents() if (document := workspace.agent(name))}
    models = [model for model in agents.values() if model]
    assert len(models) >= 5
    assert any(model.ports and model.probes.readiness and model.probes.readiness.http for model in models)
    assert any(not model.ports for model in models)
    assert any(
        len(model.variables) >= 8
        and len(model.files) >= 3
        and any(file and file.secret for file in model.files.values())
        for model in models
    )
    assert any(model.secrets for model in models)
    assert any(model.source.repository == "." and model.source.path for model in models)
    layers = [workspace.own_layers("staging", name) for name in agents]
    at_most = [own.agent.model.scaling.max_replicas for own in layers if own and own.agent and own.agent.model]
    assert 0 in at_most
    assert workspace.defaults() and workspace.defaults("support")
    assert workspace.own_layers("staging", AgentName("support", "triage")).project  # type: ignore[union-attr]


def test_it_has_no_pins_because_they_need_real_revisions() -> None:
    assert not (EXAMPLE / "pins").exists()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_first_line_of_a_document_leads_an_editor_to_the_schema_of_its_kind(path: str) -> None:
    first = (EXAMPLE / path).read_text("utf-8").splitlines()[0]
    found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert found, first
    schema = (EXAMPLE / path).parent / found.group(1)
    assert schema.resolve() == (EXAMPLE / ".schemas" / f"{_kind(path)}.json").resolve()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_satisfies_its_json_schema(path: str) -> None:
    schema = json.loads(json_schema(_kind(path)))
    value = json.loads(json.dumps(load((EXAMPLE / path).read_bytes()).value))
    jsonschema.Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("folder", [SCHEMAS, EXAMPLE / ".schemas"], ids=["schemas", "example"])
def test_a_stored_schema_is_what_the_model_says(folder: Path, kind: str) -> None:
    stored = (folder / f"{kind}.json").read_text("utf-8")
    place = "schemas" if folder == SCHEMAS else "example-config-repo/.schemas"
    assert stored == json_schema(kind), f"out of date; run: headpin schema --output-dir {place}"


@pytest.mark.parametrize("folder", [SCHEMAS, EXAMPLE / ".schemas"], ids=["schemas", "example"])
def test_no_schema_is_left_of_a_kind_that_is_gone(folder: Path) -> None:
    assert {file.stem for file in folder.glob("*.json")} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_valid_itself(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(json_schema(kind)))


def test_dev_runs_every_agent_with_the_objects_of_its_shape(example: World) -> None:
    report = example.settle()
    assert not report.holds and not report.failed and not report.sources
    files = example.files("dev")
    found = {
        agent: sorted(name for path in files if (name := path.removeprefix(f"manifests/{agent}/")) != path)
        for agent in IN_DEV
    }
    assert found == {agent: sorted(names) for agent, names in IN_DEV.items()}
    projects = {"billing", "platform", "support"}
    listed = {path for path in files if path.count("/") == 2}
    assert listed == {f"manifests/{project}/kustomization.yaml" for project in projects}


def test_promoted_to_prod_it_is_held_nowhere(example: World) -> None:
    example.settle()
    agents = [AgentName(*name.split("/")) for name in IN_DEV]
    standard = [agent for agent in agents if agent.project != "platform"]
    _promote_all(example, "dev", "staging", standard)
    _promote_all(example, "staging", "prod", standard)
    _promote_all(example, "dev", "prod", [AgentName("platform", "status-page")])

    staging = example.files("staging")
    assert "replicas: 0\n" in staging["manifests/billing/reminders/deployment.yaml"] + "\n"
    assert not any(path.startswith("manifests/platform/") for path in staging)
    prod = example.files("prod")
    scaled = {path.split("/")[2] for path in prod if path.endswith("horizontalpodautoscaler.yaml")}
    assert scaled == {"triage", "answers"}
    assert all(f"manifests/support/triage/{name}" in prod for name in AUTOSCALED)
    assert "replicas: 1\n" in prod["manifests/support/mailroom/deployment.yaml"]
    assert "team" in prod["manifests/support/answers/configmap.yaml"]


def test_git_asks_where_two_branches_move_the_same_pin(example: World) -> None:
    pin = "pins/prod/support/triage.yaml"
    said = example.git("check-attr", "merge", pin)
    assert said == f"{pin}: merge: unset"
