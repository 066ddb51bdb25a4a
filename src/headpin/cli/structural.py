"""What a change of environments, pipelines, projects or agents does, as people and programs are told of it.

The cascade first (what ends, and which files go), then the ways that open and close, then what a person has to know.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from headpin.cli.terminal import BAD, BUSY, DIM, GOOD, STRONG, counted, inert
from headpin.controller.effects import Reach
from headpin.controller.proposal import Outcome, Proposal
from headpin.releases import Action, Served

Line = Callable[..., None]

_MAX_LISTED = 40
_MAX_NAMED = 6


def print_structural(line: Line, proposal: Proposal, *, diff: bool) -> None:
    """Everything that the change does; `diff` shows the documents that it writes."""
    for label, text, style in _cut(list(map(_ended, proposal.outcomes)), "deployments"):
        line(f"    {label:9}", (inert(text), style))
    for reaches in _grouped(proposal.effects.reaches):
        label, text = _reached(reaches)
        line(f"    {label:9}", inert(text))
    files = [("file", _file(path, data), DIM) for path, data in proposal.change.files.items()]
    for label, text, style in _cut(files, "files"):
        line((f"    {label:9}{text}", style))
    for label, text, style in _cut([("warning", str(found), BUSY) for found in proposal.effects.warnings], "warnings"):
        line((f"    {label:9}", style), inert(text))
    for text in proposal.change.warnings:
        line(("    note     ", BUSY), inert(text))
    if diff:
        for text in _diff_lines(proposal):
            style = GOOD if text.startswith("+") else BAD if text.startswith("-") else DIM
            line((f"    {inert(text)}", style))


def structural_json(proposal: Proposal) -> dict[str, Any]:
    """What the machine form of such a change has besides."""
    effects = proposal.effects
    return {
        "structure": proposal.change.structure,
        "deletes": sorted(path for path, data in proposal.change.files.items() if data is None),
        "reaches": [_reach_json(reach) for reach in effects.reaches],
        "problems": [problem.as_json() for problem in (*effects.errors, *effects.warnings)],
        "overPrune": {name: [str(agent) for agent in agents] for name, agents in (effects.excess or {}).items()},
        "warnings": list(proposal.change.warnings),
    }


def _ended(outcome: Outcome) -> tuple[str, str, str]:
    """What becomes of a deployment that the change ends."""
    served, place = outcome.situation.record.served, f"{outcome.agent} in {outcome.environment}"
    what = f"{_version(served)} ({served.release})" if served else "nothing"
    if outcome.decision.action is not Action.REMOVE:
        return "stays", f"{place}: {what}, because {outcome.decision.reason}", BAD
    return "removes", f"{place}: {what}, {counted(len(outcome.before), 'manifest')}", STRONG


def _version(served: Served) -> str:
    return f"v{served.version}" if served.version else "HEAD"


def _cut(rows: Sequence[tuple[str, str, str]], what: str) -> Iterator[tuple[str, str, str]]:
    yield from rows[:_MAX_LISTED]
    if len(rows) > _MAX_LISTED:
        yield "", f"… and {len(rows) - _MAX_LISTED} more {what}; --json lists all", DIM


def _file(path: str, data: bytes | None) -> str:
    return f"{path} (deleted)" if data is None else path


def _grouped(reaches: Iterable[Reach]) -> Iterator[list[Reach]]:
    """Those of which the same can be said."""

    def alike(reach: Reach) -> tuple[bool, str, bool, str, bool]:
        return (not reach.is_reached, reach.environment, reach.has_pin, reach.required_for, reach.served is None)

    for _, found in groupby(sorted(reaches, key=alike), key=alike):
        yield list(found)


def _reached(reaches: Sequence[Reach]) -> tuple[str, str]:
    first = reaches[0]
    agents = [f"{reach.agent} {_version(reach.served)}" if reach.served else str(reach.agent) for reach in reaches]
    named = ", ".join(agents[:_MAX_NAMED]) + (f" and {len(agents) - _MAX_NAMED} more" * (len(agents) > _MAX_NAMED))
    required = f", and {first.required_for} gets nothing that did not run here" if first.required_for else ""
    if not first.is_reached:
        if first.tracks_head:
            return "leaves", f"{first.environment}, which ends with the next pass: {named}"
        left = "served until the pin goes" if first.served else "nothing is served"
        return "leaves", f"{first.environment}, {left}: {named}"
    if first.tracks_head:
        return "reaches", f"{first.environment}, which follows the branch from the next pass on: {named}"
    left = "pinned already" if first.has_pin else "no pin yet"
    return "reaches", f"{first.environment}, {left}{required}: {named}"


def _diff_lines(proposal: Proposal) -> Iterator[str]:
    for edited in proposal.effects.edited:
        old, new = edited.before.splitlines(), edited.after.splitlines()
        name = f"a/{edited.path}" if edited.before else "/dev/null"
        yield from difflib.unified_diff(old, new, name, f"b/{edited.path}", lineterm="")


def _reach_json(reach: Reach) -> dict[str, Any]:
    return {
        "environment": reach.environment,
        "agent": str(reach.agent),
        "reached": reach.is_reached,
        "tracksHead": reach.tracks_head,
        "version": reach.served.version if reach.served else None,
        "pinned": reach.has_pin,
        "requiredFor": reach.required_for or None,
    }
