"""The numbered chain on an environment's branch: found fast, and never believed where it is wrong."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from headpin.controller.past import BACK_TRAILER, NUMBER_TRAILER, Past, back_number, number_of, past_of
from headpin.errors import HistoryMissing
from headpin.git import CommitInfo, Repository, Signature
from headpin.types import TreeId
from tests.past.long_branch import LongBranch, at_minute
from tests.world import git


def by_hand(folder: Path, branch: str) -> list[tuple[str, int, bool]]:
    """Every commit of a branch, oldest first, as git tells: its id, its time, and whether headpin made it."""
    listed = git(
        "log", "--first-parent", "--reverse", "--format=%H %ct %T %(trailers:key=Headpin-Tree,valueonly,separator=)",
        branch, cwd=folder,
    )  # fmt: skip
    rows = [line.split(" ") for line in listed.splitlines()]
    return [(row[0], int(row[1]), row[2] == row[3]) for row in rows]


def own_by_hand(rows: list[tuple[str, int, bool]], at: datetime) -> str | None:
    """The last own commit at or below the last one up to which no time is later."""
    found = None
    for identity, seconds, is_own in rows:
        if seconds > at.timestamp():
            return found
        found = identity if is_own else found
    return found


def test_back_numbers_are_those_of_skew_binary_jump_pointers() -> None:
    jumps = [0]
    for depth in range(1, 5000):
        parent = depth - 1
        one, two = jumps[parent], jumps[jumps[parent]]
        jumps.append(two if parent - one == one - two else parent)
        assert back_number(depth + 1) == jumps[depth] + 1
    assert back_number(1) == 0


@pytest.fixture(scope="module")
def skewed(tmp_path_factory: pytest.TempPathFactory) -> LongBranch:
    """A branch whose controllers' clocks jump about, with foreign commits of wild dates in between."""
    made = LongBranch.create(tmp_path_factory.mktemp("skewed") / "config")
    chance = random.Random(4)
    branch = made.branch("prod")
    for number in range(300):
        now = at_minute(number + chance.choice([0, 0, 0, -500, 40]))
        made.commit(branch, now, {"note": f"{number}".encode()})
        if chance.random() < 0.1:
            times = [at_minute(number + chance.uniform(-900, 60)) for _ in range(chance.randint(1, 3))]
            made.meddle("prod", times)
            branch = made.branch("prod")
    return made


def test_numbers_and_pointers_are_on_every_own_commit_and_times_never_go_back(skewed: LongBranch) -> None:
    past = past_of(skewed.repository, skewed.branch("prod"))
    assert past is not None
    own = list(past.commits())[::-1]
    assert [number_of(commit) for commit in own] == list(range(1, 301))
    for commit in own[1:]:
        assert commit.trailers[BACK_TRAILER] == own[back_number(number_of(commit)) - 1].id
    assert BACK_TRAILER not in own[0].trailers
    rows = by_hand(skewed.repository.place, "env/prod")
    latest = 0
    for _, seconds, is_own in rows:
        latest = max(latest, seconds)
        assert not is_own or seconds == latest


def test_a_search_by_time_finds_what_a_walk_finds(skewed: LongBranch) -> None:
    past, rows = past_of(skewed.repository, skewed.branch("prod")), by_hand(skewed.repository.place, "env/prod")
    assert past is not None
    for minute in range(-20, 420, 2):
        found = past.at_time(at_minute(minute))
        assert (found.id if found else None) == own_by_hand(rows, at_minute(minute)), minute


def test_a_search_by_number_or_by_a_test_finds_every_commit(skewed: LongBranch) -> None:
    past = past_of(skewed.repository, skewed.branch("prod"))
    assert past is not None
    for number in range(1, 301):
        found, other = past.numbered(number), past.last(lambda commit, most=number: number_of(commit) <= most)  # type: ignore[misc]
        assert found is not None and found == other and number_of(found) == number
    assert past.numbered(0) is None and past.numbered(301) is None
    assert past.last(lambda commit: False) is None


class Rewritten:
    """The same branch with some commits written otherwise, message and time."""

    def __init__(self, made: LongBranch) -> None:
        self.repository = made.repository
        branch = made.branch("prod")
        assert branch.tip is not None
        self.old = list(made.repository.first_parents(branch.tip.id))[::-1]
        self.tip: CommitInfo | None = None

    def add(self, commit: CommitInfo, message: str, at: datetime, tree: TreeId | None = None) -> None:
        """One commit more."""
        who = Signature(commit.committer.name, commit.committer.email, at)
        parents = [self.tip.id] if self.tip else []
        made = self.repository.commit_tree(tree or commit.tree, parents, message, who, who)
        self.tip = self.repository.commit(made)

    def past(self) -> Past:
        """The past from the last commit."""
        assert self.tip is not None
        return Past(self.repository, self.tip)

    def rows(self) -> list[tuple[str, int, bool]]:
        """As git tells."""
        assert self.tip is not None
        return by_hand(self.repository.place, self.tip.id)


