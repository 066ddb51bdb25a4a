"""`headpin blame`: the commit that gave a setting its value, and what brought it to an environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headpin.git import Repository
from headpin.status.versions import FileVersions, Texts
from headpin.types import Revision
from tests.inprocess import headpin
from tests.world import AGENT, SMALL, World, git

TEXT = AGENT.format(name="cart")
AGENT_FILE = "projects/shop/agents/cart/agent.yaml"
OWN = "projects/shop/agents/cart/{}.yaml"
ROBIN, KIM, SAM = (f"{name} Example <{name.lower()}@example.com>" for name in ("Robin", "Kim", "Sam"))
LEVEL = "variables.LOG_LEVEL"


def blamed(world: World, environment: str, *keys: str, cwd: Path | None = None) -> dict[str, dict[str, Any]]:
    """The machine form of each setting, by key."""
    found = headpin("blame", "shop/cart", "--env", environment, *keys, "--json", cwd=cwd or world.config)
    assert found.code == 0, found
    return {item["key"]: item for item in json.loads(found.out)["settings"]}


def level(world: World, environment: str, cwd: Path | None = None) -> dict[str, Any]:
    """What is told of the shared variable that these tests change."""
    return blamed(world, environment, LEVEL, cwd=cwd)[LEVEL]


def with_level(value: str, more: str = "") -> dict[str, str]:
    """agent.yaml with this level."""
    return {AGENT_FILE: TEXT.replace("LOG_LEVEL: info", f"LOG_LEVEL: {value}") + more}


def to_prod(world: World) -> None:
    """Promotes what dev serves to staging and prod."""
    world.settle()
    for source, target in (("dev", "staging"), ("staging", "prod")):
        world.promote(source, target, author=KIM)
        world.settle()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> World:
    """prod serves values of every layer and kind, which several people set and changed."""
    world = World(tmp_path_factory.mktemp("told"))
    world.push("cart")
    world.commit("Start", SMALL)
    to_prod(world)
    world.commit("Debug", with_level("debug"), author=ROBIN)
    to_prod(world)
    world.commit(
        "Defaults",
        {
            "defaults.yaml": "variables: {REGION: north, WIDE: all, TOKEN: plain}\n",
            "projects/shop/defaults.yaml": "variables: {TEAM: shop, WIDE: shop}\nsecrets: {TOKEN: {name: a, key: b}}\n",
            "environments/prod.yaml": "production: true\nvariables: {PLACE: prod, WIDE: prod}\n",
            OWN.format("prod"): "variables:\n  WIDE: cart\n  SIZE: small\nfiles:\n  /etc/a.txt: {text: hello}\n",
        },
        author=SAM,
    )
    to_prod(world)
    moved = "files:\n  /etc/a.txt: {text: hello}\nvariables:\n  # moved\n  SIZE: 'small'\n  WIDE: mine\n"
    world.commit("Own", {OWN.format("prod"): moved}, author=ROBIN)
    world.settle()
    world.push("cart")  # code alone: no value came with this release
    to_prod(world)
    return world


def subjects(found: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """The subject of the commit and the person, by key; without headpin's defaults."""
    return {
        key: (item["changed"]["subject"], item["changed"]["person"].split(" ")[0])
        for key, item in found.items()
        if item["changed"]
    }


def test_each_value_has_the_commit_that_changed_it_last(told: World) -> None:
    assert subjects(blamed(told, "prod")) == {
        "variables.LOG_LEVEL": ("Debug", "Robin"),
        "variables.PLACE": ("Defaults", "Sam"),
        "variables.REGION": ("Defaults", "Sam"),
        "variables.SIZE": ("Defaults", "Sam"),  # only its place, its quotes and a comment changed
        "variables.TEAM": ("Defaults", "Sam"),
        "variables.TOKEN": ("Defaults", "Sam"),
        "variables.WIDE": ("Own", "Robin"),  # the narrowest layer
        "files./etc/a.txt": ("Defaults", "Sam"),
    }


