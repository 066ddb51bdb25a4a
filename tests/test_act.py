"""How what a person wants gets to main, upstream and to colleagues: names, races, crashes, remotes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headpin.controller import Controller
from headpin.controller.act import Actor, Done
from headpin.controller.evidence_merge import merged_health
from headpin.controller.intents import AgentPattern, PromotionWish, to_promote
from headpin.errors import Conflict, Refused
from headpin.git import Checkout, Repository, Upstream
from headpin.git.write import TreeWriter
from headpin.releases import Health
from headpin.types import Revision
from tests.inprocess import Ran, headpin
from tests.world import World, git

REFUSED, USED_WRONGLY, WORLD_FAILED = 1, 2, 3
PROMOTE = ("promote", "shop/cart", "--to", "staging", "--yes")


def run(place: Path, *arguments: str, code: int = 0) -> Ran:
    done = headpin(*arguments, cwd=place)
    assert done.code == code, f"{arguments}: {done.code}\n{done.out}{done.err}"
    return done


@pytest.fixture
def served(world: World) -> World:
    """cart runs in dev, and nowhere else."""
    world.settle()
    return world


# ── what is wrong use ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (("--set", "BAD-NAME=1"), "cannot be the name of a variable"),
        (("--set", "1X=1"), "cannot be the name of a variable"),
        (("--set", "X\n=1"), "cannot be the name of a variable"),
        (("--set-file", "/etc/x=nowhere.txt"), "nowhere.txt cannot be read"),
        (("--set-file", "/etc/x=."), "cannot be read"),
        (("--set-file", "etc/x=headpin.yaml"), "is no path to mount at"),
        (("--set-file", "/etc/../x=headpin.yaml"), "is no path to mount at"),
    ],
)
def test_what_cannot_be_set_is_told_at_the_option(served: World, option: tuple[str, str], words: str) -> None:
    before = served.revision()
    done = run(served.config, *PROMOTE, *option, code=USED_WRONGLY)
    assert words in done.err and "HP204" not in done.err
    assert served.revision() == before and served.git("status", "--porcelain") == ""


@pytest.mark.parametrize(
    "name", ["main", "env/qa", "env", "Env/qa", "headpin", "headpin/evidence", "headpin/evidence/dev", "-x", "a..b"]
)
def test_a_branch_that_is_not_for_pull_requests_cannot_be_named(served: World, name: str) -> None:
    before = served.git("for-each-ref")
    done = run(served.config, *PROMOTE, f"--branch={name}", code=USED_WRONGLY)
    assert name in done.err
    assert served.git("for-each-ref") == before


def test_a_branch_beside_those_of_headpin_can_be_named(served: World) -> None:
    for name in ("headpin/mine", "environment/x", "mainly"):
        run(served.config, *PROMOTE, f"--branch={name}")
        assert served.git("show", "--format=", "--name-only", name) == "pins/staging/shop/cart.yaml"


# ── upstream ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def shared(served: World) -> World:
    """Beside it a bare repository, and two people's clones of it."""
    git("clone", "--quiet", "--bare", str(served.config), "up.git", cwd=served.folder)
    for name in ("ann", "bob"):
        git("clone", "--quiet", "up.git", name, cwd=served.folder)
    return served


def upstream(world: World, *arguments: str) -> str:
    return git(*arguments, cwd=world.folder / "up.git")


def with_hook(place: Path, text: str) -> None:
    hook = place / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{text}\n")
    hook.chmod(0o755)


def test_the_persons_own_hook_has_a_say_in_what_is_pushed(shared: World) -> None:
    ann = shared.folder / "ann"
    before = upstream(shared, "rev-parse", "main")
    with_hook(ann, "echo no pushes on Fridays; exit 1")
    done = run(ann, *PROMOTE, code=WORLD_FAILED)
    assert "pre-push hook" in done.err and "no pushes on Fridays" in done.err
    assert upstream(shared, "rev-parse", "main") == before == git("rev-parse", "main", cwd=ann)
    assert git("status", "--porcelain", cwd=ann) == ""
    with_hook(ann, "echo fine; cat > pushed")
    run(ann, *PROMOTE)
    assert upstream(shared, "rev-parse", "main^") == before
    assert "refs/heads/main" in (ann / "pushed").read_text()


# ── reports of several people ────────────────────────────────────────────────────────────────────


def report(place: Path, name: str, result: str, *more: str) -> None:
    run(place, "check", "set", "shop/cart", "--env", "dev", "--name", name, f"--{result}", *more)


