"""What Kubernetes would refuse, or take and then never start, headpin refuses where it is written."""

from __future__ import annotations

from typing import Any

import pytest

from headpin.model import WorkspaceDocument, parse
from tests.rendering.deployments import Refused, deploy

UDP = {"name": "dns", "port": 53, "protocol": "UDP"}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a writable folder twice": ({"security": {"writable": ["/tmp", "/tmp"]}}, "/tmp stands under writable twice"),
    "a probe of a UDP port": (
        {"ports": [UDP], "probes": {"liveness": {"tcp": {"port": "dns"}}}},
        "the liveness probe asks the port dns, which is not TCP",
    ),
    "a probe of no port": (
        {"ports": [UDP], "probes": {"startup": {"http": {"port": "http"}}}},
        "the startup probe names the port http, which is not among ports",
    ),
    "a port's name without a letter": ({"ports": [{"name": "80", "port": 80}]}, "has a letter"),
    "a port's name with two hyphens": ({"ports": [{"name": "a--b", "port": 80}]}, "no two hyphens"),
    "a port offered twice": (
        {"ports": [{"name": "one", "port": 80}, {"name": "two", "port": 81, "servicePort": 80}]},
        "the same number",
    ),
    "thousandths of a byte": ({"resources": {"limits": {"memory": "512m"}}}, "write for example 512Mi"),
    "gigabytes of cores": ({"resources": {"requests": {"cpu": "1Gi"}}}, "is no number of cores"),
    "a request above its limit": (
        {"resources": {"requests": {"memory": "2Gi"}, "limits": {"memory": "1Gi"}}},
        "exceeds the limit",
    ),
    "a NUL in a variable": ({"variables": {"NAME": "a\0b"}}, "U+0000"),
    "a NUL in an argument": ({"args": ["a\0b"]}, "U+0000"),
    "a variable that no process can be started with": ({"variables": {"NAME": "x" * 70_000}}, "65,536"),
    "an autoscaler from zero": ({"scaling": {"minReplicas": 0, "maxReplicas": 2}}, "cannot start from 0 pods"),
    "a minimum above the maximum": ({"scaling": {"minReplicas": 3, "maxReplicas": 2}}, "exceeds maxReplicas"),
    "a file in the way of another": ({"files": {"/a": {"text": ""}, "/a/b": {"text": ""}}}, "stands in the way"),
    "a file in a folder's place": (
        {"files": {"/a": {"text": ""}}, "security": {"writable": ["/a"]}},
        "stands in the way",
    ),
}
REFUSED |= {
    "content that nobody can fetch": (
        {"content": {"files": ["**"], "mount": "init"}},
        "HP345 the content is fetched from this repository, and headpin.yaml does not say where that is; "
        "set delivery.repository in headpin.yaml",
    ),
    "a file in the content's place": (
        {"content": ["**"], "files": {"/content": {"text": ""}}},
        "the file /content stands in the way of /content",
    ),
    "a file above the content": (
        {"content": {"files": ["**"], "path": "/srv/data/x"}, "files": {"/srv/data": {"text": ""}}},
        "the file /srv/data stands in the way of /srv/data/x",
    ),
    "a file in the content": (
        {"content": ["**"], "files": {"/content/a": {"text": ""}}},
        "the file /content/a lies in the content's folder /content",
    ),
    "a writable folder in the content's place": (
        {"content": ["**"], "security": {"writable": ["/content"]}},
        "the writable folder /content lies in the content's folder /content, which is read-only",
    ),
    "a writable folder in the content": (
        {"content": ["**"], "security": {"writable": ["/content/tmp"]}},
        "the writable folder /content/tmp lies in the content's folder",
    ),
}
REFUSED |= {
    f"the secret's key {key}": ({"secrets": {"A": {"name": "some", "key": key}}}, "does not match")
    for key in (".", "..", "..data", "a/b", "a b")
}


@pytest.mark.parametrize(("agent", "told"), REFUSED.values(), ids=REFUSED.keys())
def test_is_refused(agent: dict[str, Any], told: str) -> None:
    with pytest.raises(Refused) as refused:
        deploy(agent)
    assert len(refused.value.problems) == 1
    assert told in str(refused.value)
    assert refused.value.problems[0].line > 0


