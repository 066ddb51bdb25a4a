"""Problems in what people wrote, as values: collected, sorted and reported together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from headpin.problem_kinds import KINDS, Severity

_MAX_SHOWN = 500


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in what people wrote.

    `path` is relative to the repository, `line` and `column` count from 1 (0: the file as a whole).
    """

    path: str
    line: int
    column: int
    code: str
    message: str
    remedy: str

    @classmethod
    def of(cls, code: str, path: str, message: str, *, line: int = 0, column: int = 0, remedy: str = "") -> Problem:
        """A problem of the kind `code`; `remedy` overrides the kind's general one."""
        return cls(printable(path), line, column, code, printable(message), printable(remedy) or KINDS[code].remedy)

    @property
    def severity(self) -> Severity:
        """Whether this holds anything."""
        return KINDS[self.code].severity

    @property
    def is_error(self) -> bool:
        """Whether this holds what it concerns."""
        return self.severity is Severity.ERROR

    @property
    def place(self) -> str:
        """``path:line:column``, as editors and CI systems link it."""
        return f"{self.path}:{self.line or 1}:{self.column or 1}"

    def at_path(self, path: str) -> Problem:
        """The same problem, told of another path."""
        return replace(self, path=printable(path))

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "path": self.path,
            "line": self.line or 1,
            "column": self.column or 1,
            "severity": self.severity.value,
            "code": self.code,
            "message": self.message,
            "remedy": self.remedy,
        }

    def __str__(self) -> str:
        return f"{self.place}: {self.code} {self.message}; {self.remedy}"


def printable(text: str) -> str:
    """`text` on one line of at most 500 letters that no terminal, log or encoding stumbles over.

    Names and values come from people: a line break, an escape sequence, a mark that turns the direction of
    writing, or a byte that is not UTF-8 becomes an escape that can be read.
    """
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")


def errors(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Those that hold what they concern."""
    return tuple(problem for problem in problems if problem.is_error)
