"""The subject of a release's source commit, from git alone: as it ran, or as this repository has the commit.

What somebody wrote, shown and never decided by. Reads what ran, newest first, as far as needed; must never ask
a source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from headpin.controller.branches import Branch
from headpin.errors import HeadpinError
from headpin.git import Repository, visible
from headpin.releases import Ran
from headpin.sources import MAX_SUBJECT
from headpin.status.names import heirs
from headpin.types import AgentName, Revision


@dataclass(slots=True)
class _RanBack:
    """What ran in a deployment, read as far back as somebody asked."""

    rest: Iterator[Ran]
    seen: dict[Revision, str] = field(default_factory=dict)

    def subject(self, revision: Revision) -> str:
        """The subject that the newest entry of a revision has."""
        while revision not in self.seen:
            entry = next(self.rest, None)
            if entry is None:
                return ""
            self.seen.setdefault(entry.release.revision, entry.subject)
        return self.seen[revision]


@dataclass(slots=True)
class Subjects:
    """Looks subjects up on `branches`, and remembers what it read."""

    repository: Repository
    branches: Mapping[str, Branch]
    _read: dict[tuple[str, AgentName], _RanBack] = field(default_factory=dict)

    def of(self, agent: AgentName, revision: Revision | None, environment: str) -> str:
        """The subject of a source commit, looked for in `environment` first; "" where nobody wrote it down."""
        if revision is None:
            return ""
        if self.repository.object_type(revision) == "commit":  # agents may live in this repository
            return visible(self.repository.commit(revision).subject)[:MAX_SUBJECT].strip()
        order = sorted(self.branches, key=lambda name: name != environment)
        told = (self._ran(name, agent).subject(revision) for name in order)
        return next((subject for subject in told if subject), "")

    def _ran(self, environment: str, agent: AgentName) -> _RanBack:
        known = self._read.get((environment, agent))
        if known is None:
            known = _RanBack(_readable(self.branches[environment], agent))
            self._read[environment, agent] = known
        return known


def _readable(branch: Branch, agent: AgentName) -> Iterator[Ran]:
    """What ran, newest first, and after it what ran of those that had this name before they got another.

    What is damaged has no subjects, and is told of where it matters.
    """
    try:
        yield from branch.ran_back(agent)
        for heir in heirs(branch, agent):
            yield from branch.ran_back(heir)
    except HeadpinError:
        return
