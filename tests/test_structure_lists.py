"""What is told of environments, pipelines, projects and agents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.structure import copy, make, run
from tests.world import World


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> World:
    """See `tests.structure`; web is pinned in prod and blocked there. Never changed."""
    folder = tmp_path_factory.mktemp("lists")
    make(folder / "world")
    world = copy(folder / "world", folder / "copy")
    world.push("web")
    world.settle()
    world.write({"pins/prod/shop/web.yaml": world.pin_text("dev", world.branch("dev").agents("shop")[1])})
    world.commit("Too early", {"projects/shop/agents/web/agent.yaml": WEB_WITH_MORE})
    world.reconcile()
    return world


WEB_WITH_MORE = """\
displayName: Shop window
description: "What \\u001b[31mpeople\\u202e see"
source: {repository: "https://robin@example.com/web.git", branch: release, path: site}
image: {pattern: "registry.example.com/web:{short}"}
content: ["texts/**"]
"""


def told(world: World, *arguments: str) -> Any:
    return json.loads(run(world, *arguments, "--json").out)


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if "─" not in line]


def test_environments_in_the_order_of_promotion_with_counts_and_holds(shop: World) -> None:
    listed = told(shop, "environment", "list")
    assert listed["plan"] == {"name": "small", "used": 3, "allowed": 4}
    found = [(item["name"], item["tracksHead"], item["production"], item["served"], item["held"])
             for item in listed["environments"]]  # fmt: skip
    assert found == [("dev", True, False, 3, 0), ("staging", False, False, 3, 0), ("prod", False, True, 1, 1)]
    shown = run(shop, "environment", "list")
    assert rows(shown.out)[3] == ["prod", "Production", "production", "1", "1", "in-cluster", "prod"]
    assert "3 of 4 environments of the plan 'small'" in shown.err
    assert rows(run(shop, "environment", "list", "--no-headers", "-o", "wide").out)[0][:3] == ["dev", "head", "3"]


def test_an_agents_pin_in_each_environment(shop: World) -> None:
    def pins(agent: str) -> list[tuple[str, int | None, str | None]]:
        listed = told(shop, "environment", "list", "--agent", agent)["environments"]
        return [(item["pin"]["state"], item["pin"]["version"], item["pin"]["status"]) for item in listed]

    assert pins("shop/cart") == [("head", 0, "Deployed"), ("v1", 1, "Deployed"), ("v1", 1, "Deployed")]
    assert pins("shop/web") == [("head", 0, "Deployed"), ("v1", 1, "Deployed"), ("waiting", None, "Blocked")]
    assert pins("lab/probe")[2] == ("no-pin", None, None)
    shown = run(shop, "environment", "list", "--agent", "shop/web").out
    assert "prod: Blocked: ran-before:" in shown


def test_an_environment_with_everything_about_it(shop: World) -> None:
    found = told(shop, "environment", "show", "staging")
    assert found["pipelines"] == ["short", "standard"]
    assert found["settings"]["namespace"] == "staging" and found["settings"]["variables"] == {"REGION": "north"}
    assert found["ownLayers"] == ["projects/shop/staging.yaml", "projects/shop/agents/cart/staging.yaml"]
    assert found["branch"]["tip"] == shop.revision("env/staging")
    assert found["branch"]["config"] == shop.branch("staging").state.config  # type: ignore[union-attr]
    assert found["deployments"] == {"Deployed": 3}
    shown = run(shop, "environment", "show", "prod").out
    assert "1 Blocked, 1 Deployed, 1 NoPin" not in shown and "1 Blocked, 1 Deployed" in shown
    assert 'namespace: "prod"' in shown and "null" not in shown


def test_pipelines_with_their_chains(shop: World) -> None:
    shown = rows(run(shop, "pipeline", "list").out)
    assert " ".join(shown[1]) == "short dev → staging (automatic) lab"
    assert " ".join(shown[2]) == "standard dev → staging (required; gates note) → prod shop"
    found = told(shop, "pipeline", "show", "standard")
    assert [(stage["environment"], stage["required"], stage["gates"]) for stage in found["stages"]] == [
        ("dev", False, []),
        ("staging", True, ["note"]),
        ("prod", False, []),
    ]
    assert found["projects"] == ["shop"] and found["description"] == "the long way"
    assert "2. staging (required; gates note)" in run(shop, "pipeline", "show", "standard").out


def test_projects_with_what_they_serve(shop: World) -> None:
    found = {item["name"]: item for item in told(shop, "project", "list")["projects"]}
    assert found["shop"]["served"] == {"dev": 2, "staging": 2, "prod": 1}
    assert (found["shop"]["pipeline"], found["shop"]["owners"]) == ("standard", ["ann"])
    assert told(shop, "project", "show", "shop")["agents"] == ["shop/cart", "shop/web"]
    shown = run(shop, "project", "show", "shop").out
    assert "projects/shop/staging.yaml" in shown and "dev 2, staging 2, prod 1" in shown


def test_agents_by_project_and_by_environment(shop: World) -> None:
    def names(*arguments: str) -> list[str]:
        return [item["name"] for item in told(shop, "agent", "list", *arguments)["agents"]]

    assert names() == ["lab/probe", "shop/cart", "shop/web"]
    assert names("--project", "shop") == ["shop/cart", "shop/web"]
    assert names("--env", "prod") == ["shop/cart", "shop/web"]
    assert names("--env", "prod", "--project", "lab") == []
    shown = run(shop, "agent", "list", "--no-headers").out
    assert "dev HEAD, staging v1, prod - (waiting)" in shown and "dev HEAD, staging v1, prod v1" in shown


def test_an_agent_with_everything_about_it(shop: World) -> None:
    found = told(shop, "agent", "show", "shop/web")
    assert found["source"] == {"repository": "https://…@example.com/web.git", "branch": "release", "path": "site"}
    assert found["owners"] == ["ann"] and found["pipeline"] == "standard" and found["content"] is not None
    assert [(place["environment"], len(place["versions"])) for place in found["environments"]] == [
        ("dev", 2),
        ("staging", 1),
        ("prod", 0),
    ]
    assert found["files"] == [
        "projects/shop/agents/web/agent.yaml",
        "pins/prod/shop/web.yaml",
        "pins/staging/shop/web.yaml",
    ]
    shown = run(shop, "agent", "show", "shop/web").out
    bare = run(shop, "agent", "show", "shop/web", "--no-headers").out
    assert "ENVIRONMENT" in shown and "ENVIRONMENT" not in bare
    assert "\x1b" not in shown and "\u202e" not in shown and "robin" not in shown
    assert "prod: Blocked: ran-before:" in shown


def test_what_cannot_be_read_is_listed_all_the_same(shop: World, tmp_path: Path) -> None:
    broken = copy(shop.folder, tmp_path / "broken")
    files = ("projects/lab/project.yaml", "pipelines/short.yaml", "environments/prod.yaml")
    broken.commit("Break", dict.fromkeys(files, "x: [\n"))
    broken.commit("More", {"projects/shop/agents/web/agent.yaml": "x: [\n"})
    assert "cannot be read" in run(broken, "pipeline", "list").out
    assert "cannot be read" in run(broken, "project", "list").out
    assert told(broken, "environment", "list")["environments"][0]["name"] == "dev"
    assert told(broken, "agent", "show", "shop/web")["image"] == ""
    for arguments in (("environment", "show", "prod"), ("pipeline", "show", "short"), ("project", "show", "lab")):
        run(broken, *arguments)
    broken.reconcile()
    assert "prod: everything is held" in run(broken, "environment", "list").out
