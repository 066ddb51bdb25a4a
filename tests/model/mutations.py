"""Seeded bugs in `headpin.releases`, and the command that shows that each is caught:

    python -m tests.model.mutations [--table] [NUMBER...]

Each is put into a copy of the package, never into the sources; then the tests that should catch it are run.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
RELEASES: Final = "src/headpin/releases"


@dataclass(frozen=True)
class Mutation:
    """One bug: `old` stands once in `file` and becomes `new`. `histories` and `tests` are what catches it."""

    breaks: str
    file: str
    old: str
    new: str
    histories: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """The file in the repository."""
        return f"{RELEASES}/{self.file}"

    @property
    def node_ids(self) -> list[str]:
        """What pytest is asked to run."""
        model = "tests/test_model.py::test_a_history_comes_out_as_the_model_says"
        return [*(f"{model}[{name}]" for name in self.histories), *self.tests]


MUTATIONS: Final = (
    Mutation(
        "What was served last comes back without gates after its pin was deleted.",
        "decide.py",
        "before.version <= situation.record.last_version else",
        "before.version < situation.record.last_version else",
        ("a pin that was deleted comes back through gates that are closed",),
    ),
    Mutation(
        "A suspension keeps own settings from changing.",
        "gates.py",
        "return Answer((*_suspension(question), *_freeze(question)))",
        "return Answer((*_freeze(question),))",
        ("own settings wait while they are suspended",),
    ),
    Mutation(
        "A freeze keeps own settings from changing.",
        "gates.py",
        "return Answer((*_suspension(question), *_freeze(question)))",
        "return Answer((*_suspension(question),))",
        ("own settings wait in a freeze, and pods and stops do not",),
    ),
    Mutation(
        "A freeze is over at its end, not after it.",
        "freeze.py",
        "if start <= at < end:",
        "if start <= at <= end:",
        ("a freeze is over at the minute that it says",),
    ),
    Mutation(
        "A freeze begins at its start.",
        "freeze.py",
        "if start <= at < end:",
        "if start < at < end:",
        ("a freeze begins at the minute that it says",),
    ),
    Mutation(
        "A weekly window is of the days that it names.",
        "freeze.py",
        "if DAYS[day.weekday()] in freeze.days:",
        "if DAYS[day.weekday()] not in freeze.days:",
        tests=("tests/gates/test_freeze.py",),
    ),
    Mutation(
        "Adoption is for the first release of a deployment.",
        "gates.py",
        "if adoption is not None and question.ran_nothing:",
        "if adoption is not None:",
        ("only the first release of a deployment is adopted",),
    ),
    Mutation(
        "What is adopted is told as adopted.",
        "decide.py",
        "kind = EventKind.ADOPTED if answer.is_adopted else kind",
        "kind = EventKind.PROMOTED if answer.is_adopted else kind",
        ("an adoption by command is told as one",),
    ),
    Mutation(
        "A suspension holds an adoption.",
        "gates.py",
        "        *before,\n        *_suspension(question),\n",
        "        *before,\n",
        ("what is adopted waits while it is suspended",),
    ),
    Mutation(
        "Returning to a higher version is subject to the gates.",
        "decide.py",
        "if kind is EventKind.ROLLED_BACK and before is not None:",
        "if kind is not EventKind.PROMOTED and before is not None:",
        ("a return to a higher version is asked the gates, a rollback is not",),
    ),
    Mutation(
        "A rollback is subject to no gate.",
        "decide.py",
        "if kind is EventKind.ROLLED_BACK and before is not None:",
        "if kind is EventKind.ROLLED_FORWARD and before is not None:",
        ("a rollback in a freeze leaves own settings behind",),
    ),
    Mutation(
        "A rollback is told as one, a return forward as one.",
        "decide.py",
        "return EventKind.ROLLED_BACK if before.version < record.served.version else",
        "return EventKind.ROLLED_BACK if before.version > record.served.version else",
        ("a return to a higher version is asked the gates, a rollback is not",),
    ),
    Mutation(
        "A rollback in a freeze does not bring own settings along.",
        "decide.py",
        "return replace(decision, layers=layers, hold=HoldReason.BLOCKED, held_by=told)",
        "return decision",
        ("a rollback in a freeze leaves own settings behind",),
    ),
    Mutation(
        "A stage that is stopped supplies nothing.",
        "gates.py",
        "if found is not None and stage.is_deployed:",
        "if found is not None:",
        ("a stage that is stopped supplies nothing",),
    ),
    Mutation(
        "Nobody waits for a stage that serves the release already.",
        "upstream.py",
        "return self.pin == release and not is_served and",
        "return self.pin == release and",
        ("what came stopped to a stage never was Deployed there, and nobody waits for it",),
    ),
    Mutation(
        "An override opens only what the stage calls overridable.",
        "gates.py",
        "if result.is_open or result.gate not in conditions.gates.overridable:",
        "if result.is_open:",
        ("an override opens only what the stage lets it open",),
    ),
    Mutation(
        "An override opens only the gates that it names.",
        "gates.py",
        "if result.gate in item.gates), None)",
        "if item.gates), None)",
        ("an override opens only what it names",),
    ),
    Mutation(
        "An override is used up by the promotion that it opened.",
        "settle.py",
        "consumed=(*before.consumed, *decision.used)[-MAX_CONSUMED:],",
        "consumed=before.consumed,",
        ("an override opens nothing twice",),
    ),
    Mutation(
        "Where a note is required, a subject alone is none.",
        "gates.py",
        'yield GateResult(NOTE, False, "the promotion needs',
        'yield GateResult(NOTE, True, "the promotion needs',
        ("a note is more than a subject",),
    ),
    Mutation(
        "The author's own approval does not count.",
        "gates.py",
        "for name, consent in sorted(people.items()) if name not in author]",
        "for name, consent in sorted(people.items())]",
        ("people other than the author approve, and as many as the stage says",),
    ),
    Mutation(
        "As many people as the stage says are enough.",
        "gates.py",
        "yield GateResult(APPROVALS, len(counted) >= needed, evidence)",
        "yield GateResult(APPROVALS, len(counted) > needed, evidence)",
        ("people other than the author approve, and as many as the stage says",),
    ),
    Mutation(
        "One person who approves twice is one.",
        "gates.py",
        "people = {consent.by.casefold(): consent for",
        "people = {consent.path: consent for",
        ("people other than the author approve, and as many as the stage says",),
    ),
    Mutation(
        "A check that failed closes its gate.",
        "gates.py",
        "passed = all(name in known and known[name].is_passed for name in names)",
        "passed = all(name in known for name in names)",
        ("a check must have passed, and the last result counts",),
    ),
    Mutation(
        "All checks must have passed.",
        "gates.py",
        "passed = all(name in known and known[name].is_passed for name in names)",
        "passed = any(name in known and known[name].is_passed for name in names)",
        ("a check must have passed, and the last result counts",),
    ),
    Mutation(
        "The last result of a check counts.",
        "evidence.py",
        "found = {known.name: known for known in checks} | {check.name: check}",
        "found = {check.name: check} | {known.name: known for known in checks}",
        ("a check must have passed, and the last result counts",),
    ),
    Mutation(
        "What was reported degraded is not promoted.",
        "gates.py",
        "return GateResult(HEALTH, report.is_healthy, told)",
        "return GateResult(HEALTH, True, told)",
        ("what was reported degraded is not promoted",),
    ),
    Mutation(
        "Where health is reported, silence is no health.",
        "gates.py",
        'return GateResult(HEALTH, False, f"no health report',
        'return GateResult(HEALTH, True, f"no health report',
        ("what was reported degraded is not promoted",),
    ),
    Mutation(
        "A report of another rendering is stale.",
        "evidence.py",
        "if served is not None and health.digest == served.digest]",
        "if served is not None]",
        tests=("tests/gates/test_predicate.py", "tests/gates/test_gates.py"),
    ),
    Mutation(
        "A soak is over when the time has passed.",
        "gates.py",
        "done = next((span for span in spans if span.length(now) >= needed), None)",
        "done = next((span for span in spans if span.length(now) > needed), None)",
        ("a soak is over at the minute",),
    ),
    Mutation(
        "A stop ends a soak.",
        "evidence.py",
        "_ENDS = frozenset({EventKind.STOPPED, EventKind.FAILED, EventKind.REMOVED})",
        "_ENDS = frozenset({EventKind.FAILED, EventKind.REMOVED})",
        ("a stop ends a soak",),
    ),
    Mutation(
        "A degraded report ends a soak.",
        "evidence.py",
        "if span is None or not health.is_healthy:",
        "if span is None:",
        ("a degraded report ends a soak",),
    ),
    Mutation(
        "A number is never given twice.",
        "settle.py",
        "highest=max(before.highest, served.version),",
        "highest=served.version,",
        ("a new release gets a number that no other ever had",),
    ),
    Mutation(
        "A release that ran before gets its old number back.",
        "decide.py",
        "version = before.version if before else situation.record.highest + 1",
        "version = situation.record.highest + 1",
        ("a return to a higher version is asked the gates, a rollback is not",),
    ),
    Mutation(
        "Moves that others followed are told as superseded.",
        "decide.py",
        "return tuple(move for move in situation.moves[:-1] if move.release is not None)",
        "return tuple(move for move in situation.moves[:0] if move.release is not None)",
        ("moves that others followed are superseded",),
    ),
    Mutation(
        "Another move that is blocked for the same reason is told of.",
        "settle.py",
        "record.hold.reason is not before.hold.reason or record.wanted != before.wanted",
        "record.hold.reason is not before.hold.reason",
        ("another move that is blocked is told of",),
    ),
    Mutation(
        "A broken project holds what is new.",
        "decide.py",
        "if situation.project and before is None:",
        "if not situation.project and before is None:",
        ("a broken project holds what is new, and not what ran",),
    ),
    Mutation(
        "A removal is held while the project cannot be read.",
        "decide.py",
        "    if desired.problems:\n        return held(",
        "    if not desired.why:\n        return held(",
        ("a removal that a broken project held is still told of its own commit",),
    ),
    Mutation(
        "What is stopped is recorded as stopped.",
        "settle.py",
        "status = Status.STOPPED if rendered.scale.stopped else Status.DEPLOYED",
        "status = Status.DEPLOYED",
        ("what comes stopped is told of",),
    ),
    Mutation(
        "What comes stopped is told as stopped.",
        "settle.py",
        "elif before is None and served.scale.stopped:",
        "elif before is None and not served:",
        ("what comes stopped is told of",),
    ),
    Mutation(
        "Automation does not promote again what a person moved away.",
        "settle.py",
        "                found[pinned] = None\n",
        "                found.pop(pinned, None)\n",
        ("automation does not promote again what a person moved away",),
    ),
    Mutation(
        "A required stage that serves nothing supplies nothing.",
        "upstream.py",
        "            and not self.required\n",
        "",
        ("a required stage that serves nothing any more supplies nothing",),
    ),
    Mutation(
        "By policy any earlier stage supplies.",
        "upstream.py",
        "    if any_earlier:\n        return upstream\n",
        "",
        ("any earlier stage supplies by policy",),
    ),
    Mutation(
        "A return takes its evidence from a stage that ran the release.",
        "gates.py",
        "if not item.is_transparent and item.has_run(question.release))",
        "if not item.is_transparent)",
        tests=("tests/gates/test_predicate.py", "tests/gates/test_gates.py"),
    ),
    Mutation(
        "A pinned first stage takes only what is on the agent's branch.",
        "first_stage.py",
        "if not found.is_on_branch:",
        "if found.is_on_branch is None:",
        tests=("tests/test_first_stage.py",),
    ),
)


def survives(mutation: Mutation | None, node_ids: Iterable[str]) -> tuple[bool, str]:
    """Whether these tests pass with the bug in (None: without any), and the first of them that does not."""
    with tempfile.TemporaryDirectory(prefix="headpin-mutation-") as name:
        folder = Path(name)
        shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
        for data in ("schemas", "templates", "example-config-repo"):
            (folder / data).symlink_to(ROOT / data)
        if mutation is not None:
            path = folder / mutation.path
            text = path.read_text("utf-8")
            path.write_text(text.replace(mutation.old, mutation.new), "utf-8")
        environment = os.environ | {"PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1", "CI": "true"}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-n",
            "0",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "--tb=no",
            *node_ids,
        ]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"pytest cannot run {command}:\n{done.stdout}{done.stderr}")
    failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return done.returncode == 0, failed[0].removeprefix("FAILED ").split(" - ")[0] if failed else ""


def _row(number: int, mutation: Mutation, catcher: str) -> str:
    """A line of the table in docs/testing.md."""
    test, _, name = catcher.partition("[")
    by = f"history: {name.removesuffix(']')}" if mutation.histories else f"`{test}`"
    return f"| {number} | {mutation.breaks} | `{mutation.file}` | {by} |"


def main(arguments: Sequence[str]) -> int:
    """Tries every mutation, or those with the numbers given. 1 where one survived."""
    parser = argparse.ArgumentParser(description="Seed bugs in headpin.releases and see each of them caught.")
    parser.add_argument("--table", action="store_true", help="print the table of docs/testing.md")
    parser.add_argument("--jobs", type=int, default=2, help="mutations at once [default: 2]")
    parser.add_argument("numbers", nargs="*", type=int, help="which [default: all]")
    given = parser.parse_args(arguments)
    chosen = [(number, one) for number, one in enumerate(MUTATIONS, 1) if number in (given.numbers or [number])]
    passes, failed = survives(None, sorted({node for _, one in chosen for node in one.node_ids}))
    if not passes:
        raise SystemExit(f"{failed} fails without any mutation")
    alive = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        for (number, one), (survived, by) in zip(
            chosen, pool.map(lambda item: survives(item[1], item[1].node_ids), chosen), strict=True
        ):
            alive += survived
            told = _row(number, one, by) if given.table else f"{number:2} caught: {one.breaks} By {by}"
            print(f"{number:2} SURVIVED: {one.breaks}" if survived else told, flush=True)  # noqa: T201
    print(f"{len(chosen) - alive} of {len(chosen)} caught", file=sys.stderr)  # noqa: T201
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