@pytest.mark.parametrize("path", ["/contents", "/content-2", "/con"])
def test_a_place_beside_the_content_is_accepted(path: str) -> None:
    deploy({"content": ["**"], "files": {path: {"text": ""}}, "security": {"writable": [f"{path}x"]}})


def test_content_in_a_writable_folder_is_accepted() -> None:
    deploy({"content": {"files": ["**"], "path": "/srv/content"}, "security": {"writable": ["/srv"]}})


SECRET = {"credentials": {"secret": "config-reader"}}
BAD_DELIVERIES: dict[str, dict[str, Any]] = {
    "no address": {"repository": "config.git"},
    "a path": {"repository": "/srv/config.git"},
    "a helper": {"repository": "ext::sh -c id"},
    "an option": {"repository": "--upload-pack=id"},
    "a file": {"repository": "file:///srv/config.git"},
    "a login in the address": {"repository": "https://robin@git.example.com/config.git"},
    "a line break": {"repository": "https://git.example.com/config.git\n"},
    "a dollar": {"repository": "https://git.example.com/$(HOME)"},
    "a path that is an option": {"repository": "ssh://git@git.example.com/-x"} | SECRET,
    "a host that is an option": {"repository": "ssh://-oProxyCommand=id/config.git"} | SECRET,
    "a login over http": {"repository": "http://git.example.com/config.git"} | SECRET,
    "ssh without a key": {"repository": "git@git.example.com:config.git"},
    "an image that is none": {"gitImage": "git image"},
}


@pytest.mark.parametrize("delivery", BAD_DELIVERIES.values(), ids=BAD_DELIVERIES)
def test_an_address_that_no_pod_may_be_given_is_a_problem(delivery: dict[str, Any]) -> None:
    found, faults = parse(WorkspaceDocument, {"apiVersion": "headpin/v1", "delivery": delivery})
    assert found is None and len(faults) == 1


@pytest.mark.parametrize(
    ("delivery", "scheme"),
    [
        ({}, None),
        ({"repository": "https://git.example.com:8443/acme/config.git"}, "https"),
        ({"repository": "http://git.svc/config"}, "http"),
        ({"repository": "ssh://git.example.com/config.git"} | SECRET, "ssh"),
        ({"repository": "git@git.example.com:acme/config.git"} | SECRET, "ssh"),
    ],
)
def test_an_address_that_pods_can_use_is_accepted(delivery: dict[str, Any], scheme: str | None) -> None:
    found, faults = parse(WorkspaceDocument, {"apiVersion": "headpin/v1", "delivery": delivery})
    assert faults == () and found is not None and found.delivery.scheme == scheme


@pytest.mark.parametrize("key", [".hidden", "tls.crt", "a..b", "-", "_", "x" * 253])
def test_a_secrets_key_as_kubernetes_takes_it_is_accepted(key: str) -> None:
    deploy({"secrets": {"A": {"name": "some", "key": key}}})


@pytest.mark.parametrize("cpu", ["0", "2", "0.5", "250m", "1.125"])
@pytest.mark.parametrize("memory", ["0", "128974848", "129M", "123Mi", "1.5Gi"])
def test_a_quantity_as_people_write_it_is_accepted(cpu: str, memory: str) -> None:
    requests = deploy({"resources": {"requests": {"cpu": cpu, "memory": memory}}}).container["resources"]["requests"]
    assert requests == {"cpu": cpu, "memory": memory}


def test_annotations_of_all_layers_together_fit_on_an_object() -> None:
    half = {"serviceAccount": {"annotations": {f"wide-{number}": "x" * 10_000 for number in range(15)}}}
    other = {"serviceAccount": {"annotations": {f"own-{number}": "x" * 10_000 for number in range(15)}}}
    assert deploy(half).objects["ServiceAccount"]["metadata"]["annotations"]
    with pytest.raises(Refused, match="and an object takes 262,144"):
        deploy(half, other)
