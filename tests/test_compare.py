"""`headpin compare`: what two environments serve differently, and which is ahead by which source commits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from headpin.errors import HistoryMissing
from headpin.git import Repository, between
from headpin.types import Revision
from tests.inprocess import Ran, headpin
from tests.world import AGENT, CART, SMALL, World, git

TEXT = AGENT.format(name="cart")
AGENT_FILE = "projects/shop/agents/cart/agent.yaml"
TILL_FILE = "projects/shop/agents/till/agent.yaml"
CANARY = "c4N4rY-pw"


def compared(world: World, *arguments: str, cwd: Path | None = None) -> dict[str, Any]:
    """The machine form of a comparison that has to work."""
    found = headpin("compare", *arguments, "--json", cwd=cwd or world.config)
    assert found.code == 0, found
    value = json.loads(found.out)
    assert isinstance(value, dict)
    return value


def cart(world: World, *arguments: str, cwd: Path | None = None) -> dict[str, Any]:
    """What is told of cart."""
    return next(item for item in compared(world, *arguments, cwd=cwd)["agents"] if item["agent"] == "shop/cart")


def keys(differences: list[dict[str, Any]]) -> dict[str, tuple[str | None, str | None]]:
    """The two sides by key."""
    return {item["key"]: (item["one"], item["other"]) for item in differences}


@pytest.fixture(scope="module")
def different(tmp_path_factory: pytest.TempPathFactory) -> World:
    """prod: cart at v1, and till; staging: cart three source commits later, with other settings of every kind."""
    folder = tmp_path_factory.mktemp("different")
    world = World(folder)
    for name in ("cart", "till"):
        world.push(name)
    files = {**SMALL, TILL_FILE: AGENT.format(name="till")}
    files |= {"projects/shop/agents/cart/prod.yaml": "variables: {SIZE: small}\n"}
    world.commit("Start", files)
    world.settle()
    for source, target in (("dev", "staging"), ("staging", "prod")):
        for agent in world.branch("dev").agents():
            world.promote(source, target, agent)
        world.settle()
    world.commit("No till in staging", {"pins/staging/shop/till.yaml": None})
    for number in range(3):
        world.push("cart", message=f"Source {number}")
    shared = TEXT.replace("info", "debug").replace("port: 8080", "port: 9090")
    shared += "secrets:\n  TOKEN: {name: cart, key: token}\nfiles:\n  /etc/cart/a.txt: {text: hello}\n"
    world.commit("Shared", {AGENT_FILE: shared})
    world.settle()
    world.promote("dev", "staging")
    world.commit(
        "Own",
        {
            "environments/staging.yaml": "variables: {PLACE: staging}\nscaling: {targetCPU: 60}\n",
            "environments/prod.yaml": "production: true\nvariables: {PLACE: prod}\n",
            "projects/shop/agents/cart/staging.yaml": "scaling: {minReplicas: 3}\nvariables: {SIZE: large}\n",
        },
    )
    world.settle()
    return world


def test_every_kind_of_difference_is_told_key_by_key(different: World) -> None:
    found = cart(different, "staging", "prod")
    assert found["differs"] == ["release", "shared settings", "own settings", "pods"]
    assert list(keys(found["release"])) == ["revision", "image", "settings"]
    digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824, 5 bytes"
    assert keys(found["sharedSettings"]) == {
        "variables.LOG_LEVEL": ("debug", "info"),
        "secrets.TOKEN": ("secret cart, key token", None),
        "files./etc/cart/a.txt": (digest, None),
        "ports": (
            '[{"name": "http", "port": 9090, "servicePort": null, "protocol": "TCP"}]',
            '[{"name": "http", "port": 8080, "servicePort": null, "protocol": "TCP"}]',
        ),
    }
    assert keys(found["ownSettings"]) == {
        "scaling.minReplicas": ("3", None),
        "scaling.targetCPU": ("60", None),
        "variables.PLACE": ("staging", "prod"),
        "variables.SIZE": ("large", "small"),
    }
    assert keys(found["pods"]) == {"minReplicas": ("3", "1"), "maxReplicas": ("3", "1"), "targetCPU": ("60", "80")}
    assert [item["key"] for item in found["pods"] if item["general"]] == ["targetCPU"]
    places = {item["key"]: (item["oneAt"], item["otherAt"]) for item in found["ownSettings"]}
    assert places["variables.SIZE"] == ("projects/shop/agents/cart/staging.yaml", "projects/shop/agents/cart/prod.yaml")


def test_what_the_environments_say_for_everything_is_told_once_and_is_no_agents_difference(different: World) -> None:
    found = compared(different, "staging", "prod")
    told = [(item["key"], item["agents"]) for item in found["general"]]
    assert told == [("scaling.targetCPU", 1), ("variables.PLACE", 1)]
    general = {item["key"]: item["general"] for item in cart(different, "staging", "prod")["ownSettings"]}
    assert {key for key, is_general in general.items() if is_general} == {"scaling.targetCPU", "variables.PLACE"}


def test_what_is_served_on_one_side_only_is_told(different: World) -> None:
    found = {item["agent"]: item for item in compared(different, "staging", "prod")["agents"]}
    till = found["shop/till"]
    assert (till["differs"], till["one"], till["other"]["version"]) == (["presence"], None, 1)


def test_equal_agents_are_counted_and_listed_when_asked_for(different: World) -> None:
    found = compared(different, "dev", "prod")
    assert (found["equal"], [item["agent"] for item in found["agents"]]) == (1, ["shop/cart"])
    everything = compared(different, "dev", "prod", "--all")
    assert [item["agent"] for item in everything["agents"]] == ["shop/cart", "shop/till"]
    table = headpin("compare", "dev", "prod", cwd=different.config).out
    assert "shop/till" not in table and "1 agent of 2 differ; 1 equal" in table
    assert "1 agent: no difference" in headpin("compare", "dev", "prod", "shop/till", cwd=different.config).out


@pytest.mark.parametrize(("one", "other", "relation"), [("staging", "prod", "ahead"), ("prod", "dev", "behind")])
def test_which_is_ahead_agrees_with_git(different: World, one: str, other: str, relation: str) -> None:
    source = cart(different, one, other)["source"]
    revisions = []
    for environment in (one, other):
        served = different.record(environment).served
        assert served is not None
        revisions.append(served.release.revision)
    counts = git("rev-list", "--left-right", "--count", "...".join(revisions), cwd=different.sources / "cart").split()
    assert (source["relation"], source["ahead"], source["behind"]) == (relation, *map(int, counts))
    told = source["onlyOne"] or source["onlyOther"]
    assert [commit["subject"] for commit in told] == ["Source 2", "Source 1", "Source 0"]
    assert all(commit["person"] == "Test Person <test.person@example.com>" for commit in told)


def test_people_are_told_who_is_ahead_in_words_and_the_rest_is_counted(different: World) -> None:
    found = headpin("compare", "staging", "prod", "shop/cart", "--limit", "1", cwd=different.config).out
    assert "staging is ahead of prod by 3 commits" in found
    assert "Test Person: Source 2" in found and "Source 1" not in found and "… and 2 more in staging" in found
    assert (
        "prod is behind staging by 3 commits"
        in headpin("compare", "prod", "staging", "-o", "wide", cwd=different.config).out
    )


def test_a_difference_is_no_problem_unless_that_is_asked(different: World) -> None:
    def code(*arguments: str) -> int:
        return headpin("compare", *arguments, cwd=different.config).code

    assert code("staging", "prod") == 0
    assert code("staging", "prod", "--exit-code") == 1
    assert code("prod", "prod", "--exit-code") == 0


def test_one_environment_at_two_times_or_two_commits(different: World) -> None:
    commits = different.git("log", "--first-parent", "--reverse", "--format=%H %cI", "env/prod").splitlines()
    first = next(
        line.split() for line in commits if "deployments" in different.git("ls-tree", "--name-only", line.split()[0])
    )
    last = commits[-1].split()
    by_commit = compared(different, f"prod@{first[0][:8]}", "prod")
    by_time = compared(different, f"prod@{first[1]}", f"prod@{last[1]}")
    assert by_commit["one"]["commit"] == by_time["one"]["commit"] == first[0]
    assert by_commit["agents"] == by_time["agents"]
    assert [(item["key"], item["one"], item["other"]) for item in by_time["general"]] == [
        ("variables.PLACE", None, "prod")
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("prod", "prd"), "did you mean prod?"),
        (("prod@yesterday", "prod"), "neither a time nor a commit"),
        (("prod@0123456789", "prod"), "is neither a time nor a commit"),
        (("staging", "prod", "shop/crt"), "did you mean shop/cart?"),
        (("staging", "prod", "shp/*"), "did you mean shop/*?"),
    ],
)
def test_what_does_not_exist_is_wrong_use(different: World, arguments: tuple[str, ...], said: str) -> None:
    found = headpin("compare", *arguments, cwd=different.config)
    assert found.code == 2 and said in found.err, found


def test_a_time_before_everything_is_refused_as_at_refuses_it(different: World) -> None:
    for command in (("compare", "prod@2001-01-01", "prod"), ("at", "2001-01-01", "--env", "prod")):
        found = headpin(*command, cwd=different.config)
        assert found.code == 1 and "did not exist yet" in found.err, found


def test_a_commit_of_another_environment_is_told_to_be_that(different: World) -> None:
    tip = different.git("rev-parse", "env/prod")
    found = headpin("compare", "staging@env/prod", "prod", cwd=different.config)
    assert found.code == 2 and f"{tip} is a commit of env/prod, not of env/staging" in found.err


def test_a_moment_is_written_as_git_prints_it_too(different: World) -> None:
    printed = different.git("log", "-1", "--format=%ci", "env/prod")
    assert compared(different, f"prod@{printed}", "prod")["one"]["commit"] == different.git("rev-parse", "env/prod")


def test_an_expression_is_no_moment_and_the_remedy_says_what_is(different: World) -> None:
    for command in (("compare", "prod@main@{1}", "prod"), ("at", "main@{1}")):
        found = headpin(*command, cwd=different.config)
        assert found.code == 2 and "the id of a commit, a branch, a tag, or steps from one, as main~2" in found.err, (
            found
        )


def test_a_mirror_says_the_same(different: World) -> None:
    mirror = different.folder / "mirror.git"
    git("clone", "--quiet", "--mirror", str(different.config), str(mirror), cwd=different.folder)
    assert compared(different, "staging", "prod", cwd=mirror) == compared(different, "staging", "prod")


def test_offline_nobody_is_asked_and_the_rest_is_answered(different: World) -> None:
    clone = different.folder / "offline.git"
    git("clone", "--quiet", "--mirror", str(different.config), str(clone), cwd=different.folder)
    found = cart(different, "staging", "prod", "--offline", cwd=clone)
    assert found["source"]["relation"] == "unknown" and "nothing was fetched yet" in found["source"]["trouble"]
    assert found["differs"] == ["release", "shared settings", "own settings", "pods"]
    assert not (clone / "headpin").exists()
    assert cart(different, "staging", "prod", cwd=clone)["source"]["ahead"] == 3
    assert cart(different, "staging", "prod", "--offline", cwd=clone)["source"]["ahead"] == 3  # it was fetched by now


def test_a_silent_source_is_told_and_the_rest_is_answered(different: World) -> None:
    place = different.folder / "elsewhere" / "config.git"
    git("clone", "--quiet", "--mirror", str(different.config), str(place), cwd=different.folder)
    found = cart(different, "staging", "prod", cwd=place)
    assert found["source"]["relation"] == "unknown" and found["source"]["trouble"]
    assert found["sharedSettings"] and found["ownSettings"]
    table = headpin("compare", "staging", "prod", cwd=place)
    assert table.code == 0 and "shop/cart: which is ahead is not known" in table.out


def test_a_shallow_clone_says_what_it_cannot_know(different: World) -> None:
    clone = different.folder / "shallow"
    git(
        *("clone", "--quiet", "--depth=1", "--no-single-branch"),
        *(f"file://{different.config}", str(clone)),
        cwd=different.folder,
    )
    found = cart(different, "staging", "prod", cwd=clone)
    assert keys(found["release"]) == keys(cart(different, "staging", "prod")["release"])
    early = headpin("compare", "prod@2026-01-05T09:05", "prod", cwd=clone)
    assert early.code == 3 and "--unshallow" in early.err


def test_what_a_shallow_clone_cannot_compare_is_unknown_and_not_a_difference(different: World, tmp_path: Path) -> None:
    mirror, clone = tmp_path / "mirror.git", tmp_path / "shallow"
    git("clone", "--quiet", "--mirror", str(different.config), str(mirror), cwd=tmp_path)
    later = git("commit-tree", "-p", "main", "-m", "Later", "main^{tree}", cwd=mirror)
    git("update-ref", "refs/heads/main", later, cwd=mirror)  # what is applied is not in the clone
    git("clone", "--quiet", "--depth=1", "--no-single-branch", f"file://{mirror}", str(clone), cwd=tmp_path)
    told = headpin("compare", "staging", "prod", "--exit-code", cwd=clone)
    assert told.code == 3, told
    assert "release, shared settings, pods, unknown" in told.out and "run 'git fetch --unshallow'" in told.out
    same = headpin("compare", "prod", "prod", "shop/cart", cwd=clone)
    assert same.code == 3 and "0 agents of 1 differ; 0 equal; 1 unknown" in same.out, same


def test_an_edit_that_waits_behind_a_closed_gate_is_not_what_is_served(running: World) -> None:
    running.push("cart")
    running.settle()
    running.promote("dev", "prod")  # it never ran in staging: blocked
    running.settle()
    own = "scaling: {minReplicas: 4}\nvariables: {WAITS: behind}\n"
    running.commit("Own", {"projects/shop/agents/cart/prod.yaml": own})
    running.settle()
    found = cart(running, "prod", "staging")
    assert found["one"]["hold"]["reason"] == "Blocked"
    assert keys(found["ownSettings"]) == {"scaling.minReplicas": ("4", None)}
    assert (found["differs"], keys(found["pods"])["minReplicas"]) == (["own settings", "pods"], ("4", "1"))
    running.commit("Stop", {"projects/shop/agents/cart/prod.yaml": own + "stopped: true\n"})
    running.settle()
    stopped = cart(running, "prod", "staging")
    assert keys(stopped["pods"])["status"] == ("Stopped", "Deployed")
    assert keys(stopped["ownSettings"])["stopped"] == ("true", None)


def test_what_a_terminal_would_obey_and_what_opens_something_is_never_printed(world: World) -> None:
    world.commit("Credentials", {AGENT_FILE: TEXT.replace("../sources/cart", f'"file://{world.sources}/cart"')})
    world.settle()
    world.promote("dev", "staging")
    world.settle()
    world.push("cart", message=f"Bell \x07 and \x1b[31m https://robin:{CANARY}@example.com/x")
    world.commit("Shared", {AGENT_FILE: TEXT.replace("info", '"\\e[2J"') + 'description: "\\u202eturned"\n'})
    world.settle()
    shown: list[Ran] = [
        headpin("compare", "dev", "staging", *rest, cwd=world.config) for rest in ((), ("-o", "wide"), ("--json",))
    ]
    assert all(found.code == 0 for found in shown)
    everything = "".join(found.out + found.err for found in shown)
    assert CANARY not in everything
    assert not {"\x07", "\x1b", "\u202e"} & set("".join(found.out for found in shown[:2]))
    assert "variables.LOG_LEVEL" in shown[1].out and "source moved" in shown[1].out


def test_an_agent_of_this_repository_counts_the_commits_of_its_folder(world: World) -> None:
    text = TEXT.replace("../sources/cart", ".\n  path: apps/page")
    world.commit("Page", {AGENT_FILE: text, "apps/page/index.html": "1\n"})
    world.settle()
    world.promote("dev", "staging")
    world.settle()
    world.commit("Elsewhere", {"README.md": "x\n"})
    world.git("checkout", "--quiet", "-b", "side")
    world.commit("On a branch", {"apps/page/index.html": "2\n"})
    world.git("checkout", "--quiet", "main")
    world.commit("Meanwhile", {"README.md": "y\n"})
    world.git("merge", "--quiet", "--no-ff", "-m", "Merge the page", "side")
    world.commit("Last", {"apps/page/index.html": "3\n"})
    world.settle()
    source = cart(world, "dev", "staging")["source"]
    assert [commit["subject"] for commit in source["onlyOne"]] == ["Last", "On a branch"]
    assert (source["relation"], source["ahead"], source["behind"]) == ("ahead", 2, 0)
    served = [world.record(name).served for name in ("dev", "staging")]
    one, other = (found.release.revision for found in served if found)
    assert world.git("rev-list", "--count", one, f"^{other}", "--", "apps/page") == "2"


@pytest.fixture(scope="module")
def tangled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history with two branches that were merged into each other."""
    place = tmp_path_factory.mktemp("tangled")
    git("init", "--quiet", "--initial-branch=main", cwd=place)

    def commit(name: str, *paths: str) -> None:
        for path in paths:
            (place / path).parent.mkdir(exist_ok=True)
            (place / path).write_text(name)
        git("add", "--all", cwd=place)
        git("commit", "--quiet", "--allow-empty", "-m", name, cwd=place)
        git("tag", name, cwd=place)

    commit("a", "apps/x", "other")
    commit("b", "apps/x")
    git("checkout", "--quiet", "-b", "side", "a", cwd=place)
    commit("c", "apps/y")
    commit("d", "other2")
    git("checkout", "--quiet", "main", cwd=place)
    git("merge", "--quiet", "--no-ff", "-m", "e", "c", cwd=place)
    git("tag", "e", cwd=place)
    commit("f", "other")
    git("checkout", "--quiet", "side", cwd=place)
    git("merge", "--quiet", "--no-ff", "-m", "g", "b", cwd=place)
    git("tag", "g", cwd=place)
    commit("h", "apps/y")
    return place


