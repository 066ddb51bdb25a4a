"""The engine `helm`: Helm takes every chart as it is, and it makes the objects of the engine `manifests`."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import hypothesis
import jsonschema
import pytest
import yaml

from headpin.rendering.content import MAX_MAPS
from headpin.rendering.values import ImageParts
from headpin.resources import resource
from headpin.tree import DiskTree
from headpin.types import AgentName
from headpin.workspace import DocumentReader, Workspace
from tests.rendering import strategies as some
from tests.rendering.cluster import cluster
from tests.rendering.deployments import CART, REVISION, Refused, Rendered, deploy, deploy_from, templates
from tests.rendering.helm import by_kind, charted, helm, lint, template, write
from tests.rendering.kubernetes import faults

EXAMPLE = DiskTree(resource("example-config-repo"))
AGENTS = Workspace(EXAMPLE, DocumentReader()).all_agents()
HTTP = {"name": "http", "port": 8080}
TLS = {"name": "tls", "key": "tls.crt"}

SHAPES: dict[str, dict[str, Any]] = {
    "the least": {},
    "none": {"scaling": {"minReplicas": 0}},
    "two": {"scaling": {"minReplicas": 2}},
    "autoscaled": {"scaling": {"minReplicas": 1, "maxReplicas": 4}},
    "autoscaled with a budget": {"scaling": {"minReplicas": 2, "maxReplicas": 4, "targetCPU": 55}},
    "ports": {"ports": [{**HTTP, "servicePort": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]},
    "probes": {
        "ports": [HTTP],
        "probes": {
            "startup": {"tcp": {"port": "http"}, "initialDelay": 3, "failures": 1000},
            "readiness": {"http": {"port": "http", "path": "/a?b=<no_value>&c={{.d}}"}, "period": 7},
            "liveness": {"exec": {"command": ["sh", "-c", 'echo "{{ .Values }}"\n\'', ""]}, "timeout": 9},
        },
    },
    "resources": {
        "resources": {"requests": {"cpu": "0.5", "ephemeralStorage": "1Gi"}, "limits": {"memory": "1073741824"}}
    },
    "security": {"security": {"runAsUser": 2_147_483_647, "readOnlyRoot": False, "writable": []}},
    "scratch": {"security": {"writable": ["/tmp", "/var/cache/a b"]}},
    "account": {
        "serviceAccount": {"annotations": {"example.com/role": "{{ role }}", "1": "a\nb"}},
        "imagePullSecrets": ["one", "two.three"],
    },
    "command": {"command": ["/bin/run", "--x={{ .Values.y }}"], "args": ["", "- a", "$(HOME)", "a\n---\nb: c"]},
    "secrets": {
        "secrets": {"A": TLS, "B": {**TLS, "optional": True}},
        "files": {
            "/etc/a": {"secret": TLS},
            "/etc/b": {"secret": {"name": "tls", "key": "extra", "optional": True}},
            "/etc/c": {"secret": {"name": "tls", "key": "ca.crt"}},
            "/etc/d": {"secret": {"name": "tls.old", "key": "ca.crt"}},
            "/etc/e": {"secret": {"name": "tl", "key": "ca.crt"}},
        },
    },
    "files": {
        "files": {"/a/x.conf": {"text": "1\n2\n"}, "/b/x.conf": {"text": ""}, "/c/y z": {"text": "{{ fail `no` }}"}}
    },
    "grace": {"gracePeriod": 86_400},
}

CONTENT: dict[str, bytes] = {
    "prompts/system.md": b"Be kind.\n\n{{ .Values.image }} <no value>\n\ttabs, \r\n",
    "prompts/de/system.md": "Sei h\u00f6flich.\n".encode(),
    "b.txt": b"text",
    "b.base64": b"text",
    "c/b.txt": b"\xff",
    "c/b.base64": b"\xff",
    ".gitattributes": b"* text eol=crlf\n",
    "icon.png": b"\x89PNG\r\n",
    "empty": b"",
    "templates/a b.yaml": b"{{ fail `no` }}",
    "bom": b"\xef\xbb\xbfa\n",
    "bytes": bytes(range(256)),
    "_x.tpl": "\u2028\u202e\U0001f600 \\n".encode(),
}
MAPS = {"content": {"files": ["**"], "path": "/srv/a b"}}
INIT = {"content": {"files": ["**"], "mount": "init", "path": "/data"}}
HTTPS = {"repository": "https://git.example.com/acme/config.git"}
SSH = {"repository": "git@git.example.com:acme/config.git"}
TOKEN = {"credentials": {"secret": "config-reader"}}
DEPLOYMENTS: dict[str, Callable[[], Rendered]] = {
    **{shape: partial(deploy, agent) for shape, agent in SHAPES.items()},
    "stopped": partial(deploy, SHAPES["two"], {"stopped": True}),
    "stopped with an autoscaler": partial(deploy, SHAPES["autoscaled with a budget"], {"stopped": True}),
    "content": partial(deploy, MAPS, content=CONTENT),
    "content and files": partial(deploy, {**MAPS, **SHAPES["files"], **SHAPES["scratch"]}, content=CONTENT),
    "content of texts": partial(deploy, MAPS, content={"a": b"1", "b": b"2"}),
    "content of bytes": partial(deploy, MAPS, content={"a": b"\xff"}),
    "content and nothing else": partial(deploy, {**MAPS, "security": {"writable": []}}, content={"a": b"1"}),
    "content without files": partial(deploy, MAPS, content={}),
    "content in two maps": partial(deploy, MAPS, content={str(n): bytes([97 + n]) * 500_000 for n in range(2)}),
    "fetched content": partial(deploy, INIT, content=CONTENT, delivery=HTTPS),
    "fetched content with a token": partial(deploy, INIT, content=CONTENT, delivery=HTTPS | TOKEN),
    "fetched content with a key": partial(deploy, INIT, content=CONTENT, delivery=SSH | TOKEN),
}

TEXTS = {
    "template": "{{ .Values.image }}{{ include `x` . }}{{ fail `no` }}",
    "comment": "{{/* */}}{{- -}}",
    "no value": "a <no value> \\<no value>",
    "quotes": '"\'`\\"',
    "document": "\n---\nkind: ClusterRoleBinding\n...\n",
    "types": "017",
    "float": "123456789012345678901234567890",
    "breaks": "a\u2028b\u2029c",
    "invisible": "\ufeff\u200b\u202e\u00ad\u00a0\ue000",
    "letters": "ä\U0001f600\u4e2d<>&",
    "dollars": "$(HOME) $$ $",
    "backslashes": "\\n\\x3c\\",
    "spaces": "  a  \n  b\t\n",
    "long": "0123456789 {{ x }} <no value>\n" * 1500,
}


def _deploy_with(content: dict[str, Any], agent: dict[str, Any], own: dict[str, Any], *name: AgentName) -> Rendered:
    """`content` is the agent's setting, the workspace's delivery, and the files of the release."""
    said = {**agent, **({"content": content["setting"]} if content else {})}
    return deploy(
        said, own, name=name[0] if name else CART, delivery=content.get("delivery"), content=content.get("files")
    )


def _same(rendered: Any, folder: Path) -> None:
    """Helm makes the same objects of the chart; with another release and namespace, too."""
    write(folder, charted(rendered.render))
    assert template(folder, "--namespace", "elsewhere") == rendered.objects


@pytest.mark.parametrize("shape", DEPLOYMENTS)
def test_a_chart_makes_the_objects_of_the_manifests(shape: str, tmp_path: Path) -> None:
    rendered = DEPLOYMENTS[shape]()
    _same(rendered, tmp_path / "chart")
    lint(tmp_path / "chart")
    assert faults(rendered.objects) == []


@pytest.mark.parametrize("text", TEXTS)
def test_a_value_stays_a_value(text: str, tmp_path: Path) -> None:
    value = TEXTS[text]
    short = value[:200]
    files = {"/etc/a": {"text": value}, f"/etc/{len(value)}": {"text": short}}
    account = {"annotations": {"example.com/a": short}}
    rendered = deploy({"variables": {"A": value}, "args": [short], "files": files, "serviceAccount": account})
    _same(rendered, tmp_path / "chart")
    lint(tmp_path / "chart")
    assert rendered.container["args"] == [short]
    assert rendered.objects["ConfigMap"]["data"]["a"] == value


@hypothesis.settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(agent=some.agents(), own=some.own_layers(), name=some.AGENT_NAMES, content=some.releases_content())
def test_whatever_is_set_a_chart_makes_the_objects_of_the_manifests(
    agent: dict[str, Any],
    own: dict[str, Any],
    name: AgentName,
    content: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    try:
        rendered = _deploy_with(content, agent, own, name)
    except Refused as refused:
        hypothesis.event("refused " + refused.problems[0].code)
        return
    hypothesis.event("rendered")
    folder = tmp_path_factory.getbasetemp() / "chart"
    _same(rendered, folder)
    lint(folder)


@hypothesis.settings(max_examples=100, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
@hypothesis.given(agent=some.agents(), own=some.own_layers(), content=some.releases_content())
def test_the_values_are_what_the_schema_says(
    agent: dict[str, Any], own: dict[str, Any], content: dict[str, Any]
) -> None:
    try:
        rendered = _deploy_with(content, agent, own)
    except Refused:
        return
    files = charted(rendered.render)
    schema = json.loads(files["values.schema.json"])
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.Draft7Validator(schema).validate(yaml.load(files["values.yaml"], yaml.CSafeLoader))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("imagePullPolicy", "Always"),
        ("replicaCount", "2"),
        ("image", {"name": "x"}),
        ("env", {"A": 1}),
        ("ports", None),
        ("stopped", "true"),
        ("content", {"path": "/a"}),
        ("content", {"path": "/a", "configMaps": [{"name": "x", "files": {"a": "values.yaml"}}]}),
        ("content", {"path": "/a", "init": {}}),
    ],
)
def test_helm_refuses_values_that_the_schema_does_not_know(key: str, value: Any, tmp_path: Path) -> None:
    folder = write(tmp_path / "chart", charted(deploy().render))
    (tmp_path / "more.yaml").write_text(yaml.safe_dump({key: value}))
    done = helm("template", "any", folder, "--values", tmp_path / "more.yaml")
    assert done.returncode != 0
    assert key in done.stderr


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
@pytest.mark.parametrize("agent", AGENTS, ids=str)
def test_every_agent_of_the_example_is_a_chart_that_helm_takes(
    environment: str, agent: AgentName, tmp_path: Path
) -> None:
    rendered = deploy_from(EXAMPLE, environment, agent)
    _same(rendered, tmp_path / "chart")
    lint(tmp_path / "chart")


def test_a_chart_is_packaged_and_is_a_dependency_of_another(tmp_path: Path) -> None:
    """`helm package` validates what neither lint nor template do, and a parent gives its charts a `global`."""
    rendered = deploy(SHAPES["probes"])
    folder = write(tmp_path / "chart", charted(rendered.render))
    done = helm("package", folder, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "shop-cart-1.0.0.tgz").exists()
    parent = {"Chart.yaml": 'apiVersion: "v2"\nname: "parent"\nversion: "1.0.0"\n', "values.yaml": "global: {a: b}\n"}
    inside = {f"charts/shop-cart/{path}": text for path, text in charted(rendered.render).items()}
    assert template(write(tmp_path / "parent", {**parent, **inside})) == rendered.objects


INSTALLED = ("the least", "probes", "autoscaled with a budget", "files", "secrets", "content", "fetched content")


@pytest.mark.parametrize("shape", INSTALLED)
def test_helm_installs_a_chart_and_the_cluster_gets_the_objects_of_the_manifests(shape: str, tmp_path: Path) -> None:
    rendered = DEPLOYMENTS[shape]()
    folder = write(tmp_path / "chart", charted(rendered.render))
    with cluster() as found:
        where = ("--kube-apiserver", found.address, "--disable-openapi-validation")
        done = helm("upgrade", "--install", "any", folder, "--namespace", "acme", "--timeout", "30s", *where)
    assert done.returncode == 0, done.stdout + done.stderr
    taken = by_kind(found.objects)
    assert {key: _without_helm(value, rendered.objects[key]) for key, value in taken.items()} == rendered.objects


def _without_helm(taken: Any, rendered: Any) -> Any:
    """Without what Helm puts on everything that it installs: whose release it is, in place of who manages it."""
    labels = {**taken["metadata"]["labels"], "app.kubernetes.io/managed-by": "headpin"}
    annotations = taken["metadata"]["annotations"]
    own = {key: value for key, value in annotations.items() if not key.startswith("meta.helm.sh/")}
    metadata = {**taken["metadata"], "labels": labels, "annotations": own}
    if "annotations" not in rendered["metadata"]:
        del metadata["annotations"]
    return {**taken, "metadata": metadata}


# ── what changes with what ──

FULL: dict[str, Any] = {
    **SHAPES["probes"],
    **SHAPES["autoscaled with a budget"],
    **SHAPES["resources"],
    "variables": {"A": "1", "B": "2"},
    "secrets": {"S": TLS},
    "files": {"/etc/a": {"text": "one\ntwo\nthree\n"}, "/etc/b": {"secret": TLS}},
    "serviceAccount": {"annotations": {"example.com/role": "x"}},
    "imagePullSecrets": ["one"],
    "command": ["run"],
    "gracePeriod": 30,
    "security": {"runAsUser": 1000},
}


def _changed(before: dict[str, str], after: dict[str, str]) -> dict[str, list[str]]:
    """The lines that differ, by file."""
    found = {}
    for path in sorted(before.keys() | after.keys()):
        lines = difflib.ndiff(before.get(path, "").splitlines(), after.get(path, "").splitlines())
        changed = [f"{line[0]} {line[2:].strip()}" for line in lines if line[0] in "+-"]
        if changed:
            found[path] = changed
    return found


@pytest.mark.parametrize(
    ("key", "value", "lines"),
    [
        ("variables", {"A": "1", "B": "two"}, ['- "B": "2"', '+ "B": "two"']),
        ("variables", {"A": "1"}, ['- "B": "2"']),
        ("variables", {"A": "1", "B": "2", "C": "3"}, ['+ "C": "3"']),
        ("secrets", {"S": {"name": "tls", "key": "other"}}, ['- key: "tls.crt"', '+ key: "other"']),
        (
            "files",
            {**FULL["files"], "/etc/a": {"text": "one\n2\nthree\n"}},
            ["- two", "+ 2"],
        ),
        (
            "files",
            {**FULL["files"], "/etc/b": {"secret": {"name": "new", "key": "tls.crt"}}},
            ['- name: "tls"', '+ name: "new"'],
        ),
        ("scaling", {"minReplicas": 3, "maxReplicas": 4, "targetCPU": 55}, ["- replicaCount: 2", "+ replicaCount: 3"]),
        ("scaling", {"minReplicas": 2, "maxReplicas": 5, "targetCPU": 55}, ["- maxReplicas: 4", "+ maxReplicas: 5"]),
        ("scaling", {"minReplicas": 2, "targetCPU": 55}, ["- maxReplicas: 4"]),
        (
            "scaling",
            {"minReplicas": 2, "maxReplicas": 4, "targetCPU": 60},
            ["- targetCPUUtilizationPercentage: 55", "+ targetCPUUtilizationPercentage: 60"],
        ),
        (
            "resources",
            {"requests": {"cpu": "1", "ephemeralStorage": "1Gi"}, "limits": {"memory": "1073741824"}},
            ['- cpu: "0.5"', '+ cpu: "1"'],
        ),
        (
            "serviceAccount",
            {"annotations": {"example.com/role": "y"}},
            ['- "example.com/role": "x"', '+ "example.com/role": "y"'],
        ),
        ("imagePullSecrets", ["two"], ['- - name: "one"', '+ - name: "two"']),
        ("command", ["walk"], ['- - "run"', '+ - "walk"']),
        ("gracePeriod", 31, ["- terminationGracePeriodSeconds: 30", "+ terminationGracePeriodSeconds: 31"]),
        ("security", {"runAsUser": 1001}, ["- runAsUser: 1000", "+ runAsUser: 1001"]),
        ("ports", [{**HTTP, "port": 9090}], ["- containerPort: 8080", "+ containerPort: 9090"]),
    ],
)
def test_a_change_of_one_setting_is_a_change_of_one_line(key: str, value: Any, lines: list[str]) -> None:
    before, after = charted(deploy(FULL).render), charted(deploy({**FULL, key: value}).render)
    assert _changed(before, after) == {"values.yaml": lines}


@pytest.mark.parametrize("shape", ["two", "autoscaled with a budget"])
def test_stopping_is_a_change_of_one_line(shape: str) -> None:
    before, after = (charted(deploy(SHAPES[shape], {"stopped": stopped}).render) for stopped in (False, True))
    assert _changed(before, after) == {"values.yaml": ["- stopped: false", "+ stopped: true"]}


def test_a_change_of_a_prompt_is_a_change_of_its_file_and_of_the_line_that_names_its_config_map() -> None:
    before, after = (
        charted(deploy(MAPS, content={**CONTENT, "prompts/de/system.md": text}).render)
        for text in (b"1\n2\n", b"1\n3\n")
    )
    changed = _changed(before, after)
    (file,) = changed.keys() - {"values.yaml"}
    assert file.startswith("content/") and file.endswith("-system.md.txt") and changed[file] == ["- 2", "+ 3"]
    assert [line.split(" ")[:3] for line in changed["values.yaml"]] == [["-", "-", "name:"], ["+", "-", "name:"]]


def test_texts_of_the_content_are_in_the_chart_as_they_are_in_the_snapshot() -> None:
    """And so the branch has them once; what is not text is there as base64."""
    files = charted(deploy(MAPS, content=CONTENT).render)
    texts = {path: text.encode() for path, text in files.items() if path.startswith("content/")}
    assert texts["content/empty.txt"] == b"" and texts["content/icon.png.base64"] == b"iVBORw0K\n"
    assert set(texts.values()) >= {
        CONTENT["prompts/system.md"],
        CONTENT[".gitattributes"],
        CONTENT["templates/a b.yaml"],
    }
    assert all(path.endswith((".txt", ".base64")) and path.count("/") == 1 for path in texts)
    assert len(texts) == len(CONTENT)


def test_content_that_something_left_out_of_the_chart_is_an_error(tmp_path: Path) -> None:
    files = charted(deploy(MAPS, content=CONTENT).render)
    del files["content/icon.png.base64"]
    done = helm("template", "any", write(tmp_path / "chart", files))
    assert done.returncode != 0 and "content/ does not hold the files" in done.stderr


def test_as_much_content_as_there_can_be_is_a_chart_that_helm_takes(tmp_path: Path) -> None:
    files = {f"{number}": bytes([97 + number]) * 899_000 for number in range(MAX_MAPS)}
    rendered = deploy(MAPS, content=files | {f"small/{number}": b"x" for number in range(1000)})
    _same(rendered, tmp_path / "chart")


def test_a_release_changes_the_lines_that_name_it(tmp_path: Path) -> None:
    del tmp_path
    image = {"pattern": "registry.example.com/shop/cart:{short}"}
    before = charted(deploy({"image": image}).render)
    after = charted(deploy({"image": {"pattern": "registry.example.com/shop/cart:v2"}}, version=4).render)
    assert _changed(before, after) == {
        "values.yaml": [
            f'- tag: "{REVISION[:7]}"',
            '+ tag: "v2"',
            '- "headpin.dev/version": "v3"',
            '+ "headpin.dev/version": "v4"',
        ]
    }
    assert f'appVersion: "{REVISION}"\n' in before["Chart.yaml"]


def test_everything_but_values_and_name_is_the_same_in_every_chart() -> None:
    one, other = charted(deploy().render), charted(deploy(FULL, name=AgentName("ab", "cd")).render)
    with_content = charted(deploy(MAPS, content=CONTENT).render)
    assert one.keys() == other.keys() == {path for path in with_content if not path.startswith("content/")}
    assert {path for path in one if one[path] != other[path]} == {"Chart.yaml", "values.yaml"}
    assert set(one) - set(templates().chart) == {"Chart.yaml", "values.yaml"}


@pytest.mark.parametrize(
    ("image", "parts"),
    [
        ("cart:1", ("cart", "1", "")),
        ("localhost:5000/cart", ("localhost:5000/cart", "", "")),
        (
            "registry.example.com:443/a/b:1.2@sha256:" + "0" * 64,
            ("registry.example.com:443/a/b", "1.2", "sha256:" + "0" * 64),
        ),
        ("registry.example.com/a@sha256:" + "1" * 64, ("registry.example.com/a", "", "sha256:" + "1" * 64)),
    ],
)
def test_an_image_comes_apart_and_together(image: str, parts: tuple[str, str, str], tmp_path: Path) -> None:
    found = ImageParts.of(image)
    assert (found.repository, found.tag, found.digest) == parts
    rendered = deploy({"image": {"pattern": image}})
    assert rendered.container["image"] == image
    _same(rendered, tmp_path / "chart")


# ── an image in a chart of the agent's own ──

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("own", "image", "expected"),
    [
        ("image: x", "registry.example.com/a/b:1", "registry.example.com/a/b:1"),
        ("image: {repository: x, tag: t}", "registry.example.com/a/b:1", ("registry.example.com/a/b", "1")),
        ("image: {repository: x, tag: t}", f"a.example.com/b:1@{DIGEST}", ("a.example.com/b", f"1@{DIGEST}")),
        ("image: {repository: x, tag: t}", f"a.example.com/b@{DIGEST}", ("a.example.com/b@sha256", "0" * 64)),
        (
            "image: {repository: x, tag: t, digest: z}",
            f"a.example.com/b:1@{DIGEST}",
            ("a.example.com/b", "1", DIGEST),
        ),
        ("image: {repository: x, tag: t, digest: z}", "a.example.com/b:1", ("a.example.com/b", "1", "")),
        ("image: {registry: r, repository: x, tag: t}", "localhost:5000/a/b:1", ("localhost:5000", "a/b", "1")),
        ("image: {registry: r, repository: x, tag: t}", "acme/b:1", ("docker.io", "acme/b", "1")),
    ],
)
def test_the_image_goes_where_the_chart_has_it(own: str, image: str, expected: str | tuple[str, ...]) -> None:
    agent = {"engine": "helm", "chart": "charts/cart", "image": {"pattern": image}}
    chart = {
        "charts/cart/Chart.yaml": "apiVersion: v2\nname: cart\nversion: 1.0.0\n",
        "charts/cart/values.yaml": f"{own}\n",
    }
    found = yaml.safe_load(deploy(agent, more=chart).files["values.yaml"])["image"]
    assert (found if isinstance(found, str) else tuple(found.values())) == expected
