"""From what a person wants to one commit: decided on the newest main, checked, published, and decided anew when
somebody else was first.

Owns where the commit goes (main, or a branch for a pull request; here only, or upstream too) and that files on
disk follow. A push that is refused is never rebased: the intent is decided again on what is there by then.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from headpin.actions import Change
from headpin.controller.mainline import checked_out, move_main, write_change
from headpin.controller.outside import ENVIRONMENTS, EVIDENCE, Outside, fetched_upstream
from headpin.controller.proposal import Proposal, propose
from headpin.controller.reconcile import Controller
from headpin.controller.situations import Surroundings
from headpin.errors import Conflict, LocalChanges, RefLocked, Refused, TemporaryError, UsageError
from headpin.git import Checkout, CommitInfo, Repository, Signature, Upstream, author_by_git
from headpin.types import Revision, branch_fault

MAX_TRIES = 12
_MAX_LOOKED_UP = 20
"""Files whose history a branch's name is made from, where a change of the workspace's structure has very many."""

Intent = Callable[[Surroundings], Change]
"""Decides by how things stand; raises Refused or UsageError. It is asked again when things moved meanwhile."""


Along = tuple[CommitInfo, ...]
"""Commits on main here that upstream does not have yet, oldest first: whatever is pushed on top takes them along."""


@dataclass(frozen=True, slots=True)
class Done:
    """The commit that was made, on `branch`; None where nothing had to change.

    `pushed_to` names the remote that has it; `behind` says why the local branch or files did not follow. `was_there`:
    the branch upstream had it before, perhaps with more on top. `along` is what of main goes upstream with it.
    """

    proposal: Proposal
    commit: CommitInfo | None
    branch: str
    pushed_to: str = ""
    behind: str = ""
    was_there: bool = False
    along: Along = ()


@dataclass(frozen=True, slots=True)
class _Start:
    """What a decision is made on: `base`, and where main was here and upstream when that was chosen.

    Main is moved from there and from nowhere else: whatever was decided later was decided on something else.
    """

    base: CommitInfo
    local: Revision | None
    theirs: Revision | None


@dataclass(slots=True)
class Actor:
    """A person, or a bot, who acts on a workspace.

    `confirm` is shown what would be done before anything is written, and says whether to go on. `branch` is where
    the commit goes instead of main: a name, or "" for one that is made from the change.
    """

    controller: Controller
    author: tuple[str, str]
    outside: Outside = Outside.IF_THERE
    branch: str | None = None
    confirm: Callable[[Done], bool] = lambda _: True
    tries: int = MAX_TRIES
    _agreed: tuple[Change, Along] | None = field(default=None, init=False)

    def preview(self, intent: Intent) -> Done:
        """What would be done, and what the rules say of it. Writes nothing but what a fetch brings."""
        start = self._start(self._upstream())
        return Done(self._looked_at(intent, start.base), None, "", along=self._along(start))

    def act(self, intent: Intent) -> Done:
        """Carries the intent out. Raises Refused when the rules forbid it or the person does not agree.

        Raises UsageError for a `branch` that is not people's to name, and Conflict when others were first so often
        that it gave up; typing it again goes on.
        """
        if self.branch:
            refuse_branch(self.branch, self.controller.main)
        for attempt in range(1, self.tries + 1):
            try:
                return self._attempt(intent)
            except (Conflict, RefLocked):
                if attempt == self.tries:
                    raise
                time.sleep(random.uniform(0.01, min(2.0, 0.03 * 2**attempt)))  # noqa: S311 - jitter, not a secret
        raise AssertionError("unreachable")

    def _attempt(self, intent: Intent) -> Done:
        upstream = self._upstream()
        start = self._start(upstream)
        proposal = self._proposed(intent, start.base)
        if not proposal.change.files:
            return self._nothing_to_do(proposal, start)
        meant = Done(proposal, None, "", along=self._along(start))
        if self._agreed != (proposal.change, meant.along) and not self.confirm(meant):
            raise Refused("not confirmed; nothing was written", remedy="--yes confirms without asking")
        self._agreed = (proposal.change, meant.along)
        if self.branch is not None:
            done = self._on_a_branch(proposal, upstream)
        else:
            done = self._on_main(proposal, self._write(proposal), upstream, start)
        return replace(done, along=meant.along if done.pushed_to and not done.was_there else ())

    # ── deciding ─────────────────────────────────────────────────────────────────────────────────

    def _upstream(self) -> Upstream | None:
        return fetched_upstream(self.controller.repository, self.controller.main, self.outside)

    def _start(self, upstream: Upstream | None) -> _Start:
        """Main's newest head: here, or upstream where that is further along."""
        repository, main = self.controller.repository, self.controller.main
        local = repository.ref(f"refs/heads/{main}")
        theirs = repository.ref(upstream.tracking) if upstream else None
        if local is None or theirs is None:
            newest = theirs or local
            return _Start(repository.commit(newest) if newest else self.controller.main_head(), local, theirs)
        if repository.is_ancestor(local, theirs):
            return _Start(repository.commit(theirs), local, theirs)
        if repository.is_ancestor(theirs, local):
            return _Start(repository.commit(local), local, theirs)
        raise Refused(f"{main} and its upstream have diverged", remedy="bring them together with 'git pull' first")

    def _along(self, start: _Start) -> Along:
        """What upstream does not have yet of what the change is made on."""
        if start.theirs is None:
            return ()
        return self.controller.repository.relate(start.theirs, start.base.id).commits

    def _looked_at(self, intent: Intent, base: CommitInfo) -> Proposal:
        around = self.controller.surroundings(base)
        return propose(around, self.controller.realiser(around), base, intent(around), self._signature(base))

    def _proposed(self, intent: Intent, base: CommitInfo) -> Proposal:
        proposal = self._looked_at(intent, base)
        proposal.refuse()
        return proposal

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def _signature(self, base: CommitInfo) -> Signature:
        return Signature(*self.author, max(self.controller.clock(), base.committer.at))

    def _write(self, proposal: Proposal) -> CommitInfo:
        repository, author = self.controller.repository, self._signature(proposal.base)
        committer = Signature(*(author_by_git(repository) or self.author), author.at)
        return write_change(repository, proposal.base, proposal.change, author, committer)

    def _on_main(self, proposal: Proposal, commit: CommitInfo, upstream: Upstream | None, start: _Start) -> Done:
        """Upstream first: what is there is done, whatever becomes of the files here."""
        repository, main = self.controller.repository, self.controller.main
        local = start.local
        checkouts = checked_out(repository, main, local, commit.id)
        if upstream is None:
            move_main(repository, main, local, commit.id, checkouts)
            return Done(proposal, commit, main)
        upstream.push(commit.id, upstream.branch, start.theirs)
        behind = self._follow(local, commit.id, checkouts)
        return Done(proposal, commit, main, upstream.remote, behind)

    def _follow(self, local: Revision | None, new: Revision, checkouts: Sequence[Checkout]) -> str:
        """Brings main here to what upstream has; why it could not be brought there, "" where it is there."""
        repository, main = self.controller.repository, self.controller.main
        try:
            move_main(repository, main, local, new, checkouts)
        except (TemporaryError, LocalChanges) as error:
            found = repository.ref(f"refs/heads/{main}")
            if found is None or not repository.is_ancestor(new, found):  # another headpin may have brought it along
                return f"{error}; run 'git pull'"
        return ""

    def _nothing_to_do(self, proposal: Proposal, start: _Start) -> Done:
        """Upstream says so already. Main here follows: it was killed in between, or a colleague did it."""
        repository, main = self.controller.repository, self.controller.main
        local, newest = start.local, proposal.base.id
        if local is None or local == newest or self.branch is not None:
            return Done(proposal, None, main)
        try:
            checkouts = checked_out(repository, main, local, newest)
        except LocalChanges as error:
            return Done(proposal, None, main, behind=f"{error}; run 'git pull'")
        return Done(proposal, None, main, behind=self._follow(local, newest, checkouts))

    def _on_a_branch(self, proposal: Proposal, upstream: Upstream | None) -> Done:
        repository = self.controller.repository
        name = self.branch or branch_name(repository, proposal)
        there = repository.ref(f"refs/heads/{name}")
        theirs = upstream.fetch_branch(name) if upstream else None
        if upstream is not None and theirs is not None:
            commit = self._found(theirs, there, proposal.change)
            if commit is not None:
                return Done(proposal, commit, name, upstream.remote, was_there=True)
            if there is None or not repository.is_ancestor(theirs, there):
                raise _elsewhere(name, upstream)
        if there is None:
            commit = self._write(proposal)
            repository.move_ref(f"refs/heads/{name}", None, commit.id, proposal.change.subject)
        else:
            commit = repository.commit(there)
            if not _says(repository, commit, proposal.change):
                raise Refused(f"the branch {name} says something else", remedy="name another one with --branch=NAME")
        if upstream is None:
            return Done(proposal, commit, name)
        try:
            upstream.push(commit.id, name, theirs)
        except Conflict as error:
            raise _elsewhere(name, upstream) from error
        return Done(proposal, commit, name, upstream.remote)

    def _found(self, theirs: Revision, here: Revision | None, change: Change) -> CommitInfo | None:
        """The commit that upstream's branch has already: ours, or one that says the same; None where it has not."""
        repository = self.controller.repository
        if here is not None:
            commit = repository.commit(here)
            is_there = _says(repository, commit, change) and repository.is_ancestor(here, theirs)
            return commit if is_there else None
        tip = repository.commit(theirs)
        return tip if _says(repository, tip, change) else None


