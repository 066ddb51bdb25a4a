"""What opens and closes gates, as values: time, gates of stages, suspensions, evidence, approvals, overrides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import yaml
from hypothesis import strategies as st

from headpin.controller.branches import RecordReader, read_branch
from headpin.controller.reporting import ran_subject, report_health, served_subject, set_check
from headpin.git import Signature
from headpin.releases import Check
from headpin.types import AgentName
from tests.model.actions import Action, agents, environments, pinned, plain
from tests.model.gates import PERSON, Report
from tests.model.mainline import ENVIRONMENTS, Agent, Release, folder, pin_path
from tests.model.trial import Trial, about, dump, pin_text

CHECKS: Final = ("evals", "smoke")


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    minutes: int

    def run(self, trial: Trial) -> None:
        trial.now += timedelta(minutes=self.minutes)


@dataclass(frozen=True)
class SetStage:
    """A stage of a pipeline says something else. `freeze` is a range, in minutes from now, or None."""

    pipeline: str
    environment: str
    gates: tuple[tuple[str, Any], ...]
    freeze: tuple[int, int] | None = None
    is_wide: bool = False
    is_automatic: bool = False

    def run(self, trial: Trial) -> None:
        path = f"pipelines/{self.pipeline}.yaml"
        document = yaml.safe_load(trial.files()[path])
        gates = {key: list(value) if isinstance(value, tuple) else value for key, value in self.gates}
        if self.freeze is not None:
            start, end = (trial.now + timedelta(minutes=minutes) for minutes in self.freeze)
            gates["freeze"] = [{"from": start.isoformat(), "until": end.isoformat(), "reason": "holidays"}]
        for stage in document["stages"]:
            if stage["environment"] == self.environment:
                wide = {"from": "earlier"} if self.is_wide else {}
                promotion = wide | ({"mode": "automatic"} if self.is_automatic else {})
                for key, value in (("gates", gates), ("promotion", promotion)):
                    stage.pop(key, None)
                    if value:
                        stage[key] = value
        trial.commit(f"Change the gates of {self.environment}", {path: dump(document)})


@dataclass(frozen=True)
class Say:
    """A document says one thing more, or (None) no longer."""

    path: str
    key: str
    value: str | bool | None

    def run(self, trial: Trial) -> None:
        text, broken = plain(trial.files().get(self.path, ""))
        document = yaml.safe_load(text) or {}
        document.pop(self.key, None)
        if self.value is not None:
            document[self.key] = self.value
        if self.path in trial.files() or document:
            changed = (dump(document) if document else "") + broken
            trial.commit(f"Say {self.key} in {self.path}", {self.path: changed or None})


@dataclass(frozen=True)
class Approve:
    """Somebody approves what is pinned in an environment, or what dev serves."""

    agent: Agent
    environment: str
    by: str

    def run(self, trial: Trial) -> None:
        release = _meant(trial, self.environment, self.agent)
        if release is not None:
            said = {"environment": self.environment, "agent": "/".join(self.agent), "by": self.by, "reason": "looked"}
            path = f"approvals/look-{len(trial.files())}-{len(trial.first_parents())}.yaml"
            trial.commit(f"Approve {self.agent[1]}", {path: about(said, release)})


@dataclass(frozen=True)
class Override:
    """A file opens gates for what is pinned in an environment, or for what dev serves."""

    agent: Agent
    environment: str
    gates: tuple[str, ...]

    def run(self, trial: Trial) -> None:
        release = _meant(trial, self.environment, self.agent)
        if release is not None:
            said = {
                "allow": "gates",
                "environment": self.environment,
                "agents": ["/".join(self.agent)],
                "gates": list(self.gates),
                "reason": f"urgent {len(trial.first_parents())}",
            }
            trial.commit(
                f"Override for {self.agent[1]}",
                {f"overrides/gates-{len(trial.first_parents())}.yaml": about(said, release)},
            )


@dataclass(frozen=True)
class AdoptByHand:
    """A pin of the `which`-th release that dev ran, and the file that takes it over, whatever ran there."""

    agent: Agent
    environment: str
    which: int

    def run(self, trial: Trial) -> None:
        ran = trial.model.deployment(ENVIRONMENTS[0], self.agent).ran
        if ran:
            release = ran[self.which % len(ran)]
            said = {
                "allow": "adopt",
                "environment": self.environment,
                "agents": ["/".join(self.agent)],
                "reason": "it runs",
            }
            path = f"overrides/adopt-{len(trial.first_parents())}.yaml"
            pin = pin_path(self.environment, self.agent)
            trial.commit(f"Adopt {self.agent[1]}", {path: about(said, release), pin: pin_text(release)})


def _meant(trial: Trial, environment: str, agent: Agent) -> Release | None:
    """What somebody would approve: the pin, where it is not served already; else what dev serves."""
    pin = trial.commit_at_head().pin(environment, agent)
    served = trial.model.deployment(environment, agent).served
    if isinstance(pin, Release) and pin != served:
        return pin
    return trial.model.deployment(ENVIRONMENTS[0], agent).served


@dataclass(frozen=True)
class ReportHealth:
    """`headpin health report` about what is served."""

    agent: Agent
    environment: str
    is_healthy: bool

    def run(self, trial: Trial) -> None:
        deployment = trial.model.deployment(self.environment, self.agent)
        if deployment.served is None:
            return
        trial.now += timedelta(minutes=1)
        subject = served_subject(
            read_branch(trial.repository, self.environment, RecordReader()), AgentName(*self.agent)
        )
        report_health(trial.controller, subject, _person(trial), healthy=self.is_healthy, message="")
        settings = trial.model.settings(deployment.served, deployment.own)
        report = Report(deployment.served, settings, trial.now, self.is_healthy)
        trial.model.evidence[self.environment].reports.setdefault(self.agent, []).append(report)


@dataclass(frozen=True)
class SetCheck:
    """`headpin check set` of what is served, or of the `which`-th release that ran."""

    agent: Agent
    environment: str
    name: str
    is_passed: bool
    which: int | None = None

    def run(self, trial: Trial) -> None:
        deployment = trial.model.deployment(self.environment, self.agent)
        if deployment.served is None or (self.environment == ENVIRONMENTS[0] and self.which is not None):
            return
        trial.now += timedelta(minutes=1)
        branch = read_branch(trial.repository, self.environment, RecordReader())
        number = None if self.which is None else self.which % len(deployment.ran) + 1
        release = deployment.served if number is None else deployment.ran[number - 1]
        subject = ran_subject(branch, AgentName(*self.agent), None if number is None else f"v{number}")
        set_check(trial.controller, subject, _person(trial), Check(self.name, self.is_passed, trial.now, PERSON))
        trial.model.evidence[self.environment].checks[self.agent, release, self.name] = self.is_passed


def _person(trial: Trial) -> Signature:
    return Signature("Test Person", PERSON, trial.now)


# ── strategies ───────────────────────────────────────────────────────────────────────────────────────

_WEEKLY: Final = {"days": ["mon"], "from": "10:10", "until": "11:00", "timeZone": "UTC", "reason": "reviews"}
_GATES: Final[tuple[tuple[tuple[str, Any], ...], ...]] = (
    (),
    (("soak", "5m"),),
    (("soak", "20m"), ("overridable", ("soak",))),
    (("health", True),),
    (("health", True), ("soak", "10m")),
    (("checks", ("evals",)),),
    (("checks", CHECKS), ("overridable", ("checks", "soak", "freeze"))),
    (("approvals", 1),),
    (("approvals", 2), ("note", "required"), ("overridable", ("approvals", "note"))),
    (("note", "required"),),
    (("freeze", (_WEEKLY,)), ("overridable", ("freeze",))),
)
_OPENED: Final = (("soak",), ("checks",), ("approvals", "note"), ("freeze",), ("soak", "checks", "freeze"))

waits = st.builds(Wait, st.sampled_from([2, 5, 12, 30, 90]))
stages = st.builds(
    SetStage,
    st.sampled_from(["standard", "standard", "quick"]),
    pinned,
    st.sampled_from(_GATES),
    st.sampled_from([None, None, None, (-5, 15), (10, 40)]),
    st.sampled_from([False, False, False, True]),
)
_suspended_paths = st.one_of(
    st.sampled_from(["headpin.yaml", "pipelines/standard.yaml", "projects/shop/project.yaml"]),
    environments.map(lambda name: f"environments/{name}.yaml"),
    st.builds(lambda name, agent: f"projects/{agent[0]}/{name}.yaml", environments, agents),
    st.builds(lambda name, agent: f"{folder(agent)}/{name}.yaml", environments, agents),
)
automatic = st.builds(
    SetStage,
    st.sampled_from(["standard", "standard", "quick"]),
    pinned,
    st.sampled_from(_GATES[:7]),
    is_automatic=st.sampled_from([True, True, True, False]),
)
suspensions = st.builds(Say, _suspended_paths, st.just("suspended"), st.sampled_from(["the auditors are here", None]))
_narrow_paths = st.one_of(
    st.builds(lambda name, agent: f"projects/{agent[0]}/{name}.yaml", environments, agents),
    st.builds(lambda name, agent: f"{folder(agent)}/{name}.yaml", environments, agents),
)
stops = st.builds(Say, _narrow_paths, st.just("stopped"), st.sampled_from([True, True, False, None]))
reporting = st.builds(
    Say,
    environments.map(lambda name: f"environments/{name}.yaml"),
    st.just("health"),
    st.sampled_from(["reports", None]),
)
approvals = st.builds(Approve, agents, pinned, st.sampled_from(["ann@example.com", "bob@example.com", PERSON]))
adoptions = st.builds(AdoptByHand, agents, pinned, st.integers(0, 2))
overrides = st.builds(Override, agents, pinned, st.sampled_from(_OPENED))
health = st.builds(ReportHealth, agents, environments, st.sampled_from([True, True, False]))
checks = st.builds(
    SetCheck,
    agents,
    environments,
    st.sampled_from(CHECKS),
    st.sampled_from([True, True, False]),
    st.none() | st.integers(0, 3),
)
gate_actions: st.SearchStrategy[Action] = st.one_of(
    stages,
    stages,
    waits,
    waits,
    approvals,
    overrides,
    overrides,
    adoptions,
    health,
    health,
    checks,
    checks,
    suspensions,
    reporting,
)
