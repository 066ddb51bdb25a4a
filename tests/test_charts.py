"""The engine `helm` on branches, and charts that agents bring: part of the release, copied as they are."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from headpin.problems import Problem
from headpin.releases import EventKind, HoldReason
from headpin.tree import DiskTree, MemoryTree
from headpin.types import AgentName
from headpin.workspace import DocumentReader, Workspace, check
from headpin.workspace.charts import MAX_BYTES, MAX_FILES
from tests.example import IN_DEV, example_world
from tests.programs import kustomize
from tests.rendering.helm import helm, lint, template
from tests.world import AGENT, CART, SMALL, World

AGENT_PATH = "projects/shop/agents/cart/agent.yaml"
SEARCH_PATH = "projects/shop/agents/search/agent.yaml"
SEARCH = AgentName("shop", "search")
VALUES = """\
# What the team of cart sets.
image:
  repository: none   # headpin fills this in
  tag: ""

replicaCount: 1
team: cart  # stays
env: []
# the end
"""
CHART = {
    "Chart.yaml": 'apiVersion: v2\nname: cart\nversion: 1.2.0\nappVersion: "7"\n',
    "values.yaml": VALUES,
    "templates/deployment.yaml": """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: cart
  labels: {team: {{ .Values.team }}}
spec:
  replicas: {{ .Values.replicaCount }}
  selector: {matchLabels: {app: cart}}
  template:
    metadata:
      labels: {app: cart}
    spec:
      containers:
        - name: cart
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
          env: {{ toJson .Values.env }}
""",
    ".helmignore": "*.bak\r\n",
}
OWN = AGENT.format(name="cart") + "engine: helm\nchart: charts/cart\n"


def in_main(chart: dict[str, str], folder: str = "charts/cart") -> dict[str, str | bytes | None]:
    return {f"{folder}/{path}": text for path, text in chart.items()}


def files_of(world: World, environment: str, agent: AgentName = CART) -> dict[str, str]:
    """The deployment's files, byte for byte, by their paths in its folder."""
    top = f"manifests/{agent}/"
    listed = world.git("ls-tree", "-r", "--name-only", f"env/{environment}", top).splitlines()
    return {path.removeprefix(top): blob(world, f"env/{environment}:{path}") for path in listed}


def blob(world: World, name: str) -> str:
    done = subprocess.run(["git", "cat-file", "blob", name], cwd=world.config, capture_output=True, check=True)
    return done.stdout.decode()


def checkout(world: World, environment: str, folder: Path) -> Path:
    world.git("worktree", "add", "--quiet", "--detach", "--force", str(folder), f"env/{environment}")
    return folder


# ── the engine ──


def test_an_environment_chooses_charts_for_all_its_agents(tmp_path: Path) -> None:
    world = example_world(tmp_path / "world")
    for environment in ("dev", "staging", "prod"):
        path = world.config / f"environments/{environment}.yaml"
        path.write_text(path.read_text() + "\nengine: helm\n")
    world.commit("Deliver charts")
    assert not world.settle().holds
    found = checkout(world, "dev", tmp_path / "dev")
    charts = sorted(path.parent for path in found.glob("manifests/*/*/Chart.yaml"))
    assert [f"{chart.parent.name}/{chart.name}" for chart in charts] == sorted(IN_DEV)
    assert not list(found.rglob("kustomization.yaml"))
    for chart in charts:
        lint(chart)


def test_an_agent_chooses_for_itself_and_the_others_are_still_built_by_kustomize(world: World, tmp_path: Path) -> None:
    world.push("search")
    world.commit("Search, as a chart", {SEARCH_PATH: AGENT.format(name="search") + "engine: helm\n"})
    world.settle()
    files = world.files("dev")
    assert yaml.safe_load(files["manifests/shop/kustomization.yaml"])["resources"] == ["cart"]
    assert "manifests/shop/search/Chart.yaml" in files
    assert "manifests/shop/search/kustomization.yaml" not in files
    folder = checkout(world, "dev", tmp_path / "dev") / "manifests" / "shop"
    assert {found["metadata"]["name"] for found in yaml.safe_load_all(kustomize(folder))} == {"shop-cart"}
    assert template(folder / "search")["Deployment"]["metadata"]["name"] == "shop-search"


