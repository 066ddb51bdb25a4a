"""What headpin's own commits say: a subject that names the cause, and trailers that index it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from headpin.controller.branches import CONFIG_TRAILER
from headpin.controller.report import DeploymentReport
from headpin.git import CommitInfo, Signature
from headpin.releases import Action, EventKind
from headpin.types import Revision, short

_MAX_TRAILERS = 50
_WORDS = {
    EventKind.PROMOTED: "Promote",
    EventKind.ROLLED_BACK: "Roll back",
    EventKind.ROLLED_FORWARD: "Return",
    EventKind.RECONFIGURED: "Reconfigure",
    EventKind.SCALED: "Scale",
    EventKind.STOPPED: "Stop",
    EventKind.RESUMED: "Start",
    EventKind.SUPERSEDED: "Pass over",
    EventKind.HELD: "Hold",
    EventKind.REMOVED: "Remove",
    EventKind.RENAMED: "Rename",
}


def commit_message(environment: str, config: Revision, changed: Sequence[DeploymentReport]) -> str:
    """The message of the commit on the environment's branch; it ends with trailers, to which one may be added."""
    trailers = [f"{CONFIG_TRAILER}: {config}"]
    trailers += [f"Headpin-Deployment: {report.agent} {_now(report)}" for report in changed[:_MAX_TRAILERS]]
    people = sorted(_people(changed))
    trailers += [f"Co-authored-by: {person}" for person in people[:_MAX_TRAILERS] if len(people) > 1]
    body = "".join(f"{_line(report)}\n" for report in changed[:_MAX_TRAILERS]) if len(changed) > 1 else ""
    more = f"and {len(changed) - _MAX_TRAILERS} more\n" if len(changed) > _MAX_TRAILERS else ""
    parts = [_subject(environment, config, changed), f"{body}{more}".strip(), "\n".join(trailers)]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain_message(subject: str, config: Revision) -> str:
    """The message of a commit that moves no deployment."""
    return f"{subject}\n\n{CONFIG_TRAILER}: {config}\n"


def author_of(changed: Sequence[DeploymentReport], config: CommitInfo, headpin: Signature) -> Signature:
    """The author of the causing commit; headpin itself where a source, or more than one person, caused it."""
    people = _people(changed)
    if not changed or any(_followed_a_branch(report) for report in changed):
        return headpin
    if not people or people == {config.author.person}:
        return config.author
    if len(people) > 1:
        return headpin
    name, _, rest = people.pop().rpartition(" <")
    return Signature(name, rest.removesuffix(">"), config.author.at)


def _people(changed: Sequence[DeploymentReport]) -> set[str]:
    """The authors of the moves that the commit carries out."""
    return {event.person for report in changed for event in report.events if event.person}


def _followed_a_branch(report: DeploymentReport) -> bool:
    """Whether a push to a source is the cause: its author is not known here."""
    before, after = report.situation.record.served, report.record.served
    if not report.situation.tracks_head or after is None:
        return False
    return before is None or before.release.revision != after.release.revision


def _subject(environment: str, config: Revision, changed: Sequence[DeploymentReport]) -> str:
    if not changed:
        return f"Reconcile {environment} with {short(config)}"
    if len(changed) == 1:
        return _line(changed[0]).replace("in this environment", environment)
    counts = Counter(_word(report) for report in changed)
    told = ", ".join(f"{word.lower()} {number}" for word, number in counts.items())
    return f"Reconcile {environment}: {told}"


def _line(report: DeploymentReport) -> str:
    environment = report.situation.environment
    place = {**dict.fromkeys(("Roll back", "Hold", "Reconfigure", "Scale", "Stop", "Start"), "in"), "Remove": "from"}
    word = _word(report)
    if word == "Rename":
        return f"Rename {report.was} to {report.agent} in {environment}: {_now(report)}"
    return f"{word} {report.agent} {place.get(word, 'to')} {environment}: {_now(report)}"


def _word(report: DeploymentReport) -> str:
    kinds = [event.kind for event in report.events]
    if report.was is not None and _is_same_code(report):
        return "Rename"
    if report.situation.tracks_head:
        if report.record.hold is not None:
            return "Hold"
        if report.decision.action is Action.REMOVE:
            return "Remove"
        return "Deploy" if report.decision.kind is EventKind.PROMOTED else "Reconfigure"
    if report.decision.kind is not None:  # what was done is told before what waits
        kinds = [kind for kind in kinds if kind is not EventKind.HELD]
    return _WORDS.get(kinds[-1], "Update") if kinds else "Update"


def _is_same_code(report: DeploymentReport) -> bool:
    """Whether the same code is served as before, and by no move of a pin."""
    before, after = report.situation.record.served, report.record.served
    if not report.situation.tracks_head or before is None or after is None:
        return report.decision.kind is None
    return before.release.revision == after.release.revision


def _now(report: DeploymentReport) -> str:
    served, hold = report.record.served, report.record.hold
    if hold is not None and (served is None or report.decision.kind is None):
        return hold.reason.value
    if served is None:
        return "nothing"
    if report.situation.tracks_head:
        return short(served.release.revision)
    return f"v{served.version} ({short(served.release.revision)})"
