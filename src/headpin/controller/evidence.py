"""The evidence branches: what was reported about releases in an environment, read and written.

`headpin/evidence/<environment>` has a file for each release and kind of evidence. Whoever reports makes one commit,
moved by one compare-and-swap; main, the work tree and the index are never touched.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from headpin.controller.branches import Branch, names_of, own_state, record_in, record_path
from headpin.controller.evidence_merge import known_here, merged_checks, merged_health
from headpin.controller.outside import EVIDENCE
from headpin.errors import Conflict, HeadpinError, RefLocked
from headpin.git import Changes, Repository, Signature, Upstream, remote_of
from headpin.releases import HEADPIN, Check, Evidence, Health, Record, Release, Span
from headpin.releases.evidence import (
    format_checks,
    format_health,
    parse_checks,
    parse_health,
    present_spans,
    release_key,
    serving_spans,
    with_check,
    with_report,
)
from headpin.releases.record import Status
from headpin.releases.release import ran_as
from headpin.tree import EMPTY, OverlayTree, Tree
from headpin.types import AgentName, Revision

PREFIX = "refs/heads/headpin/evidence/"
MAX_TRIES = 40
_LONGEST_PAUSE = 0.5
_MAX_REMEMBERED = 2_000

Edit = Callable[[Tree], Changes]
"""What a report changes on the branch as it stands; asked anew when the branch moved meanwhile."""


@dataclass(slots=True)
class EvidenceReader:
    """Reads evidence. What is remembered is about the past of a record, and changes no answer."""

    repository: Repository
    main: str = "main"
    _past: dict[tuple[str, AgentName, str, Release], tuple[Span, ...]] = field(default_factory=dict)

    def of(self, branch: Branch, agent: AgentName, release: Release, *, reports: bool, now: datetime) -> Evidence:
        """Everything known of `release` in the branch's environment; `reports`: whether health is reported there."""
        try:
            spans = present_spans(self._spans(branch, agent, release), branch.record(agent).served, release, now)
            tree = evidence_tree(self.repository, branch.environment, self.main)
            return Evidence(reports, spans, *read_reported(tree, names_of(branch, agent), release))
        except HeadpinError as error:
            return Evidence(reports, trouble=f"the evidence of {branch.environment} cannot be read: {error}")

    def _spans(self, branch: Branch, agent: AgentName, release: Release) -> tuple[Span, ...]:
        """When the release ran. The head environment keeps no events: its branch is its history."""
        if branch.state is None or not branch.state.tracks_head:
            return serving_spans(branch.events(agent), release)
        served = branch.record(agent).served
        if served is not None and served.release == release:
            return ()
        entry = branch.tree.entry(record_path(branch.home(agent)))
        key = (branch.environment, agent, entry.id if entry else "", release)
        if key not in self._past:
            if len(self._past) >= _MAX_REMEMBERED:
                self._past.clear()
            self._past[key] = tuple(_followed_spans(self.repository, branch, agent, release))
        return self._past[key]


def _followed_spans(repository: Repository, branch: Branch, agent: AgentName, release: Release) -> Iterator[Span]:
    """When `release` ran in the head environment, oldest first; each span under one rendering."""
    found = _records(repository, branch, agent, release)
    states = [(at, _rendering(record, release)) for at, record in reversed(found)]
    changes = [next(group) for _, group in itertools.groupby(states, key=lambda state: state[1])]
    for (at, rendering), (until, _) in itertools.pairwise(changes):
        if rendering is not None and at < until:
            yield Span(at, until)


def _rendering(record: Record, release: Release) -> str | None:
    """What the release is served as; None where it is not."""
    served = record.served
    is_served = served is not None and served.release == release and served.status is Status.DEPLOYED
    return served.digest if served is not None and is_served else None


def _records(
    repository: Repository, branch: Branch, agent: AgentName, release: Release
) -> list[tuple[datetime, Record]]:
    """Every record of the agent since the release first ran, newest first, with the instant from which it held."""
    first, names = ran_as(branch.ran(agent), release), names_of(branch, agent)
    found: list[tuple[datetime, Record]] = []
    if first is None or branch.own is None:
        return found
    last = None
    for commit in repository.first_parents(branch.own.id):
        if commit.committer.at < first.at:
            break
        path = record_in(repository.tree_at(commit.tree), names)
        entry = repository.tree_at(commit.tree).entry(path)
        identity = entry.id if entry else ""
        if last == identity:
            found[-1] = (commit.committer.at, found[-1][1])
        elif (own := own_state(repository, commit)) is not None:
            found.append((commit.committer.at, branch.records.read(own[0], path)))
            last = identity
    return found


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────


def evidence_ref(environment: str) -> str:
    """The branch of an environment's evidence."""
    return f"{PREFIX}{environment}"


@dataclass(frozen=True, slots=True)
class _Tips:
    """Where an environment's evidence is here and upstream, as far as that was fetched."""

    local: Revision | None
    theirs: Revision | None

    def parents(self, repository: Repository) -> tuple[Revision, ...]:
        """What the next report is made on: the tip that is further along; both, upstream's first, once they parted."""
        tips = [tip for tip in (self.theirs, self.local) if tip is not None]
        return tuple(
            tip
            for tip in dict.fromkeys(tips)
            if not any(other != tip and repository.is_ancestor(tip, other) for other in tips)
        )


def _tips(repository: Repository, environment: str, main: str) -> _Tips:
    theirs = repository.ref(f"refs/remotes/{remote_of(repository, main)}/{EVIDENCE}/{environment}")
    return _Tips(repository.ref(evidence_ref(environment)), theirs)


