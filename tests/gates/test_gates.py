"""Each gate on a real repository: it blocks, it opens, and a second pass has nothing to do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from headpin.controller.evidence import check_edit, health_edit, write_evidence
from headpin.git import Signature
from headpin.releases import Check, EventKind, GateResult, Health, HoldReason, Status
from headpin.types import AgentName
from tests.world import AGENT, CART, World

ANN = "Ann <ann@example.com>"
PIPELINE = "pipelines/standard.yaml"
PIN = "pins/prod/shop/cart.yaml"


def pipeline(gates: str, staging: str = "{}") -> dict[str, str]:
    """The pipeline, with gates of prod and of staging in YAML's flow style."""
    return {
        PIPELINE: f"stages:\n  - environment: dev\n  - environment: staging\n    gates: {staging}\n"
        f"  - environment: prod\n    gates: {gates}\n"
    }


def message(world: World, environment: str = "prod", agent: AgentName = CART) -> str:
    """What the hold says; "" where there is none."""
    hold = world.record(environment, agent).hold
    if hold is None:
        return ""
    assert hold.reason is HoldReason.BLOCKED
    return hold.message


def version(world: World, environment: str = "prod", agent: AgentName = CART) -> int | None:
    served = world.record(environment, agent).served
    return served.version if served else None


def variables(world: World, environment: str, agent: AgentName = CART) -> str:
    return world.files(environment)[f"manifests/{agent}/deployment.yaml"]


def last_gate(world: World, gate: str, environment: str = "prod") -> GateResult:
    """What a gate said in the last event."""
    return next(result for result in world.events(environment)[-1].gates if result.gate == gate)


def new_release(world: World) -> None:
    """v2 in staging, and dev at it."""
    world.push("cart")
    world.settle()
    world.promote("dev", "staging")
    world.settle()


def report(world: World, environment: str, *, healthy: bool, digest: str | None = None, note: str = "") -> None:
    """A health report about what is served."""
    served = world.record(environment).served
    assert served is not None
    at = world.clock()
    health = Health(healthy, at, None, digest or served.digest, served.version, ANN, note)
    edit = health_edit(CART, served.release, health)
    person = Signature("Ann", "ann@example.com", at)
    write_evidence(world.controller.repository, environment, edit, "Report", person, person)


def result(world: World, environment: str, name: str, *, passed: bool) -> None:
    """The result of a check of what is served."""
    served = world.record(environment).served
    assert served is not None
    at = world.clock()
    person = Signature("Ann", "ann@example.com", at)
    edit = check_edit(CART, served.release, Check(name, passed, at, ANN, 0.5))
    write_evidence(world.controller.repository, environment, edit, "Check", person, person)


@pytest.fixture
def promoted(running: World) -> World:
    """v2 in staging; prod at v1."""
    new_release(running)
    return running


# ── soak ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_release_soaks_in_the_stage_before_and_goes_on_by_itself(promoted: World) -> None:
    promoted.commit("Soak", pipeline("{soak: 2h}"))
    promoted.promote("staging", "prod")
    report = promoted.settle()
    assert version(promoted) == 1
    since = promoted.record("staging").served
    assert since is not None
    held = next(e for e in report.environments if e.environment == "prod").deployments[0].decision
    assert held.gates[-1].opens_at == since.since + timedelta(hours=2)
    assert message(promoted).startswith("soak: served in staging from ")

    promoted.clock.now += timedelta(hours=1)
    assert not promoted.reconcile().commits, "the message says when, not how long it takes"
    promoted.clock.now += timedelta(hours=1)
    promoted.settle()
    assert (version(promoted), message(promoted)) == (2, "")
    assert last_gate(promoted, "soak").is_open


