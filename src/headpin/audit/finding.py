"""What audit reports: one transition that the rules would not have allowed, or an exception worth reading.

A finding's code says what it is (`headpin.problem_kinds`, HP4xx): an error there is a violation, a warning a notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headpin.problem_kinds import KINDS, Severity
from headpin.problems import printable
from headpin.releases.codec import format_time
from headpin.types import Revision

VIOLATION, NOTICE = "violation", "notice"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found.

    `main` is the commit of main, `commit` the one of the environment's branch; "" where it is about none. `position`
    counts main's first-parent commits, and tells what is newer: of a branch's commit it is that of its config revision.
    """

    code: str
    message: str
    position: int
    at: datetime
    person: str
    main: Revision | str = ""
    commit: Revision | str = ""
    environment: str = ""
    agent: str = ""

    @property
    def severity(self) -> str:
        """`violation` or `notice`."""
        return VIOLATION if KINDS[self.code].severity is Severity.ERROR else NOTICE

    @property
    def remedy(self) -> str:
        """What to do, or to look at."""
        return KINDS[self.code].remedy

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "code": self.code,
            "severity": self.severity,
            "title": KINDS[self.code].title,
            "environment": self.environment or None,
            "agent": self.agent or None,
            "main": self.main or None,
            "commit": self.commit or None,
            "person": self.person,
            "at": format_time(self.at),
            "message": printable(self.message),
            "remedy": self.remedy,
        }