def test_changing_the_engine_replaces_the_files_and_keeps_the_release(running: World) -> None:
    before = running.record("prod").served
    running.commit("Charts in prod", {"environments/prod.yaml": "production: true\nengine: helm\n"})
    running.settle()
    files = files_of(running, "prod")
    assert "Chart.yaml" in files and "deployment.yaml" not in files
    assert "manifests/shop/kustomization.yaml" not in running.files("prod")
    after = running.record("prod").served
    assert before is not None and after is not None
    assert (after.release, after.version) == (before.release, before.version)
    assert running.events("prod")[-1].kind is EventKind.RECONFIGURED
    running.commit("And back", {"environments/prod.yaml": "production: true\n"})
    running.settle()
    assert set(files_of(running, "prod")) == {
        "deployment.yaml",
        "kustomization.yaml",
        "service.yaml",
        "serviceaccount.yaml",
    }
    assert "manifests/shop/kustomization.yaml" in running.files("prod")


def test_the_engine_of_an_agent_is_promoted_with_it(running: World) -> None:
    running.commit("A chart", {AGENT_PATH: AGENT.format(name="cart") + "engine: helm\n"})
    running.settle()
    assert "Chart.yaml" in files_of(running, "dev")
    assert "Chart.yaml" not in files_of(running, "staging")
    running.promote("dev", "staging")
    running.settle()
    assert "Chart.yaml" in files_of(running, "staging")


def test_an_own_layer_changes_one_line_of_the_branch(running: World) -> None:
    running.commit("Charts in prod", {"environments/prod.yaml": "production: true\nengine: helm\n"})
    running.settle()
    running.commit("Quieter", {"projects/shop/agents/cart/prod.yaml": "variables: {LOG_LEVEL: warning}\n"})
    running.settle()
    changed = running.git("diff", "--numstat", "env/prod~1", "env/prod", "--", "manifests").split()
    assert changed == ["1", "1", "manifests/shop/cart/values.yaml"]


def test_stopping_changes_one_line_of_the_branch(running: World) -> None:
    running.commit("Charts in prod", {"environments/prod.yaml": "production: true\nengine: helm\n"})
    running.settle()
    running.commit("Stop", {"projects/shop/agents/cart/prod.yaml": "stopped: true\n"})
    running.settle()
    changed = running.git("diff", "--unified=0", "env/prod~1", "env/prod", "--", "manifests").splitlines()
    assert [line for line in changed if line[0] in "+-" and line[:3] not in ("+++", "---")] == [
        "-stopped: false",
        "+stopped: true",
    ]
    running.commit("Start", {"projects/shop/agents/cart/prod.yaml": "stopped: false\n"})
    running.settle()
    assert running.git("rev-parse", "env/prod:manifests") == running.git("rev-parse", "env/prod~2:manifests")


def test_content_is_on_the_branch_once_and_a_chart_has_it(world: World, tmp_path: Path) -> None:
    world.push("cart", {"prompts/system.md": "Be kind.\n"})
    world.commit("Content", {AGENT_PATH: AGENT.format(name="cart") + "engine: helm\ncontent: [prompts/**]\n"})
    assert not world.settle().holds
    in_chart = world.git("rev-parse", "env/dev:manifests/shop/cart/content/system.md.txt")
    assert in_chart == world.git("rev-parse", "env/dev:content/shop/cart/prompts/system.md")
    chart = checkout(world, "dev", tmp_path / "dev") / "manifests/shop/cart"
    lint(chart)
    assert template(chart)["ConfigMap content 1"]["data"] == {"system.md": "Be kind.\n"}
    before = world.git("rev-parse", "env/dev")
    world.push("cart", {"prompts/system.md": "Be brief.\n"})
    assert not world.settle().holds
    changed = world.git("diff", "--name-only", before, "env/dev", "--", "manifests").splitlines()
    assert changed == ["manifests/shop/cart/" + name for name in ("Chart.yaml", "content/system.md.txt", "values.yaml")]


def test_what_others_commit_into_a_chart_is_undone(running: World) -> None:
    running.commit("Charts in prod", {"environments/prod.yaml": "production: true\nengine: helm\n"})
    running.settle()
    good = files_of(running, "prod")
    running.git("worktree", "add", "--quiet", "--force", str(running.folder / "prod"), "env/prod")
    place = running.folder / "prod" / "manifests/shop/cart/templates"
    (place / "extra.yaml").write_text("kind: Secret\n")
    (place / "service.yaml").unlink()
    for arguments in (("add", "--all"), ("commit", "--quiet", "-m", "By hand")):
        subprocess.run(["git", *arguments], cwd=running.folder / "prod", check=True)
    running.settle()
    assert files_of(running, "prod") == good


# ── a chart of the agent's own ──


@pytest.fixture
def own(world: World) -> World:
    """cart with its own chart, in dev and staging."""
    world.commit("A chart of its own", {**in_main(CHART), AGENT_PATH: OWN})
    assert not world.settle().holds
    world.promote("dev", "staging")
    assert not world.settle().holds
    return world


