"""Asking source repositories where their branches are: each once, all side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from headpin.errors import HeadpinError
from headpin.git import NOTHING, Access, address_of, list_heads, redacted
from headpin.types import Revision

SIDE_BY_SIDE = 16


@dataclass(frozen=True, slots=True, order=True)
class SourceKey:
    """A branch of a repository, as `agent.yaml` writes them: the address may hold a credential."""

    repository: str = field(repr=False)
    branch: str

    @property
    def shown(self) -> str:
        """For people: without credentials."""
        return f"{redacted(self.repository)} {self.branch}"


@dataclass(frozen=True, slots=True)
class Observation:
    """Where a branch is, or why that is not known (then `revision` is None)."""

    revision: Revision | None
    problem: str = ""


def observe(
    keys: Iterable[SourceKey], base: Path, seconds: float, access: Access = NOTHING
) -> dict[SourceKey, Observation]:
    """An observation for every key. Relative repositories start at `base`; `seconds` bounds each question."""
    repositories: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        repositories[key.repository].add(key.branch)
    if not repositories:
        return {}
    with ThreadPoolExecutor(min(SIDE_BY_SIDE, len(repositories)), "source") as pool:
        answers = pool.map(
            lambda item: _ask(item[0], sorted(item[1]), base, seconds, access), sorted(repositories.items())
        )
        return {key: observation for answer in answers for key, observation in answer.items()}


def _ask(
    repository: str, branches: list[str], base: Path, seconds: float, access: Access
) -> dict[SourceKey, Observation]:
    address = address_of(repository, base)
    if isinstance(address, str):
        return {SourceKey(repository, branch): Observation(None, f"refused: {address}") for branch in branches}
    try:
        heads = list_heads(address, branches, seconds, access)
    except HeadpinError as error:
        problem = f"{redacted(repository)} cannot be read: {redacted(str(error))}"
        return {SourceKey(repository, branch): Observation(None, problem) for branch in branches}
    return {
        SourceKey(repository, branch): Observation(
            head.revision, "" if head.revision else f"{address.shown} has no branch {branch}"
        )
        for branch, head in heads.items()
    }