def refuse_branch(name: str, main: str) -> None:
    """Raises UsageError where `name` is no branch, or one that a pull request cannot come from."""
    fault = branch_fault(name)
    if fault:
        raise UsageError(f"--branch: {name!r} is no branch: {fault}")
    if name == main:
        raise UsageError(f"--branch: {main} is where changes go without --branch", remedy="leave --branch out")
    folded = name.casefold()  # a file system may not tell Env from env
    for owned in (ENVIRONMENTS, EVIDENCE):
        if f"{folded}/".startswith(f"{owned}/") or f"{owned}/".startswith(f"{folded}/"):
            raise UsageError(
                f"--branch: {name} is in the way of {owned}/, which headpin owns", remedy="name another branch"
            )


def _elsewhere(name: str, upstream: Upstream) -> Refused:
    return Refused(
        f"the branch {name} is at {upstream.remote} already, and elsewhere",
        remedy="fetch it and look; or name another one with --branch=NAME",
    )


def _says(repository: Repository, commit: CommitInfo, change: Change) -> bool:
    """Whether the files of a commit are those of the change."""
    tree = repository.tree_at(commit.tree)
    return all((tree.read(path) if tree.entry(path) else None) == data for path, data in change.files.items())


def branch_name(repository: Repository, proposal: Proposal) -> str:
    """A name made from the change and from the commits that last touched its files.

    The same change typed again gets the same name; the same promotion at a later time another.
    """
    files, structure = proposal.change.files, proposal.change.structure
    told = sorted(files)[:_MAX_LOOKED_UP] if structure else files
    last = {path: repository.last_change(proposal.base.id, path) for path in told}
    content = {path: data.decode("utf-8", "replace") if data is not None else None for path, data in files.items()}
    digest = hashlib.sha256(json.dumps([content, last], sort_keys=True).encode()).hexdigest()[:8]
    verb = proposal.change.subject.split(" ", 1)[0].lower()
    if structure:
        return f"headpin/{verb}/{structure.replace(' ', '-').replace('/', '-')}-{digest}"
    environment = next((outcome.environment for outcome in proposal.outcomes), "main")
    agents = sorted({f"{outcome.agent.project}-{outcome.agent.agent}" for outcome in proposal.outcomes})
    what = agents[0] if len(agents) == 1 else f"{len(agents)}-agents"
    return f"headpin/{verb}/{environment}/{what}-{digest}"