def test_a_chart_is_copied_as_it_is_and_the_values_are_filled_in(own: World) -> None:
    files = files_of(own, "staging")
    revision = own.revision_of_source("cart")
    assert files == {
        **CHART,
        "values.yaml": VALUES.replace("repository: none", "repository: registry.example.com/cart")
        .replace('tag: ""', f'tag: "{revision}"')
        .replace("env: []", 'env:\n  - name: "LOG_LEVEL"\n    value: "info"'),
    }
    assert yaml.safe_load(files["values.yaml"])["team"] == "cart"


def test_helm_takes_a_filled_chart(own: World, tmp_path: Path) -> None:
    chart = checkout(own, "staging", tmp_path / "staging") / "manifests/shop/cart"
    lint(chart)
    pod = template(chart)["Deployment"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == f"registry.example.com/cart:{own.revision_of_source('cart')}"
    assert pod["containers"][0]["env"] == [{"name": "LOG_LEVEL", "value": "info"}]


def test_a_chart_is_in_the_snapshot_as_the_same_tree_as_on_main(own: World) -> None:
    on_main = own.git("rev-parse", "main:charts/cart")
    for environment in ("dev", "staging"):
        assert own.git("rev-parse", f"env/{environment}:settings/shop/cart/chart") == on_main
        served = own.record(environment).served
        assert served is not None
        assert served.release.settings == own.git("rev-parse", f"env/{environment}:settings/shop/cart")


def test_an_edit_of_a_chart_reaches_dev_at_merge_and_the_others_by_promotion(own: World) -> None:
    before = own.files("staging")
    own.commit("Another team", {"charts/cart/values.yaml": VALUES.replace("team: cart", "team: shop")})
    own.settle()
    assert "team: shop" in files_of(own, "dev")["values.yaml"]
    assert own.files("staging") == before
    promotion = own.promote("dev", "staging")
    own.settle()
    assert "team: shop" in files_of(own, "staging")["values.yaml"]
    own.git("revert", "--no-edit", promotion)
    own.settle()
    assert own.files("staging") == before
    assert own.events("staging")[-1].kind is EventKind.ROLLED_BACK


def test_a_chart_that_is_gone_from_main_is_still_in_what_runs(own: World) -> None:
    own.git("rm", "-r", "--quiet", "charts")
    own.commit("No charts any more", {AGENT_PATH: AGENT.format(name="cart")})
    own.settle()
    assert "deployment.yaml" in files_of(own, "dev")
    own.commit("Own layer", {"projects/shop/agents/cart/staging.yaml": "variables: {LOG_LEVEL: debug}\n"})
    own.settle()
    files = files_of(own, "staging")
    assert files["templates/deployment.yaml"] == CHART["templates/deployment.yaml"]
    assert 'value: "debug"' in files["values.yaml"]


def test_a_broken_chart_holds_dev_and_a_rollback_goes_through(own: World) -> None:
    first = own.pin_text("staging")
    own.commit("Another team", {"charts/cart/values.yaml": VALUES.replace("team: cart", "team: shop")})
    own.settle()
    own.promote("dev", "staging")
    own.settle()
    before = own.files("dev")
    own.push("cart")
    own.commit("Broken", {"charts/cart/values.yaml": "image: [\n"})
    own.settle()
    hold = own.record("dev").hold
    assert hold is not None and hold.reason is HoldReason.INVALID and "charts/cart/values.yaml" in hold.message
    assert own.files("dev") == before
    own.commit("Back", {"pins/staging/shop/cart.yaml": first})
    own.settle()
    assert "team: cart" in files_of(own, "staging")["values.yaml"]


def test_a_chart_that_nobody_uses_concerns_nobody(world: World) -> None:
    world.settle()
    tips = world.tips()
    world.commit("Not a chart", {"charts/other/values.yaml": "x: [\n"})
    report = world.settle()
    assert not report.holds and report.work.rendered == 0
    assert world.tips() == tips


# ── what is wrong with a chart ──


def problems(files: dict[str, str | bytes]) -> list[str]:
    return told(check(Workspace(MemoryTree({**SMALL, **files}), DocumentReader())))


def told(found: tuple[Problem, ...]) -> list[str]:
    return [f"{problem.code} {problem.path}" for problem in found]


def chart_with(**changes: str | bytes | None) -> dict[str, str | bytes]:
    """The workspace with cart's own chart, after changes of its files."""
    chart: dict[str, str | bytes | None] = {**CHART, **changes}
    files: dict[str, str | bytes] = {f"charts/cart/{path}": text for path, text in chart.items() if text is not None}
    return {**files, AGENT_PATH: OWN}


def test_a_chart_without_fault_is_no_problem() -> None:
    assert problems(chart_with()) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Chart.yaml": None}, ["HP333 charts/cart/Chart.yaml"]),
        ({"Chart.yaml": "name: [\n"}, ["HP333 charts/cart/Chart.yaml"]),
        ({"Chart.yaml": "apiVersion: v1\nname: a\nversion: 1.0.0\n"}, ["HP333 charts/cart/Chart.yaml"]),
        ({"Chart.yaml": "apiVersion: v2\nname: a\nversion: 1.0\n"}, ["HP333 charts/cart/Chart.yaml"]),
        ({"Chart.yaml": "apiVersion: v2\n"}, ["HP333 charts/cart/Chart.yaml"] * 2),
        ({"values.yaml": "image: &a {tag: x}\n"}, ["HP335 charts/cart/values.yaml"]),
        ({"values.yaml": "image: {tag: no}\n"}, ["HP335 charts/cart/values.yaml"]),
        ({"values.yaml": "- image\n"}, ["HP335 charts/cart/values.yaml"]),
        ({"values.yaml": "image: {}\n"}, [f"HP335 {AGENT_PATH}"]),
        ({"values.yaml": "image: {repository: x, digest: ''}\n"}, [f"HP335 {AGENT_PATH}"]),
        ({"values.yaml": None}, [f"HP335 {AGENT_PATH}"]),
        ({"values.yaml": "# nothing\n"}, [f"HP335 {AGENT_PATH}"]),
        ({"logo.png": b"\x89PNG\xff"}, ["HP331 charts/cart/logo.png"]),
        ({"values.yaml": VALUES + "token: ghp_" + "a1" * 20 + "\n"}, ["HP205 charts/cart/values.yaml"]),
        ({"templates/NOTES.txt": "https://{{ .Values.user }}:{{.Values.password}}@example.com\n"}, []),
        ({"a\nb": "x"}, ["HP331 charts/cart/a\\nb"]),
        ({"-x": "x"}, ["HP331 charts/cart/-x"]),
        ({"git~1": "x"}, ["HP331 charts/cart/git~1"]),
        ({"a/b/c/d/e/f/g/h/i": "x"}, ["HP331 charts/cart/a/b/c/d/e/f/g/h"]),
        ({"big": "x" * (MAX_BYTES + 1)}, ["HP332 charts/cart"]),
        ({f"f{number}": "x" for number in range(MAX_FILES)}, ["HP332 charts/cart"]),
    ],
)
def test_what_cannot_be_delivered_is_a_problem(changes: dict[str, str | bytes | None], expected: list[str]) -> None:
    found = [problem for problem in problems(chart_with(**changes)) if not problem.startswith("HP337")]
    assert found == expected