def checks(place: Path) -> dict[str, str]:
    told = json.loads(run(place, "check", "list", "shop/cart", "--env", "dev", "--json").out)
    return {item["name"]: item["result"] for item in told["checks"]}


def upstream_reports(world: World) -> str:
    return upstream(world, "grep", "-h", "name", "headpin/evidence/dev")


def test_a_report_kept_back_here_and_one_of_a_colleague_are_both_kept(shared: World) -> None:
    ann, bob = shared.folder / "ann", shared.folder / "bob"
    report(ann, "evals", "failed", "--no-push")
    report(bob, "lint", "passed")
    theirs = upstream(shared, "rev-parse", "headpin/evidence/dev")
    git("fetch", "--quiet", cwd=ann)
    assert checks(ann) == {"evals": "failed", "lint": "passed"}, "what only one side knows is not hidden"
    report(ann, "load", "passed")
    assert checks(ann) == {"evals": "failed", "lint": "passed", "load": "passed"}
    upstream(shared, "merge-base", "--is-ancestor", theirs, "headpin/evidence/dev")
    told = upstream_reports(shared)
    assert all(name in told for name in ("evals", "lint", "load"))
    report(bob, "lint", "failed")
    assert checks(bob) == {"evals": "failed", "lint": "failed", "load": "passed"}
    git("fetch", "--quiet", cwd=ann)
    assert checks(ann) == checks(bob)


def test_a_report_kept_back_goes_along_with_the_same_one_again(shared: World) -> None:
    ann = shared.folder / "ann"
    run(ann, "health", "report", "shop/cart", "--env", "dev", "--version", "HEAD", "--healthy", "--no-push")
    kept = git("rev-parse", "headpin/evidence/dev", cwd=ann)
    run(ann, "health", "report", "shop/cart", "--env", "dev", "--version", "HEAD", "--healthy")
    assert upstream(shared, "rev-parse", "headpin/evidence/dev") == kept


def test_the_newest_result_of_a_check_wins_whoever_pushes_last(shared: World) -> None:
    ann, bob = shared.folder / "ann", shared.folder / "bob"
    report(ann, "evals", "passed")
    git("fetch", "--quiet", cwd=bob)
    report(bob, "evals", "failed", "--no-push")
    time.sleep(1.1)  # instants are kept in seconds
    report(ann, "evals", "passed")
    report(bob, "lint", "passed")
    assert checks(bob) == {"evals": "passed", "lint": "passed"}


def test_upstream_is_never_moved_backwards(shared: World) -> None:
    ann = shared.folder / "ann"
    git("commit", "--quiet", "--allow-empty", "-m", "Mine", cwd=ann)
    git("push", "--quiet", cwd=ann)
    new = Revision(git("rev-parse", "main", cwd=ann))
    for target in (git("rev-parse", "main^", cwd=ann), git("commit-tree", "-m", "Other", "main^{tree}", cwd=ann)):
        with pytest.raises(Conflict):
            Upstream(ann, "origin", "main").push(Revision(target), "main", new)
    assert upstream(shared, "rev-parse", "main") == new


AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def health(minute: int, *, healthy: bool, until: int | None = None) -> Health:
    end = AT + timedelta(minutes=until) if until is not None else None
    return Health(healthy, AT + timedelta(minutes=minute), end, "digest", 1, "Ann", "")


def test_health_reported_apart_counts_as_if_it_were_reported_in_the_order_of_time() -> None:
    ann = (health(0, healthy=True, until=5), health(5, healthy=False))
    bob = (health(0, healthy=True, until=3), health(3, healthy=False, until=7), health(7, healthy=True))
    merged = (health(0, healthy=True, until=3), health(3, healthy=False, until=7), health(7, healthy=True))
    assert merged_health(ann, bob) == merged_health(bob, ann) == merged
    assert merged_health(merged, ann) == merged
    assert merged_health((health(0, healthy=False),), (health(0, healthy=True),))[-1] == health(0, healthy=False)


# ── remotes by other names ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("others", [0, 1])
def test_a_clone_whose_remote_is_not_called_origin_goes_on_with_what_is_there(shared: World, others: int) -> None:
    report(shared.folder / "ann", "evals", "passed")
    git("clone", "--quiet", "--origin", "company", "up.git", "cleo", cwd=shared.folder)
    cleo = shared.folder / "cleo"
    for number in range(others):
        git("remote", "add", f"other{number}", str(shared.folder / "nowhere.git"), cwd=cleo)
    assert checks(cleo) == {"evals": "passed"}
    shared.push("cart")
    run(cleo, "reconcile")
    git("merge-base", "--is-ancestor", "company/env/dev", "env/dev", cwd=cleo)
    assert git("rev-list", "--count", "company/env/dev..env/dev", cwd=cleo) == "1"
    run(cleo, *PROMOTE)
    assert upstream(shared, "show", "--format=", "--name-only", "main") == "pins/staging/shop/cart.yaml"


