"""headpin's chart: Helm takes it, Kubernetes takes what it makes, and its parts fit together."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from headpin import __version__
from tests.deploy.chart import CHART, NAMESPACE, of_kind, plain_values, pods, rendered, run_template
from tests.deploy.restricted import violations
from tests.rendering.helm import helm, lint
from tests.rendering.kubernetes import VERSIONS, is_label, schema_faults

LEAST: dict[str, Any] = {
    "repository": "https://git.example.com/acme/config.git",
    "image": {"repository": "registry.example.com/headpin"},
}
SHARDS = [
    {"name": "early", "environments": ["dev", "staging"]},
    {"name": "prod", "environments": ["prod", "prod-*"]},
]
HOOKS = {"secrets": [{"secret": "headpin-webhooks", "key": "current"}, {"secret": "headpin-webhooks", "key": "next"}]}
EVERYTHING: dict[str, Any] = LEAST | {
    "image": {
        "repository": "registry.example.com/tools/headpin",
        "digest": f"sha256:{'0' * 64}",
        "pullSecrets": [{"name": "registry"}],
    },
    "git": {
        "sshKey": {"secret": "deploy-key"},
        "token": {"secret": "git-token", "key": "password"},
        "knownHosts": "git.example.com ssh-ed25519 AAAA\n",
        "ca": {"configMap": "private-ca"},
    },
    "shards": SHARDS,
    "webhook": HOOKS,
    "notify": {"text": "template: '{{ .Values }} {{ event }}'\nurlFile: /etc/headpin/room\n"},
    "files": [
        {"secret": "headpin-notify", "key": "room", "path": "room"},
        {"configMap": "headpin-templates", "key": "room.j2", "path": "room.j2"},
    ],
    "ingress": {
        "enabled": True,
        "host": "headpin.example.com",
        "className": "nginx",
        "annotations": {"example.com/a": "yes"},
        "tls": {"secret": "headpin-tls"},
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "extraArgs": ["--verbose"],
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example.com:3128"}],
    "podLabels": {"team": "platform"},
    "podAnnotations": {"example.com/note": "1"},
    "priorityClassName": "high",
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "tools", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}},
    "serviceAccount": {"annotations": {"example.com/role": "reader"}},
}
VARIANTS: dict[str, dict[str, Any]] = {
    "least": LEAST,
    "plain": plain_values(),
    "everything": EVERYTHING,
    "token": LEAST | {"git": {"token": {"secret": "git-token"}}},
    "kept": LEAST | {"state": {"claim": "headpin-state"}, "notify": {"secret": "headpin-notify"}},
    "open": LEAST | {"networkPolicy": {"enabled": False}, "serviceAccount": {"create": False, "name": "own"}},
    "closed": LEAST | {"networkPolicy": {"webhookFrom": [], "metricsFrom": []}, "webhook": HOOKS, "listen": "[::]"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """The objects of each variant; to look at, never to change."""
    folder = tmp_path_factory.mktemp("chart")
    return {name: rendered(folder, values) for name, values in VARIANTS.items()}


@pytest.mark.parametrize("values", [None, *VARIANTS])
def test_helm_finds_nothing_to_warn_of(values: str | None, tmp_path: Path) -> None:
    if values is None:
        return lint(CHART)
    run_template(tmp_path, VARIANTS[values])
    done = helm("lint", "--strict", CHART, "--values", tmp_path / "values.json")
    assert (done.returncode, "[WARNING]" in done.stdout, "[ERROR]" in done.stdout) == (0, False, False), done.stdout


@pytest.mark.parametrize("variant", VARIANTS)
def test_kubernetes_takes_what_the_chart_makes(variant: str, made: dict[str, list[Any]]) -> None:
    known = [value for value in made[variant] if value["kind"] != "ServiceMonitor"]
    assert schema_faults(known, ("1.25", *VERSIONS)) == []
    names = [(value["kind"], value["metadata"]["name"]) for value in made[variant]]
    assert len(set(names)) == len(names)
    for value in made[variant]:
        assert is_label(value["metadata"]["name"])
        assert value["metadata"]["namespace"] == NAMESPACE


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_pod_fits_a_namespace_that_enforces_restricted(variant: str, made: dict[str, list[Any]]) -> None:
    found = pods(made[variant])
    assert found
    for pod in found:
        spec = pod["spec"]
        assert violations(spec) == []
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["fsGroup"]) == (65532, 65532)
        assert spec["automountServiceAccountToken"] is False
        assert spec["terminationGracePeriodSeconds"] > 10
        assert container["resources"]["limits"].keys() >= {"memory", "ephemeral-storage"}
    assert all(account["automountServiceAccountToken"] is False for account in of_kind(made[variant], "ServiceAccount"))
    assert not of_kind(made[variant], "Secret")
    assert not [value for value in made[variant] if value["apiVersion"].startswith("rbac.")]


@pytest.mark.parametrize("fault", range(8))
def test_a_pod_that_is_not_restricted_is_noticed(fault: int, made: dict[str, list[Any]]) -> None:
    spec = copy.deepcopy(pods(made["least"])[0]["spec"])
    context = spec["containers"][0]["securityContext"]
    match fault:
        case 0:
            spec["hostNetwork"] = True
        case 1:
            spec["volumes"].append({"name": "host", "hostPath": {"path": "/"}})
        case 2:
            context["allowPrivilegeEscalation"] = True
        case 3:
            context["runAsNonRoot"] = False
        case 4:
            spec["securityContext"]["seccompProfile"]["type"] = "Unconfined"
        case 5:
            context["capabilities"] = {"drop": ["NET_RAW"]}
        case 6:
            spec["securityContext"]["runAsUser"] = 0
        case 7:
            spec["containers"][0]["ports"][0]["hostPort"] = 80
    assert len(violations(spec)) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_pod_a_shard_that_is_ended_before_the_next_begins(variant: str, made: dict[str, list[Any]]) -> None:
    found = of_kind(made[variant], "Deployment")
    assert len(found) == max(len(VARIANTS[variant].get("shards", ())), 1)
    for value in found:
        assert (value["spec"]["replicas"], value["spec"]["strategy"]) == (1, {"type": "Recreate"})


@pytest.mark.parametrize("variant", VARIANTS)
def test_selectors_find_the_pods_that_they_are_for(variant: str, made: dict[str, list[Any]]) -> None:
    objects = made[variant]
    everyone = {pod["name"] for pod in pods(objects)}
    for value in of_kind(objects, "Deployment"):
        assert _selected(objects, value["spec"]["selector"]["matchLabels"]) == {value["metadata"]["name"]}
    for value in of_kind(objects, "Service"):
        name = value["metadata"]["name"]
        assert _selected(objects, value["spec"]["selector"]) == (everyone if name.endswith("-metrics") else {name})
    for value in of_kind(objects, "NetworkPolicy"):
        assert _selected(objects, value["spec"]["podSelector"]["matchLabels"]) == everyone
    for value in of_kind(objects, "ServiceMonitor"):
        wanted = value["spec"]["selector"]["matchLabels"].items()
        services = [found for found in of_kind(objects, "Service") if wanted <= found["metadata"]["labels"].items()]
        assert [found["metadata"]["name"] for found in services] == ["headpin-metrics"]
        assert [port["name"] for port in services[0]["spec"]["ports"]] == [value["spec"]["endpoints"][0]["port"]]


def _selected(objects: list[Any], labels: dict[str, str]) -> set[str]:
    return {pod["name"] for pod in pods(objects) if labels.items() <= pod["metadata"]["labels"].items()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_port_that_is_named_is_there(variant: str, made: dict[str, list[Any]]) -> None:
    objects = made[variant]
    for pod in pods(objects):
        (container,) = pod["spec"]["containers"]
        there = {port["name"]: port["containerPort"] for port in container["ports"]}
        probes = [container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")]
        assert [(probe["path"], probe["port"]) for probe in probes] == [
            ("/livez", "probes"),
            ("/livez", "probes"),
            ("/readyz", "probes"),
        ]
        told = {"probes": _option(container, "probe-address"), "webhook": _option(container, "webhook-address")}
        assert {name: int(address.rpartition(":")[2]) for name, address in told.items() if address} == there
        assert set(_named_ports(objects)) <= set(there)
    services = {value["metadata"]["name"]: value["spec"]["ports"] for value in of_kind(objects, "Service")}
    for value in of_kind(objects, "Ingress"):
        (path,) = value["spec"]["rules"][0]["http"]["paths"]
        assert path["backend"]["service"]["port"]["name"] in {
            port["name"] for port in services[path["backend"]["service"]["name"]]
        }


def _named_ports(objects: list[Any]) -> Iterator[str]:
    for value in of_kind(objects, "Service"):
        yield from (port["targetPort"] for port in value["spec"]["ports"])
    for value in of_kind(objects, "NetworkPolicy"):
        yield from (port["port"] for rule in value["spec"]["ingress"] for port in rule["ports"])


def _option(container: Any, name: str) -> str:
    found = [text.partition("=")[2] for text in container["args"] if text.startswith(f"--{name}=")]
    return found[0] if found else ""


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_file_that_is_named_is_mounted_and_every_mounted_file_is_named(
    variant: str, made: dict[str, list[Any]]
) -> None:
    maps = {value["metadata"]["name"]: value["data"] for value in of_kind(made[variant], "ConfigMap")}
    for pod in pods(made[variant]):
        (container,) = pod["spec"]["containers"]
        named = {text.partition("=")[2] for text in container["args"] if "=/etc/headpin/" in text}
        more = {f"/etc/headpin/{file['path']}" for file in VARIANTS[variant].get("files", ())}
        assert named | more == {f"/etc/headpin/{path}" for path in _mounted(pod["spec"], maps)}
        assert not named & more
        mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        assert set(mounts) == {volume["name"] for volume in pod["spec"]["volumes"]}
        assert mounts["state"] == _option(container, "state")
        assert not any("subPath" in mount for mount in container["volumeMounts"]), "it would never rotate"


def _mounted(spec: Any, maps: dict[str, Any]) -> Iterator[str]:
    for volume in spec["volumes"]:
        projected = volume.get("projected", {})
        assert projected.get("defaultMode", 0o440) == 0o440
        for source in projected.get("sources", ()):
            (given,) = source.values()
            yield from (item["path"] for item in given["items"]) if "items" in given else maps[given["name"]]


def test_shards_share_the_environments_and_nothing_else(made: dict[str, list[Any]]) -> None:
    containers = {pod["name"]: pod["spec"]["containers"][0] for pod in pods(made["everything"])}
    told = {name: [text for text in found["args"] if "--environments=" in text] for name, found in containers.items()}
    assert told == {
        "headpin-early": ["--environments=dev", "--environments=staging"],
        "headpin-prod": ["--environments=prod", "--environments=prod-*"],
    }
    hosts = {
        value["metadata"]["name"]: value["spec"]["rules"][0]["host"] for value in of_kind(made["everything"], "Ingress")
    }
    assert hosts == {"headpin-early": "early.headpin.example.com", "headpin-prod": "prod.headpin.example.com"}
    assert not any(
        "--environments" in text for pod in pods(made["least"]) for text in pod["spec"]["containers"][0]["args"]
    )


def test_what_is_not_named_is_refused_on_the_network(made: dict[str, list[Any]]) -> None:
    (policy,) = of_kind(made["closed"], "NetworkPolicy")
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert policy["spec"]["ingress"] == []
    (policy,) = of_kind(made["plain"], "NetworkPolicy")
    dns, git = policy["spec"]["egress"]
    assert {port["port"] for port in dns["ports"]} == {53}
    assert {port["port"] for port in git["ports"]} == {22, 443}
    assert all(rule["to"] for rule in (dns, git)), "no peers would be everywhere"
    assert ["169.254.0.0/16"] in [peer["ipBlock"]["except"] for peer in git["to"]]
    (policy,) = of_kind(made["least"], "NetworkPolicy")
    assert [rule["ports"][0]["port"] for rule in policy["spec"]["ingress"]] == ["probes"]


def test_texts_reach_the_config_map_as_they_are(made: dict[str, list[Any]]) -> None:
    (found,) = of_kind(made["everything"], "ConfigMap")
    assert found["data"] == {
        "known_hosts": EVERYTHING["git"]["knownHosts"],
        "notify.yaml": EVERYTHING["notify"]["text"],
    }


def test_a_changed_text_makes_new_pods_and_a_changed_shard_only_its_own(
    tmp_path: Path, made: dict[str, list[Any]]
) -> None:
    before = {pod["name"]: pod for pod in pods(made["everything"])}
    other = EVERYTHING | {"notify": {"text": "another: text\n"}}
    assert not [pod for pod in pods(rendered(tmp_path, other)) if pod == before[pod["name"]]]
    other = EVERYTHING | {"shards": [SHARDS[0], SHARDS[1] | {"environments": ["prod"]}]}
    assert [pod["name"] for pod in pods(rendered(tmp_path, other)) if pod == before[pod["name"]]] == ["headpin-early"]


def test_the_longest_names_still_fit(tmp_path: Path) -> None:
    values = EVERYTHING | {"shards": [{"name": "a" * 20, "environments": ["dev"]}], "nameOverride": "n" * 60}
    objects = rendered(tmp_path, values, release="r" * 53)
    assert all(is_label(value["metadata"]["name"]) for value in objects)
    assert schema_faults(value for value in objects if value["kind"] != "ServiceMonitor") == []


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"repository": ""}, "repository: say which config repository"),
        ({"image": {}}, "image.repository: say where you pushed"),
        ({"repository": "https://me:secret@git.example.com/a.git"}, "repository"),
        ({"repository": "ext::sh -c id"}, "repository"),
        ({"repository": "-oProxyCommand=id"}, "repository"),
        ({"image": {"repository": "registry.example.com/headpin", "tag": "latest"}}, "tag"),
        ({"image": {"repository": "registry.example.com/headpin", "digest": "sha256:12"}}, "digest"),
        ({"shard": []}, "shard"),
        ({"shards": [{"name": "metrics", "environments": ["dev"]}]}, "name"),
        ({"shards": [{"name": "prod", "environments": []}]}, "environments"),
        ({"shards": [{"name": "prod", "environments": ["--repository"]}]}, "environments"),
        ({"shards": SHARDS, "state": {"claim": "one"}}, "state.claim: a claim holds the state of one shard"),
        ({"terminationGracePeriodSeconds": 10}, "terminationGracePeriodSeconds"),
        ({"networkPolicy": {"gitTo": []}}, "gitTo"),
        ({"webhook": {"port": 80, "secrets": []}}, "port"),
        ({"webhook": {"secrets": [{"secret": "a"}]}}, "key"),
        ({"notify": {"text": "a: b", "secret": "c"}}, "notify"),
        ({"files": [{"secret": "a", "configMap": "b", "key": "c", "path": "d"}]}, "files"),
        ({"files": [{"secret": "a", "key": "b", "path": "../c"}]}, "path"),
        ({"files": [{"secret": "a", "key": "b", "path": "ssh-key"}]}, "path"),
        ({"git": {"knownHosts": "-----BEGIN OPENSSH PRIVATE KEY-----"}}, "knownHosts"),
        ({"ingress": {"enabled": True}, "webhook": HOOKS}, "ingress.host: say by which name"),
        ({"ingress": {"enabled": True, "host": "headpin.example.com"}}, "ingress.enabled: there are no webhooks"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.partition(":")[0],
)
def test_what_cannot_work_is_refused_before_it_is_installed(wrong: dict[str, Any], told: str, tmp_path: Path) -> None:
    done = run_template(tmp_path, LEAST | wrong)
    assert done.returncode != 0
    assert told in done.stderr


def test_two_shards_of_one_name_are_refused(tmp_path: Path) -> None:
    done = run_template(tmp_path, LEAST | {"shards": [SHARDS[0], SHARDS[0]]})
    assert "shards: two have the name early" in done.stderr


def test_an_old_kubernetes_is_refused(tmp_path: Path) -> None:
    assert "incompatible with Kubernetes" in run_template(tmp_path, LEAST, kubernetes="1.24.0").stderr
    assert run_template(tmp_path, LEAST, kubernetes="1.25.0").returncode == 0


def test_the_notes_name_what_is_missing(tmp_path: Path) -> None:
    least, everything = _notes(tmp_path, LEAST), _notes(tmp_path, EVERYTHING)
    assert "No credentials are named" in least
    assert "No webhook secret is named" in least
    assert "headpin-prod: prod, prod-*" in everything
    assert not [sign in everything for sign in ("No credentials", "is empty", "no TLS") if sign in everything]
    assert "git.knownHosts is empty" in _notes(tmp_path, LEAST | {"git": {"sshKey": {"secret": "deploy-key"}}})


def _notes(folder: Path, values: dict[str, Any]) -> str:
    """What `helm install` says in the end. It asks a cluster first, so the notes are made an object in a copy."""
    chart = shutil.copytree(CHART, folder / "chart", dirs_exist_ok=True)
    notes = (chart / "templates" / "NOTES.txt").read_text("utf-8")
    object_of_them = '{{ define "notes" }}' + notes + '{{ end }}{{ dict "notes" (include "notes" .) | toJson }}'
    (chart / "templates" / "notes.yaml").write_text(object_of_them)
    done = run_template(folder, values, chart=chart, show="templates/notes.yaml")
    assert done.returncode == 0, done.stderr
    return str(yaml.load(done.stdout, yaml.CSafeLoader)["notes"])


def test_the_chart_installs_this_headpin(made: dict[str, list[Any]]) -> None:
    images = {pod["spec"]["containers"][0]["image"] for name in ("least", "plain") for pod in pods(made[name])}
    assert images == {f"registry.example.com/headpin:{__version__}"}
    (image,) = {pod["spec"]["containers"][0]["image"] for pod in pods(made["everything"])}
    assert image == f"registry.example.com/tools/headpin@sha256:{'0' * 64}"