def test_dependencies_are_in_the_chart_or_a_problem() -> None:
    needs = (
        CHART["Chart.yaml"]
        + "dependencies:\n  - name: redis\n    version: 1.0.0\n    repository: https://example.com\n"
    )
    assert problems(chart_with(**{"Chart.yaml": needs})) == ["HP334 charts/cart/Chart.yaml"]
    inside = "apiVersion: v2\nname: redis\nversion: 1.0.0\n"
    assert problems(chart_with(**{"Chart.yaml": needs, "charts/redis/Chart.yaml": inside})) == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("charts/none", ["HP330 charts/none"]),
        ("charts/cart/values.yaml", ["HP330 charts/cart/values.yaml"]),
        ("chart/cart", [f"HP204 {AGENT_PATH}"]),
        ("charts/../x", [f"HP204 {AGENT_PATH}"]),
        ("{path: charts/cart, values: {team: agent}}", []),
        ("{path: charts/cart, values: {team: agnt}}", [f"HP204 {AGENT_PATH}"]),
        ("{path: charts/cart, values: {'team..x': agent}}", [f"HP204 {AGENT_PATH}"]),
        ("{path: charts/cart, values: {team.x: agent}}", [f"HP335 {AGENT_PATH}"]),
        ("{path: charts/cart, values: {a: agent, a.b: name}}", [f"HP204 {AGENT_PATH}"]),
        ("{path: charts/cart, values: {image: null}}", [f"HP335 {AGENT_PATH}"]),
        ("{path: charts/cart, values: {replicaCount: null}}", [f"HP337 {AGENT_PATH}"]),
        ("{path: charts/cart, values: {env: null}}", [f"HP337 {AGENT_PATH}"]),
        ("{path: charts/cart, values: {env: null, vars.all: variables}}", []),
    ],
)
def test_what_an_agent_says_about_its_chart_is_checked(rule: str, expected: list[str]) -> None:
    assert problems({**chart_with(), AGENT_PATH: OWN.replace("charts/cart", rule)}) == expected


