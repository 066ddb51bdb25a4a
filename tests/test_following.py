"""What dev follows: paths, [skip headpin], pushes of content only, merges, and mirrors that come and go."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from headpin.controller import Controller
from headpin.git import Repository
from headpin.releases import Release
from headpin.types import AgentName
from tests.hostile.servers import HttpServer, http_server
from tests.world import AGENT, CART, SMALL, World, git

TILL = AgentName("shop", "till")
SKIP = "[skip headpin]"
CANARY = "c4N4rY-t0k3n"


def agent_text(
    name: str, repository: str = "../sources/mono", path: str | None = None, content: Sequence[str] = ()
) -> str:
    """An agent's document."""
    text = AGENT.format(name=name).replace(f"../sources/{name}", f'"{repository}"')
    if path:
        text = text.replace("image:\n", f"  path: {path}\nimage:\n", 1)
    return text + "".join(["content:\n", *(f'  - "{pattern}"\n' for pattern in content)] if content else [])


def world_of(folder: Path, **agents: str) -> World:
    """A workspace with these agents of the project shop."""
    world = World(folder)
    files = {path: text for path, text in SMALL.items() if "/agents/" not in path}
    files |= {f"projects/shop/agents/{name}/agent.yaml": text for name, text in agents.items()}
    world.commit("Start", files)
    return world


def release(world: World, agent: AgentName = CART) -> Release:
    """What dev serves."""
    served = world.record("dev", agent).served
    assert served is not None, f"dev serves nothing of {agent}"
    return served.release


def image(name: str, revision: str) -> str:
    """The image of a revision, as `agent_text` says it."""
    return f"registry.example.com/{name}:{revision}"


def mirrors(world: World) -> list[Path]:
    """Every mirror that the world's controller keeps."""
    return sorted((world.config / ".git" / "headpin" / "sources").glob("*.git"))


# ── paths ────────────────────────────────────────────────────────────────────────────────────────────


def test_agents_of_one_repository_follow_the_commits_of_their_own_folders(tmp_path: Path) -> None:
    world = world_of(
        tmp_path, cart=agent_text("cart", path="apps/cart"), till=agent_text("till", path="apps/deep/till")
    )
    cart = world.push("mono", {"apps/cart/main.py": "1"})
    till = world.push("mono", {"apps/deep/till/main.py": "1"})
    world.push("mono", {"README.md": "nobody's"})
    world.settle()
    assert release(world) == Release(cart, image("cart", cart), release(world).settings)
    assert release(world, TILL).revision == till
    before = world.tips()
    world.push("mono", {"apps/cartoon/main.py": "nearly the same name"})
    assert world.settle().commits == () and world.tips() == before
    both = world.push("mono", {"apps/cart/main.py": "2", "apps/deep/till/main.py": "2"})
    world.settle()
    assert (release(world).revision, release(world, TILL).revision) == (both, both)


def test_a_path_that_is_not_there_or_goes_is_told_and_dev_keeps_what_it_has(tmp_path: Path) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", path="apps/cart"))
    world.push("mono", {"README.md": "1"})
    report = world.settle()
    assert "no apps/cart" in report.sources[CART] and world.record("dev").served is None
    first = world.push("mono", {"apps/cart/main.py": "1"})
    world.settle()
    git("rm", "--quiet", "-r", "apps", cwd=world.sources / "mono")
    world.push("mono", {"README.md": "2"})
    report = world.settle()
    assert "no apps/cart" in report.sources[CART] and release(world).revision == first
    again = world.push("mono", {"apps/cart/main.py": "1"})
    world.settle()
    assert release(world).revision == again


def test_another_path_in_the_document_is_another_release(tmp_path: Path) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", path="apps/cart"))
    world.push("mono", {"apps/cart/main.py": "1"})
    other = world.push("mono", {"apps/other/main.py": "1"})
    world.settle()
    text = agent_text("cart", path="apps/other")
    world.commit("Move", {"projects/shop/agents/cart/agent.yaml": text})
    world.settle()
    assert release(world).revision == other


# ── [skip headpin] ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [None, "apps/cart"])
@pytest.mark.parametrize("filters", [True, False])
def test_a_commit_that_says_skip_never_becomes_a_release(tmp_path: Path, path: str | None, filters: bool) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", path=path))
    first = world.push("mono", {"apps/cart/main.py": "1"})
    git("config", "uploadpack.allowFilter", str(filters).lower(), cwd=world.sources / "mono")
    world.settle()
    for number in range(12):
        world.push("mono", {"apps/cart/main.py": f"skipped {number}"}, f"Try\n\nbody with {SKIP} in it\n\nTrailer: x")
    assert world.settle().commits == () and release(world).revision == first
    assert world.fresh().reconcile().commits == ()
    last = world.push("mono", {"apps/cart/main.py": "2"})
    world.settle()
    assert release(world).revision == last