def test_what_dev_left_behind_soaked_as_long_as_it_ran_there(running: World) -> None:
    running.commit("Soak", pipeline("{}", "{soak: 1h}"))
    running.push("cart")
    running.settle()
    short = running.pin_text("dev")
    running.push("cart")
    running.settle()
    long = running.pin_text("dev")
    running.clock.now += timedelta(hours=1)
    running.push("cart")
    running.settle()
    running.commit("Promote too early", {"pins/staging/shop/cart.yaml": short})
    running.settle()
    assert "never was for 1h" in message(running, "staging")
    running.commit("Promote what soaked", {"pins/staging/shop/cart.yaml": long})
    running.settle()
    assert (version(running, "staging"), message(running, "staging")) == (2, "")


def test_a_change_of_the_number_of_pods_does_not_end_a_soak_in_dev(running: World) -> None:
    running.commit("Soak", pipeline("{}", "{soak: 1h, health: true}"))
    running.push("cart")
    running.settle()
    wanted = running.pin_text("dev")
    running.clock.now += timedelta(minutes=40)
    running.commit("Scale", {"projects/shop/agents/cart/dev.yaml": "scaling: {minReplicas: 2, maxReplicas: 2}\n"})
    running.settle()
    running.clock.now += timedelta(minutes=40)
    running.push("cart")
    running.settle()
    running.commit("Promote", {"pins/staging/shop/cart.yaml": wanted})
    running.settle()
    assert version(running, "staging") == 2


# ── health ───────────────────────────────────────────────────────────────────────────────────────────

REPORTS = {"environments/staging.yaml": "health: reports\n"}


def test_without_reports_what_is_served_counts_as_healthy_and_the_event_says_so(promoted: World) -> None:
    promoted.commit("Health", pipeline("{health: true}"))
    promoted.promote("staging", "prod")
    promoted.settle()
    assert version(promoted) == 2
    assert "staging has 'health: none'" in last_gate(promoted, "health").evidence


def test_health_is_asked_of_the_reports(promoted: World) -> None:
    promoted.commit("Health", pipeline("{health: true}") | REPORTS)
    promoted.promote("staging", "prod")
    promoted.settle()
    assert "no health report" in message(promoted)
    report(promoted, "staging", healthy=False, note="queue full")
    promoted.settle()
    assert "reported degraded in staging" in message(promoted) and "queue full" in message(promoted)
    report(promoted, "staging", healthy=True)
    promoted.settle()
    assert version(promoted) == 2


def test_a_report_about_another_rendering_is_stale(promoted: World) -> None:
    promoted.commit("Health", pipeline("{health: true, soak: 1h}") | REPORTS)
    report(promoted, "staging", healthy=True)
    promoted.clock.now += timedelta(hours=2)
    promoted.commit("Reconfigure", {"projects/shop/agents/cart/staging.yaml": "variables: {A: b}\n"})
    promoted.settle()
    promoted.promote("staging", "prod")
    promoted.settle()
    assert "no health report of it from staging as it is served there now" in message(promoted)
    report(promoted, "staging", healthy=True)
    promoted.settle()
    assert message(promoted).startswith("soak: healthy in staging from"), "it soaks as it is served now"
    promoted.clock.now += timedelta(hours=1)
    promoted.settle()
    assert version(promoted) == 2


def test_a_degraded_report_ends_a_soak(promoted: World) -> None:
    promoted.commit("Soak", pipeline("{soak: 1h}") | REPORTS)
    promoted.promote("staging", "prod")
    report(promoted, "staging", healthy=True)
    promoted.clock.now += timedelta(minutes=50)
    report(promoted, "staging", healthy=False)
    promoted.clock.now += timedelta(minutes=50)
    promoted.settle()
    assert "not healthy in staging now" in message(promoted)
    report(promoted, "staging", healthy=True)
    promoted.settle()
    promoted.clock.now += timedelta(hours=1)
    promoted.settle()
    assert version(promoted) == 2


