"""Whatever headpin accepts, Kubernetes accepts: generated settings against its schemas and naming rules."""

from __future__ import annotations

import os
from typing import Any

import hypothesis
import kubernetes_validate
import pytest
from hypothesis import strategies as st
from kubernetes_validate import utils

from headpin.types import AgentName
from tests.rendering import strategies as some
from tests.rendering.deployments import Refused, Rendered, deploy, read
from tests.rendering.kubernetes import VERSIONS, faults

EXAMPLES = 1000 if os.environ.get("CI") == "true" else 150

EVERYTHING = deploy(
    {
        "ports": [{"name": "http", "port": 8080}],
        "files": {"/etc/a": {"text": "a"}},
        "scaling": {"minReplicas": 2, "maxReplicas": 4},
        "content": ["**"],
    },
    content={"prompts/system.md": b"be kind\n", "data/all.bin": bytes(range(256))},
)
FETCHING = deploy(
    {"content": {"files": ["**"], "mount": "init"}},
    delivery={"repository": "git@git.example.com:acme/config.git", "credentials": {"secret": "config-reader"}},
    content={"data/all.bin": bytes(range(256))},
)


@hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.filter_too_much, hypothesis.HealthCheck.too_slow],
)
@hypothesis.given(
    agent=some.agents(),
    own=some.settings_layers(),
    name=some.AGENT_NAMES,
    content=st.one_of(st.none(), some.CONTENTS),
    files=some.CONTENT_FILES,
    delivery=some.DELIVERIES,
)
def test_kubernetes_accepts_what_headpin_renders(
    agent: dict[str, Any],
    own: dict[str, Any],
    name: AgentName,
    content: dict[str, Any] | None,
    files: dict[str, bytes],
    delivery: dict[str, Any],
) -> None:
    if content:
        agent = {**agent, "content": content}
    try:
        rendered = deploy(agent, own, name=name, delivery=delivery, content=files if content else None)
    except Refused as refused:
        hypothesis.event("refused " + refused.problems[0].code)
        return
    hypothesis.event(f"rendered, content {content['mount'] if content else 'none'}")
    assert faults(rendered.objects) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("rendered", "path"),
    [*((EVERYTHING, path) for path in sorted(EVERYTHING.files)), (FETCHING, "deployment.yaml")],
    ids=[*sorted(EVERYTHING.files), "fetching"],
)
def test_kubernetes_validate_itself_agrees(version: str, rendered: Rendered, path: str) -> None:
    """`faults` takes a shortcut to the package's schemas; this is the way that its documentation shows."""
    for found in read({path: rendered.files[path]}).values():
        assert kubernetes_validate.validate(found, version, strict=True) == utils.major_minor(version)


def test_kubernetes_validate_finds_fault_at_all() -> None:
    broken = {**EVERYTHING.objects, "Service": {**EVERYTHING.objects["Service"], "specs": {}}}
    assert len(faults(broken)) == len(VERSIONS)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken["Service"], VERSIONS[0], strict=True)
