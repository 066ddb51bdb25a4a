"""Content: snapshots of source files that are part of a release, and need no source from then on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from headpin.controller import Controller
from headpin.git import Repository
from headpin.model import Content
from headpin.releases import HoldReason
from headpin.sources import content as content_module
from headpin.sources.content import ContentFault, list_content
from headpin.tree import MemoryTree, blob_id, files_id
from headpin.types import AgentName
from tests.test_following import agent_text, release, world_of
from tests.world import World, git

TILL = AgentName("shop", "till")


def content_world(folder: Path, *patterns: str, path: str | None = "apps/cart") -> World:
    """A world with cart in a folder of a larger repository, and content."""
    return world_of(folder, cart=agent_text("cart", path=path, content=patterns or ("prompts/**",)))


def served_content(world: World, environment: str) -> str | None:
    """The tree id of the content that an environment serves."""
    served = world.record(environment).served
    assert served is not None
    return served.release.content


def walk_to_prod(world: World) -> None:
    """Promotes what dev serves to staging and prod."""
    for source, target in (("dev", "staging"), ("staging", "prod")):
        world.promote(source, target)
        world.settle()


@pytest.fixture
def content(tmp_path: Path) -> World:
    """cart with two prompts, served in dev."""
    world = content_world(tmp_path)
    world.push(
        "mono", {"apps/cart/main.py": "1", "apps/cart/prompts/a.md": "one", "apps/cart/prompts/deep/b.md": "two"}
    )
    world.settle()
    return world


def test_the_snapshot_is_a_tree_on_the_branch_in_the_commit_of_its_release(content: World) -> None:
    assert content.files("dev", "content") == {
        "content/shop/cart/prompts/a.md": "one",
        "content/shop/cart/prompts/deep/b.md": "two",
    }
    tree = content.git("rev-parse", "env/dev:content/shop/cart")
    assert served_content(content, "dev") == tree and f'content: "{tree}"' in content.pin_text("dev")
    changed = content.git("show", "--name-only", "--format=", "env/dev").splitlines()
    assert {"content/shop/cart/prompts/a.md", "deployments/shop/cart.yaml"} <= set(changed)
    modes = {line.split()[0] for line in content.git("ls-tree", "-r", "env/dev", "content").splitlines()}
    assert modes == {"100644"}
    git("fsck", "--strict", cwd=content.config)


def test_a_push_of_content_changes_the_tree_and_keeps_the_image(content: World) -> None:
    before = release(content)
    second = content.push("mono", {"apps/cart/prompts/a.md": "three"})
    content.settle()
    now = release(content)
    assert (now.revision, now.image, now.settings) == (second, before.image, before.settings)
    assert now.content != before.content
    assert content.files("dev", "content")["content/shop/cart/prompts/a.md"] == "three"


def test_a_file_that_goes_from_the_source_goes_from_the_branch(content: World) -> None:
    git("rm", "--quiet", "apps/cart/prompts/deep/b.md", cwd=content.sources / "mono")
    content.push("mono", {})
    content.settle()
    assert list(content.files("dev", "content")) == ["content/shop/cart/prompts/a.md"]


def test_content_under_skip_waits(content: World) -> None:
    before = release(content)
    content.push("mono", {"apps/cart/prompts/a.md": "not yet"}, "Try [skip headpin]")
    assert content.settle().commits == () and release(content) == before


def test_promotion_and_rollback_need_no_source_and_no_mirror(content: World) -> None:
    walk_to_prod(content)
    first = served_content(content, "prod")
    content.push("mono", {"apps/cart/prompts/a.md": "three"})
    content.settle()
    shutil.rmtree(content.sources)
    shutil.rmtree(content.config / ".git" / "headpin")
    content.controller = content.fresh()
    content.promote("dev", "staging")
    content.reconcile()
    moved = content.promote("staging", "prod")
    content.reconcile()
    assert content.files("prod", "content")["content/shop/cart/prompts/a.md"] == "three"
    content.git("revert", "--no-edit", moved)
    content.reconcile()
    assert served_content(content, "prod") == first
    assert content.files("prod", "content")["content/shop/cart/prompts/a.md"] == "one"
    served = content.record("prod").served
    assert served is not None and served.version == 1


def test_snapshots_survive_gc_and_go_along_in_a_clone(content: World) -> None:
    walk_to_prod(content)
    content.push("mono", {"apps/cart/prompts/a.md": "three"})
    content.settle()
    shutil.rmtree(content.config / ".git" / "headpin")
    content.git("reflog", "expire", "--expire=now", "--all")
    content.git("gc", "--quiet", "--prune=now")
    shutil.rmtree(content.sources)
    clone = content.folder / "clone.git"
    git("clone", "--quiet", "--mirror", f"file://{content.config}", str(clone), cwd=content.folder)
    content.promote("dev", "staging")
    content.git("push", "--quiet", str(clone), "main")
    report = Controller(Repository.open(clone), clock=content.clock).reconcile()
    assert not report.failed
    shown = git("show", "env/staging:content/shop/cart/prompts/a.md", cwd=clone)
    assert shown == "three"


def test_a_snapshot_that_a_clone_lacks_is_told_like_settings(content: World) -> None:
    walk_to_prod(content)
    tree = str(served_content(content, "prod"))
    content.push("mono", {"apps/cart/prompts/a.md": "three"})
    content.settle()
    walk_to_prod(content)
    pin = content.git("show", "main~2:pins/prod/shop/cart.yaml")
    place = content.config / ".git" / "objects" / tree[:2] / tree[2:]
    place.unlink()
    shutil.rmtree(content.sources)
    shutil.rmtree(content.config / ".git" / "headpin")
    before = content.tips()
    content.commit("Back", {"pins/prod/shop/cart.yaml": pin + "\n"})
    report = content.fresh().reconcile()
    (prod,) = [found for found in report.environments if found.environment == "prod"]
    assert tree in prod.error and "fetch" in prod.remedy and content.tips()["env/prod"] == before["env/prod"]


def test_content_that_is_no_longer_named_goes(content: World) -> None:
    content.commit("No content", {"projects/shop/agents/cart/agent.yaml": agent_text("cart", path="apps/cart")})
    content.settle()
    assert served_content(content, "dev") is None and content.files("dev", "content") == {}


def test_a_deployment_that_is_removed_takes_its_content_along(content: World) -> None:
    content.commit("Delete", {"projects/shop/agents/cart/agent.yaml": None})
    content.settle()
    assert content.record("dev").served is None and content.files("dev", "content") == {}


def test_other_patterns_change_the_release_while_the_source_stays(content: World) -> None:
    before = release(content)
    text = agent_text("cart", path="apps/cart", content=["prompts/*.md"])
    content.commit("Less", {"projects/shop/agents/cart/agent.yaml": text})
    content.settle()
    assert release(content).revision == before.revision and release(content).content != before.content
    assert list(content.files("dev", "content")) == ["content/shop/cart/prompts/a.md"]


def test_an_agent_of_this_repository_has_content_too(tmp_path: Path) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", ".", "apps/cart", ["prompts/**"]))
    first = world.commit("Code", {"apps/cart/main.py": "1", "apps/cart/prompts/a.md": "one"})
    world.settle()
    second = world.commit("Prompt", {"apps/cart/prompts/a.md": "two"})
    world.settle()
    assert (release(world).revision, release(world).image.rpartition(":")[2]) == (second, first)
    assert world.files("dev", "content") == {"content/shop/cart/prompts/a.md": "two"}
    assert world.fresh().reconcile(full=True).commits == ()
    world.commit("Another", {"README.md": "x"})
    assert world.settle().commits == ()


def test_a_plan_writes_no_object(tmp_path: Path) -> None:
    world = content_world(tmp_path)
    world.push("mono", {"apps/cart/prompts/a.md": "one"})
    world.controller.reconcile()
    world.push("mono", {"apps/cart/prompts/a.md": "two"})
    before = world.git("count-objects", "-v")
    report = world.controller.reconcile(dry_run=True)
    assert report.environments[0].changed and world.git("count-objects", "-v") == before
    assert not Repository.open(world.config).has(blob_id(b"two"))
    report = world.controller.reconcile()
    assert world.files("dev", "content") == {"content/shop/cart/prompts/a.md": "two"}


def test_a_mirror_that_goes_between_looking_and_writing_is_fetched_again(tmp_path: Path) -> None:
    world = content_world(tmp_path)
    world.push("mono", {"apps/cart/prompts/a.md": "one"})
    world.controller.reconcile(dry_run=True)
    shutil.rmtree(world.config / ".git" / "headpin")
    assert not world.controller.reconcile().failed
    assert world.files("dev", "content") == {"content/shop/cart/prompts/a.md": "one"}


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────


def entry(mode: str, kind: str, identity: str, name: bytes) -> bytes:
    """One line for git mktree -z."""
    return f"{mode} {kind} {identity}\t".encode() + name + b"\0"


def plant(place: Path, entries: bytes, folder: str) -> None:
    """Commits a tree that no work tree could have, at `folder` of the source."""
    made = subprocess.run(["git", "mktree", "-z"], input=entries, cwd=place, capture_output=True, check=True)
    tree = made.stdout.decode().strip()
    git("read-tree", "--empty", cwd=place)
    git("read-tree", f"--prefix={folder}/", tree, cwd=place)
    commit = git("commit-tree", git("write-tree", cwd=place), "-p", "HEAD", "-m", "Plant", cwd=place)
    git("update-ref", "refs/heads/main", commit, cwd=place)


HOSTILE: Mapping[str, tuple[list[tuple[str, str, bytes]], str, str]] = {
    "a link": ([("120000", "blob", b"link.md")], "HP340", "prompts/link.md is a symbolic link"),
    "a submodule": ([("160000", "commit", b"sub")], "HP340", "prompts/sub is a submodule"),
    "a line break": ([("100644", "blob", b"a\nb")], "HP341", "cannot be a part of a path"),
    "an option": ([("100644", "blob", b"-rf")], "HP341", "prompts/-rf"),
    "no UTF-8": ([("100644", "blob", b"a\xff")], "HP341", "prompts/a"),
    "a zero-width mark": ([("100644", "blob", "a\u200b.md".encode())], "HP341", "\\u200b"),
    "capitals": ([("100644", "blob", b"A.md"), ("100644", "blob", b"a.md")], "HP344", "prompts/A.md and prompts/a.md"),
    "nothing": ([("100644", "blob", b"a.txt")], "HP343", "no file in apps/cart"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_content_holds_that_deployment_of_dev_only(tmp_path: Path, name: str) -> None:
    entries, code, said = HOSTILE[name]
    patterns = ["prompts/*.md"] if name == "nothing" else ["prompts/**"]
    world = world_of(
        tmp_path,
        cart=agent_text("cart", path="apps/cart", content=patterns),
        till=agent_text("till", "../sources/till"),
    )
    first = world.push("mono", {"apps/cart/main.py": "1", "apps/cart/prompts/a.md": "one"})
    world.push("till")
    world.settle()
    walk_to_prod(world)
    place = world.sources / "mono"
    blob = git("hash-object", "-w", "apps/cart/main.py", cwd=place)
    head = git("rev-parse", "HEAD", cwd=place)
    planted = b"".join(entry(mode, kind, head if kind == "commit" else blob, raw) for mode, kind, raw in entries)
    plant(place, planted, "apps/cart/prompts")
    till = world.push("till")
    report = world.settle()
    hold = world.record("dev").hold
    assert hold is not None and hold.reason is HoldReason.INVALID
    assert code in hold.message and said in hold.message and "agent.yaml" in hold.message and not report.failed
    assert release(world).revision == first and release(world, TILL).revision == till
    assert world.record("prod").hold is None
    git("reset", "--quiet", "--hard", first, cwd=place)
    world.settle()
    assert world.record("dev").hold is None
    second = world.push("mono", {"apps/cart/prompts/a.md": "two"})
    world.settle()
    assert release(world).revision == second


@pytest.mark.parametrize("where", ["apps/cart/prompts", "apps/cart"])
def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path: Path, where: str) -> None:
    world = content_world(tmp_path)
    place = world.sources / "mono" / where
    world.push("mono", {"secret/prompts/a.md": "secret", "secret/a.md": "secret"})
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(world.sources / "mono" / "secret")
    world.push("mono", {})
    world.settle()
    hold = world.record("dev").hold
    assert hold is not None and "HP340" in hold.message and "symbolic link" in hold.message
    assert world.files("dev", "content") == {}


def test_links_that_no_pattern_leads_through_are_nobodys_business(tmp_path: Path) -> None:
    world = content_world(tmp_path, "**/*.md")
    world.push("mono", {"apps/cart/prompts/a.md": "one"})
    (world.sources / "mono" / "apps" / "cart" / "current").symlink_to("prompts")
    world.push("mono", {})
    world.settle()
    assert world.record("dev").hold is None
    assert world.files("dev", "content") == {"content/shop/cart/prompts/a.md": "one"}


def test_an_executable_is_stored_as_a_plain_file(tmp_path: Path) -> None:
    world = content_world(tmp_path)
    world.push("mono", {"apps/cart/prompts/run.sh": "one"})
    (world.sources / "mono" / "apps/cart/prompts/run.sh").chmod(0o755)
    world.push("mono", {})
    world.settle()
    assert world.git("ls-tree", "-r", "env/dev", "content").startswith("100644 ")
    assert world.git("rev-parse", "env/dev:content/shop/cart") == served_content(world, "dev")


def test_too_many_files_and_too_many_bytes_are_refused() -> None:
    rule = Content(files=("**",))
    many = MemoryTree({f"{number // 100}/{number}": "x" for number in range(content_module.MAX_FILES + 1)})
    assert list_content(many, "", rule)[1] == (ContentFault("HP342", "more than 2,000 files are content"),)
    large = MemoryTree({"a": b"x" * (content_module.MAX_BYTES // 2), "b": b"x" * (content_module.MAX_BYTES // 2 + 1)})
    assert [fault.code for fault in list_content(large, "", rule)[1]] == ["HP342"]
    fits, faults = list_content(MemoryTree({"a": b"x" * content_module.MAX_BYTES}), "", rule)
    assert fits is not None and not faults


def test_folders_that_unfold_without_end_are_refused_in_bounded_time(tmp_path: Path) -> None:
    world = content_world(tmp_path, "**/never.md")
    world.push("mono", {"apps/cart/main.py": "1"})
    place = world.sources / "mono"
    tree = git("rev-parse", "HEAD:apps/cart", cwd=place)
    for _ in range(12):
        lines = "".join(f"040000 tree {tree}\tx{number}\n" for number in range(10))
        done = subprocess.run(["git", "mktree"], input=lines, cwd=place, capture_output=True, text=True, check=True)
        tree = done.stdout.strip()
    apps = subprocess.run(
        ["git", "mktree"], input=f"040000 tree {tree}\tcart\n", cwd=place, capture_output=True, text=True, check=True
    ).stdout.strip()
    top = subprocess.run(
        ["git", "mktree"], input=f"040000 tree {apps}\tapps\n", cwd=place, capture_output=True, text=True, check=True
    ).stdout.strip()
    git("update-ref", "refs/heads/main", git("commit-tree", top, "-p", "HEAD", "-m", "Bomb", cwd=place), cwd=place)
    world.reconcile()
    hold = world.record("dev").hold
    assert hold is not None and "HP342" in hold.message


@pytest.mark.parametrize(
    "files",
    [{"a": "1"}, {"a/b/c": "1", "a/b.c": "2", "a.b": "3", "a0/x": "4", "a-x": "5"}, {"z/y": "1", "z-": "2", "z.": "3"}],
)
def test_the_id_of_files_in_folders_is_gits(tmp_path: Path, files: dict[str, str]) -> None:
    git("init", "--quiet", cwd=tmp_path)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    git("add", "--all", cwd=tmp_path)
    assert files_id({path: blob_id(text.encode()) for path, text in files.items()}) == git("write-tree", cwd=tmp_path)
