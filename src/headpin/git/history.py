"""The first-parent history of a branch: what people merged, in order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from headpin.git.commits import CommitInfo


class Relation(Enum):
    """How a head stands to a revision observed earlier."""

    SAME = "the same"
    AHEAD = "further along the first-parent chain"
    MERGED_BACKWARDS = "a descendant, but not along the first-parent chain"
    BEHIND = "an ancestor"
    REWRITTEN = "no descendant"


@dataclass(frozen=True, slots=True)
class Range:
    """The commits of the first-parent chain after the revision observed, oldest first; none when REWRITTEN.

    MERGED_BACKWARDS: the first of them is one step over everything that it brought in.
    """

    relation: Relation
    commits: tuple[CommitInfo, ...] = ()
