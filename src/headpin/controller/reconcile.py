"""One whole pass: observe, plan, render, commit, report."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from headpin.controller.automatic import Promotion, Waiting, automatic_changes, is_automatic
from headpin.controller.branches import (
    Branch,
    RecordReader,
    branch_names,
    head_state,
    lost_branches,
    read_branch,
)
from headpin.controller.context import PassContext, Progress, Quiet
from headpin.controller.environment import reconcile_environment, start_branches
from headpin.controller.evidence import EvidenceReader, evidence_tips
from headpin.controller.fold import head_move
from headpin.controller.heads import Follows, Heads, Observed, SourceIndex
from headpin.controller.images import Images
from headpin.controller.mainline import checked_out, move_main, write_change
from headpin.controller.realise import Realiser
from headpin.controller.report import EnvironmentReport, PassReport, Work
from headpin.controller.situations import Surroundings
from headpin.controller.templates import built_in_templates
from headpin.errors import Conflict, HeadpinError, HistoryMissing, NotARepository, PermanentError, RefLocked, Refused
from headpin.git import NOTHING, Access, CommitInfo, Relation, Repository, Signature, remote_of, upstream_of
from headpin.releases import HEADPIN
from headpin.rendering import TemplateSet
from headpin.sources import ImageLookups, Memory
from headpin.types import AgentName, Revision
from headpin.workspace import DocumentReader, Workspace
from headpin.workspace.rules import workspace_problems

MAX_TRIES = 8
MAX_LOCKED = 5
"""Tries after which a locked branch is that environment's own trouble: others hold a lock for milliseconds."""

