"""How a pass is told: the same words for what `plan` would do and what `reconcile` did."""

from __future__ import annotations

from typing import Any

from headpin.cli.app import PROBLEMS, WORLD_FAILED, Session
from headpin.cli.terminal import BAD, BUSY, DIM, GOOD, STRONG, counted, inert
from headpin.controller import DeploymentReport, EnvironmentReport, PassReport
from headpin.problems import errors
from headpin.releases import Action, EventKind
from headpin.releases.codec import event_mapping, format_time, gate_mapping

_SIGNS = {
    Action.SERVE: ("+", GOOD),
    Action.REMOVE: ("-", BAD),
    Action.HOLD: ("!", BAD),
    Action.WAIT: ("…", BUSY),
    Action.KEEP: (" ", DIM),
}


_SETTINGS = {
    EventKind.RECONFIGURED: "own settings changed",
    EventKind.SCALED: "scaled",
    EventKind.STOPPED: "stopped",
    EventKind.RESUMED: "started",
}
"""What happens to a release that stays."""


def print_pass(session: Session, report: PassReport, *, done: bool) -> None:
    """The pass as people read it; `done` tells a pass that was made from one that would be."""
    if not any(environment.hold for environment in report.environments):  # which tell it already
        session.terminal.problems(report.problems)
    for commit in report.promotions:
        session.terminal.line(("main", STRONG), (f"  → {commit.id[:7]}", DIM), f"  {inert(commit.subject)}")
    for environment in report.environments:
        _print_environment(session, environment)
    if report.trouble:
        session.terminal.line(("! ", BAD), f"headpin cannot promote by itself: {inert(report.trouble)}")
    for agent, problem in report.sources.items():
        session.terminal.line(("! ", BUSY), f"{agent}: {inert(problem)}")
    _print_summary(session, report, done)


def pass_as_json(report: PassReport) -> dict[str, Any]:
    """The machine form of a pass."""
    return {
        "config": report.config,
        "environments": [_environment_json(environment) for environment in report.environments],
        "promotions": [{"commit": commit.id, "subject": commit.subject} for commit in report.promotions],
        "trouble": report.trouble or None,
        "silentSources": {str(agent): problem for agent, problem in report.sources.items()},
        "work": {
            "documentsParsed": report.work.parsed,
            "deploymentsRendered": report.work.rendered,
            "objectsWritten": report.work.written,
        },
    }


def exit_code(report: PassReport) -> int:
    """3 when a branch or a source could not be reached, else 1 when anything is held."""
    if report.failed or report.sources or report.trouble:
        return WORLD_FAILED
    return PROBLEMS if report.holds or errors(report.problems) else 0


def _print_environment(session: Session, report: EnvironmentReport) -> None:
    shown = [item for item in report.deployments if item.changes or item.record.hold is not None]
    if not shown and report.hold is None and not report.error:
        return
    commit = (f"  env/{report.environment} → {report.commit[:7]}", DIM) if report.commit else ""
    session.terminal.line((report.environment, STRONG), commit)
    if report.error:
        session.terminal.line(("! ", BAD), inert(report.error), indent=2)
        if report.remedy:
            session.terminal.line(("→ ", DIM), inert(report.remedy), indent=6)
    if report.hold is not None:
        session.terminal.line(("! ", BAD), f"everything is held: {inert(report.hold.message)}", indent=2)
    for item in shown:
        sign, style = _SIGNS[item.decision.action]
        session.terminal.line((f"{sign} ", style), (str(item.agent), STRONG), f"  {_told(item)}", indent=2)


def _told(item: DeploymentReport) -> str:
    hold = item.record.hold
    if hold is None:
        told = [_SETTINGS[event.kind] for event in item.events if event.kind in _SETTINGS]
        if item.decision.kind is None and item.changes and not told:
            told = ["own settings changed"] if item.situation.tracks_head else []
        was = f"was {item.was} before; " if item.was else ""
        return inert(was + ("; ".join(told) or item.decision.reason))
    served = item.record.served
    kept = f"; {served.release} stays" if served else ""
    return inert(f"{hold.reason.value}: {hold.message}{kept}")


def _print_summary(session: Session, report: PassReport, done: bool) -> None:
    changed = sum(len(environment.changed) for environment in report.environments)
    held = sum(
        1 for environment in report.environments for item in environment.deployments if item.record.hold is not None
    ) + sum(1 for environment in report.environments if environment.hold is not None)
    verb = "changed" if done else "would change"
    parts = [f"{counted(changed, 'deployment')} {verb}" if changed else "nothing to do"]
    if held:
        parts.append(f"{held} held")
    if report.sources:
        parts.append(f"{len(report.sources)} with a silent source")
    session.terminal.line(f"{', '.join(parts)} at {report.config[:7]}")


def _environment_json(report: EnvironmentReport) -> dict[str, Any]:
    hold = report.hold
    return {
        "name": report.environment,
        "commit": report.commit,
        "error": report.error or None,
        "hold": {"reason": hold.reason.value, "message": hold.message, "since": format_time(hold.since)}
        if hold
        else None,
        "deployments": [_deployment_json(item) for item in report.deployments],
    }


def _deployment_json(item: DeploymentReport) -> dict[str, Any]:
    served, hold = item.record.served, item.record.hold
    return {
        "agent": str(item.agent),
        "action": item.decision.action.value,
        "reason": item.decision.reason,
        "changes": item.changes,
        "version": served.version if served else None,
        "release": served.release.as_mapping() if served else None,
        "hold": hold.reason.value if hold else None,
        "gates": [gate_mapping(gate) for gate in item.decision.told],
        "events": [event_mapping(event) for event in item.events],
        **({"was": str(item.was)} if item.was else {}),
    }
