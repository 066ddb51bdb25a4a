"""What the loop reports, told as log lines and metrics: once for each transition, and never a secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from headpin.controller import EnvironmentReport, PassReport
from headpin.errors import SourceTrouble
from headpin.git import CommitInfo, Signature
from headpin.problems import Problem
from headpin.releases import Hold, HoldReason
from headpin.telemetry import DeploymentCounts, Telemetry
from headpin.telemetry.metrics import MAX_VALUES, Metrics
from headpin.types import AgentName
from tests.telemetry.lines import Lines, logged
from tests.telemetry.test_logs import ADDRESS, CANARY, TOKEN
from tests.world import CART, World


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What is logged during the test."""
    with logged() as found:
        yield found


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def values(telemetry: Telemetry) -> dict[tuple[str, ...], float]:
    """Every sample by its name and the values of its labels."""
    families = text_string_to_metric_families(telemetry.metrics.text().decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world in which nothing is changed; `empty` is what a pass over it reports."""
    return World.small(tmp_path_factory.mktemp("still") / "world")


@pytest.fixture(scope="module")
def empty(still: World) -> PassReport:
    """What a pass reports that changes nothing."""
    return replace(still.controller.reconcile(dry_run=True), environments=())


def _report(empty: PassReport, *environments: EnvironmentReport) -> PassReport:
    return replace(empty, environments=environments)


def test_each_transition_of_a_story_is_told_once(world: World, lines: Lines) -> None:
    telemetry = Telemetry(counts=DeploymentCounts(world.controller))

    def told() -> list[tuple[str, str]]:
        for number in range(3):  # the second and the third do nothing
            telemetry.pass_finished(f"pass-{number}", world.reconcile(), 0.1)
        found = [line for line in lines.told() if line["level"] != "debug"]
        assert all(line["reconcile"] == "pass-0" for line in found)
        return [(line["event"], line.get("environment", "")) for line in found]

    assert told() == [("deployment.deployed", "dev"), ("pass.finished", "")]
    world.promote("dev", "staging")
    assert told() == [("deployment.promoted", "staging"), ("pass.finished", "")]
    world.promote("staging", "prod")
    assert told() == [("deployment.promoted", "prod"), ("pass.finished", "")]
    world.commit("Stop", {"projects/shop/agents/cart/prod.yaml": "stopped: true\n"})
    assert told() == [("deployment.stopped", "prod"), ("pass.finished", "")]
    world.commit("Break", {"projects/shop/agents/cart/prod.yaml": "stopped: perhaps\n"})
    assert told() == [("deployment.held", "prod"), ("pass.finished", "")]
    world.commit("Mend", {"projects/shop/agents/cart/prod.yaml": "stopped: true\n"})
    assert told() == [("deployment.released", "prod"), ("pass.finished", "")]
    world.commit("Break all", {"environments/prod.yaml": "production: perhaps\n"})
    assert told() == [("environment.held", "prod"), ("pass.finished", "")]
    world.commit("Mend all", {"environments/prod.yaml": "production: true\n"})
    assert told() == [("environment.released", "prod"), ("pass.finished", "")]
    assert values(telemetry)["headpin_deployments", "prod", "Stopped"] == 1
    assert ("headpin_holds", "prod", "Invalid", "environment") not in values(telemetry)


def test_a_line_of_a_transition_says_who_what_and_where(world: World, lines: Lines) -> None:
    telemetry = Telemetry()
    world.settle()
    world.promote("dev", "staging", author="Robin <robin@example.com>")
    telemetry.pass_finished("one", world.reconcile(), 0.1)
    line = next(line for line in lines.told() if line["event"] == "deployment.promoted")
    assert line["agent"] == "shop/cart"
    assert (line["environment"], line["version"], line["source"]) == ("staging", 1, "dev")
    assert line["person"] == "Robin <robin@example.com>"
    assert line["revision"] == world.revision_of_source("cart")
    assert line["config"] == world.revision("main")
    assert line["commit"] == world.revision("env/staging")
    assert line["message"] == f"shop/cart in staging: promoted to v1 ({line['revision'][:7]})"


def test_a_failure_is_told_when_it_begins_when_it_changes_and_when_it_is_over(empty: PassReport, lines: Lines) -> None:
    clock = Clock()
    telemetry = Telemetry(steady=clock)
    for number in range(5):
        telemetry.pass_failed("id", None, SourceTrouble(f"no answer after {number}.5 s"), 0.5, 2.0**number)
    assert lines.events() == ["pass.failed"]
    telemetry.pass_failed("id", None, SourceTrouble("refused"), 0.5, None)
    assert lines.events() == ["pass.failed"]
    clock.now += 60
    telemetry.pass_finished("id", _report(empty), 0.1)
    telemetry.pass_finished("id", _report(empty), 0.1)
    (line,) = [line for line in lines.told() if line["level"] != "debug"]
    assert (line["event"], line["lasted_seconds"]) == ("pass.recovered", 60)


def test_one_environment_fails_and_recovers_alone(empty: PassReport, lines: Lines) -> None:
    telemetry = Telemetry()
    bad = EnvironmentReport("prod", error="the branch is missing", remedy="fetch it")
    for _ in range(3):
        telemetry.pass_failed("id", "prod", SourceTrouble("the branch is missing"), 0.1, 1.0)
        telemetry.pass_finished("id", _report(empty, EnvironmentReport("dev"), bad), 0.1)
    assert lines.events() == ["environment.failed"]
    found = values(telemetry)
    assert ("headpin_environment_last_success_timestamp_seconds", "dev") in found
    assert ("headpin_environment_last_success_timestamp_seconds", "prod") not in found
    telemetry.pass_finished("id", _report(empty, EnvironmentReport("dev")), 0.1)
    assert lines.events() == []
    telemetry.pass_finished("id", _report(empty, EnvironmentReport("prod")), 0.1)
    assert lines.events() == ["environment.recovered"]


def test_a_step_fails_and_recovers_whatever_passes_do(empty: PassReport, lines: Lines) -> None:
    clock = Clock()
    telemetry = Telemetry(steady=clock)
    for _ in range(3):
        telemetry.pass_failed("the upstream", None, SourceTrouble("no connection"), 0.0, 1.0)
        telemetry.git_operation("fetch", "unreachable", 0.1)
        telemetry.pass_failed("prod", "prod", SourceTrouble("refused"), 0.0, None)
        telemetry.pass_finished("id", _report(empty, EnvironmentReport("prod")), 0.1)
    assert lines.events() == ["fetch.failed", "publish.failed"]
    telemetry.git_operation("fetch", "ok", 0.1)
    telemetry.recovered("prod", "prod")
    telemetry.recovered("prod", "prod")
    assert lines.events() == ["fetch.recovered", "publish.recovered"]
    found = values(telemetry)
    assert found["headpin_passes_total", "failed"] == 0
    assert found["headpin_environment_failures_total", "prod"] == 3


def test_a_trouble_that_nobody_met_for_long_is_news_again(lines: Lines) -> None:
    clock = Clock()
    telemetry = Telemetry(steady=clock)
    for seconds in (0, 3000, 3000, 4000):
        clock.now += seconds
        telemetry.pass_failed("a promotion", None, SourceTrouble("refused"), 0.0, None)
    assert lines.events() == ["promotion.failed"] * 2


def test_a_dead_source_is_one_line_however_many_agents_it_has(empty: PassReport, lines: Lines) -> None:
    telemetry = Telemetry()
    silent = {AgentName("shop", f"agent-{number}"): "git.example.com: no connection" for number in range(50)}
    for took in (7, 131):  # milliseconds, as curl tells them each time
        said = {agent: f"{problem} after {took} ms" for agent, problem in silent.items()}
        telemetry.pass_finished("id", replace(_report(empty), sources=said), 0.1)
    (line,) = [line for line in lines.told() if line["level"] != "debug"]
    assert (line["event"], line["agents"], line["agent"]) == ("source.failed", 50, "shop/agent-0")
    telemetry.pass_finished("id", _report(empty), 0.1)
    assert lines.events() == ["source.recovered"]


def test_promotions_that_headpin_makes_and_cannot_make_are_told(still: World, empty: PassReport, lines: Lines) -> None:
    telemetry = Telemetry()
    person = Signature("headpin", "headpin@localhost", still.clock())
    commit = CommitInfo(still.revision(), "0" * 40, (), person, person, "Promote shop/cart to staging\n")
    telemetry.pass_finished("id", replace(_report(empty), promotions=(commit,)), 0.1)
    assert lines.events() == ["promotion.made", "pass.finished"]
    for _ in range(2):
        telemetry.pass_finished("id", replace(_report(empty), trouble="main is behind"), 0.1)
    assert lines.events() == ["promotion.failed"]
    telemetry.pass_finished("id", _report(empty), 0.1)
    assert lines.events() == ["promotion.recovered"]


def test_no_method_tells_a_secret(still: World, empty: PassReport, lines: Lines) -> None:
    telemetry = Telemetry()
    said = f"{ADDRESS} and {TOKEN}"
    hold = Hold(HoldReason.INVALID, said, still.clock(), still.revision())
    person = Signature("headpin", "headpin@localhost", still.clock())
    commit = CommitInfo(still.revision(), "0" * 40, (), person, person, f"Promote {said}\n")
    report = replace(
        _report(empty, EnvironmentReport("dev", hold=hold), EnvironmentReport("prod", error=said, remedy=said)),
        sources={CART: said},
        trouble=said,
        promotions=(commit,),
        problems=(Problem.of("HP113", said, said, remedy=said),),
    )
    telemetry.pass_started(said, [said])
    telemetry.pass_finished(said, report, 0.1)
    telemetry.pass_finished(said, _report(empty), 0.1)
    telemetry.pass_failed(said, "prod", SourceTrouble(said, remedy=said), 0.1, 1.0)
    try:
        raise RuntimeError(said) from ValueError(said)
    except RuntimeError as error:
        telemetry.pass_failed(said, None, error, 0.1, None)
    telemetry.git_operation("fetch", "failed", 0.1)
    telemetry.push_conflict("prod")
    telemetry.queue(1, 2.0)
    telemetry.lag("prod", 0.1)
    telemetry.heartbeat()
    text = lines.getvalue()
    assert len(text.splitlines()) > 10
    assert CANARY not in text
    assert TOKEN not in text
    told = telemetry.metrics.text().decode()
    assert CANARY not in told
    assert TOKEN not in told


def test_the_metrics_tell_what_happened(world: World, lines: Lines) -> None:
    clock = Clock()
    telemetry = Telemetry(counts=DeploymentCounts(world.controller), wall=clock)
    telemetry.pass_finished("one", world.reconcile(), 0.2)
    telemetry.pass_finished("two", world.reconcile(), 0.1)
    telemetry.pass_failed("three", None, SourceTrouble("silent"), 0.1, 1.0)
    telemetry.git_operation("fetch", "ok", 0.3)
    telemetry.push_conflict("dev")
    telemetry.queue(3, 4.5)
    telemetry.lag("dev", 0.12)
    telemetry.heartbeat()
    found = values(telemetry)
    assert found["headpin_passes_total", "changed"] == 1
    assert found["headpin_passes_total", "unchanged"] == 1
    assert found["headpin_passes_total", "failed"] == 1
    assert found["headpin_pass_duration_seconds_count", "changed"] == 1
    assert found["headpin_deployments", "dev", "Deployed"] == 1
    assert found["headpin_deployments", "prod", "NoPin"] == 1
    assert found["headpin_git_operations_total", "fetch", "ok"] == 1
    assert found["headpin_push_conflicts_total", "dev"] == 1
    assert found[("headpin_queue_length",)] == 3
    assert found[("headpin_queue_oldest_age_seconds",)] == 4.5
    assert found["headpin_environment_lag_seconds_bucket", "dev", "0.15"] == 1
    assert found[("headpin_loop_heartbeat_timestamp_seconds",)] == 1_000
    assert found["headpin_environment_last_success_timestamp_seconds", "dev"] == 1_000
    assert [name for name in found if name[0] == "headpin_build_info"]
    assert ("process_start_time_seconds",) in found


def test_a_status_that_nothing_has_any_more_and_an_environment_that_is_gone_leave_the_metrics(
    world: World, lines: Lines
) -> None:
    telemetry = Telemetry(counts=DeploymentCounts(world.controller))
    telemetry.pass_finished("one", world.reconcile(), 0.1)
    telemetry.lag("staging", 1.0)
    telemetry.pass_failed("x", "staging", SourceTrouble("refused"), 0.1, None)
    pipeline = "stages:\n  - environment: dev\n  - environment: prod\n"
    world.commit("Without", {"environments/staging.yaml": None, "pipelines/standard.yaml": pipeline})
    telemetry.pass_finished("two", world.reconcile(), 0.1)
    telemetry.pass_finished("three", world.reconcile(), 0.1)
    assert not [name for name in values(telemetry) if "staging" in name]
    assert ("headpin_deployments", "dev", "Deployed") in values(telemetry)


def test_the_queue_is_as_it_is_when_somebody_asks() -> None:
    telemetry, waiting = Telemetry(), [(0, 0.0)]
    telemetry.metrics.ask_queue(lambda: waiting[-1])
    waiting.append((2, 7.5))
    found = values(telemetry)
    assert (found[("headpin_queue_length",)], found[("headpin_queue_oldest_age_seconds",)]) == (2, 7.5)


def test_names_keep_to_the_habits_of_the_field() -> None:
    families = list(text_string_to_metric_families(Metrics().text().decode()))
    ours = [family for family in families if family.name.startswith("headpin_")]
    assert len(ours) > 10
    for family in ours:
        text = family.name
        assert re.fullmatch(r"headpin_[a-z]+(_[a-z]+)*", text), text
        assert family.documentation.endswith("."), text
        assert not re.search(r"(_count|_sum|_bucket|_total_|milliseconds|_gauge|_counter|_histogram)$", text), text
        if family.type == "histogram":
            assert text.endswith("_seconds"), text
        if "timestamp" in text:
            assert text.endswith("_timestamp_seconds"), text


def test_a_label_has_a_bounded_number_of_values() -> None:
    telemetry = Telemetry()
    for number in range(10 * MAX_VALUES):
        telemetry.git_operation(f"kind-{number}", "ok", 0.1)
        telemetry.lag(f"environment-{number}", 0.1)
        telemetry.push_conflict(f"environment-{number}")
    found = values(telemetry)
    kinds = {name[1] for name in found if name[0] == "headpin_git_operations_total"}
    assert len(kinds) == MAX_VALUES + 1
    assert found["headpin_git_operations_total", "other", "ok"] == 9 * MAX_VALUES
    assert len(telemetry.metrics.text()) < 1_000_000


def test_what_cannot_be_counted_is_told_and_the_counts_stay(running: World, lines: Lines, tmp_path: Path) -> None:
    telemetry = Telemetry(counts=DeploymentCounts(running.controller))
    report = running.reconcile()
    telemetry.pass_finished("one", report, 0.1)
    lines.told()
    running.git("branch", "--move", "main", "elsewhere")
    telemetry.pass_finished("two", report, 0.1)
    telemetry.pass_finished("three", report, 0.1)
    assert lines.events() == ["metrics.failed"]
    assert values(telemetry)["headpin_deployments", "prod", "Deployed"] == 1
    running.git("branch", "--move", "elsewhere", "main")
    telemetry.pass_finished("four", report, 0.1)
    assert lines.events() == ["metrics.recovered"]
    assert json.dumps(values(telemetry)["headpin_deployments", "prod", "Deployed"]) == "1.0"


def test_a_fault_in_counting_ends_no_pass(running: World, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(DeploymentCounts, "update", fail)
    telemetry = Telemetry(counts=DeploymentCounts(running.controller))
    for _ in range(2):
        telemetry.pass_finished("one", running.reconcile(), 0.1)
    (line,) = [line for line in lines.told() if line["level"] == "error"]
    assert line["event"] == "metrics.failed"
    assert "RuntimeError" in line["trace"]
