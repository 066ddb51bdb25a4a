"""What a commit on an environment's branch did that headpin would not have done. Pure, and independent of what decides.

Judges commits that have headpin's trailers, whoever made them: the files alone say whether they are right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headpin.audit.facts import BranchStep, Deployment, Standing, Step
from headpin.audit.finding import Finding
from headpin.audit.judge_move import MOVES, Moved, freeze_of, judge_move, kind_of
from headpin.audit.judge_record import judge_record
from headpin.releases.record import Event, EventKind, Served
from headpin.releases.release import Release
from headpin.types import AgentName, short

Wrong = tuple[str, str]


def judge_branch(step: BranchStep) -> Iterator[Finding]:
    """Everything that is wrong with the commit."""
    for code, message in (*_about_all(step), *_removals(step)):
        yield _found(step, code, message)
    for deployment in step.deployments:
        for code, message in _about_deployment(step, deployment):
            yield _found(step, code, message, deployment.agent, _person(step, deployment))
    touched = {deployment.agent: deployment for deployment in step.deployments}
    renamed = {name for item in step.deployments if item.was for name in item.names}
    for agent, moves in (step.moves or {}).items():
        if agent in renamed:
            continue  # what its pins did under two names is one history
        found = touched.get(agent)
        standing = found.after if found else step.standing.get(agent)
        for message in _gaps(moves, found.events if found else (), standing):
            yield _found(step, "HP427", message, agent)


def _found(step: BranchStep, code: str, message: str, agent: AgentName | str = "", person: str = "") -> Finding:
    commit = step.commit
    person = person or commit.author.person
    where = (step.config, commit.id, step.environment, str(agent))
    return Finding(code, message, step.position, commit.committer.at, person, *where)


def _person(step: BranchStep, deployment: Deployment) -> str:
    """Who asked for it on main, where that is told."""
    told = [event.person for event in deployment.events if event.person]
    return told[-1] if told else step.commit.author.person


def _about_all(step: BranchStep) -> Iterator[Wrong]:
    now, before = step.positions
    if now is not None and before is not None and now < before and step.before is not None:
        yield "HP428", f"it was made from {short(step.config)}, which is older than {short(step.before.config or '')}"
    now, before = step.folded
    if now is not None and before is not None and now < before and step.positions[0] == step.positions[1]:
        yield "HP428", "the pin moves that are in the records go back"
    if step.latest is not None and step.commit.committer.at < step.latest:
        yield "HP437", "it is dated before the commit that it follows"
    if step.numbering:
        yield "HP439", step.numbering
    if step.strays:
        more = f" and {len(step.strays) - 1} more" if len(step.strays) > 1 else ""
        yield "HP445", f"headpin writes no file {step.strays[0]}{more}"
    for project in step.lists:
        yield "HP445", f"the list of agents of {project} is not the one that headpin writes"
    if step.before is not None and step.before.branches and step.state.tracks_head:
        lost = sorted(set(step.before.branches) - set(step.state.branches))
        if lost:
            yield "HP438", f"{', '.join(lost)} is not listed any more"


def _removals(step: BranchStep) -> Iterator[Wrong]:
    gone = [item.agent for item in step.deployments if _served(item.before) and item.after and not _served(item.after)]
    excess = [agent for agent in gone if agent not in step.prune_allowed]
    if len(gone) > step.prune_limit and excess:
        said = f"{len(gone)} deployments were removed, and limits.prune is {step.prune_limit}"
        yield "HP443", f"{said}: {', '.join(map(str, excess[:5]))}"


def _about_deployment(step: BranchStep, item: Deployment) -> Iterator[Wrong]:
    if item.damage:
        yield "HP447", item.damage
    if not item.events_kept:
        yield "HP429", "events that were told before are gone, or say something else"
    if not item.ran_kept:
        yield "HP430", "lines of what ran are gone, or say something else"
    if item.is_left or item.before is None or item.after is None:
        return
    if not item.is_renamed:
        yield "HP444", f"what {item.was} was is {item.agent} now, and main does not say that it was renamed"
    yield from judge_record(item, item.before, item.after, is_head=step.state.tracks_head)
    for identity, path, reason in item.spent:
        if path:
            yield "HP407", f"{path} was used: {reason}"
        else:
            yield "HP444", f"the record says that an override {short(identity)} was used, and main has none"
    if step.state.tracks_head:
        yield from _about_head(item, item.before, item.after)
    else:
        yield from _about_pinned(step, item, item.before, item.after)


def _served(standing: Standing | None) -> Served | None:
    return standing.record.served if standing else None


# ── the head environment ─────────────────────────────────────────────────────────────────────────────


def _about_head(item: Deployment, before: Standing, after: Standing) -> Iterator[Wrong]:
    was, now = before.record.served, after.record.served
    if was is not None and now is None and item.rules.has_agent and item.rules.is_reached:
        yield "HP442", f"{item.agent} was removed, and main still has it"
    if now is None or item.rules.trouble or (was is not None and was.release == now.release):
        return
    if item.rules.settings is not None and now.release.settings != item.rules.settings:
        said = f"{now.release} is served with settings {short(now.release.settings)}"
        yield "HP446", f"{said}, and main says {short(item.rules.settings)}"
    if item.rules.suspended:
        yield "HP435", f"{now.release} was deployed, although {item.rules.suspended[0]} suspended it"


# ── pinned environments ──────────────────────────────────────────────────────────────────────────────


def _about_pinned(step: BranchStep, item: Deployment, before: Standing, after: Standing) -> Iterator[Wrong]:
    was, now = before.record.served, after.record.served
    if was is not None and now is None and step.exists and item.pin is not None:
        yield "HP442", f"{item.agent} was removed, and main still pins {item.pin}"
    moved = [event for event in item.events if event.kind in MOVES]
    if now is not None and (was is None or was.release != now.release):
        yield from _served_anew(step, item, now, moved)
    for event in moved:
        yield from _about_move(step, item, before, event)
    for event in item.events:
        yield from _about_event(step, item, event)


def _served_anew(step: BranchStep, item: Deployment, now: Served, moved: Sequence[Event]) -> Iterator[Wrong]:
    """Something else is served: the pin says so, and so does a commit of main that moved it."""
    if not any(event.release == now.release for event in moved):
        return  # a record that changed without its event is told as that
    if item.pin != now.release:
        named = f"main pins {item.pin}" if item.pin else "main pins nothing"
        yield "HP422", f"{now.release} is served, and {named} at {short(step.config)}"
        return
    asked = item.asked.get(next(event.config for event in reversed(moved) if event.release == now.release))
    if asked is None or not asked.is_there:
        return  # a commit that main lost is told as that
    if asked.pin != now.release:
        yield "HP422", f"{now.release} is served, and the commit that its event names did not pin it"
    elif not asked.is_earlier and not step.was_rewritten:
        yield "HP422", f"{now.release} is served, and the commit that its event names is not in main's history"


def _about_move(step: BranchStep, item: Deployment, before: Standing, event: Event) -> Iterator[Wrong]:
    release = event.release
    if release is None:
        yield "HP444", f"an event '{event.kind.value}' names no release"
        return
    if event.kind is not EventKind.ADOPTED and event.kind is not kind_of(before, release):
        yield "HP444", f"the event says '{event.kind.value}' of {release}, which is '{kind_of(before, release).value}'"
    at = step.commit.committer.at
    because = freeze_of(item.rules, at) if step.latest != at else ""  # a clock that went back hides the instant
    yield from judge_move(Moved(item, before, event, release, because), step.environment)


def _about_event(step: BranchStep, item: Deployment, event: Event) -> Iterator[Wrong]:
    if event.kind is EventKind.RECONFIGURED:
        at = step.commit.committer.at
        because = freeze_of(item.rules, at) if step.latest != at else ""
        if item.rules.suspended:
            yield "HP436", f"own settings changed, although {item.rules.suspended[0]} suspended it"
        elif because:
            yield "HP436", f"own settings changed, although it was frozen: {because}"
    if event.kind is EventKind.SUPERSEDED:
        asked = item.asked.get(event.config)
        if asked is not None and asked.is_there and asked.pin != event.release:
            yield "HP444", f"the event says that {event.release} was passed over, and its commit did not pin that"


def _gaps(moves: Sequence[Step], events: Sequence[Event], standing: Standing | None) -> Iterator[str]:
    """The moves that nothing tells. One that came back as it was, is held or waits, is told by the record."""
    if standing is None:
        return
    told = {(event.config, event.release) for event in events if event.kind is EventKind.SUPERSEDED}
    for move in moves[:-1]:
        if move.release is not None and (move.config, move.release) not in told:
            yield f"{short(move.config)} pinned {move.release}, which another move followed, and no event tells of it"
    if moves:
        last, record = moves[-1], standing.record
        served: Release | None = record.served.release if record.served else None
        is_told = any(event.config == last.config for event in events) or record.is_unsettled
        if not is_told and served != last.release:
            what = f"pinned {last.release}" if last.release else "took the pin away"
            yield f"{short(last.config)} {what}, and no event tells of it"
