"""The whole of an audit: what is new since the last one, the replay, and the answer.

The answer is the same with and without memory: what is remembered is only gone on from where it is how the history
begins that is here now.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headpin.audit.facts import NOTHING
from headpin.audit.finding import NOTICE, VIOLATION, Finding
from headpin.audit.judge_main import settled
from headpin.audit.memory import memory_file, recall, remember
from headpin.audit.replay import DoesNotFit, History, Replay
from headpin.audit.state import State, at_position
from headpin.controller import Controller
from headpin.controller.branches import BRANCH_PREFIX, branch_names, own_state, upstream_prefix
from headpin.errors import HistoryMissing, UsageError
from headpin.git import CommitInfo, Repository, remote_of
from headpin.types import AgentName, Revision


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was found, newest first, violations before notices, and what was replayed.

    `read` counts the commits that were read for it: with memory, only what is new.
    """

    findings: tuple[Finding, ...]
    head: Revision
    main: int
    branches: int
    since: Revision | None = None
    read: int = 0

    @property
    def violations(self) -> tuple[Finding, ...]:
        """What the rules would not have allowed."""
        return tuple(finding for finding in self.findings if finding.severity == VIOLATION)

    @property
    def notices(self) -> tuple[Finding, ...]:
        """Exceptions that the rules know, and what is worth a look."""
        return tuple(finding for finding in self.findings if finding.severity == NOTICE)

    def only(self, environment: str | None, agents: Collection[AgentName]) -> AuditReport:
        """The findings about one environment, about one agent by all its names, or both; all agents where none is."""
        names = set(map(str, agents))
        kept = (
            finding
            for finding in self.findings
            if environment in (None, finding.environment) and (not names or finding.agent in names)
        )
        return replace(self, findings=tuple(kept))

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "replayed": {"main": self.main, "branches": self.branches, "revision": self.head},
            "since": self.since,
            "violations": len(self.violations),
            "notices": len(self.notices),
            "findings": [finding.as_json() for finding in self.findings],
        }


def run_audit(controller: Controller, *, since: Revision | None = None, use_memory: bool = True) -> AuditReport:
    """Replays everything that is new and tells what was found in all of it, or after `since` on main.

    Raises HistoryMissing in a clone without all of history, UsageError where `since` is not in main's.
    """
    repository = controller.repository
    head = _head(controller)
    tips = _tips(repository, controller.main)
    _refuse_incomplete(repository, controller.main)
    file = memory_file(repository.git_dir, controller.main)
    replay = _replayed(repository, head, tips, recall(file) if use_memory else None)
    if use_memory and replay.read:
        remember(file, replay.state)
    after = _place_of(repository, head, since, replay.state.position) if since else -1
    found = [finding for finding in _all(repository, replay, tips) if finding.position > after]
    return AuditReport(_ordered(found), head.id, replay.state.position + 1, len(tips), since, replay.read)


def _head(controller: Controller) -> CommitInfo:
    """Main's head, here or upstream, whichever is further along."""
    repository, head = controller.repository, controller.main_head()
    theirs = repository.ref(f"refs/remotes/{remote_of(repository, controller.main)}/{controller.main}")
    is_behind = theirs is not None and repository.is_ancestor(head.id, theirs)
    return repository.commit(theirs) if theirs is not None and is_behind else head


def _refuse_incomplete(repository: Repository, main: str) -> None:
    """Raises HistoryMissing where what is not here would make what is here look wrong."""
    remote = remote_of(repository, main)
    if repository.is_shallow:
        raise HistoryMissing(
            "this clone is shallow: whether what is in it was allowed depends on history that it does not have",
            remedy="run 'git fetch --unshallow', and 'git fetch --all' for the environment branches",
        )
    if not repository.fetches_branches(remote):
        raise HistoryMissing(
            "this clone was made without all branches: what ran in the environments is not known here",
            remedy=f"fetch them: 'git remote set-branches {remote} '*'' and 'git fetch {remote}'",
        )


