"""What the loop reports, told outwards: to the log, to the metrics, and to whoever waits for notifications.

Every transition is told once. Trouble that is met again and again is one line when it begins, one when it becomes
another, and one when it is over. Nothing here raises, decides, or waits for anybody.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from headpin.controller import EnvironmentReport, PassReport
from headpin.errors import HeadpinError
from headpin.releases import Hold
from headpin.telemetry.counts import DeploymentCounts
from headpin.telemetry.logs import LogLevel, tell
from headpin.telemetry.metrics import Metrics
from headpin.telemetry.ongoing import Ongoing, without_numbers
from headpin.telemetry.transitions import transitions

STEPS = {"the upstream": "fetch", "a push": "push", "a promotion": "promotion"}
"""What can fail apart from a pass, by what stands in the place of the pass's id; and the first word of its events."""

_GENUINE = frozenset({"accepted", "foreign", "ignored"})


class Waker(Protocol):
    """Who wants to know that there may be something new on the environments' branches."""

    def note(self) -> None:
        """What is there now is old. Raises HeadpinError, OSError."""

    def wake(self) -> None:
        """There may be."""


class Telemetry:
    """Where the loop reports to; from one thread for each workspace, or from several."""

    def __init__(
        self,
        metrics: Metrics | None = None,
        counts: DeploymentCounts | None = None,
        notifier: Waker | None = None,
        *,
        wall: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.metrics = metrics or Metrics()
        self._counts = counts
        self._notifier = notifier
        self._wall = wall
        self._steady = steady
        self._ongoing = Ongoing()
        self._holds: dict[str, Hold] = {}
        self._sources: dict[str, str] = {}
        self._lock = threading.RLock()

    def attend(self, counts: DeploymentCounts | None, notifier: Waker | None) -> None:
        """From now on these are kept up to date. `counts` belongs to the thread that passes are made in."""
        self._counts, self._notifier = counts, notifier

    def started(self, version: str, repository: str, environments: Sequence[str], addresses: Mapping[str, str]) -> None:
        """The loop begins: over `environments` (patterns; none: all), listening at `addresses`, by what for."""
        said = f"headpin {version} reconciles {repository}"
        fields: dict[str, Any] = {"version": version, "repository": repository, "environments": list(environments)}
        tell(LogLevel.INFO, "daemon.started", said, **fields, addresses=dict(addresses))

    def stopped(self, reason: str) -> None:
        """The loop ended."""
        tell(LogLevel.INFO, "daemon.stopped", f"headpin stops: {reason}", reason=reason)

    def pass_started(self, id: str, environments: Sequence[str]) -> None:
        """A pass begins: what it commits is news, and what was fetched before it is not."""
        if self._notifier is not None:
            said = ""
            try:
                self._notifier.note()
            except (HeadpinError, OSError) as error:
                said = str(error)
            self._last(id, "notifications:", said, "notification", "nobody can be told")
        tell(LogLevel.DEBUG, "pass.started", "a pass begins", reconcile=id, environments=list(environments))

    def pass_finished(self, id: str, report: PassReport, seconds: float) -> None:
        """A pass ended with a report: its transitions, and what began or ended with it."""
        with self._lock:
            self._end(id, "pass:")
            if report.promotions:
                self.recovered("a promotion", None)
            self._tell_promotions(id, report)
            for environment in report.environments:
                self._tell_environment(id, report, environment)
            self._tell_sources(id, report)
            self._tell_problems(id, report)
            result = _result(report)
            self._tell_end(id, report, result, seconds)
            self.metrics.passes.labels(result).inc()
            self.metrics.pass_seconds.labels(result).observe(seconds)
            self._count(id)
        if self._notifier is not None:
            self._notifier.wake()

    def pass_failed(
        self,
        id: str,
        environment: str | None,
        error: Exception,
        seconds: float,
        retry_in: float | None,
    ) -> None:
        """A pass ended with an error; or what concerns one environment, or a step, which then is the `id`."""
        concern, event, where = _failed(id, environment)
        if environment is not None:
            self.metrics.failures.labels(self.metrics.bounded("environment", environment)).inc()
        elif id not in STEPS:
            self.metrics.passes.labels("failed").inc()
            self.metrics.pass_seconds.labels("failed").observe(seconds)
        if not self._ongoing.meet(concern, str(error), self._steady()):
            return
        is_ours = not isinstance(error, HeadpinError)
        tell(
            LogLevel.ERROR,
            f"{event}.failed",
            f"{where}: {error}",
            error=error if is_ours else None,
            reconcile=id,
            environment=environment,
            kind=type(error).__name__,
            remedy=getattr(error, "remedy", ""),
            retry_in_seconds=None if retry_in is None else round(retry_in, 3),
        )

    def recovered(self, id: str, environment: str | None) -> None:
        """What `pass_failed` told of with the same words is over. A pass that ends well needs no word of it."""
        concern, event, where = _failed(id, environment)
        self._end(id, concern, event, where, environment=environment)

    def git_operation(self, kind: str, result: str, seconds: float) -> None:
        """A conversation with a git server ended."""
        kind, result = self.metrics.bounded("git kind", kind), self.metrics.bounded("git result", result)
        self.metrics.git.labels(kind, result).inc()
        self.metrics.git_seconds.labels(kind).observe(seconds)
        if result == "ok":
            for step in (step for step, word in STEPS.items() if word == kind):
                self.recovered(step, None)
        tell(LogLevel.DEBUG, "git.operation", f"git {kind}: {result}", kind=kind, result=result, seconds=seconds)

    def push_conflict(self, environment: str) -> None:
        """Somebody else's push came first."""
        self.metrics.conflicts.labels(self.metrics.bounded("environment", environment)).inc()
        tell(LogLevel.DEBUG, "push.conflict", f"{environment}: somebody else was first", environment=environment)

    def queue(self, waiting: int, oldest_seconds: float) -> None:
        """What waits for a pass now, and for how long the oldest of it has waited."""
        self.metrics.queue.set(waiting)
        self.metrics.queue_age.set(oldest_seconds)

    def lag(self, environment: str, seconds: float) -> None:
        """How long it took from a commit to the environment's own commit."""
        self.metrics.lag.labels(self.metrics.bounded("environment", environment)).observe(max(0.0, seconds))

    def webhook(self, forge: str, result: str) -> None:
        """A request to the webhooks. Refused ones are told when they begin and end, however many there are."""
        self.metrics.webhooks.labels(forge, result).inc()
        tell(LogLevel.DEBUG, "webhook.received", f"webhook of {forge}: {result}", forge=forge, result=result)
        if result in _GENUINE:
            ended = [self._ongoing.end(concern) for concern in self._ongoing.concerns(f"webhook:{forge}:")]
            if any(ended):
                tell(LogLevel.INFO, "webhook.recovered", f"webhooks of {forge} are genuine again", forge=forge)
        elif self._ongoing.meet(f"webhook:{forge}:{result}", result, self._steady()):
            said = f"a webhook of {forge} was refused: {result}"
            tell(LogLevel.WARNING, "webhook.refused", said, forge=forge, result=result)

    def heartbeat(self) -> None:
        """The loop went round."""
        self.metrics.heartbeat.set(self._wall())

    # ── what a pass tells ────────────────────────────────────────────────────────────────────────────

    def _tell_promotions(self, reconcile: str, report: PassReport) -> None:
        for commit in report.promotions:
            said = f"main: {commit.subject}"
            tell(LogLevel.INFO, "promotion.made", said, reconcile=reconcile, revision=commit.id)
        self._last(reconcile, "promotion:", report.trouble, "promotion", "headpin cannot promote by itself")

    def _tell_environment(self, reconcile: str, report: PassReport, found: EnvironmentReport) -> None:
        name = found.environment
        for item in transitions(found):
            tell(
                item.level,
                f"deployment.{item.kind}",
                item.message,
                reconcile=reconcile,
                environment=item.environment,
                agent=str(item.agent),
                version=item.version,
                revision=item.revision,
                person=item.person,
                source=item.source,
                hold=item.hold,
                config=item.config or report.config,
                commit=found.commit,
            )
        self._tell_hold(reconcile, report, found)
        concern = f"environment:{name}"
        remedy: dict[str, Any] = {"environment": name, "remedy": found.remedy}
        self._last(reconcile, concern, found.error, "environment", f"{name} cannot be reconciled", **remedy)
        if not found.error:
            self.metrics.success.labels(self.metrics.bounded("environment", name)).set(self._wall())

    def _tell_hold(self, reconcile: str, report: PassReport, found: EnvironmentReport) -> None:
        name, hold, before = found.environment, found.hold, self._holds.get(found.environment)
        fields: dict[str, Any] = {"reconcile": reconcile, "environment": name, "config": report.config}
        if hold is None:
            if before is not None and not found.error:
                del self._holds[name]
                tell(LogLevel.INFO, "environment.released", f"{name} is no longer held", **fields)
            return
        self._holds[name] = hold
        if before is None or (before.reason, before.message) != (hold.reason, hold.message):
            said = f"everything in {name} is held: {hold.message}"
            tell(LogLevel.WARNING, "environment.held", said, hold=hold.reason.value, **fields)

    def _tell_sources(self, reconcile: str, report: PassReport) -> None:
        """One line for each trouble, however many agents have their code at the same place."""
        agents = Counter(without_numbers(problem) for problem in report.sources.values())
        first = {without_numbers(problem): (str(agent), problem) for agent, problem in reversed(report.sources.items())}
        for signature, count in agents.items():
            agent, problem = first[signature]
            fields: dict[str, Any] = {"agent": agent, "agents": count}
            self._sources.setdefault(signature, problem)
            self._last(reconcile, f"source:{signature}", problem, "source", "a source does not answer", **fields)
        for concern in self._ongoing.concerns("source:"):
            signature = concern.removeprefix("source:")
            if signature not in agents:
                self._last(reconcile, concern, "", "source", self._sources.pop(signature, signature))

    def _tell_problems(self, reconcile: str, report: PassReport) -> None:
        there = {f"problem:{problem}": problem for problem in report.problems}
        for concern, problem in there.items():
            fields: dict[str, Any] = {"code": problem.code, "remedy": problem.remedy}
            self._last(reconcile, concern, str(problem), "workspace", "headpin.yaml", **fields)
        for concern in self._ongoing.concerns("problem:"):
            if concern not in there:
                self._last(reconcile, concern, "", "workspace", concern.removeprefix("problem:"))

    def _last(self, reconcile: str, concern: str, said: str, what: str, where: str, **fields: Any) -> None:
        """Tells a trouble that begins, changes or ends, and one that stays as it is not at all."""
        if not said:
            self._end(reconcile, concern, what, where, **fields)
        elif self._ongoing.meet(concern, said, self._steady()):
            tell(LogLevel.ERROR, f"{what}.failed", f"{where}: {said}", reconcile=reconcile, **fields)

    def _end(self, reconcile: str, concern: str, what: str = "pass", where: str = "passes", **fields: Any) -> None:
        trouble = self._ongoing.end(concern)
        if trouble is not None:
            lasted = round(self._steady() - trouble.since, 3)
            more: dict[str, Any] = {**fields, "lasted_seconds": lasted, "times": trouble.times, "remedy": None}
            tell(LogLevel.INFO, f"{what}.recovered", f"over: {where}", reconcile=reconcile, **more)

    def _tell_end(self, reconcile: str, report: PassReport, result: str, seconds: float) -> None:
        changed = sum(len(found.changed) for found in report.environments)
        level = LogLevel.INFO if report.commits or report.promotions else LogLevel.DEBUG
        tell(
            level,
            "pass.finished",
            f"a pass ended: {changed} changed",
            reconcile=reconcile,
            config=report.config,
            result=result,
            seconds=round(seconds, 6),
            changed=changed,
            commits={found.environment: found.commit for found in report.environments if found.commit},
        )

    def _count(self, reconcile: str) -> None:
        if self._counts is None:
            return
        try:
            self._counts.update(self._steady())
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not end the loop that reports here
            is_ours = not isinstance(error, HeadpinError)
            more: dict[str, Any] = {"error": error} if is_ours else {}
            self._last(reconcile, "counts:", str(error), "metrics", "deployments cannot be counted", **more)
            return
        self._last(reconcile, "counts:", "", "metrics", "deployments cannot be counted")
        self.metrics.show_counts(self._counts.words(), self._counts.holds())
        self.metrics.forget_environments(self._counts.environments)


def _failed(id: str, environment: str | None) -> tuple[str, str, str]:
    """What a failure concerns, the first word of its events, and what people are told."""
    if environment is not None and id == environment:  # outside passes, each of which looks at the environment too
        return f"publish:{environment}", "publish", f"{environment} cannot be published"
    if environment is not None:
        return f"environment:{environment}", "environment", f"{environment} cannot be reconciled"
    if id in STEPS:
        return f"step:{id}", STEPS[id], f"{id} failed"
    return "pass:", "pass", "the pass ended early"


def _result(report: PassReport) -> str:
    if report.failed or report.sources or report.trouble:
        return "incomplete"
    return "changed" if report.commits or report.promotions else "unchanged"
