"""A daemon with an upstream: what it fetches, what it pushes, and what it does when others are there too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from headpin.controller import Controller
from headpin.controller.branches import RecordReader, read_branch
from headpin.daemon.mirror import REMOTE, mirror_of
from headpin.daemon.start import Plan, build
from headpin.git import Line, Repository, address_of
from tests.daemon.running import PATIENCE, Told, looping, make, until
from tests.test_automatic import STAGES as AFTER_A_WHILE
from tests.world import CART, World, git

AT_ONCE = AFTER_A_WHILE.replace("    gates: {soak: 10m}\n", "")


@dataclass
class Hub:
    """`place` is the bare repository that everybody pushes to; `world` is a person's clone of it."""

    folder: Path
    world: World
    place: Path

    def revision(self, branch: str) -> str:
        listed = git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}", cwd=self.place)
        return listed.strip()

    def version(self, environment: str) -> int:
        branch = read_branch(Repository.open_bare(self.place), environment, RecordReader())
        served = branch.record(CART).served
        return served.version if served else 0

    def commit(self, message: str, files: dict[str, str | bytes | None]) -> str:
        revision = self.world.commit(message, files)
        self.world.git("push", "--quiet", "origin", "main")
        return revision

    def promote(self, source: str, target: str) -> None:
        self.world.git("fetch", "--quiet", "origin", "+refs/heads/env/*:refs/heads/env/*")
        self.world.promote(source, target)
        self.world.git("push", "--quiet", "origin", "main")

    def mirror(self, name: str = "state") -> tuple[Controller, Line]:
        state = self.folder / name
        state.mkdir(exist_ok=True)
        if not (state / "sources").exists():
            (state / "sources").symlink_to(self.world.sources)
        address = address_of(str(self.place), self.folder)
        assert not isinstance(address, str)
        repository = mirror_of(state, address)
        return Controller(repository), Line(repository.git_dir, REMOTE, address=address)

    def daemon(self, name: str = "state", *, protected: bool = False):
        controller, line = self.mirror(name)
        loop, told = make(controller.repository.git_dir, line=line, protected=protected, controller=controller)
        return _Daemon(looping(loop), told)


@dataclass
class _Daemon:
    block: object
    told: Told

    def __enter__(self) -> Told:
        self.block.__enter__()  # type: ignore[attr-defined]
        return self.told

    def __exit__(self, *said: object) -> None:
        self.block.__exit__(*said)  # type: ignore[attr-defined]


@pytest.fixture
def hub(world: World, tmp_path: Path) -> Iterator[Hub]:
    place = tmp_path / "hub.git"
    git("init", "--quiet", "--bare", "--initial-branch=main", str(place), cwd=tmp_path)
    world.git("remote", "add", "origin", str(place))
    world.git("push", "--quiet", "--set-upstream", "origin", "main")
    yield Hub(tmp_path, world, place)
    git("fsck", "--no-dangling", cwd=place)


def test_a_mirror_follows_main_and_publishes_environments(hub: Hub) -> None:
    with hub.daemon() as told:
        until(lambda: hub.revision("env/prod"))
        hub.promote("dev", "staging")
        until(lambda: hub.version("staging") == 1)
        hub.promote("staging", "prod")
        until(lambda: hub.version("prod") == 1)
    assert not told.failures and not told.conflicts
    assert {kind for kind, result in told.operations if result == "ok"} >= {"fetch", "push"}


def test_the_first_fetch_of_all_may_take_longer_than_others(hub: Hub) -> None:
    controller, line = hub.mirror("new")
    line.seconds = 0.001
    told = Told()
    exchange = build(controller, Plan(telemetry=told), line).exchange
    exchange.refresh(now=0, at_once=True)
    assert controller.repository.ref("refs/remotes/origin/main") == hub.revision("main")
    exchange.refresh(now=100, at_once=True)
    assert told.operations == [("fetch", "ok"), ("fetch", "timeout")]


def test_environment_branches_that_others_changed_upstream_are_put_right(hub: Hub) -> None:
    with hub.daemon():
        until(lambda: hub.revision("env/prod"))
        hub.promote("dev", "staging")
        until(lambda: hub.version("staging") == 1)
        tip = hub.revision("env/staging")
        git("update-ref", "-d", "refs/heads/env/staging", cwd=hub.place)
        until(lambda: hub.revision("env/staging") == tip)
        git("update-ref", "refs/heads/env/staging", f"{tip}~1", cwd=hub.place)
        until(lambda: hub.revision("env/staging") == tip)
        foreign = git("commit-tree", "-p", tip, "-m", "mine", f"{tip}~1^{{tree}}", cwd=hub.place)
        git("update-ref", "refs/heads/env/staging", foreign, cwd=hub.place)
        until(lambda: hub.revision("env/staging") not in (tip, foreign))
        assert git("rev-parse", "env/staging~1", cwd=hub.place) == foreign
        tip = hub.revision("env/staging")
        other = git("commit-tree", "-m", "another history", f"{tip}^{{tree}}", cwd=hub.place)
        git("update-ref", "refs/heads/env/staging", other, cwd=hub.place)
        until(lambda: tip in git("rev-list", "env/staging", cwd=hub.place).split())
    assert other in git("rev-list", "env/staging", cwd=hub.place).split()
    assert hub.version("staging") == 1


