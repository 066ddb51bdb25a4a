"""Which objects a deployment has, and what is in them: scaling, ports, probes, security, defaults."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.rendering.deployments import REVISION, deploy
from tests.rendering.kubernetes import faults

HTTP = {"name": "http", "port": 8080}


@hypothesis.given(low=st.integers(0, 6), more=st.integers(0, 6))
def test_an_autoscaler_owns_the_replicas_or_nobody_does(low: int, more: int) -> None:
    low = max(low, 1) if more else low
    rendered = deploy({"scaling": {"minReplicas": low, "maxReplicas": low + more}})
    spec = rendered.objects["Deployment"]["spec"]
    assert ("HorizontalPodAutoscaler" in rendered.objects) == (more > 0)
    assert spec.get("replicas") == (None if more else low)
    assert ("PodDisruptionBudget" in rendered.objects) == (low >= 2)
    if more:
        scaler = rendered.objects["HorizontalPodAutoscaler"]["spec"]
        assert (scaler["minReplicas"], scaler["maxReplicas"]) == (low, low + more)
        assert scaler["scaleTargetRef"]["name"] == rendered.objects["Deployment"]["metadata"]["name"]
    assert faults(rendered.objects) == []


@pytest.mark.parametrize(
    ("agent", "own", "expected"),
    [
        ({}, {}, (1, 1)),
        ({"minReplicas": 3}, {}, (3, 3)),
        ({}, {"maxReplicas": 4}, (1, 4)),
        ({"minReplicas": 2, "maxReplicas": 6}, {"maxReplicas": 3}, (2, 3)),
        ({"minReplicas": 2, "maxReplicas": 6}, {"minReplicas": 0, "maxReplicas": 0}, (0, 0)),
    ],
)
def test_layers_of_scaling_come_together_key_by_key(
    agent: dict[str, int], own: dict[str, int], expected: tuple[int, int]
) -> None:
    scaling = deploy({"scaling": agent}, {"scaling": own}).render.effective.scaling
    assert (scaling.min_replicas, scaling.max_replicas) == expected


def test_no_pods_is_a_deployment_of_no_replicas_and_neither_autoscaler_nor_budget() -> None:
    rendered = deploy({"scaling": {"minReplicas": 0}})
    assert rendered.objects["Deployment"]["spec"]["replicas"] == 0
    assert set(rendered.objects) == {"Deployment", "ServiceAccount"}


def test_a_budget_lets_a_node_be_drained() -> None:
    budget = deploy({"scaling": {"minReplicas": 2}}).objects["PodDisruptionBudget"]["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_without_ports_there_is_no_service() -> None:
    assert "Service" not in deploy().objects
    assert "ports" not in deploy().container


def test_a_service_offers_its_own_number_and_finds_the_port_by_name() -> None:
    rendered = deploy({"ports": [{**HTTP, "servicePort": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]})
    assert rendered.objects["Service"]["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"},
        {"name": "dns", "port": 53, "targetPort": "dns", "protocol": "UDP"},
    ]


@pytest.mark.parametrize("kind", ["startup", "readiness", "liveness"])
@pytest.mark.parametrize(
    ("written", "handler"),
    [
        ({"http": {"port": "http", "path": "/ok?a=b"}}, {"httpGet": {"path": "/ok?a=b", "port": "http"}}),
        ({"http": {"port": "http"}}, {"httpGet": {"path": "/", "port": "http"}}),
        ({"tcp": {"port": "http"}}, {"tcpSocket": {"port": "http"}}),
        ({"exec": {"command": ["check", "- x", ""]}}, {"exec": {"command": ["check", "- x", ""]}}),
    ],
)
def test_a_probe_is_rendered_as_it_is_written(kind: str, written: dict[str, Any], handler: dict[str, Any]) -> None:
    rendered = deploy({"ports": [HTTP], "probes": {kind: {**written, "period": 7, "failures": 9}}})
    times = {"initialDelaySeconds": 0, "periodSeconds": 7, "timeoutSeconds": 2, "failureThreshold": 9}
    assert rendered.container[f"{kind}Probe"] == {**handler, **times}
    assert faults(rendered.objects) == []


def test_pods_meet_the_restricted_pod_security_standard() -> None:
    """https://kubernetes.io/docs/concepts/security/pod-security-standards/, "Restricted"."""
    files = {"/etc/a": {"text": "a"}, "/etc/b": {"secret": {"name": "tls", "key": "ca.crt"}}}
    rendered = deploy({"ports": [HTTP], "files": files, "security": {"runAsUser": 1000}})
    pod, container = rendered.pod, rendered.container
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not any("hostPort" in port for port in container["ports"])
    kinds = {kind for volume in pod["volumes"] for kind in volume if kind != "name"}
    assert kinds == {"emptyDir", "configMap", "secret"}


