"""What the daemon remembers of the environments' branches, so that one that others delete or rewrite is put back.

`refs/headpin/tips/<environment>` is the last commit that was seen to be right. Nothing is ever forced: a branch that
was set back goes forward again, and one that was rewritten gets a commit that has both in its history and the files
of the one remembered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from headpin.controller.branches import BRANCH_PREFIX, CONFIG_TRAILER, TREE_TRAILER
from headpin.errors import HeadpinError, TemporaryError
from headpin.git import Repository, Signature
from headpin.releases import HEADPIN
from headpin.types import Revision

TIPS = "refs/headpin/tips/"


def remembered(repository: Repository) -> dict[str, Revision]:
    """The last right commit of each environment."""
    return repository.refs(TIPS)


def remember(repository: Repository, tips: Mapping[str, Revision]) -> None:
    """Keeps where branches are right. Losing this memory, or a race for it, changes no answer.

    A right branch only goes forward: one that others set back or rewrote since it was looked at is none.
    """
    for environment, tip in tips.items():
        known = repository.ref(f"{TIPS}{environment}")
        if known is None or not repository.has(known) or (known != tip and repository.is_ancestor(known, tip)):
            try:
                repository.note_ref(f"{TIPS}{environment}", tip)
            except TemporaryError:
                continue


def right_tip(
    repository: Repository,
    environment: str,
    there: Revision | None,
    known: Revision | None,
    now: datetime,
    here: Revision | None = None,
) -> Revision | None:
    """Where the branch has to be that is at `there` and was right at `known`: `there` itself where nothing is wrong.

    `here` is what will be pushed there: it may have put the branch back already.
    """
    if known is None or there == known:
        return there
    if there is None or repository.is_ancestor(there, known):
        return known
    if repository.is_ancestor(known, there):
        return there
    if here is not None and repository.is_ancestor(known, here) and repository.is_ancestor(there, here):
        return here
    right = repository.commit(known)
    headpin = Signature(*HEADPIN, max(now, right.committer.at))
    config = right.trailers.get(CONFIG_TRAILER, "")
    message = f"Put env/{environment} back\n\n{CONFIG_TRAILER}: {config}\n{TREE_TRAILER}: {right.tree}\n"
    return repository.commit_tree(right.tree, [known, there], message, headpin, headpin)


def put_back(repository: Repository, environments: Iterable[str], now: datetime) -> dict[str, HeadpinError]:
    """Every local branch of `environments` to where it has to be; what could not be, by environment."""
    tips = remembered(repository)
    failed: dict[str, HeadpinError] = {}
    for environment in environments:
        name = f"{BRANCH_PREFIX}{environment}"
        try:
            there = repository.ref(name)
            right = right_tip(repository, environment, there, tips.get(environment), now)
            if right is not None and right != there:
                repository.move_ref(name, there, right, "headpin: put back")
        except HeadpinError as error:
            failed[environment] = error
    return failed
