"""Values that try to be more than values, and templates that render what they may not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from headpin.controller.templates import built_in_templates
from headpin.rendering import RenderError, TemplateSet, render_files
from tests.hostile import TILL
from tests.programs import kustomize
from tests.rendering.deployments import Rendered, deploy, render_input, templates
from tests.world import AGENT, CART, SMALL, World

VALUES = {
    "a second document": "x\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\n",
    "a second document after a carriage return": "x\r---\rkind: ClusterRoleBinding",
    "the end of a document": "x\n...\nkind: ClusterRoleBinding",
    "a sibling key": "x\n              value: y",
    "an outdent": "x\nkind: ClusterRoleBinding",
    "double quotes": '"',
    "quotes and a key": '", "kind": "ClusterRoleBinding',
    "single quotes": "'; kind: x; '",
    "backslashes": '\\" \\n \\u0041 \\x41 \\',
    "a template": "{{ 7 * 7 }}",
    "a template statement": "{% for a in range(9) %}x{% endfor %}",
    "a template comment": "{# x #}",
    "template and quotes": '{{ "a" ~ cycler.__init__.__globals__ }}',
    "line separator": "a\u2028b: c",
    "paragraph separator": "a\u2029b",
    "right to left": "a\u202eb\u2066c\u200fd",
    "zero width": "a\u200bb\u200dc\ufeffd",
    "soft hyphen": "a\u00adb",
    "a variable of Kubernetes": "$(PATH)",
    "an escaped one": "$$(PATH)",
    "dollars": "$ $$ $$$ $(A)$(B) $",
    "shell": "${A} `id` $(id)",
    "control characters": "".join(map(chr, range(1, 32))),
    "an escape sequence": "\x1b[31m\x1b]0;title\x07",
    "very long": "x" * 60_000,
    "very long line with breaks": ("y" * 900 + "\n") * 60,
    "long": "z" * 4_000,
    "emoji": "\U0001f600\U0001f469\u200d\U0001f4bb",
    "last letter": "\U0010ffff",
    "not letters": "\ufdd0\U0001fffe",
    "private use": "\ue000\U000f0000",
    "combining": "e\u0301\u0327",
    "tag letters": "\U000e0041",
    "yes": "yes",
    "no": "no",
    "null": "null",
    "tilde": "~",
    "octal": "017",
    "float": "1e3",
    "base 60": "12:30:45",
    "date": "2026-01-05",
    "infinity": ".inf",
    "merge": "<<",
    "equals": "=",
    "empty": "",
    "space": " ",
    "spaces": "  a  ",
    "tab": "\t",
    "newline": "\n",
    "newlines": "\n\n\n",
    "hash": "a #b",
    "colon": "a: b",
    "dash": "- a",
    "question": "? a",
    "anchor": "&a",
    "alias": "*a",
    "tag": "!!python/object:os.system x",
    "directive": "%YAML 1.1",
    "block": "|",
    "fold": ">-",
    "flow": "{a: b}",
    "list": "[a, b]",
    "at": "@a",
    "backquote": "`a`",
    "comma": ",",
    "markup": "<script>alert(1)</script>",
}

FILE_TEXTS = {
    "no final newline": "a\nb",
    "one final newline": "a\nb\n",
    "two final newlines": "a\nb\n\n",
    "only newlines": "\n\n\n",
    "leading newline": "\na\n",
    "leading spaces": "  a\nb\n",
    "leading spaces later": "a\n  b\n    c\n",
    "leading tab": "\ta\nb\n",
    "tabs": "a\n\tb\n\t\tc\td\n",
    "trailing spaces": "a  \nb\n",
    "a line of spaces": "a\n   \nb\n",
    "a line of a tab": "a\n\t\nb\n",
    "carriage returns": "a\r\nb\r\n",
    "lone carriage return": "a\rb\n",
    "one carriage return at the end": "a\nb\r",
    "document marks": "---\na: b\n...\n--- x\n",
    "comments": "# a\n#b\n",
    "indicators": "|-\n>\n? a\n- b\n: c\n",
    "form feed": "a\fb\n",
    "vertical tab": "a\vb\n",
    "line separator": "a\n\u2028\nb\n",
    "no-break space at an end": "a\u00a0\nb\n",
    "ideographic space": "\u3000a\nb\u3000\n",
    "byte-order mark": "\ufeffa\nb\n",
    "emoji": "\U0001f600\n\U0001f600\n",
    "very long line": "x" * 100_000 + "\ny\n",
    "many lines": "line\n" * 20_000,
    "a space": " ",
    "a tab": "\t",
    "a carriage return": "\r",
    "nothing": "",
}


def deployed(values: dict[str, str], texts: dict[str, str]) -> Rendered:
    """A deployment with these values in every place that takes text, and files with these texts."""
    return deploy(
        {
            "variables": {f"V{number:03}": value for number, value in enumerate(values.values())},
            "args": [value for value in values.values() if len(value) <= 4096],
            "command": ["run", *(value for value in values.values() if len(value) <= 4096)],
            "probes": {"liveness": {"exec": {"command": [v for v in values.values() if len(v) <= 4096] or ["x"]}}},
            "serviceAccount": {"annotations": {"a.b/c": next(iter(values.values()), "")[:1000]}},
            "files": {f"/etc/f{number}": {"text": text} for number, text in enumerate(texts.values())},
        }
    )


def assert_values_stay(found: Rendered, values: dict[str, str], texts: dict[str, str], objects: dict[str, Any]) -> None:
    """Every value is in `objects` exactly as it was written, and nothing else is there."""
    assert set(objects) == set(found.objects)
    container = objects["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    short = [value for value in values.values() if len(value) <= 4096]
    assert [_expanded(variable["value"]) for variable in container.get("env", ())] == list(values.values())
    assert container.get("args", []) == short and container["command"] == ["run", *short]
    assert container["livenessProbe"]["exec"]["command"] == (short or ["x"])
    said = objects["ServiceAccount"]["metadata"].get("annotations", {}).get("a.b/c", "")
    assert said == next(iter(values.values()), "")[:1000]
    if texts:
        data = objects["ConfigMap"]["data"]
        assert [data[f"f{number}"] for number in range(len(texts))] == list(texts.values())


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_value_stays_a_value(value: str) -> None:
    found = deployed({"it": value}, {"it": value})
    assert_values_stay(found, {"it": value}, {"it": value}, dict(found.objects))


@pytest.mark.parametrize("text", FILE_TEXTS.values(), ids=FILE_TEXTS)
def test_the_text_of_a_file_survives_exactly(text: str) -> None:
    found = deployed({}, {"it": text})
    assert_values_stay(found, {}, {"it": text}, dict(found.objects))


TOGETHER = {name: value for name, value in VALUES.items() if len(value) < 10_000}
TEXTS_TOGETHER = {name: text for name, text in {**VALUES, **FILE_TEXTS}.items() if len(text) < 10_000}
"""As many as fit into one document."""

ANY_TEXT = st.text(
    st.characters(codec="utf-8", exclude_characters=[chr(code) for code in (0, *range(127, 160), 0xFFFE, 0xFFFF)]),
    max_size=80,
)
AWKWARD = st.text(st.sampled_from(" \t\n\r\u2028\ufeff-#:'\"\\{}%$()|>ab\u00e9\U0001f600\x1b"), max_size=40)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ANY_TEXT | AWKWARD, max_size=4), st.lists(ANY_TEXT | AWKWARD, max_size=4))
@example(["\n---\nkind: X\n"], ["a\n\n", " a", "a\n "])
def test_any_value_stays_a_value_and_any_text_survives(values: list[str], texts: list[str]) -> None:
    named, written = dict(enumerate(values)), dict(enumerate(texts))
    found = deployed(named, written)  # type: ignore[arg-type]
    assert_values_stay(found, named, written, dict(found.objects))  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "  b", "\tc", "", " ", "# d", "- e", "---", "f ", "g\r"]), min_size=1, max_size=8)
)
def test_any_arrangement_of_lines_survives(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = deploy({"files": {"/f": {"text": text}}})
    assert found.objects["ConfigMap"]["data"] == {"f": text}


class _LikeKubectl(yaml.CSafeLoader):
    """What kustomize writes without quotes and PyYAML alone takes for more than text: << and =."""


for _tag in ("merge", "value"):
    _LikeKubectl.add_constructor(f"tag:yaml.org,2002:{_tag}", yaml.CSafeLoader.construct_yaml_str)


def test_another_parser_reads_the_same_values(tmp_path: Path) -> None:
    found = deployed(TOGETHER, TEXTS_TOGETHER)
    for name, text in found.files.items():
        (tmp_path / name).write_text(text)
    objects = {each["kind"]: each for each in yaml.load_all(kustomize(tmp_path), _LikeKubectl)}
    assert_values_stay(found, TOGETHER, TEXTS_TOGETHER, objects)


def test_nothing_but_ordinary_letters_stands_in_the_output() -> None:
    for text in deployed(TOGETHER, TEXTS_TOGETHER).files.values():
        assert not set(text) & set("\r\x00\x1b\x7f\u0085\u2028\u2029\u202e\u200b\ufeff")
        assert text.endswith("\n") and len(list(yaml.parse(text))) > 1


# ── templates ────────────────────────────────────────────────────────────────────────────────────────

NAMED = "metadata:\n  name: {{ name }}\n  namespace: {{ namespace }}\n"

BAD_TEMPLATES = {
    "another kind": "apiVersion: v1\nkind: Secret\n" + NAMED,
    "a kind for the whole cluster": "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\n" + NAMED,
    "an allowed kind in another's file": "apiVersion: v1\nkind: Service\n" + NAMED,
    "another group": "apiVersion: extensions/v1beta1\nkind: Deployment\n" + NAMED,
    "a list": "apiVersion: v1\nkind: List\nitems: []\n" + NAMED,
    "another namespace": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ name }}\n"
    "  namespace: kube-system\n",
    "no namespace": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ name }}\n",
    "another name": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: other\n  namespace: {{ namespace }}\n",
    "a longer name": 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ name ~ "-x" }}\n'
    "  namespace: {{ namespace }}\n",
    "two documents": "apiVersion: apps/v1\nkind: Deployment\n" + NAMED + "---\nkind: ClusterRoleBinding\n",
    "two kinds": "apiVersion: apps/v1\nkind: Deployment\n" + NAMED + "kind: ClusterRoleBinding\n",
    "an anchor": "apiVersion: apps/v1\nkind: Deployment\nx: &a 1\n" + NAMED,
    "a tag": "apiVersion: apps/v1\nkind: !!str Deployment\n" + NAMED,
    "no YAML": "apiVersion: [\n",
    "nothing": "",
    "a list at the top": "- a\n",
    "a kind that is a mapping": "apiVersion: apps/v1\nkind: {a: b}\n" + NAMED,
    "a kind that is a list": "apiVersion: apps/v1\nkind: [Deployment]\n" + NAMED,
    "metadata that is text": "apiVersion: apps/v1\nkind: Deployment\nmetadata: x\n",
    "metadata that is missing": "apiVersion: apps/v1\nkind: Deployment\n",
    "a name that is a mapping": "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {a: b}\n  namespace: x\n",
    "a kind full of tricks": 'apiVersion: v1\nkind: "a\\n\\e[31mb"\n' + NAMED,
    "an undefined name": "{{ nope }}",
    "an undefined attribute": "{{ name.nope }}",
    "a wrong filter": "{{ name | nope }}",
    "a syntax error": "{% if %}",
    "an attribute walk": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "an attribute walk by a filter": "{{ '' | attr('__class__') }}",
    "a format walk": "{{ '{0.__class__}'.format(name) }}",
    "a wide range": "{% for a in range(10 ** 9) %}x{% endfor %}",
    "a division": "{{ 1 // 0 }}",
    "a type error": "{{ name + 1 }}",
    "a key error": "{{ {}['a'] }}",
    "a recursion": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "an include of a disk path": "{% include '/etc/passwd' %}",
    "an include that leads up": "{% include '../../pyproject.toml' %}",
    "an import": "{% import 'os' as os %}",
    "itself": "{% include 'deployment.yaml.j2' %}",
    "a mapping as output": "{{ labels }}",
    "a function as output": "{{ range }}",
    "a change of what it is given": "{{ ports.append(1) }}",
    "too much": "apiVersion: apps/v1\nkind: Deployment\n" + NAMED + "x: {{ 'x' * 3000000 }}\n",
}


@pytest.mark.parametrize("template", BAD_TEMPLATES.values(), ids=BAD_TEMPLATES)
def test_a_template_that_renders_what_it_may_not_is_refused(template: str) -> None:
    bad = TemplateSet(1, {**templates().texts, "deployment.yaml.j2": template})
    render = render_input(_tree(), "prod", CART)
    with pytest.raises(RenderError) as caught:
        render_files(render, bad)
    assert str(caught.value).isprintable() and len(str(caught.value)) < 700
    assert "root:" not in str(caught.value)


def test_a_file_that_was_changed_on_the_way_is_refused() -> None:
    text = templates().texts["configmap.yaml.j2"].replace("{{ text | block(4) }}", '{{ text ~ " " }}')
    bad = TemplateSet(1, {**templates().texts, "configmap.yaml.j2": text})
    render = deploy({"files": {"/f": {"text": "a"}}}).render
    with pytest.raises(RenderError, match="not as they were written"):
        render_files(render, bad)


def test_lone_surrogates_could_not_become_output_if_they_got_in() -> None:
    render = deploy({}).render
    effective = replace(render.effective, variables={"A": "a\ud800b"})
    assert render.digest() != replace(render, effective=effective).digest()
    with pytest.raises(RenderError):
        render_files(replace(render, effective=effective), templates())


@pytest.mark.parametrize(
    "template", [BAD_TEMPLATES["a kind for the whole cluster"], BAD_TEMPLATES["a division"]], ids=["kind", "failure"]
)
def test_a_deployment_that_cannot_be_rendered_is_held_and_the_others_move_on(served: World, template: str) -> None:
    world = served
    before = world.files("dev")
    texts = dict(built_in_templates()[1].texts)
    texts["deployment.yaml.j2"] = (
        "{% if name == 'shop-cart' %}\n"
        + template.rstrip()
        + "\n{% else %}\n"
        + texts["deployment.yaml.j2"]
        + "{% endif %}\n"
    )
    world.controller = replace(world.fresh(), templates={1: TemplateSet(1, texts)})
    world.push("cart")
    moved = world.push("till")
    report = world.settle()
    assert not report.failed
    hold = world.record("dev").hold
    assert hold is not None and hold.reason == "RenderFailed" and hold.message.isprintable()
    after = world.files("dev")
    assert _of(after, "cart") == _of(before, "cart") and _of(after, "till") != _of(before, "till")
    now = world.record("dev", TILL).served
    assert now is not None and now.release.revision == moved and world.record("dev", TILL).hold is None

    world.controller = world.fresh()
    world.settle()
    assert world.record("dev").hold is None and _of(world.files("dev"), "cart") != _of(before, "cart")


def test_hostile_values_of_one_agent_go_through_a_whole_pass(world: World) -> None:
    values = {f"V{number}": value for number, value in enumerate(VALUES.values())}
    lines = "".join(f"  {name}: {_escaped(value)}\n" for name, value in values.items())
    text = AGENT.format(name="cart").replace("  LOG_LEVEL: info\n", f"  LOG_LEVEL: info\n{lines}")
    world.commit("Hostile values", {"projects/shop/agents/cart/agent.yaml": text})
    report = world.settle()
    assert not report.failed and world.record("dev").hold is None
    written = yaml.load(world.files("dev")["manifests/shop/cart/deployment.yaml"], yaml.CSafeLoader)
    env = {e["name"]: e["value"] for e in written["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert {name: _expanded(env[name]) for name in values} == values


def _tree() -> Any:
    from headpin.tree import MemoryTree

    return MemoryTree(SMALL)


def _of(files: dict[str, str], agent: str) -> dict[str, str]:
    return {path: text for path, text in files.items() if f"/{agent}/" in path}


def _escaped(text: str) -> str:
    """`text` as a person could write it so that YAML takes it."""
    return (
        '"'
        + "".join(
            letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else f"\\U{ord(letter):08x}"
            for letter in text
        )
        + '"'
    )


def _expanded(text: str) -> str:
    """What Kubernetes makes of a variable's value where nothing is defined (third_party/forked/golang/expansion)."""
    out, rest = "", text
    while rest:
        if rest.startswith("$$"):
            out, rest = out + "$", rest[2:]
        elif rest.startswith("$(") and ")" in rest:
            raise AssertionError(f"{json.dumps(text)} would be expanded")
        else:
            out, rest = out + rest[0], rest[1:]
    return out
