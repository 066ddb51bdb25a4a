"""Rendered output as it is read in review: `pytest --update-golden` writes it anew."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headpin.resources import resource
from headpin.tree import DiskTree, MemoryTree
from headpin.types import AgentName
from tests.rendering.deployments import CART, deploy, deploy_from, templates
from tests.rendering.helm import charted
from tests.rendering.kubernetes import faults

GOLDEN = Path(__file__).parent / "golden"
EXAMPLE = DiskTree(resource("example-config-repo"))
SHOWN = (
    ("prod", AgentName("support", "triage")),
    ("dev", AgentName("support", "answers")),
    ("staging", AgentName("billing", "reminders")),
)
CONTENT = {"prompts/system.md": b"Be kind.\nBe brief.\n", "prompts/de/system.md": b"x\n", "icon.png": b"\x89PNG\r\n"}
DELIVERY = {"repository": "https://git.example.com/acme/config.git", "credentials": {"secret": "config-reader"}}
CHARTS = (("prod", AgentName("support", "answers")),)
CONSTANT = templates().chart
"""Of a chart: reviewed where it is, below templates/."""


def rendered() -> dict[str, str]:
    """Every golden file's text, by its path."""
    found = {f"{environment}/{agent}": deploy_from(EXAMPLE, environment, agent) for environment, agent in SHOWN}
    for mount in ("configmap", "init"):
        agent = {"content": {"files": ["**"], "mount": mount}}
        found[f"content/{mount}"] = deploy(agent, delivery=DELIVERY, content=CONTENT)
    files = {f"{place}/{file}": text for place, shown in found.items() for file, text in shown.files.items()}
    for environment, agent in CHARTS:
        chart = charted(deploy_from(EXAMPLE, environment, agent).render)
        files |= {f"helm/{environment}/{agent}/{file}": text for file, text in chart.items() if file not in CONSTANT}
    for mount in ("configmap", "init"):
        chart = charted(found[f"content/{mount}"].render)
        files |= {f"helm/content/{mount}/{file}": text for file, text in chart.items() if file not in CONSTANT}
    return files


def _diff(before: str, after: str) -> list[str]:
    """The lines that differ, without their indentation."""
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [f"{line[0]} {line[2:].strip()}" for line in lines if line[0] in "+-"]


def _files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_rendered_output_is_as_it_was_reviewed(request: pytest.FixtureRequest) -> None:
    found = rendered()
    if request.config.getoption("update_golden"):
        for old in _files_in(GOLDEN):
            old.unlink()
        for path, text in found.items():
            (GOLDEN / path).parent.mkdir(parents=True, exist_ok=True)
            (GOLDEN / path).write_text(text, "utf-8")
    stored = {file.relative_to(GOLDEN).as_posix(): file.read_text("utf-8") for file in _files_in(GOLDEN)}
    assert stored == found, "if this is meant, run 'pytest --update-golden' and review the difference"


@pytest.mark.parametrize(("environment", "agent"), SHOWN, ids=str)
def test_what_was_reviewed_is_what_kubernetes_takes(environment: str, agent: AgentName) -> None:
    assert faults(deploy_from(EXAMPLE, environment, agent).objects) == []


def test_rendering_twice_gives_the_same_bytes() -> None:
    assert rendered() == rendered()


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_another_process_gives_the_same_bytes(seed: str) -> None:
    program = (
        "import hashlib, json; from tests.rendering.test_golden import rendered;"
        "print(hashlib.sha256(json.dumps(rendered(), sort_keys=True).encode()).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == hashlib.sha256(json.dumps(rendered(), sort_keys=True).encode()).hexdigest()


def test_the_order_in_which_people_write_changes_nothing() -> None:
    variables = {"ONE": "1", "TWO": "2", "THREE": "3"}
    files = {f"/etc/{name}": {"text": name} for name in "abc"}
    backwards = {"variables": dict(reversed(variables.items())), "files": dict(reversed(files.items()))}
    assert deploy({"variables": variables, "files": files}).files == deploy(backwards).files


def test_a_change_of_one_variable_changes_one_line() -> None:
    before = deploy({"variables": {"A": "1", "B": "2", "C": "3"}}).files
    after = deploy({"variables": {"A": "1", "B": "two", "C": "3"}}).files
    assert [name for name in before if before[name] != after[name]] == ["deployment.yaml"]
    assert _diff(before["deployment.yaml"], after["deployment.yaml"]) == ['- value: "2"', '+ value: "two"']


def test_a_change_of_one_line_of_a_file_changes_that_line_and_the_name_with_the_hash() -> None:
    text = "".join(f"line {number}\n" for number in range(50))
    before = deploy({"files": {"/etc/a.conf": {"text": text}}})
    after = deploy({"files": {"/etc/a.conf": {"text": text.replace("line 25\n", "line twenty-five\n")}}})
    names = [found.objects["ConfigMap"]["metadata"]["name"] for found in (before, after)]
    assert _diff(before.files["configmap.yaml"], after.files["configmap.yaml"]) == [
        f'- name: "{names[0]}"',
        f'+ name: "{names[1]}"',
        "- line 25",
        "+ line twenty-five",
    ]
    assert _diff(before.files["deployment.yaml"], after.files["deployment.yaml"]) == [
        f'- name: "{names[0]}"',
        f'+ name: "{names[1]}"',
    ]


def test_a_new_revision_changes_the_lines_that_name_it() -> None:
    files = {
        "environments/dev.yaml": "tracks: head\n",
        "projects/shop/agents/cart/agent.yaml": (
            "source: {repository: ../cart}\nimage: {pattern: 'registry.example.com/cart:1'}\n"
        ),
    }
    found = deploy_from(MemoryTree(files), "dev", CART)
    assert sum(found.render.revision in line for line in found.files["deployment.yaml"].splitlines()) == 2
    assert not any(found.render.revision in text for name, text in found.files.items() if name != "deployment.yaml")
