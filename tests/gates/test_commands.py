"""Reporting evidence and asking for the gates, by the real commands."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headpin.releases import Status
from tests.gates.test_gates import REPORTS, STRICT, new_release, pipeline, version
from tests.inprocess import Ran, headpin
from tests.test_cli import headpin as in_a_process
from tests.world import World, git


@pytest.fixture
def promoted(running: World) -> World:
    """v2 in staging; prod at v1; served since now, as the commands' clock has it."""
    running.clock.now = datetime.now(UTC).replace(microsecond=0)
    new_release(running)
    return running


def run(world: World, *arguments: str, env: dict[str, str] | None = None) -> Ran:
    if env is None:
        return headpin(*arguments, cwd=world.config)
    done = in_a_process("-C", world.config, *arguments, env=env)
    return Ran(done.code, done.out, done.err)


def test_a_health_report_is_one_commit_by_the_person_on_the_evidence_branch(promoted: World) -> None:
    before = promoted.git("status", "--porcelain"), promoted.revision("main")
    said = ("health", "report", "shop/cart", "--env", "staging", "--version", "v2")
    done = run(promoted, *said, "--healthy", "--message", "quiet", "--author", "Bot <bot@example.com>")
    assert done.code == 0, done.err
    log = promoted.git("log", "--format=%an <%ae>, %cn: %s", "headpin/evidence/staging")
    assert log.startswith("Bot <bot@example.com>, headpin: Report shop/cart healthy in staging: v2 (")
    assert (promoted.git("status", "--porcelain"), promoted.revision("main")) == before
    again = run(promoted, *said, "--healthy")
    assert again.code == 0 and again.out.startswith("nothing new")
    assert run(promoted, *said, "--degraded", "-m", "queue full").code == 0
    shown = json.loads(run(promoted, "health", "show", "shop/cart", "--env", "staging", "--json").out)
    told = [(item["state"], item["message"], item["until"] is None) for item in shown["health"]]
    assert told == [("degraded", "queue full", True), ("healthy", "quiet", False)]
    assert shown["health"][0]["person"] == "Test Person <test.person@example.com>"
    assert "queue full" in run(promoted, "health", "show", "shop/cart", "--env", "staging").out


@pytest.mark.parametrize(
    ("environment", "said", "remark"),
    [("staging", "v1", "staging serves v2 ("), ("staging", "HEAD", "not HEAD"), ("dev", "v1", "dev serves HEAD (")],
)
def test_a_version_that_is_not_served_is_refused(promoted: World, environment: str, said: str, remark: str) -> None:
    done = run(promoted, "health", "report", "shop/cart", "--env", environment, "--version", said, "--healthy")
    assert done.code == 2 and remark in done.err
    assert promoted.git("for-each-ref", "refs/heads/headpin") == ""