def without_links(message: str) -> str:
    lines = [line for line in message.splitlines() if not line.startswith((NUMBER_TRAILER, BACK_TRAILER))]
    return "\n".join(lines) + "\n"


def test_where_older_versions_wrote_no_numbers_the_answer_is_the_same(skewed: LongBranch) -> None:
    rewritten, chance = Rewritten(skewed), random.Random(1)
    for commit in rewritten.old:  # as older versions did: never before the tip, whatever was further down
        tip = rewritten.tip
        at = commit.committer.at if "Headpin" not in commit.message or tip is None else tip.committer.at
        rewritten.add(commit, without_links(commit.message), at + timedelta(minutes=chance.choice([0, 1, 2])))
    past, rows = rewritten.past(), rewritten.rows()
    for minute in range(-20, 500, 5):
        found = past.at_time(at_minute(minute))
        assert (found.id if found else None) == own_by_hand(rows, at_minute(minute)), minute
    assert past.count() == 300


def test_a_branch_of_an_older_version_is_counted_once_and_numbered_from_then_on(tmp_path: Path) -> None:
    made = LongBranch.create(tmp_path / "config")
    branch = made.branch("prod")
    for number in range(20):
        made.commit(branch, at_minute(number), {"note": f"{number}".encode()})
    rewritten = Rewritten(made)
    for commit in rewritten.old:
        rewritten.add(commit, without_links(commit.message), commit.committer.at)
    assert rewritten.tip is not None
    made.raw.references.create("refs/heads/env/prod", rewritten.tip.id, force=True)
    made.meddle("prod", [at_minute(500), at_minute(3)])
    branch = made.branch("prod")
    for number in range(20, 60):
        made.commit(branch, at_minute(number), {"note": f"{number}".encode()})
    past = past_of(made.repository, made.branch("prod"))
    assert past is not None and number_of(past.newest) == 60
    assert past.newest.committer.at == at_minute(500)
    rows = by_hand(made.repository.place, "env/prod")
    for minute in range(-2, 505, 3):
        found = past.at_time(at_minute(minute))
        assert (found.id if found else None) == own_by_hand(rows, at_minute(minute)), minute
    assert past.numbered(45) is not None


@pytest.mark.parametrize("lie", ["number", "back", "gone", "copied"])
def test_pointers_and_numbers_that_lie_change_no_answer(skewed: LongBranch, lie: str) -> None:
    """Wrong in every fifth own commit, all the way down."""
    rewritten = Rewritten(skewed)
    own: list[CommitInfo] = []
    for place, commit in enumerate(rewritten.old):
        message = commit.message
        if "Headpin-Tree" in message:
            back = back_number(len(own) + 1)
            named = own[back - 1].id if back else ""
            number = str(len(own) + 1)
            if place % 5 == 0 and lie == "number":
                number = str(len(own) + 3)
            if place % 5 == 0 and lie == "back" and own:
                named = own[len(own) // 2].id
            if place % 5 == 0 and lie == "gone":
                named = "1" * 40
            links = f"{NUMBER_TRAILER}: {number}\n" + (f"{BACK_TRAILER}: {named}\n" if named else "")
            message = without_links(message).replace("Headpin-Tree", f"{links}Headpin-Tree")
        rewritten.add(commit, message, commit.committer.at)
        if "Headpin-Tree" in message and rewritten.tip is not None:
            own.append(rewritten.tip)
            if place % 5 == 0 and lie == "copied":  # 'git commit --allow-empty -C', with a date of long ago
                rewritten.add(commit, message, at_minute(-50))
                own.append(rewritten.tip)
    past, rows = rewritten.past(), rewritten.rows()
    for minute in range(-20, 420, 20):
        found = past.at_time(at_minute(minute))
        assert (found.id if found else None) == own_by_hand(rows, at_minute(minute)), minute


def test_a_shallow_clone_finds_what_it_has_and_says_what_it_has_not(skewed: LongBranch, tmp_path: Path) -> None:
    address = f"file://{skewed.repository.place}"
    git("clone", "--quiet", "--bare", "--depth=30", "--no-single-branch", address, "shallow", cwd=tmp_path)
    repository = Repository.open(tmp_path / "shallow")
    rows = by_hand(skewed.repository.place, "env/prod")
    tip = skewed.branch("prod").own
    assert tip is not None
    past = Past(repository, repository.commit(tip.id))
    found, missing = 0, 0
    for minute in range(-20, 420, 2):
        try:
            commit = past.at_time(at_minute(minute))
        except HistoryMissing as error:
            assert "unshallow" in error.remedy
            missing += 1
            continue
        assert (commit.id if commit else None) == own_by_hand(rows, at_minute(minute)), minute
        found += 1
    assert found > 5 and missing > 5
    with pytest.raises(HistoryMissing, match="shallow"):
        list(past.commits())


def test_the_trailers_are_ordinary_ones_that_git_reads(skewed: LongBranch) -> None:
    own = skewed.branch("prod").own
    assert own is not None
    told = git("log", "-1", "--format=%(trailers:key=Headpin-Number,valueonly)", own.id, cwd=skewed.repository.place)
    assert told == "300"