@pytest.mark.parametrize("path", [None, "apps/cart"])
def test_where_every_commit_says_skip_nothing_is_wanted_yet(tmp_path: Path, path: str | None) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", path=path))
    world.push("mono", {"apps/cart/main.py": "1"}, SKIP)
    world.push("mono", {"apps/cart/main.py": "2"}, f"Second {SKIP}")
    report = world.settle()
    assert SKIP in report.sources[CART] and world.record("dev").served is None and not report.failed
    third = world.push("mono", {"apps/cart/main.py": "3"})
    world.settle()
    assert release(world).revision == third


def test_an_agent_of_this_repository_skips_too(tmp_path: Path) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", ".", "apps/cart"))
    first = world.commit("Code", {"apps/cart/main.py": "1"})
    world.settle()
    world.commit(f"Not yet {SKIP}", {"apps/cart/main.py": "2"})
    world.commit("Elsewhere", {"README.md": "x"})
    world.settle()
    assert release(world).revision == first
    assert world.fresh().reconcile(full=True).commits == ()


# ── pushes of content only, at once and one by one ───────────────────────────────────────────────────


@dataclass(frozen=True)
class Push:
    """A commit: which kinds of files it changes, whether it says skip, whether it is a merge of a branch."""

    kinds: tuple[str, ...]
    skip: bool = False
    merge: bool = False


_FILES = {"code": "apps/cart/main.py", "content": "apps/cart/prompts/a/b.md", "other": "lib/x.py"}
CODE, CONTENT, OTHER = Push(("code",)), Push(("content",)), Push(("other",))
STORIES = {
    "code, content": [CODE, CONTENT, CONTENT],
    "content only": [CONTENT, CONTENT],
    "skipped code under content": [CODE, CONTENT, Push(("code",), skip=True), CONTENT],
    "skipped content waits": [Push(("code", "content")), Push(("content",), skip=True), OTHER],
    "both at once": [CODE, Push(("code", "content")), CONTENT, OTHER],
    "skipped first": [Push(("code", "content"), skip=True), CONTENT, OTHER],
    "a merge of content": [Push(("code", "content")), Push(("content",), merge=True), OTHER],
    "a merge of both": [Push(("code", "content")), Push(("code", "content"), merge=True), CONTENT],
    "a skipped merge": [Push(("code", "content")), Push(("code",), merge=True, skip=True), CONTENT],
}


def push(world: World, step: Push, number: int) -> str:
    """Makes the commit."""
    place = world.sources / "mono"
    files = {_FILES[kind]: f"{kind} {number}\n" for kind in step.kinds}
    message = f"Step {number}{f' {SKIP}' if step.skip else ''}"
    if not step.merge:
        return world.push("mono", files, message)
    git("checkout", "--quiet", "-b", f"side-{number}", cwd=place)
    for path, text in files.items():
        world.push("mono", {path: text}, f"On the side {number}")
    git("checkout", "--quiet", "main", cwd=place)
    git("merge", "--quiet", "--no-ff", "-m", message, f"side-{number}", cwd=place)
    return git("rev-parse", "HEAD", cwd=place)


def expected(revisions: Sequence[str], story: Sequence[Push]) -> tuple[str, str] | None:
    """Revision and image revision after the story, by the words of the design."""
    concerns = [
        (revision, step)
        for revision, step in zip(revisions, story, strict=True)
        if {"code", "content"} & set(step.kinds) and not step.skip
    ]
    if not concerns:
        return None
    built = [revision for revision, step in concerns if "code" in step.kinds]
    return concerns[-1][0], built[-1] if built else concerns[0][0]


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_pushes_at_once_and_one_by_one_end_at_the_same_release(tmp_path: Path, story: Sequence[Push]) -> None:
    text = agent_text("cart", path="apps/cart", content=["prompts/**"])
    slow, late, forgetful = (world_of(tmp_path / name, cart=text) for name in ("slow", "late", "forgetful"))
    for world in (late, forgetful):
        world.sources.symlink_to(slow.sources)
    revisions = []
    for number, step in enumerate(story):
        revisions.append(push(slow, step, number))
        slow.settle()
        shutil.rmtree(forgetful.config / ".git" / "headpin", ignore_errors=True)
        assert not forgetful.fresh().reconcile().failed
        wanted = expected(revisions, story[: number + 1])
        has_content = any("content" in step.kinds for step in story[: number + 1])
        for world in (slow, forgetful):
            served = world.record("dev").served
            if wanted is None or not has_content:
                assert served is None
            else:
                assert served is not None
                assert (served.release.revision, served.release.image) == (wanted[0], image("cart", wanted[1]))
    late.settle()
    assert release(late) == release(slow) == release(forgetful)