def test_the_keys_and_places_are_those_of_explain(told: World) -> None:
    explained = json.loads(headpin("explain", "shop/cart", "--env", "prod", "--json", cwd=told.config).out)
    origins = {item["key"]: item["origin"] for item in explained["settings"]}
    found = blamed(told, "prod")
    assert {key: item["origin"] for key, item in found.items()} == origins
    assert (found["variables.SIZE"]["file"], found["variables.SIZE"]["line"]) == (OWN.format("prod"), 5)
    assert origins["scaling.targetCPU"] == "built-in default"
    assert found["scaling.targetCPU"]["changed"] is None and found["scaling.targetCPU"]["brought"] is None
    token = found["variables.TOKEN"]
    assert (token["value"], token["file"]) == ("secret a, key b", "projects/shop/defaults.yaml")
    assert found["files./etc/a.txt"]["value"].startswith("sha256:2cf24dba")


def test_each_value_has_the_event_that_brought_it(told: World) -> None:
    brought = {
        key: (item["brought"]["kind"], item["brought"]["version"])
        for key, item in blamed(told, "prod").items()
        if item["brought"]
    }
    assert brought == {
        "variables.LOG_LEVEL": ("promoted", 2),
        "variables.PLACE": ("reconfigured", 2),
        "variables.REGION": ("promoted", 3),
        "variables.SIZE": ("reconfigured", 2),
        "variables.TEAM": ("promoted", 3),
        "variables.TOKEN": ("promoted", 3),
        "variables.WIDE": ("reconfigured", 3),
        "files./etc/a.txt": ("reconfigured", 2),
    }
    event = level(told, "prod")["brought"]
    pin = told.git("log", "--format=%H", "--", "pins/prod/shop/cart.yaml").splitlines()[-2]
    assert (event["person"], event["config"], event["note"]) == (KIM, pin, "Promote shop/cart to prod")
    assert told.git("show", f"{event['commit']}:deployments/shop/cart.yaml").splitlines()[1] == "version: 2"


def test_keys_narrow_the_answer_and_a_slip_is_told(told: World) -> None:
    assert list(blamed(told, "prod", "scaling", LEVEL)) == [
        *(LEVEL, "scaling.minReplicas", "scaling.maxReplicas", "scaling.targetCPU")
    ]
    slip = headpin("blame", "shop/cart", "--env", "prod", "variables.LOGLEVEL", cwd=told.config)
    assert slip.code == 2 and "did you mean variables.LOG_LEVEL?" in slip.err
    table = headpin("blame", "shop/cart", "--env", "prod", LEVEL, "-o", "wide", cwd=told.config)
    assert "v2 promoted 2026-01-05 by Kim Example" in table.out and "Debug" in table.out


def test_a_mirror_says_the_same(told: World) -> None:
    mirror = told.folder / "mirror.git"
    git("clone", "--quiet", "--mirror", str(told.config), str(mirror), cwd=told.folder)
    git("gc", "--quiet", "--prune=now", cwd=mirror)
    for environment in ("dev", "prod"):
        assert blamed(told, environment, cwd=mirror) == blamed(told, environment)


@pytest.mark.parametrize("depth", [1, 2, 4, 6])
def test_a_shallow_clone_says_what_it_cannot_know_and_is_never_wrong(told: World, tmp_path: Path, depth: int) -> None:
    clone = tmp_path / "shallow"
    url = f"file://{told.config}"
    git("clone", "--quiet", f"--depth={depth}", "--no-single-branch", url, str(clone), cwd=tmp_path)
    found = headpin("blame", "shop/cart", "--env", "prod", "--json", cwd=clone)
    assert found.code == 3 or depth > 4, found
    if not found.out:
        assert "--unshallow" in found.err
        return
    whole = blamed(told, "prod")
    settings = json.loads(found.out)["settings"]
    assert found.code == (3 if any(item["trouble"] for item in settings) else 0)
    for item in settings:
        known = whole[item["key"]]
        assert item["value"] == known["value"]
        assert item["changed"] in (None, known["changed"]) and item["brought"] in (None, known["brought"])
        if known["changed"] and not (item["changed"] and item["brought"]):
            assert "--unshallow" in " ".join(item["trouble"])
        assert "git fetch --all" not in " ".join(item["trouble"])