def test_evidence_that_cannot_be_read_closes_what_asks_for_it_and_nothing_else(promoted: World) -> None:
    promoted.commit("Checks", pipeline("{checks: [evals]}"))
    result(promoted, "staging", "evals", passed=True)
    ref = "refs/heads/headpin/evidence/staging"
    listed = promoted.git("ls-tree", "-r", "--name-only", ref).splitlines()
    blob = promoted.git("hash-object", "-w", "headpin.yaml")
    promoted.git("read-tree", "--empty")
    promoted.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{listed[0]}")
    made = promoted.git("commit-tree", promoted.git("write-tree"), "-p", ref, "-m", "Damage")
    promoted.git("update-ref", ref, made)
    promoted.git("reset", "--quiet")
    promoted.promote("staging", "prod")
    promoted.settle()
    assert "the evidence of staging cannot be read" in message(promoted)
    assert version(promoted, "staging") == 2


# ── checks ───────────────────────────────────────────────────────────────────────────────────────────


def test_every_check_must_have_passed_in_the_stage_before(promoted: World) -> None:
    promoted.commit("Checks", pipeline("{checks: [evals, smoke]}"))
    promoted.promote("staging", "prod")
    result(promoted, "staging", "evals", passed=False)
    promoted.settle()
    assert "evals failed with 0.5 in staging" in message(promoted)
    assert "smoke has no result in staging" in message(promoted)
    result(promoted, "staging", "evals", passed=True)
    result(promoted, "dev", "smoke", passed=True)
    promoted.settle()
    assert "smoke has no result in staging" in message(promoted), "dev's results are dev's"
    result(promoted, "staging", "smoke", passed=True)
    promoted.settle()
    assert version(promoted) == 2


# ── freeze ───────────────────────────────────────────────────────────────────────────────────────────

FROZEN = '{freeze: [{from: "2026-01-01T00:00", until: "2026-02-01T00:00", timeZone: UTC, reason: holidays}]}'


def test_nothing_is_promoted_in_a_freeze_and_it_opens_by_itself(promoted: World) -> None:
    promoted.commit("Freeze", pipeline(FROZEN))
    promoted.promote("staging", "prod")
    promoted.settle()
    assert message(promoted) == "freeze: frozen until 2026-02-01T00:00:00Z: holidays"
    promoted.clock.now += timedelta(days=40)
    promoted.settle()
    assert version(promoted) == 2


def test_own_settings_wait_in_a_freeze_and_the_number_of_pods_does_not(running: World) -> None:
    running.commit("Freeze", pipeline(FROZEN))
    running.settle()
    assert message(running) == "", "nothing would change"
    layer = "variables: {A: b}\nscaling: {minReplicas: 3, maxReplicas: 3}\n"
    running.commit("Reconfigure", {"projects/shop/agents/cart/prod.yaml": layer})
    running.settle()
    assert message(running) == "freeze: frozen until 2026-02-01T00:00:00Z: holidays"
    assert 'name: "A"' not in variables(running, "prod") and "replicas: 3" in variables(running, "prod")
    told = [event.kind for event in running.events("prod")]
    assert told == [EventKind.PROMOTED, EventKind.SCALED, EventKind.HELD]
    assert [gate.gate for gate in running.events("prod")[-1].gates] == ["freeze"]

    running.clock.now += timedelta(days=40)
    running.settle()
    assert message(running) == "" and 'name: "A"' in variables(running, "prod")
    assert running.events("prod")[-1].kind is EventKind.RECONFIGURED


def test_stopping_and_starting_goes_through_a_freeze_and_other_settings_wait(running: World) -> None:
    own = "projects/shop/agents/cart/prod.yaml"
    running.commit("Freeze and suspend", pipeline(FROZEN) | {"projects/shop/prod.yaml": SUSPENDED})
    running.settle()
    running.commit("Stop", {own: "stopped: true\n"})
    running.settle()
    served = running.record("prod").served
    assert served is not None and served.status is Status.STOPPED and message(running) == ""
    running.commit("Start, and more", {own: "stopped: false\nvariables: {A: b}\n"})
    running.settle()
    served = running.record("prod").served
    assert served is not None and served.status is Status.DEPLOYED
    assert 'name: "A"' not in variables(running, "prod") and message(running).startswith("suspension: ")


