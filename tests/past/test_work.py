"""Work in proportion to the answer: reads are counted, on branches of 900 and of 3,000 commits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from headpin.controller import Controller
from headpin.git import Repository
from headpin.status import Told, Wanted, read_at_revision, read_at_time, read_history, read_log
from headpin.types import AgentName, Revision
from tests.past.packed import START
from tests.world import git

ONE = AgentName("shop", "agent-1")


def reads(folder: Path, ask: Callable[[Controller], object]) -> int:
    """How many looks into the repository a question takes, in a process that knows nothing."""
    controller = Controller(Repository.open(folder))
    ask(controller)
    return controller.repository.reads.count


def at_minute(minute: float) -> Callable[[Controller], object]:
    return lambda controller: read_at_time(controller, START + timedelta(minutes=minute), "prod", ONE)


def test_at_reads_grow_with_the_logarithm_of_the_branch(short: Path, long: Path) -> None:
    small = max(reads(short, at_minute(minute)) for minute in range(5, 900, 21))
    large = max(reads(long, at_minute(minute)) for minute in range(5, 3000, 70))
    assert small <= 130 and large <= 170, (small, large)


@pytest.mark.parametrize("back", [1, 20, 250])
def test_at_a_revision_reads_as_far_back_as_it_is(long: Path, back: int) -> None:
    revision = Revision(git("rev-parse", f"main~{back}", cwd=long))
    report: list[str] = []

    def ask(controller: Controller) -> None:
        found = read_at_revision(controller, revision, "prod", ONE)
        report.extend(moment.commit.id for moment in found.moments if moment.commit)

    assert reads(long, ask) <= 200 + back
    (commit,) = report
    config = git("log", "-1", "--format=%(trailers:key=Headpin-Config,valueonly)", commit, cwd=long)
    assert config == revision
    later = git("rev-list", "--first-parent", "--reverse", f"{commit}..env/prod", cwd=long).splitlines()
    assert git("log", "-1", "--format=%(trailers:key=Headpin-Config,valueonly)", later[0], cwd=long) != revision


def test_the_log_of_twenty_reads_about_twenty_commits(short: Path, long: Path) -> None:
    told: list[Told] = []
    small, large = (
        reads(folder, lambda controller: told.append(read_log(controller, Wanted(), 20))) for folder in (short, long)
    )
    assert large - small <= 80 and large <= 520, (small, large)
    assert all(len(found.items) == 20 and found.more for found in told)
    numbers = [int(item.event.release.revision, 16) for item in told[1].items if item.event and item.event.release]
    assert numbers == [3000, 1000, 2999, 2998, 2997, 999, 2996, 2995, 2994, 998, *numbers[10:]]
    assert [item.environment for item in told[1].items[:6]] == ["prod", "dev", "prod", "prod", "prod", "dev"]


def test_the_log_up_to_an_instant_jumps_there(short: Path, long: Path) -> None:
    told: list[Told] = []
    until = START + timedelta(minutes=123)
    wanted = Wanted(environment="prod", until=until, since=until - timedelta(minutes=5))
    small, large = (
        reads(folder, lambda controller: told.append(read_log(controller, wanted))) for folder in (short, long)
    )
    assert large - small <= 80 and large <= 260, (small, large)
    assert [item.at for item in told[1].items] == [until - timedelta(minutes=minute) for minute in range(6)]
    assert not told[1].more


@pytest.mark.parametrize("environment", ["prod", "dev", None])
def test_the_history_of_twenty_is_read_from_the_newest_files(short: Path, long: Path, environment: str | None) -> None:
    told: list[Told] = []
    small, large = (
        reads(folder, lambda controller: told.append(read_history(controller, ONE, environment, 20)))
        for folder in (short, long)
    )
    assert large - small <= 40 and large <= 420, (small, large)
    newest = {"prod": [2991, 2981, 2971], "dev": [991, 981, 971]}.get(environment or "", [2991, 2981, 991])
    assert [item.subject for item in told[1].items[:3]] == [f"Subject {number}" for number in newest]
    assert len(told[1].items) == 20


def test_the_whole_history_is_every_event_once(long: Path) -> None:
    controller = Controller(Repository.open(long))
    for environment, newest in (("prod", 2991), ("dev", 991)):
        told = read_history(controller, ONE, environment)
        numbers = [int(item.event.release.revision, 16) for item in told.items if item.event and item.event.release]
        assert numbers == list(range(newest, 0, -10)), environment
    agents = Wanted(agent=ONE, environment="prod", since=START + timedelta(minutes=2960))
    assert len(read_log(controller, agents).items) == 4
