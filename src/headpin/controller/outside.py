"""Whether the upstream of main takes part in what a person does, and fetching what is there first."""

from __future__ import annotations

from enum import Enum

from headpin.errors import Refused
from headpin.git import Repository, Upstream, remote_of, upstream_of

ENVIRONMENTS, EVIDENCE = "env", "headpin/evidence"
"""The branches that decisions are made by, besides main."""


class Outside(Enum):
    """Whether the upstream of main takes part."""

    IF_THERE = "where main has an upstream"
    ALWAYS = "always"
    NEVER = "never"


def fetched_upstream(repository: Repository, main: str, outside: Outside) -> Upstream | None:
    """Where to push to, freshly fetched; None for a repository that is alone. Raises SourceTrouble, Refused."""
    if outside is Outside.NEVER:
        return None
    found = upstream_of(repository, main)
    if found is None:
        if outside is Outside.ALWAYS:
            raise Refused(
                f"{main} has no upstream to push to",
                remedy=f"set one with 'git branch --set-upstream-to={remote_of(repository, main)}/{main}'",
            )
        return None
    found.fetch((ENVIRONMENTS, EVIDENCE))
    return found