def test_a_pass_tells_when_to_look_again(promoted: World) -> None:
    promoted.commit("Soak", pipeline("{soak: 2h}", FROZEN))
    assert promoted.settle().opens_at is None
    promoted.promote("staging", "prod")
    since = promoted.record("staging").served
    assert since is not None
    assert promoted.settle().opens_at == since.since + timedelta(hours=2)
    promoted.commit("Approvals too", pipeline("{soak: 2h, approvals: 1}"))
    assert promoted.settle().opens_at is None, "time alone opens nothing"


def test_own_settings_that_come_back_in_a_freeze_hold_nothing(running: World) -> None:
    running.commit("Freeze", pipeline(FROZEN))
    running.commit("Reconfigure", {"projects/shop/agents/cart/prod.yaml": "variables: {A: b}\n"})
    running.settle()
    assert message(running)
    running.git("revert", "--no-edit", "HEAD")
    running.settle()
    assert message(running) == ""


def test_a_rollback_in_a_freeze_applies_the_release_and_not_the_own_settings(promoted: World) -> None:
    promoted.promote("staging", "prod")
    promoted.settle()
    assert version(promoted) == 2
    promoted.commit(
        "Freeze and reconfigure", pipeline(FROZEN) | {"projects/shop/agents/cart/prod.yaml": "variables: {A: b}\n"}
    )
    promoted.settle()
    promoted.git("revert", "--no-edit", "HEAD~1")
    promoted.settle()
    assert version(promoted) == 1
    assert "freeze: frozen until" in message(promoted)
    assert 'name: "A"' not in variables(promoted, "prod")
    assert EventKind.ROLLED_BACK in [event.kind for event in promoted.events("prod")[-2:]]
    assert promoted.git("log", "-1", "--format=%s", "env/prod").startswith("Roll back shop/cart in prod: v1")
    promoted.clock.now += timedelta(days=40)
    promoted.settle()
    assert (version(promoted), message(promoted)) == (1, "") and 'name: "A"' in variables(promoted, "prod")


def test_a_rollback_that_comes_with_the_settings_change_leaves_that_behind(promoted: World) -> None:
    promoted.promote("staging", "prod")
    promoted.settle()
    promoted.commit("Freeze", pipeline(FROZEN))
    promoted.settle()
    promoted.git("revert", "--no-edit", "HEAD~1")
    promoted.commit("Reconfigure", {"projects/shop/agents/cart/prod.yaml": "variables: {A: b}\n"})
    promoted.settle()
    assert version(promoted) == 1 and 'name: "A"' not in variables(promoted, "prod")
    told = [event.kind for event in promoted.events("prod")[-2:]]
    assert told == [EventKind.ROLLED_BACK, EventKind.HELD]


# ── suspension ───────────────────────────────────────────────────────────────────────────────────────

SUSPENDED = "suspended: the auditors are here\n"
PLACES = {
    "headpin.yaml": f"apiVersion: headpin/v1\n{SUSPENDED}",
    "pipelines/standard.yaml": f"{SUSPENDED}stages: [{{environment: dev}}, {{environment: staging}}, "
    "{environment: prod}]\n",
    "projects/shop/project.yaml": f"pipeline: standard\n{SUSPENDED}",
}
PROD = {
    "environments/prod.yaml": f"production: true\n{SUSPENDED}",
    "projects/shop/prod.yaml": SUSPENDED,
    "projects/shop/agents/cart/prod.yaml": SUSPENDED,
}
DEV = {
    "environments/dev.yaml": f"tracks: head\n{SUSPENDED}",
    "projects/shop/dev.yaml": SUSPENDED,
    "projects/shop/agents/cart/dev.yaml": SUSPENDED,
}


