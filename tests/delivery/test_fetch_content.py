"""The init container's script, run as it is rendered, against real servers on loopback."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from headpin.model import Delivery
from headpin.rendering import MountedContent, render_files
from headpin.types import TreeId
from tests.hostile.servers import http_server, ssh_server
from tests.programs import program
from tests.rendering.deployments import deploy, read, templates
from tests.world import git

BRANCH = "env/prod"
FOLDER = "content/shop/cart"
OLD = {"prompts/system.md": b"be kind\r\n", "data/all.bin": bytes(range(256))}
NEW = {**OLD, "prompts/system.md": b"be brief\n", ".gitattributes": b"* text=auto eol=crlf ident\n*.md export-ignore\n"}
CANARY = "c4nary-s3cret"
OLD_SERVER = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "protocol.version", "GIT_CONFIG_VALUE_0": "0"}
"""Makes git speak the first protocol, in which servers give no object by its id."""


@dataclass(frozen=True)
class Origin:
    """A repository with two content snapshots in the history of an environment's branch."""

    place: Path
    old: str
    new: str


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    place = tmp_path / "served" / "config"
    place.mkdir(parents=True)
    git("init", "--quiet", f"--initial-branch={BRANCH}", cwd=place)
    return Origin(place, _commit(place, OLD), _commit(place, NEW))


def _commit(place: Path, files: Mapping[str, bytes]) -> str:
    """A commit of content, blobs as they are; gives its tree id."""
    folder = place / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    attributes = place / ".git" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("* -text -ident\n")
    git("add", "--all", "--force", cwd=place)
    git("commit", "--quiet", "-m", "Content", cwd=place)
    return git("rev-parse", f"HEAD:{FOLDER}", cwd=place)


def _container(content: str, delivery: Mapping[str, Any]) -> Any:
    """The init container as it is rendered."""
    model = Delivery.model_validate({"repository": "https://git.example.com/acme/config.git", **delivery})
    mounted = MountedContent(TreeId(content), "init", "/content", model, sizes={"a": 1})
    found = read(render_files(replace(deploy().render, content=mounted), templates()))
    return found["Deployment"]["spec"]["template"]["spec"]["initContainers"][0]


@dataclass(frozen=True)
class Fetched:
    """What the script left behind: `files` as the agent's container sees them."""

    code: int
    said: str
    files: Mapping[str, bytes]
    left: tuple[str, ...]


