"""The conditions on a move: one pure predicate for command line, checks and controller alike.

A rollback is subject to none of these (authority is another matter); returning to a higher version that
ran before is subject to all but ran-before.
"""

from __future__ import annotations

from dataclasses import dataclass

from headpin.releases.codec import format_time
from headpin.releases.record import EventKind, GateResult, Record, SourceVersion
from headpin.releases.release import Ran, Release, ran_as
from headpin.types import Revision, short

RAN_BEFORE = "ran-before"
FIRST_STAGE = "first-stage"


@dataclass(frozen=True, slots=True)
class Upstream:
    """An earlier stage as it stands: `pin` is what main's head wants there (None: no pin, or head).

    `is_held`: whether its whole environment is. `trouble` says why its branch cannot be read; nobody is
    blocked by what is not known.
    """

    environment: str
    required: bool
    tracks_head: bool
    pin: Release | None
    has_pin: bool
    record: Record
    ran: tuple[Ran, ...]
    trouble: str = ""
    is_held: bool = False

    @property
    def is_transparent(self) -> bool:
        """Whether the stage is passed over: nothing is pinned or served here, and nothing needs to be."""
        return (
            not self.trouble
            and not self.required
            and not self.tracks_head
            and not self.has_pin
            and self.record.served is None
        )


@dataclass(frozen=True, slots=True)
class Built:
    """What a revision of the source is as a release, by the documents at one revision of main, `config`.

    `by_digest`: its image is pinned with a digest behind the name that `release` has; whether the registry has
    that digest under this name is another gate's question.
    """

    config: Revision
    release: Release
    by_digest: bool = False

    def wrong_keys(self, release: Release) -> list[str]:
        """What of `release` is not as it is built."""
        one, other = self.release.as_mapping(), release.as_mapping()
        if self.by_digest:
            other["image"] = other["image"].partition("@")[0]
        return [key for key in ("revision", "image", "content", "settings") if one.get(key) != other.get(key)]


@dataclass(frozen=True, slots=True)
class FirstStage:
    """What the source and main say of a release that is pinned in a pipeline's first stage.

    `place` names the source's branch. `built`: by main's head, and by the commit that moved the pin.
    `trouble` says why the source does not tell; nobody is blocked by that for good.
    """

    place: str
    is_on_branch: bool = False
    built: tuple[Built, ...] = ()
    problem: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """May `release` be pinned here? `upstream` has the earlier stages, nearest first.

    `is_reached`: whether the project's pipeline has this environment among its stages. `first_stage`: what takes
    the place of earlier stages where there are none.
    """

    release: Release
    kind: EventKind
    upstream: tuple[Upstream, ...]
    any_earlier: bool = False
    is_reached: bool = True
    first_stage: FirstStage | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the gates said, each with its evidence, and where the release comes from."""

    results: tuple[GateResult, ...]
    source: SourceVersion | None

    @property
    def is_open(self) -> bool:
        """Whether the move may be made."""
        return all(result.is_open for result in self.results)

    @property
    def is_waiting(self) -> bool:
        """Whether everything closed is already under way."""
        return not self.is_open and all(result.is_open or result.is_waiting for result in self.results)

    @property
    def closed(self) -> str:
        """What the closed gates say."""
        return "; ".join(f"{result.gate}: {result.evidence}" for result in self.results if not result.is_open)


def ask_gates(question: Question) -> Answer:
    """Every gate's result for a move that is no rollback."""
    if question.kind is not EventKind.PROMOTED:
        return Answer((), None)
    if question.first_stage is not None:
        return Answer((_first_stage(question.release, question.first_stage),), None)
    result, source = _ran_before(question)
    return Answer((result,), source)


def sources(upstream: tuple[Upstream, ...], any_earlier: bool) -> tuple[Upstream, ...]:
    """The stages that may supply a release: the nearest that is not transparent, or all of them by policy."""
    if any_earlier:
        return upstream
    return next(((stage,) for stage in upstream if not stage.is_transparent), ())


def _ran_before(question: Question) -> tuple[GateResult, SourceVersion | None]:
    allowed = sources(question.upstream, question.any_earlier)
    if not allowed:
        return GateResult(RAN_BEFORE, False, _no_source(question)), None
    for stage in allowed:
        found = ran_as(stage.ran, question.release)
        if found is not None and stage.record.served is not None:
            name = "HEAD" if stage.tracks_head else f"v{found.version}"
            evidence = f"ran in {stage.environment} as {name} since {format_time(found.at)}"
            return GateResult(RAN_BEFORE, True, evidence), SourceVersion(stage.environment, found.version)
    for stage in allowed:
        if stage.trouble:
            return GateResult(RAN_BEFORE, False, f"{stage.environment}: {stage.trouble}", is_waiting=True), None
        if stage.pin == question.release and stage.record.hold is None and not stage.is_held:
            return GateResult(RAN_BEFORE, False, f"{stage.environment} is about to run it", is_waiting=True), None
    return GateResult(RAN_BEFORE, False, _never_ran(allowed, question)), None


def _no_source(question: Question) -> str:
    if not question.is_reached:
        return "the project's pipeline does not reach this environment"
    return "no earlier stage of the pipeline runs this agent"


def _first_stage(release: Release, found: FirstStage) -> GateResult:
    """A pinned first stage has nothing before it: its releases come from the source and from main."""
    if found.trouble:
        return GateResult(FIRST_STAGE, False, f"the source cannot be reached: {found.trouble}", is_waiting=True)
    if not found.is_on_branch:
        return GateResult(FIRST_STAGE, False, f"{release} is not on {found.place}")
    for built in found.built:
        if not built.wrong_keys(release):
            evidence = f"{release} is on {found.place}, and its settings are main's at {short(built.config)}"
            return GateResult(FIRST_STAGE, True, evidence)
    if not found.built:
        return GateResult(FIRST_STAGE, False, found.problem)
    return GateResult(FIRST_STAGE, False, f"{release} is on {found.place}, but {_otherwise(release, found.built[0])}")


def _otherwise(release: Release, built: Built) -> str:
    expected = built.release.as_mapping()
    said = (f"its {key} is {expected.get(key, 'none')}" for key in built.wrong_keys(release))
    return f"by main at {short(built.config)} {', '.join(said)}"


def _never_ran(allowed: tuple[Upstream, ...], question: Question) -> str:
    names = " or ".join(stage.environment for stage in allowed)
    said = f"{question.release} never ran in {names}"
    near = next(
        (
            entry.release
            for stage in allowed
            for entry in reversed(stage.ran)
            if _alike(entry.release, question.release)
        ),
        None,
    )
    if near is None:
        return said
    wrong = [key for key, value in near.as_mapping().items() if question.release.as_mapping().get(key) != value]
    return f"{said} with this {' and '.join(wrong)}"


def _alike(one: Release, other: Release) -> bool:
    return one.revision == other.revision