@pytest.mark.parametrize("path", [*PLACES, *PROD])
def test_a_suspension_stops_promotions_below_it(promoted: World, path: str) -> None:
    promoted.commit("Suspend", {path: (PLACES | PROD)[path]})
    promoted.promote("staging", "prod")
    promoted.settle()
    assert (version(promoted), message(promoted)) == (1, f"suspension: {path} says: the auditors are here")
    promoted.git("revert", "--no-edit", "HEAD~1")
    promoted.settle()
    assert (version(promoted), message(promoted)) == (2, "")


@pytest.mark.parametrize("path", [*PLACES, *DEV])
def test_a_suspension_stops_dev_below_it(running: World, path: str) -> None:
    before = running.record("dev").served
    running.commit("Suspend", {path: (PLACES | DEV)[path]})
    running.push("cart")
    running.settle()
    assert running.record("dev").served == before
    assert message(running, "dev") == f"suspension: {path} says: the auditors are here"
    running.push("cart")
    assert not running.reconcile().commits, "the same hold, however far the branch goes"
    running.git("revert", "--no-edit", "HEAD")
    running.settle()
    after = running.record("dev").served
    assert after is not None and before is not None and after.release != before.release
    assert message(running, "dev") == ""


def test_a_suspension_of_dev_concerns_shared_and_own_settings_but_not_pods(running: World) -> None:
    own = "projects/shop/agents/cart/dev.yaml"
    running.commit("Suspend", {"projects/shop/dev.yaml": SUSPENDED, own: "scaling: {minReplicas: 2}\n"})
    running.settle()
    assert message(running, "dev") == "" and "replicas: 2" in variables(running, "dev")
    running.commit("Own", {own: "scaling: {minReplicas: 3}\nvariables: {A: b}\n"})
    running.settle()
    assert message(running, "dev").startswith("suspension: ")
    assert 'name: "A"' not in variables(running, "dev") and "replicas: 3" in variables(running, "dev")
    running.commit("Shared", {"defaults.yaml": "variables: {B: c}\n"})
    running.settle()
    assert message(running, "dev").startswith("suspension: ") and 'name: "B"' not in variables(running, "dev")


def test_a_new_agent_does_not_start_where_it_is_suspended(running: World) -> None:
    running.push("search")
    running.commit(
        "Add it suspended",
        {
            "projects/shop/agents/search/agent.yaml": AGENT.format(name="search"),
            "projects/shop/agents/search/dev.yaml": SUSPENDED,
        },
    )
    search = AgentName("shop", "search")
    running.settle()
    assert running.record("dev", search).served is None and message(running, "dev", search).startswith("suspension")
    running.commit("Start it", {"projects/shop/agents/search/dev.yaml": None})
    running.settle()
    assert running.record("dev", search).served is not None


def test_own_settings_wait_while_their_environment_is_suspended(running: World) -> None:
    running.commit("Suspend", PROD | {"projects/shop/agents/cart/prod.yaml": f"variables: {{A: b}}\n{SUSPENDED}"})
    running.settle()
    assert message(running).count("the auditors are here") == 3
    assert 'name: "A"' not in variables(running, "prod")


# ── note, approvals ──────────────────────────────────────────────────────────────────────────────────


def test_a_note_is_more_than_a_subject(promoted: World) -> None:
    promoted.commit("Note", pipeline("{note: required}"))
    promoted.promote("staging", "prod")
    promoted.settle()
    assert message(promoted) == "note: the promotion needs a note, below the subject of its commit"
    wanted = promoted.pin_text("staging")
    promoted.git("revert", "--no-edit", "HEAD")
    promoted.settle()
    promoted.commit("Promote with a note\n\nFixes the rounding of prices.", {PIN: wanted})
    promoted.settle()
    assert version(promoted) == 2


def approval(world: World, by: str, environment: str = "prod") -> str:
    release = "".join(f"  {line}\n" for line in world.pin_text("staging").splitlines())
    return f"environment: {environment}\nagent: shop/cart\nby: {by}\nreason: read the diff\nrelease:\n{release}"


