"""What goes to a terminal: tables, machine forms, problems, errors. Everything from documents is made inert."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from headpin.errors import HeadpinError
from headpin.problem_kinds import Severity
from headpin.problems import Problem
from headpin.yaml import dump

API_VERSION = "headpin/v1"

_INERT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_LONG_ID = re.compile(r"\b[0-9a-f]{40,64}\b")
_DIGITS = 12

_FORMULA = ("=", "+", "-", "@", "\t", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a cell begins with that a spreadsheet computes; the full-width forms too."""

GOOD, BUSY, BAD, DIM, STRONG = "green", "yellow", "red", "dim", "bold"
WORD_STYLES = {
    "Deployed": GOOD,
    "InProgress": BUSY,
    "SourceUnreachable": BUSY,
    "Unreachable": BUSY,
    "NoPin": DIM,
    "NotDeployed": DIM,
    "Stopped": DIM,
}


def inert(text: str) -> str:
    """`text` without what a terminal would act on: control sequences and marks that turn the direction."""
    return _INERT.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def one_line(text: str) -> str:
    """The first line of a value, with object ids and digests cut to what people read."""
    first, _, rest = _LONG_ID.sub(lambda found: found.group()[:_DIGITS], text).partition("\n")
    return f"{first} …" if rest else first


def counted(number: int, what: str) -> str:
    """`1 line`, `2 lines`: so many of what has an ordinary plural."""
    return f"{number} {what}{'s' * (number != 1)}"


def style_of(word: str) -> str:
    """The colour of a status word; never the only thing that tells it."""
    return WORD_STYLES.get(word, BAD)


@dataclass(slots=True)
class Terminal:
    """Where a command prints: results to `out`, everything about the work itself to `err`."""

    color: str = "auto"
    quiet: bool = False
    out: Console = field(init=False)
    err: Console = field(init=False)

    def __post_init__(self) -> None:
        self.out = _console(self.color, to_errors=False)
        self.err = _console(self.color, to_errors=True)

    def line(self, *parts: str | tuple[str, str], indent: int = 0) -> None:
        """One line of the result; a part is text, or text and its style."""
        self.out.print(_text(parts, indent), soft_wrap=True)

    def note(self, *parts: str | tuple[str, str]) -> None:
        """One line about the work; silent with --quiet."""
        if not self.quiet:
            self.err.print(_text(parts, 0), soft_wrap=True)

    @property
    def can_ask(self) -> bool:
        """Whether a person sits here who can answer."""
        return bool(sys.stdin and sys.stdin.isatty() and self.err.is_terminal)

    def ask(self, question: str) -> str:
        """What the person answers, without spaces around; "" at the end of the input."""
        self.err.print(_text((question,), 0), end="", soft_wrap=True)
        try:
            return input().strip()
        except EOFError:
            return ""

    def raw(self, text: str) -> None:
        """Text for a program or a file, as it is."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[Text | str]], *, headers: bool = True) -> None:
        """A table; in a pipe its columns are not cut to a width."""
        table = Table(
            box=box.SIMPLE_HEAD if headers else None, show_header=headers, pad_edge=False, padding=(0, 2, 0, 0)
        )
        for column in columns:
            table.add_column(column, overflow="fold", no_wrap=not self.out.is_terminal)
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(inert(cell)) for cell in row))
        if self.out.is_terminal:
            self.out.print(table)
            return
        wide = Console(file=sys.stdout, width=10_000, markup=False, highlight=False, emoji=False, no_color=True)
        with wide.capture() as captured:
            wide.print(table)
        self.raw("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines() if line.strip()))

    def machine(self, kind: str, value: dict[str, Any], form: str) -> None:
        """The machine form of a result, as `json` or `yaml`."""
        told = {"apiVersion": API_VERSION, "kind": kind, **value}
        if form == "yaml":
            self.raw(dump(told))
        else:
            self.raw(json.dumps(told, indent=2, ensure_ascii=not _is_utf8()) + "\n")

    def csv(self, columns: Sequence[str], rows: Iterable[Sequence[str]], *, headers: bool = True) -> None:
        """Comma-separated values as RFC 4180 has them. What a spreadsheet would take for a formula begins with `'`."""
        told = io.StringIO()
        writer = csv.writer(told)
        writer.writerows([columns] if headers else [])
        writer.writerows([_cell(text) for text in row] for row in rows)
        self.raw(told.getvalue())

    def problems(self, problems: Sequence[Problem]) -> None:
        """Every problem with its place, code and remedy, and how many there are."""
        for problem in problems:
            is_error = problem.severity is Severity.ERROR
            self.line(
                (inert(problem.place), STRONG),
                ": ",
                (problem.severity.value, BAD if is_error else BUSY),
                f" {problem.code} {inert(problem.message)}",
            )
            self.line(("→ ", DIM), inert(problem.remedy), indent=4)

    def error(self, error: HeadpinError) -> None:
        """What went wrong, and what to do about it."""
        self.err.print(_text((("error: ", BAD), inert(str(error))), 0), soft_wrap=True)
        if error.remedy:
            self.err.print(_text((("→ ", DIM), inert(error.remedy)), 4), soft_wrap=True)

    @contextmanager
    def working(self, what: str) -> Iterator[Callable[[str, int, int], None]]:
        """Shows on a terminal that work goes on, and a bar once it is known how much there is.

        Gives a function that takes what is done now, how many are done, and how many there are (0: unknown).
        """
        if self.quiet or not self.err.is_terminal:
            yield lambda *_: None
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self.err, transient=True) as progress:
            task = progress.add_task(inert(what), total=None)
            yield lambda now, done, total: progress.update(
                task, description=inert(now), completed=done, total=total or None
            )


def _console(color: str, *, to_errors: bool) -> Console:
    return Console(
        stderr=to_errors,
        markup=False,
        highlight=False,
        emoji=False,
        no_color=True if color == "never" else None,
        force_terminal=True if color == "always" else None,
    )


def _text(parts: Sequence[str | tuple[str, str]], indent: int) -> Text:
    text = Text(" " * indent)
    for part in parts:
        if isinstance(part, tuple):
            text.append(part[0], part[1])
        else:
            text.append(part)
    return text


def _cell(text: str) -> str:
    shown = inert(text)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


def _is_utf8() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in its largest unit: 40s, 12m, 3h, 5d."""
    if at is None:
        return ""
    seconds = max(0, int(((now or datetime.now(UTC)) - at).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
