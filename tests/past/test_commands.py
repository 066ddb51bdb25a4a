"""`history`, `at` and `log` as people type them: forms, filters, clones, and what cannot be known."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headpin.cli.terminal import Terminal
from headpin.model.moments import moment_said
from headpin.types import AgentName
from tests.inprocess import Ran, headpin
from tests.world import AGENT, CART, SMALL, World, git

EVIL = '=HYPERLINK("http://x.example.com","y"), "quoted"\nsecond line \x1b[31m\u202e'


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two agents with some history: nothing is changed in it here."""
    world = World(tmp_path_factory.mktemp("told"))
    world.push("cart", message="Begin the cart")
    world.push("menu", message="@menu \x1b[2J begins")
    world.commit("Start", {**SMALL, "projects/shop/agents/menu/agent.yaml": AGENT.format(name="menu")})
    world.settle()
    world.promote("dev", "staging", author="Ann <ann@example.com>")
    world.promote("dev", "staging", AgentName("shop", "menu"))
    world.settle()
    world.promote("staging", "prod", author="Ben <ben@example.com>")
    world.settle()
    world.push("cart", message="Sell more")
    world.settle()
    world.commit(EVIL, {"pins/staging/shop/cart.yaml": world.pin_text("dev")}, author="=cmd <eve@example.com>")
    world.settle()
    world.git("revert", "--no-edit", "HEAD")
    world.settle()
    world.commit("More", {"projects/shop/agents/cart/prod.yaml": "scaling:\n  minReplicas: 2\n  maxReplicas: 4\n"})
    world.settle()
    return world


def asked(world: World, *arguments: str) -> Ran:
    done = headpin(*arguments, cwd=world.config)
    assert done.code == 0, done.err
    return done


