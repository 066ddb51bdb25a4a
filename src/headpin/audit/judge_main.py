"""What a commit of main did that the rules would not have allowed. Pure, and independent of what decides.

A pin that proposes what a gate keeps is no wrong: whether it was served is judged where it was (`judge_branch`). A
pin that names what never ran is one even when it was held; that is known only when all branches were replayed, so
it is a `Suspect` until then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from headpin.audit.facts import EarlierStage, MainStep, OverrideChange, PinChange, Standing
from headpin.audit.finding import Finding
from headpin.git import CommitInfo
from headpin.releases.record import HEADPIN
from headpin.releases.release import Release
from headpin.types import AgentName, Revision, short

_CONFIG, _TREE = "Headpin-Config", "Headpin-Tree"
_MOVE, _LAYER = "Headpin-Move", "Headpin-Layer"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A pin that had run nowhere it could come from when it was written.

    `sources`: the environments in which it must have run by `at`, the commit's time, to be none after all.
    """

    code: str
    message: str
    position: int
    at: datetime
    person: str
    main: Revision
    environment: str
    agent: AgentName
    release: Release
    sources: tuple[str, ...]

    def as_finding(self, told: str) -> Finding:
        """The finding, with what became of it."""
        message = f"{self.message}; {told}"
        where = (self.environment, str(self.agent))
        return Finding(self.code, message, self.position, self.at, self.person, self.main, "", *where)


def judge_main(step: MainStep) -> Iterator[Finding]:
    """Everything but suspects."""
    for pin in step.pins:
        yield from _pin_findings(step, pin)
    for change in step.overrides:
        yield from _override_findings(step, change)
    for gone, named_by in step.orphans:
        code = "HP412" if gone.startswith("environments/") else "HP413"
        yield _found(step, code, f"{gone} is deleted, and {named_by} still names it")
    if step.head is not None:
        was, now = step.head
        said = f"{was} followed branches so far, and now {now or 'no environment'} does"
        yield _found(step, "HP414", said, was)
    yield from _forged(step)


def suspects_of(step: MainStep) -> Iterator[Suspect]:
    """The pins of releases that had run nowhere they could come from."""
    for pin in step.pins:
        code, message, sources = _suspicion(step.commit, pin)
        if code and isinstance(pin.after, Release):
            commit = step.commit
            yield Suspect(
                code,
                message,
                step.position,
                commit.committer.at,
                commit.author.person,
                commit.id,
                pin.environment,
                pin.agent,
                pin.after,
                (pin.environment, *sources),
            )


def settled(suspect: Suspect, standings: Sequence[Standing], own: Standing) -> Finding | None:
    """What came of a suspect; None where it had run in a source by the commit's time, or was let in later.

    `standings` are those of its sources.
    """
    for standing in standings:
        entry = standing.entry(suspect.release)
        if entry is not None and entry.at <= suspect.at:
            return None
    served = own.entry(suspect.release)
    if served is None:
        return suspect.as_finding("it was held, and never served")
    if suspect.code == "HP403":
        return None  # either its source ran it after all, or its promotion is a finding of its own
    return suspect.as_finding(f"it was served as v{served.version}")


def _pin_findings(step: MainStep, pin: PinChange) -> Iterator[Finding]:
    if not isinstance(pin.after, Release):
        return
    if pin.rules.is_head:
        said = f"{pin.after} is pinned in {pin.environment}, which follows branches"
        yield _found(step, "HP405", said, pin.environment, pin.agent)
    is_automatic = step.commit.author.person == f"{HEADPIN[0]} <{HEADPIN[1]}>"
    if is_automatic and not pin.rules.is_automatic and not pin.rules.trouble:
        said = f"headpin is said to have pinned {pin.after}, and only people promote into {pin.environment}"
        yield _found(step, "HP416", said, pin.environment, pin.agent)