def test_a_pod_gets_no_token_of_the_cluster() -> None:
    rendered = deploy()
    assert rendered.pod["automountServiceAccountToken"] is False
    assert rendered.objects["ServiceAccount"]["automountServiceAccountToken"] is False


def test_other_services_put_no_variables_into_a_pod() -> None:
    assert deploy().pod["enableServiceLinks"] is False


def test_pods_are_spread_over_nodes_and_zones_where_that_is_possible() -> None:
    rendered = deploy()
    spread = rendered.pod["topologySpreadConstraints"]
    assert [item["topologyKey"] for item in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    selector = rendered.objects["Deployment"]["spec"]["selector"]
    for item in spread:
        assert (item["whenUnsatisfiable"], item["labelSelector"]) == ("ScheduleAnyway", selector)


def test_a_variable_is_the_text_that_was_written() -> None:
    """Kubernetes would expand $(NAME) and halve $$ (container.env.value in its API reference)."""
    env = deploy({"variables": {"COST": "$5 $(HOME) $$"}}).container["env"]
    assert env == [{"name": "COST", "value": "$$5 $$(HOME) $$$$"}]


@pytest.mark.parametrize("text", ["no", "0755", "1e3", "null", "~", "", " ", "a: b", "#x", "'", '"', "\\", "é\u200b"])
def test_no_value_becomes_another_type_on_the_way(text: str) -> None:
    rendered = deploy({"variables": {"A": text}, "args": [text], "files": {"/etc/a": {"text": text}}})
    assert rendered.container["env"] == [{"name": "A", "value": text}]
    assert rendered.container["args"] == [text]
    assert rendered.objects["ConfigMap"]["data"] == {"a": text}


def test_a_narrower_layer_turns_a_variable_into_a_secret_and_back() -> None:
    reference = {"name": "some", "key": "key"}
    hidden = deploy({"variables": {"A": "1"}}, {"secrets": {"A": reference}}).container["env"]
    assert hidden == [{"name": "A", "valueFrom": {"secretKeyRef": reference}}]
    assert deploy({"secrets": {"A": reference}}, {"variables": {"A": "1"}}).container["env"] == [
        {"name": "A", "value": "1"}
    ]
    assert "env" not in deploy({"variables": {"A": "1"}}, {"variables": {"A": None}}).container


def test_every_object_says_what_it_belongs_to() -> None:
    rendered = deploy({"ports": [HTTP], "files": {"/etc/a": {"text": "a"}}, "scaling": {"minReplicas": 2}})
    for found in rendered.objects.values():
        assert found["metadata"]["labels"] == {
            "app.kubernetes.io/name": "cart",
            "app.kubernetes.io/instance": "shop-cart",
            "app.kubernetes.io/part-of": "shop",
            "app.kubernetes.io/managed-by": "headpin",
        }
        assert found["metadata"]["namespace"] == "acme"
    assert rendered.objects["Deployment"]["metadata"]["annotations"] == {
        "headpin.dev/environment": "prod",
        "headpin.dev/revision": REVISION,
        "headpin.dev/version": "v3",
    }