def test_main_is_read_from_the_only_remote_whatever_its_name(shared: World) -> None:
    git("clone", "--quiet", "--origin", "company", "up.git", "cleo", cwd=shared.folder)
    cleo = shared.folder / "cleo"
    git("switch", "--quiet", "--create", "mine", cwd=cleo)
    git("branch", "--quiet", "-D", "main", cwd=cleo)
    assert "shop/cart" in run(cleo, "status").out


# ── pull requests ────────────────────────────────────────────────────────────────────────────────


def branch_of(place: Path) -> str:
    return git("for-each-ref", "--format=%(refname:short)", "refs/heads/headpin/promote", cwd=place)


@pytest.mark.parametrize("is_fetched", [True, False])
def test_what_a_colleague_added_to_the_pull_request_stays(shared: World, is_fetched: bool) -> None:
    ann, bob = shared.folder / "ann", shared.folder / "bob"
    run(ann, *PROMOTE, "--branch")
    name = branch_of(ann)
    git("fetch", "--quiet", cwd=bob)
    git("switch", "--quiet", name, cwd=bob)
    git("commit", "--quiet", "--allow-empty", "-m", "Fix", cwd=bob)
    git("push", "--quiet", cwd=bob)
    fixed = git("rev-parse", "HEAD", cwd=bob)
    if is_fetched:
        git("fetch", "--quiet", cwd=ann)
    done = run(ann, *PROMOTE, "--branch")
    assert "there already" in done.out and "committed" not in done.out
    assert upstream(shared, "rev-parse", name) == fixed
    git("branch", "--quiet", "-D", name, cwd=ann)
    assert "there already" in run(ann, *PROMOTE, "--branch").out
    assert upstream(shared, "rev-parse", name) == fixed


def test_a_branch_that_went_elsewhere_upstream_is_left_alone(shared: World) -> None:
    ann, bob = shared.folder / "ann", shared.folder / "bob"
    git("switch", "--quiet", "--create", "mine", cwd=bob)
    git("commit", "--quiet", "--allow-empty", "-m", "Bob's", cwd=bob)
    git("push", "--quiet", "origin", "mine", cwd=bob)
    before = upstream(shared, "rev-parse", "mine")
    done = run(ann, *PROMOTE, "--branch=mine", code=REFUSED)
    assert "is at origin already, and elsewhere" in done.err
    assert upstream(shared, "rev-parse", "mine") == before
    assert not git("branch", "--list", "mine", cwd=ann)


def test_a_branch_whose_push_failed_is_pushed_by_the_same_command(shared: World) -> None:
    ann = shared.folder / "ann"
    run(ann, *PROMOTE, "--branch", "--no-push")
    name = branch_of(ann)
    run(ann, *PROMOTE, "--branch")
    assert upstream(shared, "rev-parse", name) == git("rev-parse", name, cwd=ann)
    upstream(shared, "branch", "-D", name)
    run(ann, *PROMOTE, "--branch")
    assert upstream(shared, "rev-parse", name) == git("rev-parse", name, cwd=ann)


# ── commits that nobody pushed yet ───────────────────────────────────────────────────────────────


def test_what_else_of_main_is_published_is_told_before_and_after(shared: World) -> None:
    ann = shared.folder / "ann"
    git("commit", "--quiet", "--allow-empty", "-m", "Half done", cwd=ann)
    revision = git("rev-parse", "main", cwd=ann)
    line = f"also pushes: {revision[:7]} Half done"
    assert line in run(ann, *PROMOTE, "--dry-run").out
    assert line not in run(ann, *PROMOTE, "--dry-run", "--no-push").out
    told = json.loads(run(ann, *PROMOTE, "--dry-run", "--json").out)
    assert told["alsoPushes"] == [{"commit": revision, "subject": "Half done"}]
    assert line in run(ann, *PROMOTE).out
    assert upstream(shared, "rev-parse", "main^") == revision
    shared.push("cart")
    shared.settle()
    git("fetch", "--quiet", str(shared.config), "env/dev:env/dev", cwd=ann)
    assert "also pushes" not in run(ann, *PROMOTE).out


