"""From what people call a moment to headpin's own commit on an environment's branch. Must never write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from headpin.controller import Controller
from headpin.controller.branches import CONFIG_TRAILER, Branch, own_state
from headpin.controller.past import past_of
from headpin.errors import HistoryMissing, UsageError
from headpin.git import CommitInfo, Repository
from headpin.model.moments import TIMES
from headpin.types import Revision

MOMENTS = f"{TIMES}; or the id of a commit, a branch, a tag, or steps from one, as main~2"
"""How a moment is written that may be a commit."""

Find = Callable[[Branch], CommitInfo | None]
"""Finds the own commit of a branch that answers; None where the branch did not exist yet."""


def by_time(repository: Repository, at: datetime) -> Find:
    """Finds the last own commit at or below the last commit up to which no time is later than `at`."""

    def find(branch: Branch) -> CommitInfo | None:
        past = past_of(repository, branch)
        return past.at_time(at) if past else None

    return find


def commit_named(repository: Repository, text: str) -> Revision:
    """The commit that a person named where a time would do as well. Raises UsageError for what is neither."""
    found = repository.resolve(text)
    if found is None:
        deepen = "; this clone is shallow: 'git fetch --unshallow' brings older commits" * repository.is_shallow
        raise UsageError(f"{text!r} is neither a time nor a commit that this clone has", remedy=f"{MOMENTS}{deepen}")
    return found


def own_from(repository: Repository, revision: Revision) -> CommitInfo | None:
    """The last own commit at or below a commit of an environment's branch."""
    return next((commit for commit in repository.first_parents(revision) if own_state(repository, commit)), None)


def by_revision(
    controller: Controller, branches: Mapping[str, Branch], revision: Revision, environment: str | None
) -> tuple[str | None, Find]:
    """Finds the last own commit made from a revision of main or before it; or the one that a commit of an
    environment's branch is, or stands on, with the name of that environment.

    Raises UsageError for a commit of neither, or of another branch than that of `environment`.
    """
    holder = _branch_of(controller, branches, revision)
    if holder is None:
        return None, _by_config(controller, revision)
    if environment not in (None, holder.environment):
        raise UsageError(
            f"{revision} is a commit of env/{holder.environment}, not of env/{environment}",
            remedy="name one of main, or of that environment's branch",
        )
    return holder.environment, lambda _: own_from(controller.repository, revision)


def _branch_of(controller: Controller, branches: Mapping[str, Branch], revision: Revision) -> Branch | None:
    """The environment's branch that a commit is on; None for a commit of main. Raises UsageError for one of neither."""
    repository = controller.repository
    own = own_state(repository, repository.commit(revision))
    if own is not None and own[1].environment in branches:
        return branches[own[1].environment]
    if repository.is_ancestor(revision, controller.main_head().id):
        return None
    for branch in branches.values():
        if branch.tip is not None and repository.is_ancestor(revision, branch.tip.id):
            return branch
    raise UsageError(
        f"{revision} is neither in the history of {controller.main} nor on a branch of an environment",
        remedy="name a commit of one of them, or a time",
    )


def _by_config(controller: Controller, revision: Revision) -> Find:
    """Finds the last own commit made from the revision, or from one before it on main's first-parent chain.

    One that a merge brought in counts from that merge on. Looks at main only as far back as the revision.
    """
    repository = controller.repository
    later: set[Revision] = set()
    above: list[CommitInfo] = []
    for commit in repository.first_parents(controller.main_head().id):
        if commit.id == revision:
            break
        above.append(commit)
    else:
        repository.refuse_cut_off(above[-1].id)
        brought = next((c for c in reversed(above) if repository.is_ancestor(revision, c.id)), above[0])
        above = above[: above.index(brought)]
        revision = brought.id
    later.update(commit.id for commit in above)
    asked: dict[Revision, bool] = {}

    def reached(own: CommitInfo) -> bool:
        config = Revision(own.trailers[CONFIG_TRAILER])
        if config not in asked:
            asked[config] = config not in later and _is_before(controller, config, revision)
        return asked[config]

    def find(branch: Branch) -> CommitInfo | None:
        past = past_of(repository, branch)
        return past.last(reached) if past else None

    return find


def _is_before(controller: Controller, config: Revision, revision: Revision) -> bool:
    """Whether a config revision is in a revision's history; one that main lost was applied before main went on."""
    repository = controller.repository
    if not repository.has(config):
        remedy = "run 'git fetch --unshallow'" if repository.is_shallow else "ask for a time instead"
        raise HistoryMissing(
            f"this clone does not have {config}, which {revision} has to be compared with", remedy=remedy
        )
    if repository.is_ancestor(config, revision):
        return True
    return not repository.is_ancestor(revision, config) and not repository.is_ancestor(
        config, controller.main_head().id
    )
