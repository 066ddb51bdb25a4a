"""Promotions of headpin's own where main is protected: one branch for each environment, for a pull request.

Owns `headpin/promote/<environment>`: one commit on top of main, kept as it is while it says what is wanted, made
anew when that changes, and gone when there is nothing to promote. While nobody can tell what is wanted it stays: a
forge closes the pull request of a branch that is gone. A branch that somebody else committed to is theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from headpin.controller import Controller, PassReport
from headpin.controller.automatic import Promotion
from headpin.git import CommitInfo, Move, Repository
from headpin.releases import HEADPIN
from headpin.tree import changed_paths
from headpin.types import TreeId

PROPOSALS = "headpin/promote/"


def propose_branches(controller: Controller, prefix: str, report: PassReport) -> list[Move]:
    """How the branches that are remembered below `prefix` have to move after the pass of `report`.

    Only those of environments that the report tells of, and that are in order.
    """
    repository = controller.repository
    head = repository.commit(report.config)
    wanted = {promotion.environment: promotion for promotion in controller.promotions(report)}
    known = {found.environment for found in report.environments if not found.error and found.hold is None}
    unknown = controller.workspace(head.id).environments.keys() - known
    return list(_moves(controller, f"{prefix}{PROPOSALS}", head, wanted, unknown))


def _moves(
    controller: Controller, prefix: str, head: CommitInfo, wanted: dict[str, Promotion], unknown: Set[str]
) -> Iterator[Move]:
    repository = controller.repository
    there = repository.refs(prefix)
    for environment in sorted(filter(controller.selects, {*there, *wanted} - unknown)):
        tip = repository.commit(there[environment]) if environment in there else None
        promotion = wanted.get(environment)
        if tip is not None and not _is_own(tip):
            continue
        if promotion is None:
            if tip is not None:
                yield Move(f"{PROPOSALS}{environment}", tip.id, None)
        elif tip is None or not _says(repository, tip, head, promotion):
            made = controller.written_promotion(promotion, head)
            yield Move(f"{PROPOSALS}{environment}", tip.id if tip else None, made.id)


def _is_own(tip: CommitInfo) -> bool:
    return (tip.committer.name, tip.committer.email) == HEADPIN and len(tip.parents) == 1


def _says(repository: Repository, tip: CommitInfo, head: CommitInfo, promotion: Promotion) -> bool:
    """Whether the branch's commit makes the same change, and main did not touch those files since."""
    base, tree, present = (repository.tree_at(found) for found in (_before(repository, tip), tip.tree, head.tree))
    files = promotion.change.files
    if {change.path for change in changed_paths(base, tree)} != set(files):
        return False
    is_same = all((tree.read(path) if tree.entry(path) else None) == data for path, data in files.items())
    return is_same and all(base.entry(path) == present.entry(path) for path in files)


def _before(repository: Repository, tip: CommitInfo) -> TreeId:
    return repository.commit(tip.parents[0]).tree
