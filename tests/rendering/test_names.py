"""Names of objects: as Kubernetes takes them, the longest included, and nobody's twice."""

from __future__ import annotations

import hypothesis
import pytest
from hypothesis import strategies as st

from headpin.tree import MemoryTree
from headpin.types import AgentName
from headpin.workspace import DocumentReader, Workspace, check, object_name
from headpin.workspace.naming import MAX_OBJECT_NAME, namesakes
from headpin.yaml import dump
from tests.rendering import strategies as some
from tests.rendering.deployments import PLAIN, deploy
from tests.rendering.kubernetes import faults

EVERYTHING = {
    "ports": [{"name": "http", "port": 8080}],
    "files": {"/etc/a": {"text": "a"}, "/etc/b": {"secret": {"name": "tls", "key": "ca.crt"}}},
    "scaling": {"minReplicas": 2, "maxReplicas": 4},
}
LONGEST = (
    AgentName("p" * 40, "a" * 40),
    AgentName("p" * 39 + "0", "a" + "-" * 38 + "z"),
    AgentName("p" + "-" * 38 + "0", "a" + "-" * 38 + "z"),
    AgentName("p" * 12, "a" * 39),
    AgentName("p" * 12, "a" * 40),
)


@pytest.mark.parametrize("name", LONGEST, ids=str)
def test_the_longest_names_are_taken(name: AgentName) -> None:
    rendered = deploy(EVERYTHING, name=name)
    assert len(rendered.objects) == 6
    assert faults(rendered.objects) == []


@hypothesis.given(name=some.AGENT_NAMES)
def test_every_name_is_a_label_with_room_for_a_hash(name: AgentName) -> None:
    assert len(object_name(name)) <= MAX_OBJECT_NAME
    assert len(deploy(EVERYTHING, name=name).objects["ConfigMap"]["metadata"]["name"]) <= 63


@hypothesis.given(names=st.lists(some.AGENT_NAMES, min_size=2, max_size=2, unique=True), data=st.data())
def test_two_agents_have_one_name_only_where_headpin_says_so(names: list[AgentName], data: st.DataObject) -> None:
    one, other = names
    if data.draw(st.booleans()) and (alike := list(namesakes(one))):
        other = data.draw(st.sampled_from(alike))
    assert (object_name(one) == object_name(other)) == (other in set(namesakes(one)))


def test_nobody_can_choose_the_name_of_a_longer_one() -> None:
    shortened = object_name(AgentName("customers-europe", "a" * 40))
    squatter = AgentName("customers-europe", shortened.removeprefix("customers-europe-"))
    assert f"{squatter.project}-{squatter.agent}" == shortened
    assert object_name(squatter) != shortened


def test_namesakes_are_a_problem_of_both() -> None:
    names = (AgentName("shop-cart", "worker"), AgentName("shop", "cart-worker"))
    files = {
        "headpin.yaml": "apiVersion: headpin/v1\n",
        "environments/dev.yaml": "tracks: head\n",
        "pipelines/only.yaml": "stages:\n  - environment: dev\n",
    }
    for name in names:
        files[f"projects/{name.project}/project.yaml"] = "pipeline: only\n"
        files[f"projects/{name.project}/agents/{name.agent}/agent.yaml"] = dump(PLAIN)
    found = [(problem.code, problem.path) for problem in check(Workspace(MemoryTree(files), DocumentReader()))]
    assert found == [
        ("HP312", "projects/shop-cart/agents/worker/agent.yaml"),
        ("HP312", "projects/shop/agents/cart-worker/agent.yaml"),
    ]
