"""All answers are in git: a mirror, garbage collection and the way in which people merge change none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from headpin.audit import run_audit
from headpin.types import AgentName
from tests.inprocess import headpin
from tests.test_rename import BASKET, ENVIRONMENTS, move
from tests.world import AGENT, CART, SMALL, World, git

MENU = AgentName("shop", "menu")
STYLES = ("merge", "squash", "rebase")


def merged(world: World, style: str, subject: str, edit: Callable[[], object]) -> None:
    """What `edit` does, on a branch that is merged in this style; `subject` is what main's commit says."""
    world.git("checkout", "--quiet", "-b", "work")
    edit()
    world.git("add", "--all")
    world.git("commit", "--quiet", "--allow-empty", "-m", subject)
    world.git("checkout", "--quiet", "main")
    world.commit("Meanwhile", {"README.md": f"{subject}\n"})
    if style == "merge":
        world.git("merge", "--quiet", "--no-ff", "-m", subject, "work")
    elif style == "squash":
        world.git("merge", "--quiet", "--squash", "work")
        world.git("commit", "--quiet", "-m", subject)
    else:
        world.git("rebase", "--quiet", "main", "work")
        world.git("checkout", "--quiet", "main")
        world.git("merge", "--quiet", "--ff-only", "work")
    world.git("branch", "--quiet", "-D", "work")
    world.reconcile()


def pinned(world: World, source: str, target: str, agent: AgentName = CART) -> Callable[[], object]:
    """An edit that promotes."""
    pin = world.pin_text(source, agent)
    return lambda: world.write({f"pins/{target}/{agent.project}/{agent.agent}.yaml": pin})


def began(folder: Path) -> World:
    """Two agents in dev."""
    world = World(folder)
    world.push("cart", message="Begin the cart")
    world.push("menu", message="Begin the menu")
    world.commit("Start", {**SMALL, "projects/shop/agents/menu/agent.yaml": AGENT.format(name="menu")})
    world.settle()
    return world


# ── clones, and git's housekeeping ───────────────────────────────────────────────────────────────────


