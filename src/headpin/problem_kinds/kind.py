"""What a code stands for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error holds what it concerns; a warning holds nothing."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """What a code stands for: `title` in a few words, the usual `cause`, and what mends it."""

    code: str
    title: str
    cause: str
    remedy: str
    severity: Severity = Severity.ERROR