def test_people_other_than_the_author_approve_even_after_the_pin(promoted: World) -> None:
    promoted.commit("Approvals", pipeline("{approvals: 2}"))
    promoted.promote("staging", "prod", author=ANN)
    promoted.settle()
    assert message(promoted) == "approvals: 0 of 2 approved: nobody"
    promoted.commit(
        "Approve",
        {
            "approvals/aa.yaml": approval(promoted, "ANN@example.com"),
            "approvals/bb.yaml": approval(promoted, "ann@EXAMPLE.com"),
            "approvals/cc.yaml": approval(promoted, "bob@example.com"),
            "approvals/dd.yaml": approval(promoted, "Bob@Example.com"),
            "approvals/ee.yaml": approval(promoted, "eve@example.com", "staging"),
        },
    )
    promoted.settle()
    told = "approvals: 1 of 2 approved: bob@example.com (approvals/cc.yaml); the author's own does not count"
    assert message(promoted) == told
    promoted.commit("One more", {"approvals/ff.yaml": approval(promoted, "fay@example.com")})
    promoted.settle()
    assert version(promoted) == 2
    assert "bob@example.com (approvals/cc.yaml), fay@example.com" in last_gate(promoted, "approvals").evidence


def test_an_approval_of_another_release_does_not_count(promoted: World) -> None:
    old = approval(promoted, "bob@example.com")
    new_release(promoted)
    promoted.commit("Approvals", pipeline("{approvals: 1}") | {"approvals/old.yaml": old})
    promoted.promote("staging", "prod")
    promoted.settle()
    assert "0 of 1" in message(promoted)


# ── overrides ────────────────────────────────────────────────────────────────────────────────────────

STRICT = "{soak: 90d, checks: [evals], overridable: [soak]}"


def override(world: World, gates: str, pin: str | None = None) -> str:
    release = "".join(f"  {line}\n" for line in (pin or world.pin_text("staging")).splitlines())
    return (
        f"allow: gates\nenvironment: prod\nagents: [shop/cart]\ngates: {gates}\nreason: prices are wrong\n"
        f"release:\n{release}"
    )


def test_an_override_opens_what_the_stage_allows_and_nothing_else(promoted: World) -> None:
    promoted.commit("Strict", pipeline(STRICT) | {"overrides/now.yaml": override(promoted, "[soak, checks]")})
    promoted.promote("staging", "prod")
    promoted.settle()
    assert message(promoted) == "checks: evals has no result in staging"
    result(promoted, "staging", "evals", passed=True)
    promoted.settle()
    assert version(promoted) == 2
    soak = last_gate(promoted, "soak")
    assert soak.is_open and soak.evidence.startswith("opened by overrides/now.yaml (prices are wrong); without it: ")
    assert soak.override == "overrides/now.yaml"
    assert len(promoted.record("prod").consumed) == 1


def test_an_override_opens_nothing_twice(promoted: World) -> None:
    promoted.commit("Strict", pipeline("{soak: 90d, overridable: [soak]}"))
    promoted.settle()
    promoted.commit("Override", {"overrides/now.yaml": override(promoted, "[soak]")})
    promoted.promote("staging", "prod")
    promoted.settle()
    assert version(promoted) == 2
    promoted.git("revert", "--no-edit", "HEAD")
    promoted.settle()
    assert version(promoted) == 1
    promoted.promote("staging", "prod")
    promoted.settle()
    assert (version(promoted), message(promoted).split(":")[0]) == (1, "soak"), "returning asks again"
    again = override(promoted, "[soak]").replace("prices are wrong", "prices are wrong again")
    promoted.commit("Another override", {"overrides/again.yaml": again})
    promoted.settle()
    assert version(promoted) == 2 and promoted.events("prod")[-1].kind is EventKind.ROLLED_FORWARD
    assert len(promoted.record("prod").consumed) == 2


def test_an_override_that_was_not_needed_is_not_used_up(promoted: World) -> None:
    promoted.commit(
        "Lenient", pipeline("{soak: 1m, overridable: [soak]}") | {"overrides/now.yaml": override(promoted, "[soak]")}
    )
    promoted.clock.now += timedelta(hours=1)
    promoted.promote("staging", "prod")
    promoted.settle()
    assert version(promoted) == 2 and promoted.record("prod").consumed == ()