def evidence_tips(repository: Repository, environment: str, main: str = "main") -> tuple[Revision | None, ...]:
    """Where an environment's evidence is, here and upstream: the same tips tell the same evidence."""
    tips = _tips(repository, environment, main)
    return tips.local, tips.theirs


def evidence_tree(repository: Repository, environment: str, main: str = "main") -> Tree:
    """The files of an environment's evidence: of the branch here and of main's upstream, whatever each alone knows."""
    parents = _tips(repository, environment, main).parents(repository)
    if not parents:
        return EMPTY
    tree = repository.tree(parents[0])
    return tree if len(parents) == 1 else OverlayTree(tree, known_here(repository, *parents))


def read_reported(
    tree: Tree, names: Sequence[AgentName], release: Release
) -> tuple[tuple[Health, ...], tuple[Check, ...]]:
    """What was reported of `release` under all the names that the agent had."""
    health, checks = read_health(tree, names[0], release), read_checks(tree, names[0], release)
    for name in names[1:]:
        before, told = read_health(tree, name, release), read_checks(tree, name, release)
        health = merged_health(before, health) if before and health else before or health
        checks = merged_checks(told, checks)
    return health, checks


def read_health(tree: Tree, agent: AgentName, release: Release) -> tuple[Health, ...]:
    """What was reported of the health of `release`, oldest first. Raises ObjectDamaged."""
    path = _path("health", agent, release)
    return parse_health(tree.read(path), path, release) if tree.entry(path) else ()


def read_checks(tree: Tree, agent: AgentName, release: Release) -> tuple[Check, ...]:
    """The latest result of each check of `release`, by name. Raises ObjectDamaged."""
    path = _path("checks", agent, release)
    return parse_checks(tree.read(path), path, release) if tree.entry(path) else ()


def _path(kind: str, agent: AgentName, release: Release) -> str:
    return f"{kind}/{agent.project}/{agent.agent}/{release_key(release)}.json"


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────


def health_edit(agent: AgentName, release: Release, report: Health) -> Edit:
    """Adds a health report to what is known of `release`."""

    def edit(tree: Tree) -> Changes:
        health = with_report(read_health(tree, agent, release), report)
        return {_path("health", agent, release): format_health(release, health).encode()}

    return edit


def check_edit(agent: AgentName, release: Release, check: Check) -> Edit:
    """Puts the result of a check in the place of its last one."""

    def edit(tree: Tree) -> Changes:
        checks = with_check(read_checks(tree, agent, release), check)
        return {_path("checks", agent, release): format_checks(release, checks).encode()}

    return edit


def write_evidence(
    repository: Repository,
    environment: str,
    edit: Edit,
    message: str,
    person: Signature,
    committer: Signature,
    upstream: Upstream | None = None,
    main: str = "main",
) -> Revision | None:
    """Makes one commit of `edit`, on whatever the branch holds when it is moved; None when it changes nothing.

    Many jobs report at once: the loser of a compare-and-swap looks again. With `upstream` it is moved there, and
    here after it; reports that were kept back here go along. Raises Conflict when that never ends.
    """
    for attempt in range(1, MAX_TRIES + 1):
        try:
            if upstream is not None:
                upstream.fetch((EVIDENCE,))
            tips = _tips(repository, environment, main)
            parents = tips.parents(repository)
            made = _commit(repository, parents, edit, message, person, committer)
            newest = made or next(iter(parents), None)
            if upstream is not None and newest is not None and newest != tips.theirs:
                upstream.push(newest, f"{EVIDENCE}/{environment}", tips.theirs)
            if made is not None:
                repository.move_ref(evidence_ref(environment), tips.local, made, f"headpin: {message.splitlines()[0]}")
            return made
        except (Conflict, RefLocked):
            if attempt == MAX_TRIES:
                raise
            time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.01 * 2**attempt)))  # noqa: S311 - jitter, not a secret
    raise AssertionError("unreachable")


def joined_evidence(repository: Repository, environment: str, main: str, now: datetime) -> Revision | None:
    """The commit that has all evidence of the environment, here and upstream; None where there is none.

    Where both sides reported since they parted, a commit that joins them is made and moved to here.
    """
    tips = _tips(repository, environment, main)
    parents = tips.parents(repository)
    if len(parents) < 2:  # noqa: PLR2004 - they did not part
        return next(iter(parents), None)
    headpin = Signature(*HEADPIN, max(now, *(repository.commit(tip).committer.at for tip in parents)))
    message = f"Bring the evidence of {environment} together\n"
    made = _commit(repository, parents, lambda _: {}, message, headpin, headpin)
    if made is not None:
        repository.move_ref(evidence_ref(environment), tips.local, made, f"headpin: {message.strip()}")
    return made


def _commit(
    repository: Repository,
    parents: tuple[Revision, ...],
    edit: Edit,
    message: str,
    person: Signature,
    committer: Signature,
) -> Revision | None:
    """The commit of `edit` on `parents`, not yet on any branch; None when it changes nothing."""
    base = repository.commit(parents[0]) if parents else None
    tree: Tree = repository.tree_at(base.tree) if base else EMPTY
    over = known_here(repository, *parents) if len(parents) > 1 else {}
    changes = {**over, **edit(OverlayTree(tree, over))}
    written = repository.writer.apply(base.tree if base else None, changes)
    if base is not None and written == base.tree and len(parents) == 1:
        return None
    return repository.commit_tree(written, parents, message, person, committer)
