"""Environment branches of many commits: made by what publishes them, without a pass for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pygit2

from headpin.controller.branches import Branch, RecordReader, read_branch
from headpin.controller.context import PassContext
from headpin.controller.messages import plain_message
from headpin.controller.publish import commit_branch
from headpin.git import CommitInfo, Repository, Signature
from headpin.releases import HEADPIN
from headpin.releases.environment import EnvironmentState
from headpin.types import TreeId
from tests.world import SMALL

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def at_minute(minute: float) -> datetime:
    """So many minutes after the beginning."""
    return START + timedelta(minutes=minute)


@dataclass
class LongBranch:
    """One repository with main, and environment branches that grow by one commit a call."""

    repository: Repository
    raw: pygit2.Repository
    main: CommitInfo

    @classmethod
    def create(cls, folder: Path) -> LongBranch:
        """A small workspace whose main has one commit."""
        repository = Repository.create(folder)
        tree = repository.writer.apply(None, {path: text.encode() for path, text in SMALL.items()})
        who = Signature("Ann Person", "ann@example.com", START)
        main = repository.commit(repository.commit_tree(tree, [], "Start\n", who, who))
        raw = pygit2.Repository(str(folder))
        raw.references.create("refs/heads/main", main.id)
        return cls(repository, raw, main)

    def branch(self, environment: str) -> Branch:
        """The branch as it stands."""
        return read_branch(self.repository, environment, RecordReader())

    def commit(self, branch: Branch, now: datetime, files: Mapping[str, bytes | None]) -> CommitInfo:
        """One own commit, by a controller whose clock says `now`."""
        context = cast(
            PassContext,
            SimpleNamespace(
                repository=self.repository, now=now, committer=HEADPIN, head=self.main, reached=lambda _: None
            ),
        )
        state = EnvironmentState(branch.environment, False, self.main.id, self.main.id)
        message = plain_message(f"Reconcile {branch.environment}", self.main.id)
        return self.repository.commit(commit_branch(context, branch, files, state, message, ()))

    def meddle(self, environment: str, times: Sequence[datetime]) -> None:
        """Commits of somebody else on top, each with a time of its own."""
        for at in times:
            ref = f"refs/heads/env/{environment}"
            tip = self.raw.references[ref].peel(pygit2.Commit)
            tree = self.repository.writer.apply(TreeId(str(tip.tree_id)), {"meddled": f"{at}".encode()})
            who = pygit2.Signature("Eve", "eve@example.com", int(at.timestamp()), 0)
            self.raw.create_commit(ref, who, who, "Meddle\n", tree, [tip.id])