MAX_PROMOTIONS = 50
"""Promotions that headpin makes itself in one go; the rest is for the next pass."""

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present, in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(slots=True)
class Controller:
    """What stays from pass to pass: the repository and what was read of it. Deleting it changes no answer.

    `selects` tells the environments that it writes; all others it only reads. `main_ref` is where main is, where that
    is not the branch here or else upstream. With `observed` a pass asks no source; `access` is how it asks.
    `reached` is told the points at which a process may die: before anything is published, by name.
    """

    repository: Repository
    main: str = "main"
    committer: tuple[str, str] = HEADPIN
    clock: Clock = system_clock
    progress: Progress = lambda *_: None
    reader: DocumentReader = field(default_factory=DocumentReader)
    records: RecordReader = field(default_factory=RecordReader)
    templates: Mapping[int, TemplateSet] = field(default_factory=built_in_templates)
    sources: SourceIndex = field(default_factory=SourceIndex)
    memory: Memory = field(default_factory=Memory)
    quiet: dict[str, Quiet] = field(default_factory=dict)
    lookups: ImageLookups = field(default_factory=ImageLookups)
    waiting: Waiting = field(default_factory=Waiting)
    selects: Callable[[str], bool] = lambda _: True
    main_ref: str = ""
    observed: Observed | None = None
    access: Access = NOTHING
    reached: Callable[[str], None] = lambda _: None
    evidence: EvidenceReader = field(init=False)

    def __post_init__(self) -> None:
        self.evidence = EvidenceReader(self.repository, self.main)

    def reconcile(self, *, full: bool = False, dry_run: bool = False) -> PassReport:
        """One pass, and another after each promotion that headpin makes by itself.

        `full` looks at every deployment, `dry_run` writes nothing. Starts anew when somebody else moved a branch
        meanwhile; raises Conflict when that never ends.
        """
        report = self.look(full=full, dry_run=dry_run)
        for _ in range(MAX_PROMOTIONS if not dry_run else 0):
            try:
                made = self.promote(report)
            except Conflict:  # main moved: people may have said something else, and a pass has to see it first
                made = ()
            except HeadpinError as error:  # main is somebody else's, or in a work tree with edits: told, and kept
                return replace(report, trouble=str(error))
            if made is None:
                break
            report = report.then(self.look(dry_run=dry_run), made)
        return replace(report, waits_until=self.waiting.opens_at)

    def promotions(self, report: PassReport) -> Iterator[Promotion]:
        """What headpin can promote by itself after the pass of `report`, nearest to the source first.

        Only on the head that the pass has seen, and into environments that it could commit: what a person did
        there is in the records then.
        """
        head = self.repository.commit(report.config)
        if not is_automatic(self.workspace(head.id)):
            self.waiting = Waiting()
            return
        around = self.surroundings(head)
        known = {found.environment for found in report.environments if not found.error and found.hold is None}

        def evidence(name: str) -> object:
            return evidence_tips(self.repository, name, self.main)

        yield from automatic_changes(around, self.realiser(around), head, known, self.waiting, evidence)

    def written_promotion(self, promotion: Promotion, head: CommitInfo) -> CommitInfo:
        """The commit of a promotion on top of main's `head`, on no branch yet."""
        headpin = Signature(*HEADPIN, max(self.clock(), head.committer.at))
        return write_change(self.repository, head, promotion.change, headpin, headpin)

    def promote(self, report: PassReport) -> tuple[CommitInfo, ...] | None:
        """Makes one commit on main where a stage is promoted into automatically; None where none is open.

        Raises Conflict when main moved since the pass.
        """
        local = self.repository.ref(f"refs/heads/{self.main}")
        promotion = next(self.promotions(report), None)
        if promotion is None:
            return None
        head = self.repository.commit(report.config)
        if local not in (None, head.id):
            raise Conflict(f"{self.main} moved while it was looked at")
        self._refuse_behind(head)
        commit = self.written_promotion(promotion, head)
        checkouts = checked_out(self.repository, self.main, local, commit.id)
        self.reached(f"before-promotion:{promotion.environment}")
        move_main(self.repository, self.main, local, commit.id, checkouts)
        return (commit,)

    def _refuse_behind(self, head: CommitInfo) -> None:
        """A commit on a main that is behind its upstream would only part the two."""
        upstream = upstream_of(self.repository, self.main)
        theirs = self.repository.ref(upstream.tracking) if upstream else None
        if theirs is not None and not self.repository.is_ancestor(theirs, head.id):
            raise Refused(f"{self.main} is behind its upstream; run 'git pull'")

    def look(self, *, full: bool = False, dry_run: bool = False) -> PassReport:
        """One pass without promotions of headpin's own; as `reconcile` otherwise."""
        for attempt in range(1, MAX_TRIES + 1):
            try:
                return self._pass(full, dry_run, is_last=attempt >= MAX_LOCKED)
            except (Conflict, RefLocked):
                if attempt == MAX_TRIES:
                    raise
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    def main_head(self) -> CommitInfo:
        """The commit at main's head: where `main_ref` says, else local or upstream."""
        upstream = f"refs/remotes/{remote_of(self.repository, self.main)}/{self.main}"
        for ref in (self.main_ref,) if self.main_ref else (f"refs/heads/{self.main}", upstream):
            revision = self.repository.ref(ref)
            if revision is not None:
                return self.repository.commit(revision)
        raise NotARepository(
            f"there is no branch {self.main}", remedy="commit something, or name the branch with --branch"
        )

    def workspace(self, revision: Revision | None = None) -> Workspace:
        """The workspace at `revision`; at main's head without one."""
        commit = self.repository.commit(revision) if revision else self.main_head()
        return Workspace(self.repository.tree_at(commit.tree), self.reader)

    def surroundings(self, head: CommitInfo, followed: tuple[Follows, ...] = ()) -> Surroundings:
        """How things stand with main at `head`; only the sources of `followed` are asked."""
        workspace = self.workspace(head.id)
        branches = self.branches(workspace)
        branch = branches.get(workspace.head_environment or "")
        heads = Heads(self.repository, workspace, head.id, followed, branch, self.memory, self.observed, self.access)
        images = Images(self.lookups, workspace.limits.source_seconds)
        return Surroundings(workspace, branches, heads, head_move(head), self.evidence, self.clock(), images)

    def realiser(self, around: Surroundings) -> Realiser:
        """What renders with the documents of `around`."""
        return Realiser(self.repository, self.reader, around.workspace, self.templates, around.heads)

    def branches(self, workspace: Workspace) -> dict[str, Branch]:
        """Every environment's branch, those that lost their document included."""
        return self._with_new(self._existing_branches(), workspace)

    def _existing_branches(self) -> dict[str, Branch]:
        names = branch_names(self.repository, self.main)
        return {name: read_branch(self.repository, name, self.records, self.main) for name in names}

    def _with_new(self, found: dict[str, Branch], workspace: Workspace) -> dict[str, Branch]:
        """`found` and an empty branch for each new environment; without branches that are nobody's environment."""
        new = {name: Branch(name, self.records) for name in workspace.environments if name not in found}
        kept = {name: b for name, b in found.items() if b.trouble is None or name in workspace.environments}
        return {name: branch.under(workspace) for name, branch in sorted((kept | new).items())}

    def _pass(self, full: bool, dry_run: bool, *, is_last: bool) -> PassReport:
        before = (self.reader.parsed, self.repository.writer.written)
        existing = self._existing_branches()  # before main: a branch is then never ahead of what is read of main
        head = self.main_head()
        workspace = Workspace(self.repository.tree_at(head.tree), self.reader)
        branches = self._with_new(existing, workspace)
        if not existing:
            self._refuse_incomplete_clone()
        self._go_on_from(branches, head)
        followed = self.sources.followed(workspace) if self.selects(workspace.head_environment or "") else ()
        self.progress("asking the sources", 0, 0)
        heads = self._heads(workspace, head, followed, branches, full)
        realiser = Realiser(self.repository, self.reader, workspace, self.templates, heads)
        now = self.clock()
        images = Images(self.lookups, workspace.limits.source_seconds)
        context = PassContext(
            self.repository,
            self.reader,
            workspace,
            head,
            Surroundings(workspace, branches, heads, head_move(head), self.evidence, now, images),
            realiser,
            now,
            self.committer,
            full,
            dry_run,
            followed,
            self.quiet,
            self.progress,
            self.reached,
        )
        reports = self._environments(context, is_last)
        self.reader.trim(workspace.size[0])
        return PassReport(
            head.id,
            tuple(reports),
            _silent_sources(heads, followed),
            workspace_problems(workspace),
            Work(self.reader.parsed - before[0], realiser.rendered, self.repository.writer.written - before[1]),
        )

    def _heads(
        self,
        workspace: Workspace,
        head: CommitInfo,
        followed: tuple[Follows, ...],
        branches: Mapping[str, Branch],
        full: bool,
    ) -> Heads:
        """Where the sources are; a `full` pass believes neither records nor what earlier passes found."""
        if self.observed is not None:
            self.observed.keep(followed, workspace.limits)
        if full:
            return Heads(self.repository, workspace, head.id, followed, observed=self.observed, access=self.access)
        self.memory.forget_all_but(item.rule for item in followed)
        branch = branches.get(workspace.head_environment or "")
        return Heads(self.repository, workspace, head.id, followed, branch, self.memory, self.observed, self.access)

    def _go_on_from(self, branches: Mapping[str, Branch], head: CommitInfo) -> None:
        """Lets each branch look from the revision that it is known to need nothing up to.

        Only along main's first-parent chain: whether history was rewritten is asked of the branch alone, so
        that a controller that remembers and one that does not see the same.
        """
        for name, branch in branches.items():
            quiet = self.quiet.get(name)
            if quiet is None or branch.own is None or branch.own.id != quiet.tip:
                continue
            if self.repository.relate(quiet.head, head.id).relation in (Relation.SAME, Relation.AHEAD):
                branch.base, branch.heads = quiet.head, quiet.heads

    def _refuse_incomplete_clone(self) -> None:
        """The first pass of all starts every branch; in a clone that left the branches out it must not."""
        remote = remote_of(self.repository, self.main)
        if self.repository.is_shallow or not self.repository.fetches_branches(remote):
            raise HistoryMissing(
                "this clone has no environment branches, and was made without all branches or without history",
                remedy=f"clone the whole repository, or fetch them: 'git remote set-branches {remote} '*'' and "
                "'git fetch --unshallow'",
            )

    def _environments(self, context: PassContext, is_last: bool) -> list[EnvironmentReport]:
        branches, workspace = context.around.branches, context.workspace
        missing = lost_branches(branches)
        order = [*workspace.environment_order, *(name for name in branches if name not in workspace.environments)]
        order = [name for name in order if self.selects(name)]
        start_branches(context, (name for name in order if name not in missing), head_state(branches))
        reports = []
        for name in order:
            reports.append(_missing_branch(name) if name in missing else _isolated(context, name, is_last))
        return reports


def _isolated(context: PassContext, environment: str, is_last: bool) -> EnvironmentReport:
    """One environment's trouble is its own; only a conflict is everybody's, because it means: look again.

    So does a lock, which another controller holds for a moment, until it `is_last` that is tried.
    """
    try:
        return reconcile_environment(context, environment)
    except Conflict:
        raise
    except HeadpinError as error:
        if isinstance(error, RefLocked) and not is_last:
            raise
        context.around.branches[environment].forget()  # nobody decides by what was not committed
        return EnvironmentReport(environment, error=str(error), remedy=error.remedy, failure=error)


def _missing_branch(environment: str) -> EnvironmentReport:
    error = PermanentError(
        f"the branch env/{environment} is missing here and upstream, although the head environment lists it",
        remedy=f"fetch it: 'git fetch origin env/{environment}'; where nobody has it any more, "
        f"'headpin environment init {environment}' puts it back",
    )
    return EnvironmentReport(environment, error=str(error), remedy=error.remedy, failure=error)


def _silent_sources(heads: Heads, followed: tuple[Follows, ...]) -> dict[AgentName, str]:
    return {item.agent: problem for item in followed if (problem := heads.of(item.rule).problem)}