def test_without_content_a_push_of_the_same_files_is_a_new_image(tmp_path: Path) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", path="apps/cart"))
    push(world, CODE, 0)
    second = push(world, CONTENT, 1)
    world.settle()
    assert release(world).image == image("cart", second)


def test_a_content_push_of_a_whole_repository_keeps_the_image(tmp_path: Path) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", content=["prompts/*.md"]))
    first = world.push("mono", {"main.py": "1", "prompts/a.md": "1"})
    world.settle()
    second = world.push("mono", {"prompts/a.md": "2"})
    world.settle()
    assert (release(world).revision, release(world).image) == (second, image("cart", first))
    third = world.push("mono", {"prompts/a.txt": "not named"})
    world.settle()
    assert release(world).image == image("cart", third)
    empty = world.push("mono", {}, "Build again")
    world.settle()
    assert release(world).image == image("cart", empty) == image("cart", release(world).revision)


# ── rewritten branches, mirrors ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", [None, "apps/cart"])
def test_a_branch_that_is_forced_back_takes_dev_back(tmp_path: Path, path: str | None) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", path=path))
    first = world.push("mono", {"apps/cart/main.py": "1"})
    world.settle()
    world.push("mono", {"apps/cart/main.py": "2"})
    world.settle()
    git("reset", "--quiet", "--hard", first, cwd=world.sources / "mono")
    world.settle()
    assert release(world).revision == first
    other = world.push("mono", {"apps/cart/main.py": "another 2"})
    world.settle()
    assert release(world).revision == other


def _truncate(place: Path) -> None:
    for pack in place.glob("objects/pack/*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(pack.read_bytes()[:40])


def _no_objects(place: Path) -> None:
    shutil.rmtree(place / "objects")
    (place / "objects").mkdir()


def _file(place: Path) -> None:
    shutil.rmtree(place)
    place.write_text("not a folder\n")


BREAK = {
    "deleted": shutil.rmtree,
    "truncated": _truncate,
    "emptied": _no_objects,
    "without a head": lambda place: (place / "HEAD").unlink(),
    "nonsense in its refs": lambda place: (place / "refs" / "heads" / "main").write_text("nonsense\n"),
    "nonsense in its settings": lambda place: (place / "config").write_text("[[[\n"),
    "a file": _file,
    "locked by the dead": lambda place: (place / "refs" / "heads" / "main.lock").write_text(""),
}


@pytest.mark.parametrize("broken", BREAK.values(), ids=BREAK)
@pytest.mark.parametrize("kind", ["plain", "path", "content"])
def test_a_broken_mirror_is_made_anew_and_changes_no_answer(tmp_path: Path, kind: str, broken: object) -> None:
    assert callable(broken)
    text = {
        "plain": agent_text("cart"),
        "path": agent_text("cart", path="apps/cart"),
        "content": agent_text("cart", path="apps/cart", content=["prompts/**"]),
    }[kind]
    world = world_of(tmp_path, cart=text)
    world.push("mono", {"apps/cart/main.py": "1", "apps/cart/prompts/a.md": "1"})
    world.settle()
    (mirror,) = mirrors(world)
    broken(mirror)
    assert world.fresh().reconcile(full=True).commits == ()
    (mirror,) = mirrors(world)
    broken(mirror)
    second = world.push("mono", {"apps/cart/main.py": "2", "apps/cart/prompts/a.md": "2"})
    world.settle()
    assert release(world).revision == second
    assert [place.name for place in mirror.parent.iterdir() if ".new" in place.name or ".old" in place.name] == []


def test_nothing_is_fetched_while_nothing_moves(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    with http_server(tmp_path / "w" / "sources") as server:
        address = f"{server.url}/mono/.git"
        world = world_of(
            tmp_path / "w",
            cart=agent_text("cart", address, "apps/cart", ["prompts/**"]),
            till=agent_text("till", address),
        )
        world.push("mono", {"apps/cart/main.py": "1", "apps/cart/prompts/a.md": "1"})
        world.reconcile()
        assert server.questions == 2
        world.reconcile()
        assert server.questions == 3
        world.fresh().reconcile(full=True)
        assert server.questions == 4
        second = world.push("mono", {"apps/cart/prompts/a.md": "2"})
        report = world.reconcile()
        assert server.questions == 6 and not report.sources
        assert release(world).revision == release(world, TILL).revision == second
        assert world.files("dev", "content") == {"content/shop/cart/prompts/a.md": "2"}


def test_a_plain_source_that_is_served_already_is_not_fetched_by_a_fresh_controller(tmp_path: Path) -> None:
    with http_server(tmp_path / "w" / "sources") as server:
        world = world_of(tmp_path / "w", cart=agent_text("cart", f"{server.url}/mono/.git"))
        world.push("mono")
        world.reconcile()
        shutil.rmtree(world.config / ".git" / "headpin")
        before = server.questions
        assert world.fresh().reconcile().commits == () and server.questions == before + 1
        assert mirrors(world) == []


def test_a_credential_is_used_for_the_fetch_and_is_in_no_mirror(tmp_path: Path) -> None:
    with http_server(tmp_path / "w" / "sources", login=f"user:{CANARY}") as server:
        address = server.url.replace("://", f"://user:{CANARY}@") + "/mono/.git"
        world = world_of(tmp_path / "w", cart=agent_text("cart", address, "apps/cart", ["**"]))
        world.push("mono", {"apps/cart/main.py": "1"})
        report = world.reconcile()
        assert not report.sources and release(world).content is not None
        assert server.seen and not any(CANARY in seen for seen in server.seen)
        place = world.config / ".git" / "headpin"
        assert not any(CANARY.encode() in file.read_bytes() for file in place.rglob("*") if file.is_file())
        server.login = "user:another"
        world.push("mono", {"apps/cart/main.py": "2"})
        report = world.reconcile()
        assert report.sources[CART] and CANARY not in report.sources[CART]


def test_hooks_and_settings_of_the_user_do_nothing_in_a_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "reference-transaction").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (hooks / "reference-transaction").chmod(0o755)
    world = world_of(tmp_path / "w", cart=agent_text("cart", path="apps/cart"))
    world.push("mono", {"apps/cart/main.py": "1"})
    (tmp_path / ".gitconfig").write_text(f"[core]\n\thooksPath = {hooks}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / ".gitconfig"))
    monkeypatch.setenv("HOME", str(tmp_path))
    world.reconcile()
    assert release(world) and not (tmp_path / "ran").exists()


def test_tags_and_other_branches_are_not_fetched(tmp_path: Path) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", path="apps/cart"))
    world.push("mono", {"apps/cart/main.py": "1"})
    git("tag", "-m", "x", "v1", cwd=world.sources / "mono")
    git("branch", "other", cwd=world.sources / "mono")
    world.settle()
    (mirror,) = mirrors(world)
    listed = git("for-each-ref", "--format=%(refname)", cwd=mirror).splitlines()
    assert listed == ["refs/heads/main"] and not (mirror / "FETCH_HEAD").exists()


def test_passes_at_once_do_not_break_each_others_mirrors(tmp_path: Path) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", path="apps/cart", content=["prompts/**"]))
    controllers = [Controller(Repository.open(world.config), clock=world.clock) for _ in range(4)]
    for number in range(3):
        revision = world.push("mono", {"apps/cart/main.py": f"{number}", "apps/cart/prompts/a.md": f"{number}"})
        if number == 2:
            shutil.rmtree(world.config / ".git" / "headpin")
        reports = []
        threads = [threading.Thread(target=lambda c=c, r=reports: r.append(c.reconcile())) for c in controllers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(reports) == len(controllers)
        assert not any(report.sources for report in reports)
        troubles = {found.error for report in reports for found in report.environments} - {""}
        assert all("is locked by another program" in trouble for trouble in troubles)  # of the environment's branch
        world.reconcile()
        assert release(world).revision == revision
    assert world.fresh().reconcile(full=True).commits == ()


# ── sources that cannot be reached ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("with_mirror", [True, False])
def test_shared_settings_apply_while_the_source_is_away(tmp_path: Path, with_mirror: bool) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", path="apps/cart", content=["prompts/**"]))
    world.push("mono", {"apps/cart/main.py": "1", "apps/cart/prompts/a.md": "1"})
    world.push("mono", {"apps/cart/prompts/a.md": "2"})
    world.settle()
    before = release(world)
    world.sources.rename(tmp_path / "away")
    if not with_mirror:
        shutil.rmtree(world.config / ".git" / "headpin")
    world.commit("Shared", {"defaults.yaml": "variables: {REGION: south}\n"})
    report = world.settle()
    assert CART in report.sources
    now = release(world)
    assert (now.revision, now.image, now.content) == (before.revision, before.image, before.content)
    assert now.settings != before.settings and "south" in world.files("dev")["manifests/shop/cart/deployment.yaml"]
    assert world.files("dev", "content") == {"content/shop/cart/prompts/a.md": "2"}


def test_other_content_is_taken_from_the_mirror_while_the_source_is_away(tmp_path: Path) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", path="apps/cart", content=["prompts/**"]))
    world.push("mono", {"apps/cart/main.py": "1", "apps/cart/prompts/a.md": "1", "apps/cart/more.md": "more"})
    world.settle()
    world.sources.rename(tmp_path / "away")
    text = agent_text("cart", path="apps/cart", content=["*.md"])
    world.commit("Other content", {"projects/shop/agents/cart/agent.yaml": text})
    world.settle()
    assert world.files("dev", "content") == {"content/shop/cart/more.md": "more"}


def test_other_content_waits_for_the_source_where_nothing_has_it(tmp_path: Path) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", path="apps/cart", content=["prompts/**"]))
    world.push("mono", {"apps/cart/main.py": "1", "apps/cart/prompts/a.md": "1", "apps/cart/more.md": "more"})
    world.settle()
    before = release(world)
    world.sources.rename(tmp_path / "away")
    shutil.rmtree(world.config / ".git" / "headpin")
    text = agent_text("cart", path="apps/cart", content=["*.md"])
    world.commit("Other content", {"projects/shop/agents/cart/agent.yaml": text})
    world.settle()
    world.commit("Something else", {"projects/shop/project.yaml": "pipeline: standard\ndescription: x\n"})
    world.settle()
    assert release(world) == before
    (tmp_path / "away").rename(world.sources)
    world.controller = world.fresh()
    world.settle()
    assert world.files("dev", "content") == {"content/shop/cart/more.md": "more"}
    state = world.branch("dev").state
    assert state is not None and state.unsettled == ()


def test_a_source_that_answers_and_cannot_be_fetched_is_a_silent_one(tmp_path: Path) -> None:
    world = world_of(tmp_path, cart=agent_text("cart", path="apps/cart"), till=agent_text("till", "../sources/till"))
    first = world.push("mono", {"apps/cart/main.py": "1"})
    world.push("till")
    world.settle()
    second = world.push("mono", {"apps/cart/main.py": "2"})
    loose = world.sources / "mono" / ".git" / "objects" / second[:2] / second[2:]
    data = loose.read_bytes()
    loose.chmod(0o644)
    loose.unlink()
    till = world.push("till")
    report = world.reconcile()
    assert set(report.sources) == {CART} and not report.failed
    assert release(world).revision == first and release(world, TILL).revision == till
    loose.write_bytes(data)
    world.settle()
    assert release(world).revision == second


class _Turning(list[str]):
    """Requests, of which the one after `calm` changes the server's mood: branches are told, and not fetched."""

    def __init__(self, server: HttpServer, calm: int, mood: str) -> None:
        super().__init__()
        self._server, self._calm, self._mood = server, calm, mood

    def append(self, request: str) -> None:
        super().append(request)
        if len(self) > self._calm:
            self._server.mood = self._mood


@pytest.mark.parametrize("mood", ["redirect", "garbage", "cut", "escapes", "zero", "silent"])
@pytest.mark.parametrize("calm", [2, 3])  # GET and POST of the question; then the GET of the fetch goes well too
def test_a_server_that_turns_before_the_fetch_is_a_silent_source(tmp_path: Path, mood: str, calm: int) -> None:
    login = f"user:{CANARY}"
    folder = tmp_path / "w"
    with (
        http_server(folder / "sources", login=login) as evil,
        http_server(folder / "sources", target=evil.url) as server,
    ):
        address = server.url.replace("://", f"://{login}@") + "/mono/.git"
        world = world_of(
            folder, cart=agent_text("cart", address, "apps/cart"), till=agent_text("till", "../sources/till")
        )
        limits = "apiVersion: headpin/v1\nlimits: {sourceSeconds: 20, fetchSeconds: 2}\n"
        world.commit("Short of time", {"headpin.yaml": limits})
        revision = world.push("mono", {"apps/cart/main.py": "1"})
        world.push("till")
        server.asked = _Turning(server, calm, mood)
        report = world.reconcile()
        assert set(report.sources) == {CART} and not report.failed
        assert report.sources[CART].isprintable() and CANARY not in report.sources[CART]
        assert release(world, TILL) and evil.asked == [] and evil.logins == []
        server.asked, server.mood = [], "git"
        assert not world.reconcile().sources
        assert release(world).revision == revision