def test_of_dev_the_commits_and_the_reconfigurations_are_told(told: World) -> None:
    found = level(told, "dev")
    assert (found["changed"]["subject"], found["brought"]["person"]) == ("Debug", ROBIN)
    assert found["brought"]["config"] == found["changed"]["commit"]


def test_a_value_that_was_changed_and_changed_back_has_the_commit_that_changed_it_back(running: World) -> None:
    running.commit("There", with_level("debug"), author=ROBIN)
    running.settle()
    back = running.commit("And back", with_level("info"), author=KIM)
    running.settle()
    running.commit("Broken", {AGENT_FILE: "source: [\n"}, author=SAM)
    running.settle()
    running.commit("Something else", with_level("info", "gracePeriod: 20\n"), author=SAM)
    running.settle()
    assert level(running, "dev")["changed"]["commit"] == back
    prod = level(running, "prod")  # its release was taken before all that
    assert (prod["changed"]["subject"], prod["brought"]["version"]) == ("Start", 1)
    to_prod(running)
    prod = level(running, "prod")  # the same value, so that it came with the first release all the same
    assert (prod["changed"]["commit"], prod["brought"]["version"]) == (back, 1)


def test_a_rollback_brought_the_value_that_it_brought_back(running: World) -> None:
    running.commit("Debug", with_level("debug"))
    to_prod(running)
    done = headpin("rollback", "shop/cart", "--env", "prod", "--yes", "--note", "Too loud", cwd=running.config)
    assert done.code == 0, done
    running.settle()
    found = level(running, "prod")
    assert (found["value"], found["changed"]["subject"]) == ("info", "Start")
    assert (found["brought"]["kind"], found["brought"]["note"]) == ("rolled-back", "Too loud")


@pytest.mark.parametrize("style", ["merge", "squash", "rebase"])
def test_however_people_merge_the_commit_on_main_is_told(running: World, style: str) -> None:
    running.git("checkout", "--quiet", "-b", "topic")
    made = running.commit("Debug", with_level("debug"), author=ROBIN)
    running.commit("Grace", with_level("debug", "gracePeriod: 20\n"), author=SAM)
    running.git("checkout", "--quiet", "main")
    running.commit("Meanwhile", {"README.md": "x\n"})
    if style == "merge":
        running.git("merge", "--quiet", "--no-ff", "-m", "Merge topic", "topic")
        running.git("commit", "--quiet", "--amend", "--no-edit", "--author", KIM)
    elif style == "squash":
        running.git("merge", "--quiet", "--squash", "topic")
        running.git("commit", "--quiet", "-m", "Topic", "--author", KIM)
    else:
        running.git("rebase", "--quiet", "main", "topic")
        running.git("checkout", "--quiet", "-B", "main", "topic")
    to_prod(running)
    found = level(running, "prod")
    expected = {"merge": ("Merge topic", KIM), "squash": ("Topic", KIM), "rebase": ("Debug", ROBIN)}[style]
    assert (found["changed"]["subject"], found["changed"]["person"]) == expected
    assert (found["made"]["commit"] if found["made"] else None) == (made if style == "merge" else None)
    if style == "merge":
        table = headpin("blame", "shop/cart", "--env", "prod", LEVEL, cwd=running.config).out
        merge = found["changed"]["commit"][:7]
        assert f"Robin Example in {made[:7]}, merged by Kim Example in {merge}" in table


