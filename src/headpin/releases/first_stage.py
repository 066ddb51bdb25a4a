"""A pinned first stage has nothing before it: its releases come from the source and from main. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from headpin.releases.record import GateResult
from headpin.releases.release import Release
from headpin.types import Revision, short

FIRST_STAGE = "first-stage"


@dataclass(frozen=True, slots=True)
class Built:
    """What a revision of the source is as a release, by the documents at one revision of main, `config`."""

    config: Revision
    release: Release

    def wrong_keys(self, release: Release) -> list[str]:
        """What of `release` is not as it is built."""
        one, other = self.release.as_mapping(), release.as_mapping()
        return [key for key in ("revision", "image", "content", "settings") if one.get(key) != other.get(key)]


@dataclass(frozen=True, slots=True)
class FirstStage:
    """What the source and main say of a release that is pinned in a pipeline's first stage.

    `place` names the source's branch. `built`: by main's head, and by the commit that moved the pin.
    `trouble` says why the source does not tell; nobody is blocked by that for good. `subject`: of the source commit.
    """

    place: str
    is_on_branch: bool = False
    built: tuple[Built, ...] = ()
    problem: str = ""
    trouble: str = ""
    subject: str = ""


def first_stage_gate(release: Release, found: FirstStage) -> GateResult:
    """Whether the pinned release is one that the source and main make."""
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
    expected = found.built[0].release.as_mapping()
    said = (f"its {key} is {expected.get(key, 'none')}" for key in found.built[0].wrong_keys(release))
    return GateResult(FIRST_STAGE, False, f"{release} is on {found.place}, but by main's documents {', '.join(said)}")
