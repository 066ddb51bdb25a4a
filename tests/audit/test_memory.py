"""Memory changes no answer, and spares the work of what was replayed before."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from headpin.audit import AuditReport, run_audit
from headpin.controller import Controller
from headpin.errors import HistoryMissing, UsageError
from headpin.git import Repository
from tests.audit.plants import PLANTS
from tests.audit.scene import Scene, copy_of
from tests.world import git

Step = Callable[[Scene], object]


@pytest.fixture
def scene(past: Scene, tmp_path: Path) -> Scene:
    """A copy of it."""
    return copy_of(past, tmp_path / "scene")


def told(report: AuditReport) -> str:
    """All of an answer."""
    return json.dumps(report.as_json())


def memory_of(scene: Scene) -> Path:
    """The file that audit remembers in."""
    (found,) = (scene.folder / "config/.git/headpin/audit").iterdir()
    return found


def rewrite_branch(scene: Scene) -> None:
    """An environment's branch goes back by a commit, and on from there."""
    before = scene.repository.commit(scene.tip("prod")).parents[0]
    scene.repository.move_ref("refs/heads/env/prod", scene.tip("prod"), before, "test")
    scene.forge("prod", {})


def lose_branch(scene: Scene) -> None:
    """An environment's branch is gone."""
    git("update-ref", "-d", "refs/heads/env/prod", cwd=scene.folder / "config")


GROWTH: dict[str, tuple[Step, ...]] = {
    "promotions": (
        lambda scene: scene.pin("prod", scene.served("staging").release),
        Scene.reconcile,
        Scene.push,
        Scene.reconcile,
        lambda scene: scene.pin("staging", scene.served("dev").release),
        Scene.reconcile,
    ),
    "a suspect that is served later": (
        PLANTS["a_stage_skipped_and_held"],
        PLANTS["a_pin_with_settings_that_never_ran"],
        lambda scene: scene.pin("staging", scene.served("dev").release),
        Scene.reconcile,
        Scene.reconcile,
    ),
    "a foreign commit and its undoing": (
        PLANTS["a_foreign_commit_that_nothing_undid"],
        PLANTS["manifests_changed_alone"],
        Scene.reconcile,
    ),
    "moves that are folded late": (
        PLANTS["a_last_move_that_no_event_tells"],
        lambda scene: scene.commit({"environments/prod.yaml": "{\n"}),
        Scene.reconcile,
        lambda scene: scene.pin("prod", None),
        Scene.reconcile,
        lambda scene: scene.commit({"environments/prod.yaml": "production: true\n"}),
        Scene.reconcile,
    ),
    "main forced back": (
        PLANTS["main_forced_back_and_that_accepted"],
        lambda scene: scene.commit({"README.md": "on\n"}),
        Scene.reconcile,
    ),
    "main merged backwards": (PLANTS["main_merged_backwards"], Scene.push, Scene.reconcile),
    "a branch rewritten": (PLANTS["an_event_edited"], rewrite_branch, Scene.reconcile),
    "a branch gone and back": (lose_branch, Scene.reconcile),
    "an older commit of main on a branch": (
        lambda scene: scene.commit({"README.md": "on\n"}),
        PLANTS["a_commit_made_from_an_older_main"],
        lambda scene: scene.forge("staging", {}, config=scene.repository.commit(scene.head()).parents[0]),
    ),
}


@pytest.mark.parametrize("name", GROWTH)
def test_to_go_on_and_to_begin_anew_tell_the_same(name: str, scene: Scene) -> None:
    scene.audit(use_memory=True)
    for step in GROWTH[name]:
        step(scene)
        anew = told(scene.audit())
        assert told(scene.audit(use_memory=True)) == anew, "on from what was remembered"
        assert told(scene.audit(use_memory=True)) == anew, "and once more"


def test_work_follows_what_is_new(scene: Scene) -> None:
    whole = scene.audit(use_memory=True)
    assert whole.read > 10
    assert scene.audit(use_memory=True).read == 0
    scene.commit({"README.md": "on\n"})
    assert scene.audit(use_memory=True).read == 1
    scene.pin("prod", scene.served("staging").release)
    scene.reconcile()
    assert scene.audit(use_memory=True).read == 2, "one commit of main, one of a branch"
    assert scene.audit().read == whole.read + 3