def test_an_override_of_another_release_opens_nothing(promoted: World) -> None:
    old = promoted.pin_text("prod")
    promoted.commit(
        "Strict",
        pipeline("{soak: 90d, overridable: [soak]}") | {"overrides/now.yaml": override(promoted, "[soak]", old)},
    )
    promoted.promote("staging", "prod")
    promoted.settle()
    assert version(promoted) == 1


# ── what is not asked ────────────────────────────────────────────────────────────────────────────────

CLOSED = f"{FROZEN[:-1]}, soak: 90d, health: true, checks: [evals], approvals: 3, note: required}}"


def test_a_rollback_goes_through_everything(promoted: World) -> None:
    promoted.promote("staging", "prod")
    promoted.settle()
    promoted.commit("Close all", pipeline(CLOSED) | REPORTS | {"projects/shop/prod.yaml": SUSPENDED})
    promoted.settle()
    promoted.git("revert", "--no-edit", "HEAD~1")
    promoted.settle()
    assert (version(promoted), message(promoted)) == (1, "")

    promoted.git("revert", "--no-edit", "HEAD")
    promoted.settle()
    assert version(promoted) == 1, "returning to the higher version is no rollback"
    asked = [gate.gate for gate in promoted.events("prod")[-1].gates]
    assert asked == ["suspension", "freeze", "note", "approvals", "checks", "health", "soak"]


def test_a_pin_that_was_deleted_comes_back_like_a_rollback(promoted: World) -> None:
    promoted.commit("Close all", pipeline(CLOSED) | {"projects/shop/prod.yaml": SUSPENDED})
    promoted.settle()
    promoted.commit("Delete the pin", {PIN: None})
    promoted.settle()
    assert version(promoted) is None
    promoted.git("revert", "--no-edit", "HEAD")
    promoted.settle()
    assert (version(promoted), message(promoted)) == (1, "")


def test_what_comes_back_has_the_own_settings_of_main_also_while_these_are_suspended(promoted: World) -> None:
    own = {"projects/shop/agents/cart/prod.yaml": "variables:\n  TONE: calm\n"}
    promoted.commit("Delete the pin", {PIN: None})
    promoted.settle()
    promoted.commit("Edit what nobody runs", own | {"projects/shop/prod.yaml": SUSPENDED})
    promoted.git("revert", "--no-edit", "HEAD~1")
    promoted.settle()
    assert (version(promoted), message(promoted)) == (1, "")
    assert "calm" in promoted.git("show", "env/prod:manifests/shop/cart/deployment.yaml")


def test_returning_takes_its_evidence_from_the_nearest_stage_that_ran_the_release(promoted: World) -> None:
    promoted.promote("staging", "prod")
    promoted.settle()
    promoted.git("revert", "--no-edit", "HEAD")
    promoted.settle()
    promoted.commit("Checks", pipeline("{checks: [evals]}"))
    promoted.git("revert", "--no-edit", "HEAD~1")
    promoted.settle()
    assert message(promoted) == "checks: evals has no result in staging"
    result(promoted, "staging", "evals", passed=True)
    promoted.settle()
    assert version(promoted) == 2


def test_a_promotion_that_waits_for_the_stage_before_is_not_blocked_by_its_evidence(running: World) -> None:
    running.commit("Gates", pipeline("{checks: [evals]}", FROZEN))
    running.push("cart")
    running.settle()
    running.write({"pins/prod/shop/cart.yaml": running.pin_text("dev")})
    running.promote("dev", "staging")
    running.settle()
    assert message(running, "staging").startswith("freeze")
    assert "never ran in staging" in message(running), "staging is held, so prod does not wait"
    running.clock.now += timedelta(days=40)
    running.settle()
    assert version(running, "staging") == 2
    assert message(running) == "checks: evals has no result in staging"