def test_the_commits_between_are_those_that_git_counts(tangled: Path) -> None:
    repository = Repository.open(tangled)
    ids = [Revision(git("rev-parse", f"{name}^{{commit}}", cwd=tangled)) for name in "abcdefgh"]
    parents = {one: git("rev-parse", f"{one}^@", cwd=tangled).split() for one in ids}
    folders = {one: dict.fromkeys(("apps", "apps/y"), "") for one in ids}
    for one in ids:
        listed = git("ls-tree", "-t", "-r", "--format=%(path) %(objectname)", one, cwd=tangled).splitlines()
        folders[one] |= dict(line.split(" ") for line in listed)
    for one in ids:
        for other in ids:
            expected = set(git("rev-list", one, f"^{other}", cwd=tangled).split())
            assert {commit.id for commit in between(repository, one, other).ahead} == expected
            assert {commit.id for commit in between(repository, other, one).behind} == expected
            for path in ("apps", "apps/y"):
                there = {
                    revision
                    for revision in map(Revision, expected)
                    if all(folders[Revision(parent)][path] != folders[revision][path] for parent in parents[revision])
                }
                assert {commit.id for commit in between(repository, one, other, path).ahead} == there


@pytest.mark.parametrize("depth", range(1, 6))
def test_a_shallow_clone_never_counts_wrongly(tangled: Path, tmp_path: Path, depth: int) -> None:
    clone = tmp_path / "clone"
    git("clone", "--quiet", f"--depth={depth}", "--no-single-branch", f"file://{tangled}", str(clone), cwd=tmp_path)
    whole, shallow = Repository.open(tangled), Repository.open(clone)
    known = git("rev-list", "--all", cwd=clone).split()
    answered = 0
    for one in known:
        for other in known:
            try:
                found = between(shallow, Revision(one), Revision(other))
            except HistoryMissing as error:
                assert "--unshallow" in error.remedy
                continue
            assert found == between(whole, Revision(one), Revision(other))
            answered += one != other
    assert answered or depth == 1