def test_what_is_remembered_does_not_grow_with_history(scene: Scene) -> None:
    scene.audit(use_memory=True)
    before = memory_of(scene).stat().st_size
    for number in range(12):
        scene.commit({"projects/shop/agents/cart/prod.yaml": f"variables:\n  NUMBER: 'n{number}'\n"})
        scene.reconcile()
    scene.pin("prod", scene.served("staging").release)
    scene.reconcile()
    scene.audit(use_memory=True)
    assert memory_of(scene).stat().st_size <= before + 400


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"headpin-audit 1", b"headpin-audit 0"),
        lambda data: data.replace(b'"findings":[{', b'"findings":[],"x":[{'),
        lambda data: b"\xff\x00 not ours",
    ],
    ids=["empty", "cut off", "another version", "another answer", "noise"],
)
def test_memory_that_cannot_be_believed_is_as_good_as_none(spoil: Callable[[bytes], bytes], scene: Scene) -> None:
    PLANTS["an_event_edited"](scene)
    scene.audit(use_memory=True)
    file = memory_of(scene)
    data = file.read_bytes()
    file.write_bytes(spoil(data))
    assert file.read_bytes() != data
    report = scene.audit(use_memory=True)
    assert report.read > 10 and told(report) == told(scene.audit())
    assert file.read_bytes() == data, "and it is written anew"


def test_no_memory_is_written_where_none_is_wanted(scene: Scene) -> None:
    scene.audit()
    assert not (scene.folder / "config/.git/headpin/audit").exists()


def test_a_folder_that_cannot_be_written_to_changes_no_answer(scene: Scene) -> None:
    place = scene.folder / "config/.git/headpin/audit"
    place.write_text("in the way")
    assert told(scene.audit(use_memory=True)) == told(scene.audit())


def test_only_what_came_later_is_told_and_judged_by_all_that_was_before(scene: Scene) -> None:
    PLANTS["an_event_edited"](scene)
    middle = scene.commit({"README.md": "on\n"})
    skipped = scene.pin("prod", scene.served("dev").release)
    assert [finding.code for finding in scene.audit().findings] == ["HP429", "HP403"]
    for use_memory in (False, True):
        report = scene.audit(since=middle, use_memory=use_memory)
        assert [(finding.code, finding.main) for finding in report.findings] == [("HP403", skipped)]
        assert scene.audit(since=skipped, use_memory=use_memory).findings == ()


def test_what_a_branch_brought_is_as_old_as_its_merge(scene: Scene) -> None:
    head = scene.head()
    side = scene.commit({"README.md": "aside\n"}, parents=[head], move=False)
    first = scene.pin("prod", scene.served("dev").release)
    scene.commit({"README.md": "aside\n"}, "Merge", parents=[first, side])
    second = scene.pin("staging", replace(scene.served("dev").release, image="registry.example.com/cart:evil"))
    assert [finding.main for finding in scene.audit().findings] == [second, first]
    assert [finding.main for finding in scene.audit(since=side).findings] == [second]
    with pytest.raises(UsageError, match="not in main's history"):
        scene.audit(since=scene.commit({"README.md": "lost\n"}, parents=[head], move=False))


def test_a_main_that_lags_is_not_one_that_lost_anything(scene: Scene) -> None:
    before = scene.head()
    scene.pin("prod", scene.served("staging").release)
    scene.reconcile()
    git("clone", "--quiet", "config", "clone", cwd=scene.folder)
    clone = scene.folder / "clone"
    git("reset", "--quiet", "--hard", before, cwd=clone)
    assert told(run_audit(Controller(Repository.open(clone)))) == told(scene.audit()), "upstream is further along"
    git("update-ref", "-d", "refs/remotes/origin/main", cwd=clone)
    with pytest.raises(HistoryMissing, match="comes later") as raised:
        run_audit(Controller(Repository.open(clone)))
    assert "git pull" in raised.value.remedy


def test_a_clone_with_all_branches_tells_the_same_and_a_shallow_one_says_why_not(scene: Scene) -> None:
    PLANTS["an_event_edited"](scene)
    PLANTS["a_pin_of_a_revision_that_never_ran"](scene)
    expected = told(scene.audit())
    git("clone", "--quiet", "--mirror", "config", "mirror.git", cwd=scene.folder)
    git("gc", "--quiet", "--prune=now", cwd=scene.folder / "mirror.git")
    assert told(run_audit(Controller(Repository.open(scene.folder / "mirror.git")))) == expected
    git("clone", "--quiet", "config", "ordinary", cwd=scene.folder)
    assert told(run_audit(Controller(Repository.open(scene.folder / "ordinary")))) == expected
    git("clone", "--quiet", "--depth=3", "--no-single-branch", f"file://{scene.folder}/config", "cut", cwd=scene.folder)
    with pytest.raises(HistoryMissing, match="shallow") as raised:
        run_audit(Controller(Repository.open(scene.folder / "cut")))
    assert "--unshallow" in raised.value.remedy


def test_nobody_is_accused_by_branches_that_are_not_here(scene: Scene) -> None:
    git("clone", "--quiet", "--single-branch", "config", "single", cwd=scene.folder)
    with pytest.raises(HistoryMissing, match="without all branches") as raised:
        run_audit(Controller(Repository.open(scene.folder / "single")))
    assert "set-branches origin" in raised.value.remedy
    git("update-ref", "-d", "refs/heads/env/dev", cwd=scene.folder / "config")
    git("update-ref", "-d", "refs/heads/env/staging", cwd=scene.folder / "config")
    assert scene.audit().findings == ()