def test_where_git_knows_nobody_the_report_is_refused(promoted: World, tmp_path: Path) -> None:
    said = ("health", "report", "shop/cart", "--env", "dev", "--version", "head", "--healthy")
    nobody = {"GIT_CONFIG_GLOBAL": "/dev/null", "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    assert run(promoted, *said, env=nobody).code == 2
    done = run(promoted, *said, env=nobody | {"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.com"})
    assert done.code == 0, done.err
    assert promoted.git("log", "--format=%ae", "headpin/evidence/dev") == "ann@example.com"


def test_checks_are_set_and_listed(promoted: World) -> None:
    said = ("check", "set", "shop/cart", "--env", "staging")
    where = "https://ci.example.com/runs/7"
    assert run(promoted, *said, "--name", "evals", "--failed", "--score", "0.5").code == 0
    assert run(promoted, *said, "--name", "evals", "--passed", "--score", "0.97", "--url", where).code == 0
    assert run(promoted, *said, "--name", "smoke", "--passed", "--version", "v1").code == 0
    listed = run(promoted, "check", "list", "shop/cart", "--env", "staging")
    assert listed.code == 0 and "evals" in listed.out and where in listed.out and "smoke" not in listed.out
    old = json.loads(run(promoted, "check", "list", "shop/cart", "-e", "staging", "--version", "v1", "--json").out)
    assert [(check["name"], check["result"]) for check in old["checks"]] == [("smoke", "passed")]


@pytest.mark.parametrize(
    "wrong",
    [
        ("--name", "Evals", "--passed"),
        ("--name", "evals"),
        ("--name", "evals", "--passed", "--score", "nan"),
        ("--name", "evals", "--passed", "--url", "javascript:alert(1)"),
        ("--name", "evals", "--passed", "--message", "two\nlines"),
        ("--name", "evals", "--passed", "--version", "v9"),
        ("--name", "evals", "--passed", "--author", "nobody"),
    ],
)
def test_what_is_no_result_is_refused(promoted: World, wrong: tuple[str, ...]) -> None:
    done = run(promoted, "check", "set", "shop/cart", "--env", "staging", *wrong)
    assert done.code == 2, done.out


def test_explain_tells_every_gate_of_a_promotion_before_it_is_made(promoted: World) -> None:
    promoted.commit("Strict", pipeline("{soak: 2h, checks: [evals], health: true, note: required}"))
    asked = run(promoted, "explain", "shop/cart", "--promote-to", "prod")
    assert asked.code == 0, asked.err
    assert asked.out.startswith("shop/cart from staging to prod\n  release  v2 ")
    assert "gate     ran-before is open: ran in staging as v2" in asked.out
    assert "gate     checks is closed: evals has no result in staging" in asked.out
    found = json.loads(run(promoted, "explain", "shop/cart", "--promote-to", "prod", "--json").out)
    assert (found["kind"], found["move"], found["open"]) == ("Outlook", "promoted", False)
    gates = {gate["gate"]: gate for gate in found["gates"]}
    assert gates["soak"]["opensAt"] and gates["health"]["result"] == "open"
    assert run(promoted, "explain", "shop/cart").code == 2
    assert run(promoted, "explain", "shop/cart", "--env", "prod", "--promote-to", "prod").code == 2
    assert run(promoted, "explain", "shop/cart", "--promote-to", "dev").code == 2


def test_explain_tells_what_is_served_already_and_what_own_settings_wait_for(running: World) -> None:
    assert "prod serves it already" in run(running, "explain", "shop/cart", "--promote-to", "prod").out
    running.commit("Suspend", {"projects/shop/prod.yaml": "suspended: audit\nvariables: {A: b}\n"})
    running.settle()
    told = run(running, "explain", "shop/cart", "--env", "prod").out
    assert "gate     suspension is closed: projects/shop/prod.yaml says: audit" in told
    assert "variables.A" not in told, "what it runs with is what was applied last"


def test_reports_by_command_open_the_gates(promoted: World) -> None:
    promoted.commit("Gates", pipeline("{checks: [evals], health: true}") | REPORTS)
    promoted.promote("staging", "prod")
    promoted.settle()
    assert version(promoted) == 1
    at = ("shop/cart", "--env", "staging")
    assert run(promoted, "check", "set", *at, "--name", "evals", "--passed").code == 0
    assert run(promoted, "health", "report", *at, "--version", "v2", "--healthy").code == 0
    promoted.settle()
    served = promoted.record("prod").served
    assert served is not None and (served.version, served.status) == (2, Status.DEPLOYED)


def test_a_clone_goes_on_from_the_upstreams_evidence(promoted: World) -> None:
    at = ("check", "set", "shop/cart", "--env", "staging", "--passed")
    assert run(promoted, *at, "--name", "evals").code == 0
    clone = promoted.folder / "clone"
    git("clone", "--quiet", str(promoted.config), str(clone), cwd=promoted.folder)
    assert "evals" in headpin("check", "list", "shop/cart", "--env", "staging", cwd=clone).out
    before = promoted.revision("headpin/evidence/staging")
    assert headpin(*at, "--name", "smoke", "--no-push", cwd=clone).code == 0
    listed = headpin("check", "list", "shop/cart", "--env", "staging", cwd=clone).out
    assert "evals" in listed and "smoke" in listed
    parent = git("rev-parse", "headpin/evidence/staging^", cwd=clone)
    assert parent == promoted.revision("headpin/evidence/staging") == before


def test_what_a_clone_reports_is_pushed_after_what_others_reported_meanwhile(promoted: World) -> None:
    at = ("check", "set", "shop/cart", "--env", "staging", "--passed")
    clone = promoted.folder / "clone"
    git("clone", "--quiet", str(promoted.config), str(clone), cwd=promoted.folder)
    assert run(promoted, *at, "--name", "evals").code == 0
    assert headpin(*at, "--name", "smoke", cwd=clone).code == 0
    listed = run(promoted, "check", "list", "shop/cart", "--env", "staging").out
    assert "evals" in listed and "smoke" in listed


@pytest.mark.slow
def test_many_jobs_report_at_once_and_nothing_is_lost(promoted: World) -> None:
    said = ("check", "set", "shop/cart", "--env", "staging", "--passed")
    jobs = [
        subprocess.Popen(
            [sys.executable, "-m", "headpin", "-C", str(promoted.config), *said, "--name", f"check-{number}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(8)
    ]
    told = [job.communicate(timeout=120) for job in jobs]
    assert all(job.returncode == 0 for job in jobs), told
    listed = json.loads(run(promoted, "check", "list", "shop/cart", "--env", "staging", "--json").out)
    assert [check["name"] for check in listed["checks"]] == [f"check-{number}" for number in range(8)]
    assert promoted.git("rev-list", "--count", "headpin/evidence/staging") == "8"
    promoted.git("fsck", "--strict", "--no-dangling")


def test_validate_tells_of_gates_that_nobody_asks_or_that_never_open(promoted: World) -> None:
    release = "".join(f"  {line}\n" for line in promoted.pin_text("staging").splitlines())
    promoted.commit(
        "Odd",
        {
            "pipelines/standard.yaml": "stages:\n  - environment: dev\n    gates: {approvals: 1}\n"
            f"  - environment: staging\n  - environment: prod\n    gates: {STRICT}\n",
            "pipelines/late.yaml": "stages:\n  - environment: prod\n    gates: {soak: 1h, approvals: 1}\n",
            "approvals/ghost.yaml": "environment: moon\nagent: shop/ghost\nby: ann@example.com\n"
            f"reason: why\nrelease:\n{release}",
            "overrides/now.yaml": "allow: gates\nenvironment: prod\nagents: [shop/cart]\ngates: [soak, freeze]\n"
            f"reason: now\nrelease:\n{release}",
        },
    )
    told = run(promoted, "validate").out
    for line in (
        "pipelines/standard.yaml:3:12: warning HP350",
        "pipelines/late.yaml:3:19: warning HP351 prod has no earlier stage",
        "approvals/ghost.yaml:1:14: error HP301",
        "approvals/ghost.yaml:2:8: error HP303",
        "overrides/now.yaml:4:15: warning HP323 freeze is not among the overridable gates of prod",
    ):
        assert line in told