def test_a_held_deployment_is_told_as_it_was_applied_last_and_its_pods_as_they_are(running: World) -> None:
    applied = running.commit("Size", {OWN.format("prod"): "variables: {SIZE: small}\n"}, author=ROBIN)
    running.settle()
    running.push("cart")
    running.settle()
    running.promote("dev", "prod")  # it never ran in staging: blocked
    running.settle()
    text = "scaling: {minReplicas: 4}\nvariables: {SIZE: large}\n"
    scaled = running.commit("Larger", {OWN.format("prod"): text}, author=SAM)
    running.settle()
    running.commit("Elsewhere", {"environments/staging.yaml": "description: other\n"})
    running.settle()
    found = blamed(running, "prod")
    size, pods = found["variables.SIZE"], found["scaling.minReplicas"]
    assert (size["value"], size["changed"]["commit"], size["brought"]["config"]) == ("small", applied, applied)
    assert (pods["value"], pods["changed"]["commit"], pods["brought"]["kind"]) == ("4", scaled, "scaled")
    stopped = running.commit("Stop", {OWN.format("prod"): f"{text}stopped: true\n"}, author=KIM)
    running.settle()
    stop = blamed(running, "prod", "stopped")["stopped"]
    assert (stop["value"], stop["changed"]["commit"], stop["brought"]["kind"]) == ("true", stopped, "stopped")


def test_where_nothing_is_served_there_is_nobody_to_blame(world: World) -> None:
    world.settle()
    found = headpin("blame", "shop/cart", "--env", "prod", cwd=world.config)
    assert found.code == 1 and "prod serves nothing of shop/cart" in found.err


def test_what_a_terminal_would_obey_and_what_opens_something_is_never_printed(world: World) -> None:
    subject = "Bell \x07 \x1b[31m https://robin:c4N4rY-pw@example.com/x"
    world.commit(subject, with_level('"\\e[2J"'), author="Robin \u202eExample <robin@example.com>")
    world.settle()
    for form in ((), ("-o", "wide"), ("--json",), ("-o", "yaml")):
        found = headpin("blame", "shop/cart", "--env", "dev", *form, cwd=world.config)
        assert found.code == 0 and "c4N4rY-pw" not in found.out
        assert form[-1:] in (("--json",), ("yaml",)) or not {"\x07", "\x1b", "\u202e"} & set(found.out)


def test_an_agent_that_had_another_name_is_followed_to_its_old_files(tmp_path: Path) -> None:
    git("init", "--quiet", "--initial-branch=main", cwd=tmp_path)

    def commit(name: str, files: dict[str, str | None]) -> Revision:
        for path, text in files.items():
            place = tmp_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                place.unlink()
            else:
                place.write_text(text)
        git("add", "--all", cwd=tmp_path)
        git("commit", "--quiet", "-m", name, cwd=tmp_path)
        return Revision(git("rev-parse", "HEAD", cwd=tmp_path))

    old, new = "projects/shop/agents/cart", "projects/shop/agents/basket"
    first = commit("Start", {f"{old}/agent.yaml": "a: 1\nb: 1\n", f"{old}/prod.yaml": "c: 1\n"})
    second = commit("Change b", {f"{old}/agent.yaml": "a: 1\nb: 2\n"})
    renamed = commit(
        "Rename",
        {
            f"{old}/agent.yaml": None,
            f"{old}/prod.yaml": None,
            f"{new}/agent.yaml": "a: 1\nb: 2\nformerly: [shop/bag, shop/cart]\n",
            f"{new}/prod.yaml": "c: 1\nd: 1\n",
        },
    )
    third = commit("No longer said", {f"{new}/agent.yaml": "a: 1\nb: 2\ne: 1\n"})
    repository = Repository.open(tmp_path)

    def origins(name: str, *keys: str) -> list[Revision | None]:
        path = f"{new}/{name}"
        blob = git("rev-parse", f"HEAD:{path}", cwd=tmp_path)
        versions = FileVersions(repository, Texts(repository), third, path)
        found = [versions.origin((key,), blob) for key in keys]
        return [item.commit.id if item else None for item in found]

    assert origins("agent.yaml", "a", "b", "e") == [first, second, third]
    assert origins("prod.yaml", "c", "d") == [first, renamed]
