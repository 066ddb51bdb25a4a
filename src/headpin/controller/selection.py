"""Which release a promotion or a rollback brings where: chosen from records alone, or refused with the reason.

Reads nothing but what it is given. Whether the release may go there is for the gates to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from headpin.controller.branches import Branch
from headpin.controller.follow import head_release
from headpin.controller.situations import Surroundings, stages_before
from headpin.errors import NothingServed, Refused, UsageError
from headpin.releases import Event, EventKind, Ran, Release, SourceVersion, Status, Upstream, ran_as, sources
from headpin.sources import SourceRule
from headpin.types import AgentName, Revision, TreeId

_SERVING = frozenset({EventKind.ADOPTED, EventKind.PROMOTED, EventKind.ROLLED_BACK, EventKind.ROLLED_FORWARD})


@dataclass(frozen=True, slots=True)
class Selected:
    """A release for one agent in the target: its number there, and where it comes from."""

    agent: AgentName
    release: Release
    version: int
    source: SourceVersion | None = None


def select_for_promotion(
    around: Surroundings, agent: AgentName, target: str, source: str | None, named: str | None
) -> Selected:
    """What the stage before `target` serves of `agent`; of `source`, and the release `named`, where they are given.

    Raises UsageError for what can never be promoted, Refused for what cannot be as things stand.
    """
    _refuse_target(around, agent, target, source)
    if around.workspace.stages(agent.project)[0].environment == target:
        return _select_for_first_stage(around, agent, target, named)
    stage = _source_stage(around, agent, target, source)
    release, version = _supplied(agent, stage, named)
    return Selected(
        agent, release, _number(around.branches[target], agent, release), SourceVersion(stage.environment, version)
    )


def _refuse_target(around: Surroundings, agent: AgentName, target: str, source: str | None) -> None:
    workspace = around.workspace
    if target == workspace.head_environment:
        raise UsageError(
            f"{target} follows branches and is promoted into by nobody", remedy="push to the agent's branch instead"
        )
    stages = [stage.environment for stage in workspace.stages(agent.project)]
    pipeline = workspace.pipeline_of(agent.project)
    if not stages:
        raise Refused(
            f"the pipeline of {agent.project} cannot be read", remedy="run 'headpin validate' for what is wrong"
        )
    if target not in stages:
        raise UsageError(
            f"the pipeline {pipeline} of {agent.project} does not reach {target}",
            remedy=f"its stages are {' → '.join(stages)}",
        )
    if source is None:
        return
    if source == target:
        raise UsageError(f"{target} cannot be promoted into itself", remedy="to go back, use 'headpin rollback'")
    if source not in stages:
        raise UsageError(f"{source} is no stage of {pipeline}", remedy=f"its stages are {' → '.join(stages)}")
    if stages.index(source) > stages.index(target):
        raise UsageError(
            f"{source} comes after {target} in {pipeline}: releases go {' → '.join(stages)}",
            remedy="to go back to a release that ran here, use 'headpin rollback'",
        )


def _select_for_first_stage(around: Surroundings, agent: AgentName, target: str, named: str | None) -> Selected:
    """A pinned first stage takes what the source's branch has now, with main's own snapshots."""
    if named is not None:
        raise UsageError(
            f"{target} is the first stage of {agent.project}: it takes what the agent's branch has now",
            remedy="to pin an older revision of the branch, write the pin by hand; to go back, use 'headpin rollback'",
        )
    snapshot = around.workspace.snapshot(agent)
    if snapshot is None or not snapshot.is_valid:
        raise Refused(f"the shared settings of {agent} cannot be read", remedy="run 'headpin validate'")
    ran = around.branches[target].ran(agent)
    release = head_release(around.heads, around.images, ran, agent, snapshot)
    return Selected(agent, release, _number(around.branches[target], agent, release))


def _source_stage(around: Surroundings, agent: AgentName, target: str, source: str | None) -> Upstream:
    upstream, any_earlier = stages_before(around, agent, target)
    allowed = sources(upstream, any_earlier)
    if source is not None:
        found = next((stage for stage in allowed if stage.environment == source), None)
        if found is None:
            nearest = allowed[0].environment if allowed else "none"
            raise Refused(
                f"{agent} cannot skip a stage: releases for {target} come from {nearest}, not from {source}",
                remedy=f"promote to {nearest} first" if allowed else "",
            )
        return found
    for stage in allowed:
        if stage.record.served is not None or not any_earlier:
            return stage
    raise NothingServed(
        f"no earlier stage of the pipeline serves {agent}",
        remedy=f"see 'headpin status {agent}'; the stages before {target} are "
        f"{', '.join(stage.environment for stage in upstream) or 'none'}",
    )


def _supplied(agent: AgentName, stage: Upstream, named: str | None) -> tuple[Release, int]:
    where = stage.environment
    if stage.trouble:
        raise Refused(f"{where}: {stage.trouble}")
    served = stage.record.served
    if served is None:
        raise NothingServed(
            f"{where} serves nothing of {agent}", remedy=f"promote to {where} first: see 'headpin status'"
        )
    if served.status is not Status.DEPLOYED:
        raise Refused(
            f"{agent} is {served.status} in {where}, and only what is Deployed is promoted",
            remedy=f"see 'headpin explain {agent} --env {where}'",
        )
    if named is None:
        return served.release, served.version
    found = _named([entry for entry in stage.ran if entry.deployed], named, f"{agent} in {where}")
    return found.release, found.version


def _named(ran: Sequence[Ran], named: str, what: str) -> Ran:
    """The release that a person named: ``vN``, or a revision of at least four digits."""
    if named[:1] == "v" and named[1:].isdecimal():
        found = [entry for entry in ran if entry.version == int(named[1:])]
    elif len(named) >= 4 and all(letter in "0123456789abcdef" for letter in named):  # noqa: PLR2004 - as git has it
        found = [entry for entry in ran if entry.release.revision.startswith(named)]
    else:
        raise UsageError(f"{named!r} is no release", remedy="name a version such as v3, or a revision")
    if not found:
        raise Refused(f"{named} never ran: {what}", remedy="see 'headpin history' for what did")
    if len({entry.release for entry in found}) > 1 and any(entry.version for entry in found):
        versions = ", ".join(f"v{entry.version}" for entry in found)
        raise UsageError(f"{named} names several releases of {what}", remedy=f"name one of {versions}")
    return found[-1]


def _number(branch: Branch, agent: AgentName, release: Release) -> int:
    before = ran_as(branch.ran(agent), release)
    return before.version if before else branch.record(agent).highest + 1


def adopted_release(around: Surroundings, agent: AgentName, revision: Revision, image: str | None) -> Release:
    """What runs already as a release: a revision of the source with main's own shared settings.

    Raises Refused where the source does not have it, or its content cannot be known.
    """
    snapshot = around.workspace.snapshot(agent)
    model = snapshot.agent.model if snapshot and snapshot.is_valid else None
    if snapshot is None or model is None:
        raise Refused(f"the shared settings of {agent} cannot be read", remedy="run 'headpin validate'")
    is_there, found = around.heads.chosen(SourceRule.of(model), revision)
    if not is_there:
        raise Refused(f"{revision} is not on {model.source.branch} of the source of {agent}")
    if found.faults:
        raise Refused(f"{found.faults[0].message}, at {revision} of the source")
    return Release(
        revision, image or model.image_of(found.image_revision or revision), TreeId(snapshot.id), found.content
    )


def select_for_rollback(
    branch: Branch, agent: AgentName, version: int | None, at: datetime | None, pinned: Release | None = None
) -> Selected:
    """The release before the present one was first promoted; or `version`, or what was served at an instant.

    Again goes further back, never forward. Where what is `pinned` is not served, because it is held, the first step
    back is to what is served. Raises Refused where there is none.
    """
    if branch.trouble is not None:
        raise branch.trouble
    record, ran = branch.record(agent), branch.ran(agent)
    served = record.served
    if served is None:
        raise NothingServed(f"{branch.environment} serves nothing of {agent}", remedy="there is nothing to roll back")
    is_pending = pinned is not None and pinned != served.release
    if is_pending and at is None and version in (None, served.version):
        return Selected(agent, served.release, served.version)
    if version is None:
        events = branch.events(agent)
        version = _version_at(events, at) if at is not None else _version_before(events, served.version)
    found = next((entry for entry in reversed(ran) if entry.version == version), None)
    if found is None:
        raise NothingServed(_no_earlier(branch, agent, served.version, version, at), remedy=_history(branch, agent))
    if found.version >= served.version:
        is_same = found.version == served.version
        raise Refused(
            f"{branch.environment} serves v{served.version} of {agent}"
            f"{'' if is_same else f', and v{found.version} is newer: that is no rollback'}",
            remedy=_history(branch, agent)
            if is_same
            else f"use 'headpin promote {agent} --to {branch.environment}', which asks the gates",
        )
    return Selected(agent, found.release, found.version)


def _no_earlier(branch: Branch, agent: AgentName, served: int, version: int | None, at: datetime | None) -> str:
    if at is not None:
        return f"{branch.environment} served nothing of {agent} at that time"
    if version is not None:
        return f"v{version} of {agent} never ran in {branch.environment}"
    return f"v{served} is the first release of {agent} that {branch.environment} ever served"


def _history(branch: Branch, agent: AgentName) -> str:
    return f"see 'headpin history {agent} --env {branch.environment}'"


def _served_in_turn(events: Sequence[Event]) -> Iterator[tuple[datetime, int]]:
    """When which version began to be served, oldest first."""
    for event in events:
        if event.kind in _SERVING and event.version is not None:
            yield event.at, event.version


def _version_before(events: Sequence[Event], version: int) -> int | None:
    """What was served when `version` was served for the first time; None when nothing ever was."""
    before: int | None = None
    for _, number in _served_in_turn(events):
        if number == version:
            return before
        before = number
    return None


def _version_at(events: Sequence[Event], at: datetime) -> int | None:
    found = [number for began, number in _served_in_turn(events) if began <= at]
    return found[-1] if found else None