def test_two_daemons_converge(hub: Hub) -> None:
    with hub.daemon("one") as one, hub.daemon("other") as other:
        until(lambda: hub.revision("env/prod"))
        hub.promote("dev", "staging")
        until(lambda: hub.version("staging") == 1)
        revision = hub.world.push("cart")
        until(lambda: _served(hub, "dev") == revision)
        hub.promote("dev", "staging")
        until(lambda: hub.version("staging") == 2)
    assert not one.failures and not other.failures
    events = read_branch(Repository.open_bare(hub.place), "staging", RecordReader()).events(CART)
    assert [(event.kind.value, event.version) for event in events] == [("promoted", 1), ("promoted", 2)]


def _served(hub: Hub, environment: str) -> str:
    served = read_branch(Repository.open_bare(hub.place), environment, RecordReader()).record(CART).served
    return served.release.revision if served else ""


def test_a_push_that_is_refused_concerns_its_environment_alone_and_is_tried_again(hub: Hub) -> None:
    hook = hub.place / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/heads/env/staging) echo closed >&2; exit 1;; esac\n')
    hook.chmod(0o755)
    with hub.daemon() as told:
        until(lambda: hub.revision("env/prod") and hub.revision("env/dev"))
        until(lambda: any(environment == "staging" for environment, _, _ in told.failures))
        assert not hub.revision("env/staging")
        pushes = [result for kind, result in told.operations if kind == "push"].count("refused")
        assert pushes <= 4
        hook.unlink()
        until(lambda: hub.revision("env/staging"))


def test_an_outage_costs_nothing_but_time(hub: Hub) -> None:
    away = hub.folder / "away"
    with hub.daemon() as told:
        until(lambda: hub.revision("env/prod"))
        hub.place.rename(away)
        until(lambda: ("fetch", "unreachable") in told.operations)
        revision = hub.world.push("cart")
        until(lambda: any(kind == "push" and result == "unreachable" for kind, result in told.operations))
        before = len(told.operations)
        away.rename(hub.place)
        until(lambda: _served(hub, "dev") == revision)
    assert before < 60


def test_automatic_promotions_are_pushed_to_main(hub: Hub) -> None:
    hub.commit("Automatic", {"pipelines/standard.yaml": AT_ONCE})
    with hub.daemon() as told:
        until(lambda: hub.version("staging") == 1)
    assert "Promote shop/cart to staging" in git("log", "-1", "--format=%s", "main", cwd=hub.place)
    assert not told.failures


def test_an_automatic_promotion_is_made_when_what_it_waited_for_could_be_pushed_at_last(hub: Hub) -> None:
    hub.commit("Automatic", {"pipelines/standard.yaml": AT_ONCE})
    hook = hub.place / "hooks" / "update"
    hook.write_text('#!/bin/sh\ncase "$1" in refs/heads/env/dev) echo no; exit 1;; esac\n')
    hook.chmod(0o755)
    with hub.daemon() as told:
        until(lambda: told.failures)
        hook.unlink()
        until(lambda: hub.version("staging") == 1)


def test_where_main_is_protected_a_branch_says_what_would_be_promoted(hub: Hub) -> None:
    hub.commit("Automatic", {"pipelines/standard.yaml": AT_ONCE})
    branch = "headpin/promote/staging"
    with hub.daemon(protected=True):
        until(lambda: hub.revision(branch))
        first = hub.revision(branch)
        hub.commit("Elsewhere", {"README.md": "more\n"})
        until(lambda: hub.revision("env/dev"))
        hub.world.push("cart")
        until(lambda: hub.revision(branch) != first)
        assert git("rev-parse", "main", cwd=hub.place) == git("rev-parse", f"{branch}~1", cwd=hub.place)
        git("update-ref", "refs/heads/main", hub.revision(branch), cwd=hub.place)
        until(lambda: not hub.revision(branch))
        until(lambda: hub.version("staging") == 1)


def test_what_is_proposed_stays_while_an_earlier_stage_cannot_be_pushed(hub: Hub) -> None:
    hub.commit("Automatic", {"pipelines/standard.yaml": AT_ONCE})
    branch = "headpin/promote/staging"
    hook = hub.place / "hooks" / "update"
    with hub.daemon(protected=True) as told:
        until(lambda: hub.revision(branch))
        first = hub.revision(branch)
        hook.write_text('#!/bin/sh\ncase "$1" in refs/heads/env/dev) echo no; exit 1;; esac\n')
        hook.chmod(0o755)
        hub.world.push("cart")
        until(lambda: told.failures)
        passes = len(told.passes)
        hub.commit("Elsewhere", {"README.md": "more\n"})
        until(lambda: len(told.passes) > passes)
        assert hub.revision(branch) == first
        hook.unlink()
        until(lambda: hub.revision(branch) not in ("", first))


def test_a_mirror_that_is_deleted_is_made_anew(hub: Hub) -> None:
    with hub.daemon() as told:
        until(lambda: hub.revision("env/prod"))
    tips = git("for-each-ref", cwd=hub.place)
    with hub.daemon("another") as told:
        until(lambda: told.passes, PATIENCE)
    assert git("for-each-ref", cwd=hub.place) == tips
