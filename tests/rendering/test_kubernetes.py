"""Whatever headpin accepts, Kubernetes accepts: generated settings against its schemas and naming rules."""

from __future__ import annotations

import os
from typing import Any

import hypothesis
import kubernetes_validate
import pytest
from kubernetes_validate import utils

from headpin.types import AgentName
from tests.rendering import strategies as some
from tests.rendering.deployments import Refused, deploy, read
from tests.rendering.kubernetes import VERSIONS, faults

EXAMPLES = 1000 if os.environ.get("CI") == "true" else 150

EVERYTHING = deploy(
    {
        "ports": [{"name": "http", "port": 8080}],
        "files": {"/etc/a": {"text": "a"}},
        "scaling": {"minReplicas": 2, "maxReplicas": 4},
    }
)


@hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.filter_too_much, hypothesis.HealthCheck.too_slow],
)
@hypothesis.given(agent=some.agents(), own=some.settings_layers(), name=some.AGENT_NAMES)
def test_kubernetes_accepts_what_headpin_renders(agent: dict[str, Any], own: dict[str, Any], name: AgentName) -> None:
    try:
        rendered = deploy(agent, own, name=name)
    except Refused as refused:
        hypothesis.event("refused " + refused.problems[0].code)
        return
    hypothesis.event("rendered")
    assert faults(rendered.objects) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", sorted(EVERYTHING.files))
def test_kubernetes_validate_itself_agrees(version: str, path: str) -> None:
    """`faults` takes a shortcut to the package's schemas; this is the way that its documentation shows."""
    for found in read({path: EVERYTHING.files[path]}).values():
        assert kubernetes_validate.validate(found, version, strict=True) == utils.major_minor(version)


def test_kubernetes_validate_finds_fault_at_all() -> None:
    broken = {**EVERYTHING.objects, "Service": {**EVERYTHING.objects["Service"], "specs": {}}}
    assert len(faults(broken)) == len(VERSIONS)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken["Service"], VERSIONS[0], strict=True)
