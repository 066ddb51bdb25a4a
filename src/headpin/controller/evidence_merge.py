"""Reports about one environment that were made apart, here and upstream, brought together file by file.

Owns what becomes of a file of evidence that both sides changed: every report counts as if it had been made in the
order of time on one branch. Must never write, and never let one side hide what the other knows.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import chain

from headpin.errors import ObjectDamaged
from headpin.git import Repository
from headpin.releases import Check, Health, Release
from headpin.releases.evidence import (
    format_checks,
    format_health,
    parse_checks,
    parse_health,
    with_check,
    with_report,
)
from headpin.tree import EMPTY, Kind, Tree, changed_paths
from headpin.types import Revision

_REPORTS = re.compile(r"(health|checks)/[^/]+/[^/]+/[^/]+\.json")


def known_here(repository: Repository, upstream: Revision, local: Revision) -> dict[str, bytes | None]:
    """What to lay over the files of `upstream` so that they tell what was reported on `local` too.

    Where a file was changed on one side only since they parted, that side's is the file. Raises ObjectDamaged.
    """
    fork = repository.fork(local, upstream)
    before: Tree = repository.tree(fork) if fork else EMPTY
    ours, theirs = repository.tree(local), repository.tree(upstream)
    files: dict[str, bytes | None] = {}
    for change in changed_paths(before, ours):
        path, there = change.path, theirs.entry(change.path)
        if _REPORTS.fullmatch(path) is None or (there is not None and there.kind is not Kind.FILE):
            continue
        is_untouched = (there.id if there else None) == (change.old.id if change.old else None)
        if change.new is None:
            files |= {path: None} if is_untouched else {}
        elif change.new.kind is Kind.FILE and (there is None or there.id != change.new.id):
            alone = is_untouched or there is None
            files[path] = ours.read(path) if alone else _merged(path, ours.read(path), theirs.read(path))
    return files


def _merged(path: str, one: bytes, other: bytes) -> bytes:
    release = _release(path, one)
    if path.startswith("health/"):
        health = merged_health(parse_health(one, path, release), parse_health(other, path, release))
        return format_health(release, health).encode()
    checks = merged_checks(parse_checks(one, path, release), parse_checks(other, path, release))
    return format_checks(release, checks).encode()


def _release(path: str, data: bytes) -> Release:
    try:
        return Release.of_mapping(json.loads(data)["release"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ObjectDamaged(
            f"{path} is not as headpin writes it: {type(error).__name__} {error}",
            remedy="report the evidence again, once the file is deleted from the branch",
        ) from error


def merged_health(one: tuple[Health, ...], other: tuple[Health, ...]) -> tuple[Health, ...]:
    """All reports of both, each lasting until the next one. Of two at one instant the worse is the last word."""
    found = {replace(health, until=None) for health in (*one, *other)}
    merged: tuple[Health, ...] = ()
    for report in sorted(found, key=lambda item: (item.start, not item.is_healthy, item.digest, item.person)):
        merged = with_report(merged, report)
    return merged


def merged_checks(one: tuple[Check, ...], other: tuple[Check, ...]) -> tuple[Check, ...]:
    """The newest result of each check. Of two at one instant the failed one is."""
    merged: tuple[Check, ...] = ()
    for check in sorted(chain(one, other), key=lambda item: (item.at, not item.is_passed, item.person)):
        merged = with_check(merged, check)
    return merged