def _tips(repository: Repository, main: str) -> dict[str, CommitInfo]:
    """The last commit of every environment branch, here or upstream where that is further along, whoever made it."""
    found = {}
    for name in sorted(branch_names(repository, main)):
        local = repository.ref(f"{BRANCH_PREFIX}{name}")
        theirs = repository.ref(f"{upstream_prefix(repository, main)}{name}")
        if theirs is not None and (local is None or repository.is_ancestor(local, theirs)):
            local = theirs
        if local is not None:
            found[name] = repository.commit(local)
    return found


def _replayed(
    repository: Repository, head: CommitInfo, tips: dict[str, CommitInfo], remembered: State | None
) -> Replay:
    """The replay at its end: on from what is remembered where that fits, else from the beginning."""
    if remembered is not None:
        try:
            return _run(repository, head, tips, remembered)
        except (DoesNotFit, HistoryMissing):
            pass  # what is remembered went another way: everything is replayed
    return _run(repository, head, tips, State())


def _run(repository: Repository, head: CommitInfo, tips: dict[str, CommitInfo], state: State) -> Replay:
    if state.main is not None and state.branches != tuple(tips):
        raise DoesNotFit("a branch is gone or came")
    state.branches = tuple(tips)
    main = _since(repository, head, state.main)
    branches = {name: _since(repository, tip, state.cursor(name).tip) for name, tip in tips.items()}
    replay = Replay(repository, state, History(main, branches))
    replay.run()
    return replay


def _since(repository: Repository, tip: CommitInfo, known: Revision | None) -> Sequence[CommitInfo]:
    """The first-parent commits after `known`, oldest first; all of them without one. Raises DoesNotFit."""
    found: list[CommitInfo] = []
    for commit in repository.first_parents(tip.id):
        if commit.id == known:
            return found[::-1]
        found.append(commit)
    if known is not None:
        raise DoesNotFit(f"{known} is no longer in the history of {tip.id}")
    return found[::-1]


def _place_of(repository: Repository, head: CommitInfo, since: Revision, last: int) -> int:
    """Where `since` is on main's first-parent chain, or the commit that brought it there. Raises UsageError."""
    if not repository.is_ancestor(since, head.id):
        raise UsageError(f"{since} is not in main's history", remedy="name a commit of main: 'git log --first-parent'")
    chain: list[Revision] = []
    for commit in repository.first_parents(head.id):
        if commit.id == since:
            return last - len(chain)
        chain.append(commit.id)
    return bisect_left(chain[::-1], True, key=lambda commit: repository.is_ancestor(since, commit))


def _all(repository: Repository, replay: Replay, tips: dict[str, CommitInfo]) -> Iterator[Finding]:
    """What the steps told, and what is told of what is still open."""
    state, last = replay.state, replay.state.position + 1
    yield from state.findings
    for suspect in state.suspects:
        own = replay.standing(suspect.environment, suspect.agent) or NOTHING
        sources = [replay.standing(name, suspect.agent) or NOTHING for name in suspect.sources]
        finding = settled(suspect, sources, own)
        if finding is not None:
            yield finding
    for cursor in state.cursors.values():
        yield from (at_position(finding, last, "nothing undid it yet") for finding in cursor.foreign)
        yield from (at_position(finding, last, "it is the last one") for finding in cursor.off)
    yield from _missing(repository, replay, tips, last)


def _missing(repository: Repository, replay: Replay, tips: dict[str, CommitInfo], last: int) -> Iterator[Finding]:
    """Branches that the head environment lists and that are not here."""
    cursor = replay.state.cursors.get(replay.state.head)
    if cursor is None or cursor.own is None:
        return
    commit = repository.commit(cursor.own)
    found = own_state(repository, commit)
    for name in found[1].branches if found else ():
        if name not in tips:
            said = f"env/{replay.state.head} lists it, and there is no branch env/{name} here or upstream"
            yield Finding("HP438", said, last, commit.committer.at, commit.author.person, "", commit.id, name)


def _ordered(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    def key(finding: Finding) -> tuple[object, ...]:
        where = (finding.environment, finding.agent, finding.code, finding.commit, finding.main, finding.message)
        return (finding.severity != VIOLATION, -finding.position, -finding.at.timestamp(), *where)

    return tuple(sorted(findings, key=key))
