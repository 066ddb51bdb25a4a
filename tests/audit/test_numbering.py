"""The numbers and pointers that headpin writes are true to audit, however long the branch; lies in them are told."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from headpin.audit.numbering import numbering_fault
from headpin.controller.past import back_number, links, number_of
from headpin.git import CommitInfo
from headpin.types import Revision
from tests.audit.scene import Scene, copy_of

LENGTH = 40


@pytest.fixture(scope="module")
def numbered(past: Scene, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """prod's branch with as many commits as LENGTH, each numbered as headpin numbers its next one."""
    scene = copy_of(past, tmp_path_factory.mktemp("numbered") / "scene")
    while number_of(scene.repository.commit(scene.tip("prod"))) < LENGTH:
        scene.forge("prod", {}, trailers=links(scene.repository, scene.branch("prod")))
    return scene


def chain_of(scene: Scene) -> list[CommitInfo]:
    """prod's commits, oldest first."""
    return list(scene.repository.first_parents(scene.tip("prod")))[::-1]


def faults(scene: Scene) -> list[tuple[int, str]]:
    """What is wrong, by the place of the commit."""
    found, below, count = [], None, 0
    for place, commit in enumerate(chain_of(scene), 1):
        said, count = numbering_fault(scene.repository, commit, below, count)
        found += [(place, said)] if said else []
        below = commit.id
    return found


def test_what_headpin_writes_is_true(numbered: Scene) -> None:
    assert faults(numbered) == []
    assert {number - back_number(number) for number in range(2, LENGTH + 1)} >= {1, 3, 7, 15}, "near and far"
    assert all("Headpin-Back" in commit.trailers for commit in chain_of(numbered)[1:])
    assert "HP439" not in {finding.code for finding in numbered.audit().findings}


def pointing(commit: CommitInfo, back: Revision) -> CommitInfo:
    """The commit as it would be if it pointed there."""
    return replace(commit, message=re.sub("Headpin-Back: .*", f"Headpin-Back: {back}", commit.message))


def test_a_pointer_to_any_other_commit_is_told(numbered: Scene) -> None:
    *rest, last = chain_of(numbered)
    wanted = back_number(LENGTH)
    for number, other in enumerate(rest, 1):
        told, said = numbering_fault(numbered.repository, pointing(last, other.id), rest[-1].id, LENGTH - 1)
        fault = f"it points back to {other.id[:7]}, which is not number {wanted} of its branch"
        assert (told, said) == ("" if number == wanted else fault, LENGTH)


def test_a_pointer_to_a_copy_of_the_commit_is_told_near_and_far(numbered: Scene) -> None:
    """A copy has the number, the trailers and the files, and is not in the branch."""
    chain = chain_of(numbered)
    for number in (LENGTH, LENGTH - 1, LENGTH // 2, 2):
        meant = chain[back_number(number) - 1]
        at = replace(meant.committer, at=meant.committer.at - timedelta(seconds=1))
        copy = numbered.repository.commit_tree(meant.tree, meant.parents, meant.message, meant.author, at)
        commit = pointing(chain[number - 1], copy)
        told, _ = numbering_fault(numbered.repository, commit, chain[number - 2].id, number - 1)
        assert f"number {back_number(number)} of its branch is {meant.id[:7]}" in told


def test_a_branch_without_numbers_is_true_and_numbers_that_begin_later_too(past: Scene, tmp_path: Path) -> None:
    scene = copy_of(past, tmp_path / "scene")
    for _ in range(3):
        scene.forge("prod", {})
    for _ in range(6):
        scene.forge("prod", {}, trailers=links(scene.repository, scene.branch("prod")))
    assert number_of(scene.repository.commit(scene.tip("prod"))) == len(chain_of(scene))
    assert faults(scene) == []


def test_a_wrong_number_is_told_once(past: Scene, tmp_path: Path) -> None:
    scene = copy_of(past, tmp_path / "scene")
    count = len(chain_of(scene))
    scene.forge("prod", {}, trailers=f"Headpin-Number: {count + 5}\n")
    for _ in range(5):
        scene.forge("prod", {}, trailers=links(scene.repository, scene.branch("prod")))
    assert faults(scene) == [(count + 1, f"it says that it is number {count + 5}, and the one below is number {count}")]