class Eventful:
    """A world in which everything happened once, and moments between."""

    def __init__(self, folder: Path) -> None:
        self.world = world = began(folder)
        self.moments: list[str] = []
        for agent in (CART, MENU):
            merged(world, "merge", f"Promote {agent}", pinned(world, "dev", "staging", agent))
        merged(world, "squash", "Promote it on", pinned(world, "staging", "prod"))
        self.look()
        world.push("cart", message="Sell more")
        world.settle()
        merged(world, "rebase", "Promote the second", pinned(world, "dev", "staging"))
        self.exception()
        world.git("revert", "--no-edit", "HEAD")  # of the promotion to prod: a rollback
        world.settle()
        self.look()
        self.run("environment", "create", "eu", "--pipeline", "standard", "--after", "staging")
        world.promote("staging", "eu")
        world.settle()
        self.look()
        self.run("agent", "rename", "shop/cart", "shop/basket", "--yes")
        self.look()
        world.commit("Menu is over", {"pins/staging/shop/menu.yaml": None})
        world.commit("Own settings", {"projects/shop/agents/basket/prod.yaml": "variables:\n  REGION: eu\n"})
        world.settle()
        self.run("pipeline", "remove-stage", "standard", "eu", "--yes")
        self.run("environment", "delete", "eu", "--confirm", "eu", "--yes")
        world.push("menu", message="Another menu")
        world.settle()
        skipped = world.pin_text("dev", MENU)
        world.commit("Skip a stage", {"pins/prod/shop/menu.yaml": skipped})
        world.settle()
        world.commit("=A comment", {"pins/prod/shop/basket.yaml": f"# why\n{world.pin_text('prod', BASKET)}"})

    def run(self, *arguments: str) -> None:
        done = headpin(*arguments, cwd=self.world.config)
        assert done.code == 0, (arguments, done.err)
        self.world.settle()

    def look(self) -> None:
        self.moments.append(self.world.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def exception(self) -> None:
        """A gate that is opened by an override."""
        world = self.world
        chain = (world.config / "pipelines/standard.yaml").read_text()
        gates = "    gates: {checks: [evals], overridable: [checks]}\n"
        release = "".join(f"  {line}\n" for line in world.pin_text("staging").splitlines())
        opened = "allow: gates\nenvironment: prod\nagents: [shop/cart]\ngates: [checks]\nreason: now\nrelease:\n"
        world.commit("Strict", {"pipelines/standard.yaml": chain + gates, "overrides/now.yaml": opened + release})
        world.settle()
        world.promote("staging", "prod")
        world.settle()

    def questions(self) -> list[tuple[str, ...]]:
        world = self.world
        chain = world.git("rev-list", "--first-parent", "main").splitlines()
        revisions = [*chain[1::8], world.revision("env/staging~2"), world.revision("env/prod")]
        times = [f"{name}@{moment}" for name in ("staging", "prod") for moment in self.moments[1:]]
        lists = [(kind, "list") for kind in ("environment", "pipeline", "project", "agent")]
        shown = ("staging", "standard", "shop", "shop/basket")
        return [
            ("history",),
            *(("history", agent) for agent in ("shop/basket", "shop/menu")),
            ("history", "shop/basket", "--env", "eu"),
            ("log",),
            ("log", "--event", "all", "--agent", "shop/basket"),
            *(("at", moment) for moment in self.moments),
            ("at", self.moments[0], "shop/basket"),
            *(("at", revision) for revision in revisions),
            ("compare", "staging", "prod", "--all"),
            ("compare", "dev", "staging"),
            ("compare", times[0], times[-1]),
            *(("blame", "shop/basket", "--env", name) for name in ENVIRONMENTS),
            ("audit",),
            ("audit", "--since", chain[len(chain) // 2]),
            *lists,
            *((kind, "show", name) for (kind, _), name in zip(lists, shown, strict=True)),
            ("status",),
            *(("explain", "shop/basket", "--env", name) for name in ENVIRONMENTS),
        ]


@pytest.fixture(scope="module")
def eventful(tmp_path_factory: pytest.TempPathFactory) -> Eventful:
    """Made once; nothing is committed to it any more."""
    return Eventful(tmp_path_factory.mktemp("eventful") / "world")


def answers(folder: Path, questions: Sequence[tuple[str, ...]]) -> dict[str, tuple[int, Any]]:
    """Exit code and answer of each question."""
    found = {}
    for question in questions:
        done = headpin(*question, "--json", cwd=folder)
        assert done.out, (question, done.err)
        found[" ".join(question)] = (done.code, json.loads(done.out))
    return found


def collect(git_dir: Path) -> None:
    """Everything is packed, what nobody refers to goes, and so does all that headpin remembers."""
    git("reflog", "expire", "--expire=now", "--all", cwd=git_dir)
    git("gc", "--quiet", "--prune=now", cwd=git_dir)
    shutil.rmtree(git_dir / "headpin", ignore_errors=True)


def test_a_mirror_and_garbage_collection_change_no_answer(eventful: Eventful) -> None:
    folder, config = eventful.world.folder, eventful.world.config
    questions = eventful.questions()
    expected = answers(config, questions)
    assert {code for code, _ in expected.values()} == {0, 1}, "audit finds the stage that was skipped"
    kinds = {event["kind"] for event in expected["history"][1]["events"]}
    kinds |= {event["kind"] for event in expected["history shop/basket"][1]["events"]}
    assert kinds >= {"promoted", "rolled-back", "removed", "renamed", "reconfigured", "held", "edited"}
    assert [f["code"] for f in expected["audit"][1]["findings"]][:1] == ["HP403"]
    git("clone", "--quiet", "--mirror", str(config), "mirror.git", cwd=folder)
    assert not (folder / "mirror.git/headpin").exists()
    for place, git_dir in ((folder / "mirror.git", folder / "mirror.git"), (config, config / ".git")):
        for is_collected in (False, True):
            if is_collected:
                collect(git_dir)
            elif place == config:
                continue
            found = answers(place, questions)
            for question, answer in expected.items():
                assert found[question] == answer, (place.name, is_collected, question)


# ── how people merge ─────────────────────────────────────────────────────────────────────────────────


def lived(folder: Path, style: str) -> World:
    """The same edits, merged in this style."""
    world = began(folder)
    for agent in (CART, MENU):
        merged(world, style, f"Promote {agent}", pinned(world, "dev", "staging", agent))
    merged(world, style, "Promote it on", pinned(world, "staging", "prod"))
    layer = {"projects/shop/agents/cart/prod.yaml": "variables:\n  REGION: eu\n"}
    merged(world, style, "Own settings", lambda: world.write(layer))
    world.push("cart", message="Sell more")
    world.reconcile()
    merged(world, style, "Promote the second", pinned(world, "dev", "staging"))
    merged(world, style, "Promote the second on", pinned(world, "staging", "prod"))
    merged(world, style, "Back", lambda: world.git("checkout", "--quiet", "main~4", "--", "pins/prod/shop/cart.yaml"))
    merged(world, style, "Menu is over", lambda: world.write({"pins/staging/shop/menu.yaml": None}))
    merged(world, style, "Rename", lambda: move(world, BASKET, CART))
    world.push("menu", message="Another menu")
    world.reconcile()
    merged(world, style, "Skip a stage", pinned(world, "dev", "prod", MENU))
    return world


def outcome(world: World) -> dict[str, Any]:
    """What is served and what happened, without what differs between any two worlds: ids and times."""
    done = headpin("history", "--json", cwd=world.config)
    events = [
        {key: event[key] for key in ("agent", "environment", "kind", "version", "subject", "source", "person", "note")}
        for event in json.loads(done.out)["events"]
    ]
    status = json.loads(headpin("status", "--json", cwd=world.config).out)
    rows = [(row["agent"], row["environment"], row["status"], row["version"]) for row in status["deployments"]]
    files = {name: sorted(world.files(name, "deployments")) for name in ENVIRONMENTS}
    found = [(f.code, f.environment, str(f.agent)) for f in run_audit(world.fresh(), use_memory=False).findings]
    return {"events": events, "status": rows, "files": files, "audit": found}


def test_however_people_merge_the_same_is_served_and_told(tmp_path: Path) -> None:
    merge, squash, rebase = (outcome(lived(tmp_path / style, style)) for style in STYLES)
    kinds = [event["kind"] for event in merge["events"]]
    assert {"promoted", "rolled-back", "removed", "renamed", "reconfigured", "held"} <= set(kinds)
    assert merge["audit"] == [("HP403", "prod", "shop/menu")]
    assert squash == merge
    assert rebase == merge