def test_diverged_sides_each_have_their_commits(running: World) -> None:
    source = running.sources / "cart"
    git("checkout", "--quiet", "-b", "theirs", cwd=source)
    for number in range(2):
        running.push("cart", message=f"Theirs {number}")
    git("checkout", "--quiet", "main", cwd=source)
    running.push("cart", message="Ours")
    running.settle()
    running.promote("dev", "staging")
    running.settle()
    git("checkout", "--quiet", "-B", "main", "theirs", cwd=source)  # somebody forced the branch
    running.settle()
    found = cart(running, "dev", "staging")["source"]
    assert (found["relation"], found["ahead"], found["behind"]) == ("diverged", 2, 1)
    said = headpin("compare", "dev", "staging", "shop/cart", cwd=running.config).out
    assert "diverged: dev has 2 commits that staging has not, and staging 1 commit that dev has not" in said
    shutil.rmtree(running.config / ".git" / "headpin")
    gone = cart(running, "dev", "staging")["source"]
    assert gone["relation"] == "unknown" and "not in what is known of the branch main" in gone["trouble"]


def test_a_deleted_mirror_changes_no_answer(different: World) -> None:
    before = compared(different, "staging", "prod")
    shutil.rmtree(different.config / ".git" / "headpin")
    assert compared(different, "staging", "prod") == before
    assert CART in different.branch("prod").agents()


def test_agents_of_one_repository_count_the_commits_of_their_own_folders(tmp_path: Path) -> None:
    world = World(tmp_path)
    text = TEXT.replace("../sources/cart", "../sources/mono\n  path: apps/cart")
    world.commit("Start", {**SMALL, AGENT_FILE: text, TILL_FILE: text.replace("cart", "till")})
    world.push("mono", {"apps/cart/a": "1", "apps/till/a": "1"})
    world.settle()
    for agent in world.branch("dev").agents():
        world.promote("dev", "staging", agent)
    world.settle()
    for name, path in (("One", "cart"), ("Two", "till"), ("Three", "other"), ("Four", "cart")):
        world.push("mono", {f"apps/{path}/a": name}, message=name)
    world.settle()
    shutil.rmtree(world.config / ".git" / "headpin")
    found = {item["agent"]: item["source"] for item in compared(world, "staging", "dev")["agents"]}
    told = {agent: [commit["subject"] for commit in source["onlyOther"]] for agent, source in found.items()}
    assert told == {"shop/cart": ["Four", "One"], "shop/till": ["Two"]}
    assert [(source["relation"], source["behind"]) for source in found.values()] == [("behind", 2), ("behind", 1)]