def test_who_is_asked_sees_what_else_is_published(shared: World) -> None:
    ann = shared.folder / "ann"
    git("commit", "--quiet", "--allow-empty", "-m", "Half done", cwd=ann)
    asked: list[Done] = []
    controller = Controller(Repository.open(ann), clock=shared.clock)
    wish = PromotionWish("staging")
    actor = Actor(controller, ("Ann", "ann@example.com"), confirm=lambda meant: bool(asked.append(meant)))
    with pytest.raises(Refused, match="not confirmed"):
        actor.act(to_promote(controller, [AgentPattern("shop", "cart")], wish))
    assert [commit.subject for commit in asked[0].along] == ["Half done"]


# ── several at once in one work tree ─────────────────────────────────────────────────────────────


def test_processes_in_one_work_tree_are_no_local_edits_to_one_another(served: World) -> None:
    run(served.config, *PROMOTE)
    served.settle()
    base = served.revision()
    command = [
        sys.executable,
        "-m",
        "headpin",
        "scale",
        "shop/cart",
        "--env",
        "staging",
        "--yes",
        "--max",
        "9",
        "--min",
    ]
    running = [
        subprocess.Popen(
            [*command, str(number)], cwd=served.config, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for number in (3, 4, 5, 6)
    ]
    for process, out, err in [(process, *process.communicate(timeout=120)) for process in running]:
        assert process.returncode == 0, f"{out}{err}"
    assert served.git("status", "--porcelain") == ""
    assert served.git("rev-list", "--count", f"{base}..main") == "4"


def test_edits_of_a_person_still_stop_everything(served: World) -> None:
    path = "pins/staging/shop/cart.yaml"
    served.write({path: "mine\n"})
    before = served.revision()
    done = run(served.config, *PROMOTE, code=WORLD_FAILED)
    assert "in the way" in done.err
    assert served.revision() == before and (served.config / path).read_text() == "mine\n"


# ── killed at any step ───────────────────────────────────────────────────────────────────────────

STEPS = (
    (TreeWriter, "blob"),
    (Repository, "commit_tree"),
    (Checkout, "check"),
    (Upstream, "push"),
    (Checkout, "follow"),
    (Repository, "move_ref"),
)


class Killed(BaseException):
    """Stands for the process being killed: nothing in headpin may catch it and tidy up."""


def killing(monkeypatch: pytest.MonkeyPatch, stop_at: int) -> list[str]:
    """Kills before step number `stop_at`, or after it for odd numbers; gives the steps that were begun.

    Whoever is killed does nothing more, so that no clause of tidying up counts: every step kills from then on.
    """
    begun: list[str] = []

    def dying(owner: type, name: str) -> None:
        real = getattr(owner, name)

        def step(*arguments: object, **named: object) -> object:
            begun.append(name)
            if len(begun) * 2 - 2 >= stop_at:
                raise Killed
            done = real(*arguments, **named)
            if len(begun) * 2 - 1 >= stop_at:
                raise Killed
            return done

        monkeypatch.setattr(owner, name, step)

    for owner, name in STEPS:
        dying(owner, name)
    return begun


@pytest.mark.parametrize("options", [(), ("--no-push",), ("--branch",)])
def test_killed_at_any_step_the_same_command_ends_in_the_right_state(
    shared: World, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    base = upstream(shared, "rev-parse", "main")
    seen: set[str] = set()
    stop_at = 0
    while True:
        place = shared.folder / f"try{stop_at}"
        upstream(shared, "update-ref", "refs/heads/main", base)
        for name in upstream(shared, "for-each-ref", "--format=%(refname)", "refs/heads/headpin/promote").split():
            upstream(shared, "update-ref", "-d", name)
        git("clone", "--quiet", "up.git", place.name, cwd=shared.folder)
        with monkeypatch.context() as patched:
            begun = killing(patched, stop_at)
            try:
                run(place, *PROMOTE, *options)
                break
            except Killed:
                seen.add(begun[stop_at // 2])
        run(place, *PROMOTE, *options)
        branch = branch_of(place) if "--branch" in options else "main"
        assert git("rev-list", "--count", f"{base}..{branch}", cwd=place) == "1", (stop_at, begun)
        assert git("show", "--format=", "--name-only", branch, cwd=place) == "pins/staging/shop/cart.yaml"
        assert git("status", "--porcelain", cwd=place) == "", (stop_at, begun)
        pushed = base if "--no-push" in options else git("rev-parse", branch, cwd=place)
        assert upstream(shared, "rev-parse", "main" if "--no-push" in options else branch) == pushed, (stop_at, begun)
        stop_at += 1
    assert seen == {name for _, name in STEPS} - ({"push"} if "--no-push" in options else set()) - (
        {"check", "follow"} if "--branch" in options else set()
    )