def events(world: World, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(asked(world, *arguments, "--json").out)["events"]
    return found


def kinds(world: World, *arguments: str) -> list[tuple[str, str, str]]:
    return [(event["environment"], event["agent"], event["kind"]) for event in events(world, *arguments)]


def test_history_tells_the_subject_of_the_source_commit_everywhere(told: World) -> None:
    subjects = [(e["environment"], e["kind"], e["subject"]) for e in events(told, "history", "shop/cart")]
    assert subjects == [
        ("prod", "scaled", "Begin the cart"),
        ("staging", "rolled-back", "Begin the cart"),
        ("staging", "promoted", "Sell more"),
        ("dev", "promoted", "Sell more"),
        ("prod", "promoted", "Begin the cart"),
        ("staging", "promoted", "Begin the cart"),
        ("dev", "promoted", "Begin the cart"),
    ]
    (prod,) = [e for e in events(told, "history", "shop/cart", "--env", "prod") if e["kind"] == "promoted"]
    assert prod["source"] == {"environment": "staging", "version": 1} and prod["person"] == "Ben <ben@example.com>"
    assert prod["steps"] and prod["gates"][0]["gate"] == "ran-before" and prod["pinCommit"] == prod["config"]


def test_subjects_are_inert_json_on_the_branch(told: World) -> None:
    (line,) = told.git("show", "env/staging:deployments/shop/menu.ran").splitlines()
    assert json.loads(line)["subject"] == "@menu [2J begins"


def test_history_without_an_agent_is_the_log_of_everything(told: World) -> None:
    everything = events(told, "history")
    assert everything == events(told, "log", "--event", "all")
    assert {event["agent"] for event in everything} == {"shop/cart", "shop/menu"}
    assert len(everything) == 9


def test_the_log_has_moves_newest_first_and_filters(told: World) -> None:
    assert kinds(told, "log", "-n", "3") == [
        ("staging", "shop/cart", "rolled-back"),
        ("staging", "shop/cart", "promoted"),
        ("dev", "shop/cart", "promoted"),
    ]
    assert ("prod", "shop/cart", "scaled") not in kinds(told, "log")
    assert kinds(told, "log", "--event", "scaled") == [("prod", "shop/cart", "scaled")]
    assert kinds(told, "log", "--person", "BEN@") == [("prod", "shop/cart", "promoted")]
    assert kinds(told, "log", "--agent", "shop/menu", "--env", "staging") == [("staging", "shop/menu", "promoted")]
    assert kinds(told, "log", "--project", "shop") == kinds(told, "log")
    by_walk = [event for event in events(told, "log") if event["agent"] == "shop/cart"]
    assert events(told, "log", "--agent", "shop/cart") == by_walk
    middle = events(told, "log")[2]["at"]
    before, after = events(told, "log", "--until", middle), events(told, "log", "--since", middle)
    assert [e["at"] for e in before] == [e["at"] for e in events(told, "log") if e["at"] <= middle]
    assert [e["at"] for e in after] == [e["at"] for e in events(told, "log") if e["at"] >= middle]


def test_at_tells_what_ran_since_when_by_whom_and_why(told: World) -> None:
    moment = events(told, "log", "--event", "rolled-back")[0]["at"]
    before = (datetime.fromisoformat(moment) - timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    value = json.loads(asked(told, "at", before, "shop/cart", "--json").out)
    ran = {item["environment"]: item for item in value["deployments"]}
    assert [(name, item["version"], item["subject"]) for name, item in ran.items()] == [
        ("dev", 0, "Sell more"),
        ("staging", 2, "Sell more"),
        ("prod", 1, "Begin the cart"),
    ]
    assert ran["staging"]["event"]["person"] == "=cmd <eve@example.com>"
    assert ran["prod"]["event"]["note"].startswith("Promote shop/cart")
    after = json.loads(asked(told, "at", moment, "--env", "staging", "--json").out)
    assert [(item["agent"], item["version"]) for item in after["deployments"]] == [("shop/cart", 1), ("shop/menu", 1)]
    shown = asked(told, "at", before)
    assert "v2" in shown.out and "PROD (production)" in shown.out


def test_at_a_revision_of_main_tells_what_had_been_applied_by_then(told: World) -> None:
    subjects = told.git("log", "--first-parent", "--format=%H %s", "main").splitlines()
    for line in subjects:
        revision = line.split(" ")[0]
        value = json.loads(asked(told, "at", revision, "--json").out)
        chain = told.git("rev-list", "--first-parent", revision).splitlines()
        for environment in value["environments"]:
            name = environment["name"]
            own = told.git("log", "--first-parent", "--format=%H %(trailers:key=Headpin-Config,valueonly,separator=)",
                           f"env/{name}").splitlines()  # fmt: skip
            wanted = next((row.split(" ")[0] for row in own if row.split(" ")[1] in chain), None)
            assert environment["commit"] == wanted, (name, line)
    older = told.revision("main~1")
    assert asked(told, "at", "main~1", "--json").out == asked(told, "at", older, "--json").out
    for named in ("main~1^{tree}", "main:defaults.yaml", "main@{1}", "~1"):
        assert headpin("at", named, cwd=told.config).code == 2
    of_branch = json.loads(asked(told, "at", told.revision("env/prod~1"), "--json").out)
    assert [item["name"] for item in of_branch["environments"]] == ["prod"]
    assert of_branch["environments"][0]["commit"] == told.revision("env/prod~1")


def test_a_commit_that_a_merge_brought_in_counts_from_the_merge_on(running: World) -> None:
    running.git("checkout", "--quiet", "-b", "work")
    inside = running.commit("Aside", {"README.md": "aside\n"})
    running.git("checkout", "--quiet", "main")
    running.push("cart")
    running.commit("Meanwhile", {"OTHER.md": "x\n"})
    running.settle()
    running.git("merge", "--quiet", "--no-ff", "-m", "Merge", "work")
    layer = "projects/shop/agents/cart/prod.yaml"
    running.commit("Later", {layer: "scaling:\n  minReplicas: 3\n  maxReplicas: 4\n"})
    running.settle()
    value = json.loads(asked(running, "at", inside, "--json").out)
    commits = {item["name"]: item["commit"] for item in value["environments"]}
    assert commits["dev"] == running.revision("env/dev")
    assert commits["prod"] == running.revision("env/prod~1")


@pytest.mark.parametrize(
    ("when", "code", "said"),
    [
        ("2019-01-01", 1, "no environment existed yet at 2019-01-01T00:00:00Z"),
        ("2199-01-01", 2, "is in the future"),
        ("yesterday-ish", 2, "neither a time nor a commit"),
        ("2026-13-45", 2, "neither a time nor a commit"),
    ],
)
def test_at_says_plainly_what_it_cannot_answer(told: World, when: str, code: int, said: str) -> None:
    done = headpin("at", when, cwd=told.config)
    assert done.code == code and said in done.err and "→" in done.err


def test_an_environment_that_came_later_did_not_exist_yet(running: World) -> None:
    before = running.branch("prod").own
    assert before is not None
    running.clock.now += timedelta(days=1)
    running.commit("More", {"environments/eu.yaml": "description: Europe\n"})
    running.settle()
    then = before.committer.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "eu did not exist yet" in asked(running, "at", then).out
    done = headpin("at", then, "--env", "eu", cwd=running.config)
    assert done.code == 1 and "the environment eu did not exist yet" in done.err


def test_csv_is_rfc_4180_and_no_cell_is_a_formula(told: World) -> None:
    for command in (("log", "--event", "all"), ("history", "shop/cart"), ("at", "now")):
        text = asked(told, *command, "-o", "csv").out
        assert "\r\n" in text and "\x1b" not in text and "\u202e" not in text
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert rows and all(None not in row and None not in row.values() for row in rows)
        assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@\t" and cell]
    rows = list(csv.DictReader(io.StringIO(asked(told, "history", "shop/cart", "-o", "csv").out, newline="")))
    (evil,) = [row for row in rows if "cmd" in row["person"]]
    assert evil["person"] == "'=cmd <eve@example.com>" and evil["note"].startswith("'=HYPERLINK(")
    menu = asked(told, "log", "--agent", "shop/menu", "-o", "csv", "--no-headers").out
    assert "'@menu" in menu and not menu.startswith("time,")


def test_nothing_that_people_wrote_acts_on_a_terminal(told: World) -> None:
    for command in (("log",), ("history", "shop/cart", "-o", "wide"), ("at", "now", "--env", "staging"), ("history",)):
        shown = asked(told, *command)
        assert "\x1b" not in shown.out + shown.err and "\u202e" not in shown.out


def test_a_terminal_shows_fifty_and_says_that_there_are_more(short: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(json.loads(headpin("log", "--json", cwd=short).out)["events"]) == 1200
    cut = headpin("log", "-n", "2", cwd=short)
    assert "only the newest 2 events" in cut.err and cut.code == 0
    made = Terminal.__post_init__

    def as_on_a_terminal(self: Terminal) -> None:
        made(self)
        self.out._force_terminal = True

    monkeypatch.setattr(Terminal, "__post_init__", as_on_a_terminal)
    shown = headpin("log", cwd=short)
    assert "only the newest 50 events" in shown.err


QUESTIONS = (("history", "shop/cart"), ("history",), ("log", "--event", "all"), ("at", "now"), ("at", "main"))


def test_a_mirror_after_garbage_collection_answers_the_same(told: World, tmp_path: Path) -> None:
    def answers(folder: Path) -> list[str]:
        done = [headpin(*question, "--json", cwd=folder) for question in QUESTIONS]
        assert [found.code for found in done] == [0] * len(QUESTIONS)
        # `at now` says which second it is
        return [text for found in done for text in [found.out] if '"time": "2' not in text.split("environments")[0]]

    before = answers(told.config)
    git("clone", "--quiet", "--mirror", str(told.config), "mirror.git", cwd=tmp_path)
    mirror = tmp_path / "mirror.git"
    assert answers(mirror) == before
    git("gc", "--quiet", "--prune=now", cwd=mirror)
    git("commit-graph", "write", "--reachable", "--changed-paths", cwd=mirror)
    assert answers(mirror) == before and len(before) == 4


def test_a_shallow_clone_tells_what_it_has_and_how_to_deepen(told: World, tmp_path: Path) -> None:
    git("clone", "--quiet", "--depth=2", "--no-single-branch", f"file://{told.config}", "shallow", cwd=tmp_path)
    shallow = tmp_path / "shallow"
    everything = events(told, "log", "--event", "all")
    done = headpin("log", "--event", "all", "--json", cwd=shallow)
    assert done.code == 3 and "unshallow" in done.err
    value = json.loads(done.out)
    assert value["events"] and value["events"] == everything[: len(value["events"])] and value["incomplete"]
    assert headpin("log", "--event", "all", "-n", "1", cwd=shallow).code == 0
    history = headpin("history", "shop/cart", "--env", "staging", "--json", cwd=shallow)
    assert history.code == 3 and "unshallow" in history.err
    kept = [(event["kind"], event["at"]) for event in json.loads(history.out)["events"]]
    assert kept == [(e["kind"], e["at"]) for e in events(told, "history", "shop/cart", "--env", "staging")]
    early = headpin("at", events(told, "log")[-1]["at"], "--env", "staging", cwd=shallow)
    assert early.code == 3 and "unshallow" in early.err
    late = headpin("at", "now", "--env", "staging", "--json", cwd=shallow)
    assert late.code == 0
    assert (
        json.loads(late.out)["deployments"]
        == json.loads(asked(told, "at", "now", "--env", "staging", "--json").out)["deployments"]
    )


def test_an_agent_of_this_repository_has_the_subjects_of_its_commits(tmp_path: Path) -> None:
    world = World(tmp_path)
    agent = AGENT.format(name="cart").replace("../sources/cart", ".").replace("image:", "  path: app\nimage:", 1)
    world.commit("Add the app", {**SMALL, "projects/shop/agents/cart/agent.yaml": agent, "app/main.py": "1\n"})
    world.settle()
    world.commit("Speed the app up", {"app/main.py": "2\n"})
    world.settle()
    assert [event["subject"] for event in events(world, "history", str(CART))] == ["Speed the app up", "Add the app"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("now", "2026-11-24T15:00:00Z"),
        ("2 hours ago", "2026-11-24T13:00:00Z"),
        ("90m ago", "2026-11-24T13:30:00Z"),
        ("1 week ago", "2026-11-17T15:00:00Z"),
        ("2026-11-20", "2026-11-20T00:00:00"),
        ("2026-11-20 09:30", "2026-11-20T09:30:00"),
        ("2026-11-20T09:30:15+01:00", "2026-11-20T08:30:15Z"),
    ],
)
def test_times_as_people_say_them(said: str, meant: str) -> None:
    now = datetime(2026, 11, 24, 15, tzinfo=UTC)
    assert moment_said(said, now) == datetime.fromisoformat(meant)


@pytest.mark.parametrize("said", ["", "20261120", "1234567", "2026-W48", "ago", "-2 hours ago", "2 moons ago", "2026"])
def test_what_is_no_time_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match="no date and time"):
        moment_said(said, datetime(2026, 11, 24, tzinfo=UTC))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("log", "--project", "shp"), "did you mean shop?"),
        (("log", "--event", "deployed"), "write --event promoted"),
        (("audit", "--agent", "shop/crt"), "did you mean shop/cart?"),
        (("audit", "--agent", "shop/x"), "2 to 40 lower-case letters"),
        (("history", "shop/x"), "2 to 40 lower-case letters"),
    ],
)
def test_a_slip_is_told_and_is_no_empty_answer(told: World, arguments: tuple[str, ...], said: str) -> None:
    done = headpin(*arguments, cwd=told.config)
    assert done.code == 2 and said in done.err and not done.out, done


def test_a_project_that_is_gone_has_a_log_and_is_audited(told: World, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git("clone", "--quiet", "--mirror", str(told.config), str(clone), cwd=tmp_path)
    empty = git("mktree", cwd=clone)
    git(
        "update-ref", "refs/heads/main", git("commit-tree", "-p", "main", "-m", "All gone", empty, cwd=clone), cwd=clone
    )
    log = headpin("log", "--project", "shop", "--json", cwd=clone)
    assert log.code == 0 and json.loads(log.out)["events"] == events(told, "log", "--project", "shop")
    assert headpin("audit", "--agent", "shop/menu", cwd=clone).code == 0