def _suspicion(commit: CommitInfo, pin: PinChange) -> tuple[str, str, tuple[str, ...]]:
    release, rules, standing = pin.after, pin.rules, pin.standing
    clean = ("", "", ())
    if pin.is_renamed:
        return clean  # it was judged when it got there
    if not isinstance(release, Release) or standing is None or rules.is_head or rules.trouble or not rules.exists:
        return clean
    if standing.entry(release) is not None or (rules.adoption is not None and not standing.ran):
        return clean
    if rules.is_first:
        if rules.settings is None or rules.settings == release.settings:
            return clean
        said = f"{release} is pinned in {pin.environment} with settings {short(release.settings)} that main did not say"
        return "HP401", said, ()
    if any(stage.standing is None for stage in rules.earlier):
        return clean
    sources = tuple(stage.environment for stage in rules.sources)
    if any(_supplies(stage, release) for stage in rules.earlier):
        if any(_supplies(stage, release) or stage.pin == release for stage in rules.sources):
            return clean
        return "HP403", _skipped(pin, release, sources), sources
    if pin.elsewhere:
        return "HP403", _skipped(pin, release, sources), sources
    earlier = tuple(stage.environment for stage in rules.earlier)
    mixed = _mixed(commit, pin, release)
    return ("HP402", mixed, earlier) if mixed else ("HP401", _made(pin, release), earlier)


def _supplies(stage: EarlierStage, release: Release) -> bool:
    return stage.standing is not None and stage.standing.entry(release) is not None


def _skipped(pin: PinChange, release: Release, sources: tuple[str, ...]) -> str:
    ran = [stage.environment for stage in pin.rules.earlier if _supplies(stage, release)] or list(pin.elsewhere)
    source = " or ".join(sources) or "an earlier stage, of which none runs it"
    return f"{release} is pinned in {pin.environment} and ran in {' and '.join(ran)}, but not in {source}"


def _mixed(commit: CommitInfo, pin: PinChange, release: Release) -> str:
    """Of which releases the pin was put together; "" where it was not."""
    sides = [side for side in pin.sides if isinstance(side, Release)]
    is_merge = len(commit.parents) > 1
    if is_merge and release in sides:
        return ""
    known = {*sides, *pin.known, *([pin.before] if isinstance(pin.before, Release) else [])} - {release}
    parts = release.as_mapping()
    for one in sorted(known, key=lambda item: item.revision):
        rest = {key: value for key, value in parts.items() if one.as_mapping().get(key) != value}
        if not rest or len(rest) == len(parts):
            continue
        for other in sorted(known - {one}, key=lambda item: item.revision):
            if all(other.as_mapping().get(key) == value for key, value in rest.items()):
                how = "the merge put" if is_merge else "somebody, or a squash, put"
                said = f"{how} {' and '.join(rest)} of {other} to the rest of {one}, and nobody ever ran that"
                return f"the pin of {pin.agent} in {pin.environment} is mixed: {said}"
    if is_merge and sides:
        return f"the pin of {pin.agent} in {pin.environment} is {release}, which neither side of the merge had"
    return ""


def _made(pin: PinChange, release: Release) -> str:
    near = next((one for one in pin.known if one.revision == release.revision), None)
    if near is None:
        return f"{release} is pinned in {pin.environment}, and had never run in any stage before it"
    wrong = [key for key, value in release.as_mapping().items() if near.as_mapping().get(key) != value]
    said = " and ".join(wrong) or "content"
    return f"{release} is pinned in {pin.environment} with another {said} than it ran with"


def _override_findings(step: MainStep, change: OverrideChange) -> Iterator[Finding]:
    agent = change.agents[0] if len(change.agents) == 1 else ""
    if not change.before and change.after:
        about = ", ".join(change.agents) or "main's history"
        said = f"{change.path} allows {change.allow} for {about}: {change.reason}"
        yield _found(step, "HP406", said, change.environment, agent)
    elif change.after and change.used_by:
        said = f"{change.path} was used by {', '.join(change.used_by)}, and says something else now"
        yield _found(step, "HP408", said, change.environment, agent)


def _forged(step: MainStep) -> Iterator[Finding]:
    """Trailers that the commit's files do not bear out."""
    said = step.commit.trailers
    if _CONFIG in said or _TREE in said:
        yield _found(step, "HP415", "it has the trailers of headpin's own commits on environment branches")
    changed = {(str(pin.agent), pin.environment) for pin in step.pins} | step.layers
    for key in (_MOVE, _LAYER):
        agent, _, rest = said.get(key, "").partition(" ")
        environment = rest.split(" ", 1)[0]
        if agent and (agent, environment) not in changed:
            told = f"its trailer says '{key}: {said[key]}', and nothing of {agent} in {environment} changes"
            yield _found(step, "HP415", told, environment, agent)


def _found(step: MainStep, code: str, message: str, environment: str = "", agent: AgentName | str = "") -> Finding:
    commit = step.commit
    person = commit.author.person
    return Finding(
        code, message, step.position, commit.committer.at, person, commit.id, "", environment, str(agent) or ""
    )