def test_a_chart_without_the_engine_is_a_warning_and_with_another_engine_a_problem() -> None:
    files = chart_with()
    assert problems({**files, AGENT_PATH: OWN.replace("engine: helm\n", "")}) == [f"HP336 {AGENT_PATH}"]
    assert problems({**files, AGENT_PATH: OWN.replace("helm", "manifests")}) == [f"HP204 {AGENT_PATH}"]
    prod = {"environments/prod.yaml": "production: true\nengine: helm\n"}
    assert problems({**files, **prod, AGENT_PATH: OWN.replace("engine: helm\n", "")}) == []


def test_links_submodules_and_executables_in_a_chart_are_never_followed(world: World, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary")
    world.commit("A chart of its own", {**in_main(CHART), AGENT_PATH: OWN})
    world.settle()
    before = world.files("dev")
    templates = world.config / "charts/cart/templates"
    (templates / "link.yaml").symlink_to(secret)
    (templates / "folder").symlink_to(tmp_path)
    (templates / "deployment.yaml").chmod(0o755)
    found = told(check(Workspace(DiskTree(world.config), DocumentReader())))
    odd = [f"HP331 charts/cart/templates/{name}" for name in ("deployment.yaml", "folder", "link.yaml")]
    assert found == odd
    world.commit("Links")
    revision = world.revision()
    world.git("update-index", "--add", "--cacheinfo", f"160000,{revision},charts/cart/module")
    world.git("commit", "--quiet", "-m", "A submodule")
    world.push("cart")
    world.settle()
    hold = world.record("dev").hold
    assert hold is not None and hold.reason is HoldReason.INVALID
    assert told(check(world.controller.workspace())) == ["HP331 charts/cart/module", *odd]
    assert world.files("dev") == before and "canary" not in str(world.files("dev", ""))


def test_a_chart_on_disk_is_the_same_release_as_the_chart_in_git(own: World) -> None:
    snapshot = Workspace(DiskTree(own.config), DocumentReader()).snapshot(CART)
    served = own.record("dev").served
    assert snapshot is not None and served is not None
    assert snapshot.id == served.release.settings


# ── charts as people have them ──


def test_what_helm_create_makes_is_filled_in_without_a_word(world: World, tmp_path: Path) -> None:
    assert helm("create", tmp_path / "cart").returncode == 0
    made = {str(f.relative_to(tmp_path / "cart")): f.read_text() for f in (tmp_path / "cart").rglob("*") if f.is_file()}
    agent = OWN.replace("variables:\n  LOG_LEVEL: info\n", "") + "scaling: {minReplicas: 2, maxReplicas: 5}\n"
    world.commit("From helm create", {**in_main(made), AGENT_PATH: agent})
    assert told(check(world.controller.workspace())) == []
    assert not world.settle().holds
    chart = checkout(world, "dev", tmp_path / "dev") / "manifests/shop/cart"
    lint(chart)
    found = template(chart)
    container = found["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == f"registry.example.com/cart:{world.revision_of_source('cart')}"
    assert found["Deployment"]["metadata"]["name"] == "shop-cart"
    assert (found["HorizontalPodAutoscaler"]["spec"]["minReplicas"], container["resources"]["requests"]["cpu"]) == (
        2,
        "100m",
    )
    comments = [line for line in made["values.yaml"].splitlines() if line.lstrip().startswith("#")]
    kept = (chart / "values.yaml").read_text().splitlines()
    assert [line for line in kept if line.lstrip().startswith("#")] == comments


# ── on the command line ──


def headpin(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headpin", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=os.environ, capture_output=True, text=True, check=False)


def test_render_writes_charts_and_prints_none(own: World, tmp_path: Path) -> None:
    refused = headpin("render", "dev", cwd=own.config)
    assert refused.returncode == 2 and not refused.stdout
    assert "shop/cart" in refused.stderr and "--output-dir" in refused.stderr
    done = headpin("render", "dev", "--output-dir", tmp_path / "out", cwd=own.config)
    assert done.returncode == 0, done.stderr
    top = tmp_path / "out/shop/cart"
    written = {str(f.relative_to(top)): f.read_bytes().decode() for f in top.rglob("*") if f.is_file()}
    assert written == files_of(own, "dev")
    assert not (tmp_path / "out/shop/kustomization.yaml").exists()
