"""An agent that was renamed has one past, under every name that it had: in each answer about the past."""

from __future__ import annotations

import json
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from headpin.audit import run_audit
from headpin.git import Repository
from headpin.releases import EventKind
from headpin.status.happened import Happened
from headpin.telemetry.backlog import Backlog
from headpin.telemetry.redaction import Redaction
from headpin.telemetry.transitions import transitions
from headpin.types import AgentName
from tests.inprocess import headpin
from tests.test_rename import BASKET, ENVIRONMENTS, TROLLEY, move, rename
from tests.world import AGENT, CART, World

PINNED = ENVIRONMENTS[1:]


class Told:
    """A world with a rename in it, and the moments around it."""

    def __init__(self, folder: Path) -> None:
        self.world = World.small(folder)
        self.world.settle()
        for source, target in (("dev", "staging"), ("staging", "prod")):
            self.world.promote(source, target)
            self.world.settle()
        self.world.push("cart", message="Sell more")
        self.world.settle()
        self.before = self.now()
        self.report = None

    def now(self) -> str:
        return self.world.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def asked(self, *arguments: str) -> dict[str, Any]:
        done = headpin(*arguments, "--json", cwd=self.world.config)
        assert done.code == 0, done.err
        found: dict[str, Any] = json.loads(done.out)
        return found

    def events(self, *arguments: str) -> list[dict[str, Any]]:
        return list(self.asked(*arguments)["events"])

    def kinds(self, *arguments: str) -> list[tuple[str, str]]:
        return [(event["agent"], event["kind"]) for event in self.events(*arguments)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """cart went to prod, was renamed to basket, and was promoted again; nothing is changed in it here."""
    told = Told(tmp_path_factory.mktemp("renamed") / "world")
    rename(told.world)
    told.report = told.world.settle()
    told.world.promote("dev", "staging", BASKET)
    told.world.settle()
    return told


@pytest.fixture(scope="module")
def reverted(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The same, where the rename was taken back with `git revert`."""
    told = Told(tmp_path_factory.mktemp("reverted") / "world")
    rename(told.world)
    told.world.settle()
    told.between = told.now()
    told.world.git("revert", "--no-edit", "HEAD")
    told.world.settle()
    return told


def pin_commits(world: World, environment: str, *names: AgentName) -> list[str]:
    """What git lists of the pin files of all names."""
    paths = [f"pins/{environment}/{name}.yaml" for name in names]
    return world.git("log", "--first-parent", "--format=%H", "main", "--", *paths).splitlines()


def test_history_and_log_under_the_new_name_tell_the_whole_past(told: Told) -> None:
    assert told.kinds("history", "shop/basket", "--env", "dev") == [
        ("shop/basket", "renamed"),
        ("shop/basket", "promoted"),
        ("shop/basket", "promoted"),
    ]
    assert [kind for _, kind in told.kinds("history", "shop/basket", "--env", "prod")] == ["renamed", "promoted"]
    everything = told.events("history", "shop/basket")
    logged = told.events("log", "--agent", "shop/basket", "--event", "all")
    assert logged == [{**event, "pinCommit": None} for event in everything]
    assert [event["subject"] for event in everything if event["environment"] == "dev"] == ["Sell more"] * 2 + ["Change"]
    (dev,) = [event for event in everything if (event["environment"], event["kind"]) == ("dev", "renamed")]
    (prod,) = [event for event in everything if (event["environment"], event["kind"]) == ("prod", "renamed")]
    for key in ("message", "note", "person", "config", "moved"):
        assert dev[key] == prod[key], key
    assert dev["message"] == "shop/cart is shop/basket now" and dev["version"] == 0 and prod["version"] == 1


def test_the_log_tells_each_event_once_under_the_name_of_then(told: Told) -> None:
    assert [(e["environment"], e["agent"], e["kind"], e["subject"]) for e in told.events("history")] == [
        ("staging", "shop/basket", "promoted", "Sell more"),
        ("prod", "shop/basket", "renamed", "Change"),
        ("staging", "shop/basket", "renamed", "Change"),
        ("dev", "shop/basket", "renamed", "Sell more"),
        ("dev", "shop/cart", "promoted", "Sell more"),
        ("prod", "shop/cart", "promoted", "Change"),
        ("staging", "shop/cart", "promoted", "Change"),
        ("dev", "shop/cart", "promoted", "Change"),
    ]
    assert "renamed" not in {kind for _, kind in told.kinds("log")}
    assert {kind for _, kind in told.kinds("log", "--event", "renamed")} == {"renamed"}


def test_history_names_the_pin_commits_of_every_name(told: Told, reverted: Told) -> None:
    for one, names in ((told, (BASKET, CART)), (reverted, (CART, BASKET))):
        for environment in PINNED:
            listed = pin_commits(one.world, environment, *names)
            events = one.events("history", str(names[0]), "--env", environment)
            assert [event["pinCommit"] for event in events] == listed
            assert not {"edited", "pending"} & {event["kind"] for event in events}
            for limit in (1, 2):
                assert one.events("history", str(names[0]), "--env", environment, "-n", str(limit)) == events[:limit]


def test_at_a_time_before_tells_the_name_of_then(told: Told, reverted: Told) -> None:
    for one, name, moment in ((told, "shop/basket", told.before), (reverted, "shop/cart", reverted.before)):
        rows = one.asked("at", moment, name)["deployments"]
        assert [(row["agent"], row["environment"]) for row in rows] == [("shop/cart", env) for env in ENVIRONMENTS]
        assert [row["version"] for row in rows] == [0, 1, 1] and all(row["subject"] for row in rows)
        assert rows == one.asked("at", moment)["deployments"]
    rows = told.asked("at", "now", "shop/basket")["deployments"]
    assert [(row["agent"], row["version"], row["event"]["kind"]) for row in rows] == [
        ("shop/basket", 0, "renamed"),
        ("shop/basket", 2, "promoted"),
        ("shop/basket", 1, "promoted"),
    ]
    rows = reverted.asked("at", reverted.between, "shop/cart", "--env", "prod")["deployments"]
    assert [(row["agent"], row["version"]) for row in rows] == [("shop/basket", 1)]


def test_at_a_revision_before_tells_the_name_of_then(told: Told) -> None:
    revision = told.world.revision("main~2")
    rows = told.asked("at", revision, "shop/basket", "--env", "prod")["deployments"]
    assert [(row["agent"], row["version"]) for row in rows] == [("shop/cart", 1)]


def test_the_old_name_leads_to_the_new_one(told: Told, reverted: Told) -> None:
    for command in (("history", "shop/cart"), ("log", "--agent", "shop/cart"), ("at", "now", "shop/cart")):
        done = headpin(*command, cwd=told.world.config)
        assert (
            done.code == 2 and "shop/cart was renamed to shop/basket" in done.err and "shop/basket, which" in done.err
        )
    done = headpin("history", "shop/basket", cwd=reverted.world.config)
    assert done.code == 2 and "there is no agent shop/basket" in done.err


def test_a_rename_taken_back_is_two_renames_and_nothing_else(reverted: Told) -> None:
    for environment in ENVIRONMENTS:
        kinds = [kind for _, kind in reverted.kinds("history", "shop/cart", "--env", environment)]
        assert kinds == ["renamed", "renamed", *(["promoted"] * (2 if environment == "dev" else 1))]
    messages = [event["message"] for event in reverted.events("history", "shop/cart", "--env", "dev")][:2]
    assert messages == ["shop/basket is shop/cart now", "shop/cart is shop/basket now"]


def test_compare_pairs_the_names(told: Told, reverted: Told) -> None:
    (same,) = told.asked("compare", f"prod@{told.before}", "prod", "--all")["agents"]
    assert (same["agent"], same["oneAgent"], same["otherAgent"]) == ("shop/basket", "shop/cart", "shop/basket")
    assert same["differs"] == [] and same["trouble"] == []
    assert told.asked("compare", f"staging@{told.before}", "prod")["agents"] == [], "of two environments, too"
    (moved,) = told.asked("compare", f"staging@{told.before}", "staging")["agents"]
    assert moved["differs"] == ["release", "shared settings"] and moved["source"]["behind"] == 1
    (back,) = told.asked("compare", "staging", f"staging@{told.before}")["agents"]
    assert (back["oneAgent"], back["otherAgent"], back["source"]["ahead"]) == ("shop/basket", "shop/cart", 1)
    (then,) = told.asked("compare", f"dev@{told.before}", f"prod@{told.before}", "shop/basket")["agents"]
    assert (then["oneAgent"], then["otherAgent"]) == ("shop/cart", "shop/cart") and "release" in then["differs"]
    for moment in (reverted.before, reverted.between):
        (one,) = reverted.asked("compare", f"prod@{moment}", "prod", "--all")["agents"]
        assert one["agent"] == "shop/cart" and one["differs"] == [] and one["trouble"] == []
    shown = headpin("compare", f"staging@{told.before}", "staging", "--no-headers", cwd=told.world.config)
    assert "shop/basket (shop/cart)" in shown.out


def test_blame_goes_back_beyond_the_rename(told: Told, reverted: Told) -> None:
    for one, name in ((told, "shop/basket"), (reverted, "shop/cart")):
        start = one.world.git("rev-list", "--max-parents=0", "main")
        for environment in ("prod", "dev"):
            said = one.asked("blame", name, "--env", environment)["settings"]
            (level,) = [value for value in said if value["key"] == "variables.LOG_LEVEL"]
            assert level["changed"]["commit"] == start and level["trouble"] == []
            assert level["brought"]["kind"] == ("promoted" if environment == "prod" else "deployed")
            assert level["brought"]["note"] is None or "Rename" not in level["brought"]["note"]


def test_audit_finds_nothing_in_renames(told: Told, reverted: Told) -> None:
    for one in (told, reverted):
        assert run_audit(one.world.fresh(), use_memory=False).findings == ()


def test_others_are_told_of_a_rename_and_of_no_removal(told: Told) -> None:
    repository = Repository.open(told.world.config)
    backlog = Backlog(repository, lambda _: True, Redaction())
    said = [found for due in backlog.due({}) for found in backlog.tell(due)]
    assert [(n.environment, n.kind) for n in said if n.kind not in ("promoted", "deployed")] == [
        ("dev", "renamed"),
        ("prod", "renamed"),
        ("staging", "renamed"),
    ]
    assert len(said) == 8
    (prod,) = [found for found in said if (found.environment, found.kind) == ("prod", "renamed")]
    assert "shop/basket in prod: renamed v1" in prod.text and "shop/cart is shop/basket now" in prod.text
    assert told.report is not None
    logged = [item for found in told.report.environments for item in transitions(found)]
    assert sorted((item.environment, item.kind) for item in logged) == [
        (env, "renamed") for env in sorted(ENVIRONMENTS)
    ]
    assert all("shop/cart is shop/basket now" in item.message for item in logged)


def test_before_any_pass_the_past_is_told_under_the_new_name_already(tmp_path: Path) -> None:
    told = Told(tmp_path / "world")
    whole = told.events("history", "shop/cart")
    renamed = rename(told.world)
    waiting = told.events("history", "shop/basket")
    assert [{**event, "agent": "shop/cart"} for event in waiting if event["kind"] != "edited"] == whole
    assert {(e["environment"], e["pinCommit"]) for e in waiting if e["kind"] == "edited"} == {
        (environment, renamed) for environment in PINNED
    }
    rows = told.asked("at", "now", "shop/basket")["deployments"]
    assert [(row["agent"], row["version"]) for row in rows] == [("shop/cart", 0), ("shop/cart", 1), ("shop/cart", 1)]
    (level,) = told.asked("blame", "shop/basket", "--env", "prod", "variables.LOG_LEVEL")["settings"]
    assert level["brought"]["kind"] == "promoted" and level["trouble"] == []


def test_what_was_removed_under_the_old_name_is_in_the_history_of_the_new_one(tmp_path: Path) -> None:
    told = Told(tmp_path / "world")
    told.world.commit("Not in prod any more", {"pins/prod/shop/cart.yaml": None})
    told.world.settle()
    rename(told.world)
    told.world.settle()
    events = told.events("history", "shop/basket", "--env", "prod")
    assert [event["kind"] for event in events] == ["removed", "promoted"]
    assert [event["pinCommit"] for event in events] == pin_commits(told.world, "prod", BASKET, CART)
    rows = told.asked("at", told.before, "shop/basket", "--env", "prod")["deployments"]
    assert [(row["agent"], row["version"]) for row in rows] == [("shop/cart", 1)]
    old = told.events("history", "shop/cart", "--env", "prod")
    assert [event["kind"] for event in old] == ["removed", "promoted"], "its past where it ends"


def test_renamed_and_deployed_in_one_pass_are_both_told_in_dev(tmp_path: Path) -> None:
    told = Told(tmp_path / "world")
    told.world.push("cart", message="And more")
    rename(told.world)
    told.world.settle()
    kinds = [(e["kind"], e["subject"]) for e in told.events("history", "shop/basket", "--env", "dev")]
    assert kinds[:2] == [("promoted", "And more"), ("renamed", "And more")]
    found = Happened(Repository.open(told.world.config), told.world.branch("dev"))
    assert [event.kind for event in found.of_agent(BASKET)] == [EventKind(kind) for kind, _ in kinds]


def test_renamed_twice_and_the_first_name_given_to_another(tmp_path: Path) -> None:
    told = Told(tmp_path / "world")
    rename(told.world)
    told.world.settle()
    between = told.now()
    rename(told.world, TROLLEY, BASKET, formerly="[shop/cart, shop/basket]")
    told.world.settle()
    told.world.push("other")
    told.world.commit("The name again", {"projects/shop/agents/cart/agent.yaml": AGENT.format(name="other")})
    told.world.reconcile()
    events = told.events("history", "shop/trolley", "--env", "prod")
    assert [event["kind"] for event in events] == ["renamed", "renamed", "promoted"]
    assert [event["pinCommit"] for event in events] == pin_commits(told.world, "prod", TROLLEY, BASKET, CART)
    assert [kind for _, kind in told.kinds("history", "shop/trolley", "--env", "dev")].count("renamed") == 2
    for moment, name in ((told.before, "shop/cart"), (between, "shop/basket")):
        rows = told.asked("at", moment, "shop/trolley")["deployments"]
        assert [row["agent"] for row in rows] == [name] * 3
        (one,) = told.asked("compare", f"prod@{moment}", "prod", "--all")["agents"]
        assert (one["oneAgent"], one["otherAgent"], one["differs"]) == (name, "shop/trolley", [])
    assert run_audit(told.world.fresh(), use_memory=False).findings == ()


def test_promoted_by_the_commit_that_renames_is_no_finding(tmp_path: Path) -> None:
    told = Told(tmp_path / "world")
    pin = told.world.pin_text("dev")
    move(told.world, BASKET, CART)
    told.world.commit("Both", {"pins/staging/shop/basket.yaml": pin})
    told.world.settle()
    assert [kind for _, kind in told.kinds("history", "shop/basket", "--env", "staging")][:2] == ["promoted", "renamed"]
    assert run_audit(told.world.fresh(), use_memory=False).findings == ()
    told.world.git("revert", "--no-edit", "HEAD")
    told.world.settle()
    assert run_audit(told.world.fresh(), use_memory=False).findings == ()


def test_audit_takes_what_renames_do_for_what_it_is(tmp_path: Path) -> None:
    told = Told(tmp_path / "world")
    rename(told.world)
    told.world.settle()
    told.world.git("revert", "--no-edit", "HEAD")
    rename(told.world, TROLLEY)  # taken back and renamed to something else, between two passes
    told.world.settle()
    assert run_audit(told.world.fresh(), use_memory=False).findings == ()
    skipped = told.world.promote("dev", "prod", TROLLEY)
    told.world.settle()
    rename(told.world, BASKET, TROLLEY, formerly="[shop/cart, shop/trolley]")
    told.world.settle()
    told.world.git("revert", "--no-edit", "HEAD")
    told.world.settle()
    (finding,) = run_audit(told.world.fresh(), use_memory=False).findings
    assert (finding.code, finding.main) == ("HP403", skipped), "told once, and not again by each rename of its pin"