def _fetch(
    folder: Path,
    address: str,
    content: str,
    *,
    delivery: Mapping[str, Any] | None = None,
    secret: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    again: bool = False,
) -> Fetched:
    """Runs the rendered script with the rendered environment, but for the address and folders of this machine."""
    target, home = folder / "target", folder / "home"
    for place in (target, home):
        place.mkdir(exist_ok=again)
    container = _container(content, delivery or {})
    values = {
        found["name"]: found["value"] if "value" in found else (secret or {}).get(found["name"], "")
        for found in container["env"]
    }
    values |= {"HEADPIN_REPOSITORY": address, "HEADPIN_TARGET": str(target), "HOME": str(home)}
    values |= {"GIT_ALLOW_PROTOCOL": f"{values['GIT_ALLOW_PROTOCOL']}:file:git:http", "PATH": os.environ["PATH"]}
    if "HEADPIN_KEYS" in values:
        values["HEADPIN_KEYS"] = str(folder / "keys")
    done = subprocess.run(
        container["command"],
        env={**values, **(env or {})},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    files = {
        found.relative_to(target).as_posix(): found.read_bytes() for found in target.rglob("*") if not found.is_dir()
    }
    left = tuple(sorted(found.name for found in home.iterdir()))
    return Fetched(done.returncode, done.stdout + done.stderr, files, left)


@pytest.mark.parametrize("env", [{}, OLD_SERVER], ids=["by its id", "by the branch"])
@pytest.mark.parametrize("which", ["new", "old"])
def test_a_snapshot_arrives_byte_for_byte(origin: Origin, tmp_path: Path, env: dict[str, str], which: str) -> None:
    content = {"new": origin.new, "old": origin.old}[which]
    done = _fetch(tmp_path, origin.place.as_uri(), content, env=env)
    assert done.code == 0, done.said
    assert done.files == {"new": NEW, "old": OLD}[which]
    assert done.left == ()
    assert ("by its id; reading" in done.said) == bool(env)
    assert ("reading its history" in done.said) == (bool(env) and which == "old")


@pytest.mark.parametrize("env", [{}, OLD_SERVER], ids=["by its id", "by the branch"])
def test_what_is_nowhere_is_a_loud_failure(origin: Origin, tmp_path: Path, env: dict[str, str]) -> None:
    done = _fetch(tmp_path, origin.place.as_uri(), "1" * 40, env=env)
    assert done.code == 1
    assert f"the content {'1' * 40} is in no commit of refs/heads/env/prod" in done.said
    assert done.files == {}


def test_what_is_no_snapshot_is_a_loud_failure(origin: Origin, tmp_path: Path) -> None:
    blob = git("rev-parse", f"HEAD:{FOLDER}/prompts/system.md", cwd=origin.place)
    done = _fetch(tmp_path, origin.place.as_uri(), blob)
    assert (done.code, done.files) == (1, {})


def test_a_repository_that_is_not_there_is_a_loud_failure(tmp_path: Path) -> None:
    done = _fetch(tmp_path, (tmp_path / "nowhere").as_uri(), "1" * 40)
    assert done.code != 0 and "nowhere" in done.said


def test_a_branch_that_is_not_there_is_a_loud_failure(origin: Origin, tmp_path: Path) -> None:
    git("branch", "-m", "env/other", cwd=origin.place)
    done = _fetch(tmp_path, origin.place.as_uri(), origin.new, env=OLD_SERVER)
    assert done.code != 0 and "env/prod" in done.said


def test_a_second_try_after_a_kill_mends_what_the_first_left(origin: Origin, tmp_path: Path) -> None:
    (tmp_path / "target" / "prompts").mkdir(parents=True)
    (tmp_path / "target" / "prompts" / "system.md").write_bytes(b"be")
    (tmp_path / "home" / "repository.git").mkdir(parents=True)
    (tmp_path / "home" / "repository.git" / "HEAD").write_text("half of")
    done = _fetch(tmp_path, origin.place.as_uri(), origin.new, again=True)
    assert done.code == 0, done.said
    assert done.files == NEW


def test_everybody_may_read_what_arrives(origin: Origin, tmp_path: Path) -> None:
    assert _fetch(tmp_path, origin.place.as_uri(), origin.new).code == 0
    modes = {stat.S_IMODE(found.stat().st_mode) for found in (tmp_path / "target").rglob("*") if found.is_file()}
    folders = {stat.S_IMODE(found.stat().st_mode) for found in (tmp_path / "target").rglob("*") if found.is_dir()}
    assert (modes, folders) == ({0o644}, {0o755})


def test_names_are_never_read_as_anything_else(origin: Origin, tmp_path: Path) -> None:
    files = {
        name: name.encode()
        for name in ("-rf", "a b", "$(touch x)", "`id`", "'", '"', "é", "a\nb", "deep/--help", ";", "*", "..data", "~")
    }
    content = _commit(origin.place, files)
    done = _fetch(tmp_path, origin.place.as_uri(), content)
    assert done.code == 0, done.said
    assert done.files == files


@pytest.mark.parametrize("name", [".git", ".GIT", "git~1"])
def test_a_tree_that_would_write_into_a_repository_is_refused(origin: Origin, tmp_path: Path, name: str) -> None:
    inside = git("hash-object", "-w", "--stdin", cwd=origin.place, env={})
    tree = _mktree(origin.place, f"100644 blob {inside}\tconfig\n")
    content = _mktree(origin.place, f"040000 tree {tree}\t{name}\n")
    git("update-ref", "refs/heads/other", git("commit-tree", "-m", "x", content, cwd=origin.place), cwd=origin.place)
    done = _fetch(tmp_path, origin.place.as_uri(), content)
    assert (done.code != 0, done.files) == (True, {})


def test_a_link_never_leads_anywhere(origin: Origin, tmp_path: Path) -> None:
    place = origin.place / FOLDER / "link"
    place.symlink_to("/etc/passwd")
    git("add", "--all", cwd=origin.place)
    git("commit", "--quiet", "-m", "Link", cwd=origin.place)
    content = git("rev-parse", f"HEAD:{FOLDER}", cwd=origin.place)
    done = _fetch(tmp_path, origin.place.as_uri(), content)
    assert done.code == 0 and done.files["link"] == b"/etc/passwd"
    assert not (tmp_path / "target" / "link").is_symlink()


def test_values_are_never_part_of_the_script(tmp_path: Path) -> None:
    """Kubernetes replaces $(NAME) and halves $$ in a command, and jinja reads its own marks."""
    script = _container("1" * 40, {})["command"][2]
    assert script == templates().texts["fetch-content.sh.j2"]
    assert not any(mark in script for mark in ("$(", "$$", "{{", "{%", "{#", "git.example.com", "1" * 40))
    address = f"file:///nowhere$(touch {tmp_path}/made)`touch {tmp_path}/made`'\";touch {tmp_path}/made"
    assert _fetch(tmp_path, address, "1" * 40).code != 0
    assert not (tmp_path / "made").exists()


HTTPS = {"credentials": {"secret": "config-reader"}}


@pytest.fixture
def served(origin: Origin) -> Iterator[Any]:
    with http_server(origin.place.parent, login=f"robin:{CANARY}") as server:
        yield server


def test_a_login_goes_to_the_server_and_nowhere_else(origin: Origin, tmp_path: Path, served: Any) -> None:
    secret = {"HEADPIN_USERNAME": "robin", "HEADPIN_PASSWORD": CANARY}
    done = _fetch(tmp_path, f"{served.url}/config/.git", origin.old, delivery=HTTPS, secret=secret)
    assert done.code == 0, done.said
    assert done.files == OLD
    assert served.logins and CANARY not in done.said
    assert not any(CANARY in seen for seen in served.seen)


@pytest.mark.parametrize("delivery", [HTTPS, {}], ids=["wrong", "none"])
def test_without_the_right_login_it_fails_at_once(
    origin: Origin, tmp_path: Path, served: Any, delivery: dict[str, Any]
) -> None:
    secret = {"HEADPIN_USERNAME": "robin", "HEADPIN_PASSWORD": f"wrong {CANARY}"}
    done = _fetch(tmp_path, f"{served.url}/config/.git", origin.new, delivery=delivery, secret=secret)
    assert done.code != 0 and CANARY not in done.said
    assert done.files == {}


def test_a_login_does_not_follow_to_another_server(origin: Origin, tmp_path: Path) -> None:
    secret = {"HEADPIN_USERNAME": "robin", "HEADPIN_PASSWORD": CANARY}
    with (
        http_server(origin.place.parent, login="a:b") as other,
        http_server(origin.place.parent, "redirect", target=other.url) as server,
    ):
        done = _fetch(tmp_path, f"{server.url}/config/.git", origin.new, delivery=HTTPS, secret=secret)
        assert done.code != 0
        assert other.asked == [] and other.logins == []


def test_everybody_may_ask_a_public_server(origin: Origin, tmp_path: Path) -> None:
    with http_server(origin.place.parent) as server:
        done = _fetch(tmp_path, f"{server.url}/config/.git", origin.old)
    assert (done.code, done.files) == (0, OLD), done.said


@pytest.fixture
def sshd() -> str:
    """The server's program."""
    return program("sshd")


SSH = {"repository": "git@git.example.com:acme/config.git", "credentials": {"secret": "config-reader"}}


@pytest.mark.parametrize("known", [True, False])
def test_ssh_with_a_key_and_only_to_a_known_server(origin: Origin, tmp_path: Path, sshd: str, known: bool) -> None:
    with ssh_server(tmp_path / "ssh", sshd) as server:
        keys = tmp_path / "keys"
        keys.mkdir()
        (keys / "ssh-privatekey").write_text((tmp_path / "ssh" / "person").read_text().rstrip("\n"))
        (keys / "ssh-privatekey").chmod(0o644)  # as Kubernetes mounts a Secret
        (keys / "known_hosts").write_text((tmp_path / "ssh" / "known").read_text() if known else "")
        address = f"ssh://{server.user}@127.0.0.1:{server.port}{origin.place}"
        done = _fetch(tmp_path, address, origin.old, delivery=SSH)
    assert (done.code == 0) == known, done.said
    assert done.files == (OLD if known else {})
    if known:
        assert done.left == ()


def _mktree(place: Path, text: str) -> str:
    done = subprocess.run(
        ["git", "-c", "core.protectNTFS=false", "mktree"],
        cwd=place,
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()
