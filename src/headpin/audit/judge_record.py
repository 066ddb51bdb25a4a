"""Whether a record, the list of what ran, the events and the files of one commit agree with each other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from headpin.audit.facts import Deployment, Standing
from headpin.audit.judge_move import MOVES, Wrong
from headpin.releases.record import Event, EventKind, Record, Served, Status
from headpin.releases.release import Ran
from headpin.types import short


def judge_record(item: Deployment, before: Standing, after: Standing, *, is_head: bool) -> Iterator[Wrong]:
    """What does not fit together in the commit."""
    yield from _versions(before, after, is_head=is_head)
    yield from _listed(before, after)
    if not is_head:
        yield from _told(item, before.record, after.record)
    elif item.events:
        yield "HP444", "the head environment keeps no events, and here are some"
    yield from _files(item, before.record.served, after.record.served)


def _versions(before: Standing, after: Standing, *, is_head: bool) -> Iterator[Wrong]:
    old, new = before.record, after.record
    if new.highest < old.highest:
        yield "HP425", f"the highest version went from v{old.highest} to v{new.highest}"
    new_lines = after.ran[len(before.ran) :]
    if is_head:
        if any(entry.version for entry in new_lines) or (new.served and new.served.version) or new.highest:
            yield "HP425", "the head environment has no numbers, and here is one"
        return
    yield from _numbers(before, new_lines)
    served = new.served
    if served is None:
        return
    known = before.entry(served.release)
    if known is None and served.version != old.highest + 1:
        yield "HP425", f"{served.release} became v{served.version}, and v{old.highest + 1} was the next"
    elif known is not None and known.version != served.version:
        yield "HP426", f"{served.release} is v{served.version} now, and ran here as v{known.version}"
    if new.highest < served.version or new.highest not in (old.highest, served.version):
        yield "HP425", f"the highest version is v{new.highest}, and v{served.version} is served"


def _numbers(before: Standing, lines: Sequence[Ran]) -> Iterator[Wrong]:
    """Each number stands for one release, and each release has one number."""
    releases = {entry.version: entry.release for entry in before.ran}
    for entry in lines:
        other = releases.setdefault(entry.version, entry.release)
        if other != entry.release:
            yield "HP424", f"v{entry.version} is {entry.release}, and was {other} before"


def _listed(before: Standing, after: Standing) -> Iterator[Wrong]:
    served = after.record.served
    new = after.ran[len(before.ran) :]
    for entry in new:
        if served is None or entry.release != served.release:
            yield "HP432", f"{entry.release} is in the list of what ran now, and is not what the record calls served"
    if served is None or served == before.record.served:
        return
    entries = [entry for entry in after.ran if entry.release == served.release]
    if not any(entry.version == served.version for entry in entries):
        yield "HP432", f"the record serves v{served.version} ({served.release}), which is not in the list of what ran"
    elif served.status is Status.DEPLOYED and not any(entry.deployed for entry in entries):
        yield "HP432", f"{served.release} is Deployed, and the list of what ran says that it never was"


def _told(item: Deployment, before: Record, after: Record) -> Iterator[Wrong]:
    """Every transition of a record has its event."""
    kinds = {event.kind for event in item.events}
    was, now = before.served, after.served
    if now is None and was is not None and EventKind.REMOVED not in kinds:
        yield "HP431", f"v{was.version} ({was.release}) is not served any more, and no event tells why"
    if now is not None:
        yield from _served_told(item.events, was, now)
    if before.highest and after == Record():
        yield "HP442", "the record is gone, and with it the numbers that were given"
    is_new = after.hold is not None and (
        before.hold is None or before.hold.reason is not after.hold.reason or before.wanted != after.wanted
    )
    if is_new and EventKind.HELD not in kinds:
        yield (
            "HP431",
            f"the deployment is held ({after.hold.reason.value if after.hold else ''}), and no event tells it",
        )


def _served_told(events: Sequence[Event], was: Served | None, now: Served) -> Iterator[Wrong]:
    kinds = {event.kind for event in events}
    if was is None or was.release != now.release:
        if not any(event.kind in MOVES and event.release == now.release for event in events):
            yield "HP431", f"{now.release} is served now, and no event tells why"
            return
    elif was.digest != now.digest and EventKind.RECONFIGURED not in kinds:
        yield "HP431", "the settings of what is served are others now, and no event tells it"
    elif was.digest == now.digest and EventKind.SCALED not in kinds and _is_rescaled(was, now):
        yield "HP431", "the number of pods is another now, and no event tells it"
    is_stopped, was_stopped = now.scale.stopped, was is not None and was.scale.stopped
    if is_stopped != was_stopped and not kinds & {EventKind.STOPPED, EventKind.RESUMED}:
        yield "HP431", f"it is {'stopped' if is_stopped else 'started'} now, and no event tells it"
    wrong = [event for event in events if event.kind in MOVES and event.version not in (None, now.version)]
    if wrong:
        yield "HP444", f"the event tells v{wrong[-1].version}, and the record v{now.version}"


def _is_rescaled(was: Served, now: Served) -> bool:
    return replace(was.scale, stopped=now.scale.stopped) != now.scale


def _files(item: Deployment, was: Served | None, now: Served | None) -> Iterator[Wrong]:
    """Manifests change with the record, and both snapshots are the release's."""
    if now is None:
        left = [name for name in ("shown", "settings", "content") if getattr(item, name)]
        if left and (was is not None or item.is_shown_anew):
            yield "HP434", "nothing is served, and files for it are there"
        return
    if was is not None and item.is_shown_anew:
        same = (was.release, was.version, was.digest, was.scale) == (now.release, now.version, now.digest, now.scale)
        if same:
            yield "HP433", f"the manifests of v{now.version} ({now.release}) changed, and nothing else did"
    if not item.shown:
        yield "HP434", f"{now.release} is served, and there are no manifests of it"
    if item.settings != now.release.settings:
        yield (
            "HP434",
            f"the settings on the branch are {short(item.settings) or 'none'}, not {now.release.settings[:7]}",
        )
    if item.content != (now.release.content or ""):
        yield "HP434", f"the content on the branch is {short(item.content) or 'none'}, not the release's"
