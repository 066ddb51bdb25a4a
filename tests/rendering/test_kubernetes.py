"""Whatever headpin accepts, Kubernetes accepts: generated settings against its schemas and naming rules."""

from __future__ import annotations

from typing import Any

import hypothesis

from headpin.types import AgentName
from tests.rendering import strategies as some
from tests.rendering.deployments import Refused, deploy
from tests.rendering.kubernetes import faults


@hypothesis.settings(
    max_examples=400,
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
