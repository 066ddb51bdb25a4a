"""How an unattended headpin reaches its upstream: real servers on loopback, strict keys, tokens that rotate."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection, create_server

import pytest

from headpin.errors import TemporaryError
from headpin.git import Access, address_of
from headpin.git.program import environment
from tests.daemon.test_upstream import Hub, hub
from tests.hostile.servers import HttpServer, http_server, ssh_server
from tests.inprocess import Ran, headpin
from tests.programs import program
from tests.world import git

__all__ = ["hub"]


def once(hub: Hub, url: str, *options: str | Path) -> Ran:
    state = hub.folder / "state"
    state.mkdir(exist_ok=True)
    if not (state / "sources").exists():
        (state / "sources").symlink_to(hub.world.sources)
    return headpin("run", "--once", "--repository", url, "--state", state, *options, cwd=hub.folder)


@pytest.fixture
def server(hub: Hub) -> Iterator[HttpServer]:
    git("config", "http.receivepack", "true", cwd=hub.place)
    with http_server(hub.folder, login="x-access-token:canary-one") as found:
        yield found


def test_a_token_is_read_anew_each_time_and_shows_nowhere(hub: Hub, server: HttpServer) -> None:
    token, url = hub.folder / "token", f"{server.url}/hub.git"
    token.write_text("canary-one\n")
    first = once(hub, url, "--token-file", token)
    assert first.code == 0, first.err
    assert hub.revision("env/prod")
    server.login = "x-access-token:canary-two"
    hub.world.push("cart")
    refused = once(hub, url, "--token-file", token)
    assert refused.code == 3
    token.write_text("canary-two")
    assert once(hub, url, "--token-file", token).code == 0
    told = first.out + first.err + refused.out + refused.err + "".join(server.seen)
    kept = [place.read_bytes() for place in (hub.folder / "state").rglob("*") if place.is_file()]
    assert "canary" not in told and not any(b"canary" in data for data in kept)
    assert {login.partition(":")[0] for login in server.logins} == {"x-access-token"}


def test_a_clones_own_remote_is_reached_with_the_token_too(hub: Hub, server: HttpServer) -> None:
    token = hub.folder / "token"
    token.write_text("canary-one\n")
    hub.world.git("remote", "set-url", "origin", f"{server.url}/hub.git")
    assert headpin("run", "--once", cwd=hub.world.config).code == 3
    ran = headpin("run", "--once", "--token-file", str(token), cwd=hub.world.config)
    assert ran.code == 0, ran.err
    assert hub.revision("env/prod") == hub.world.revision("env/prod")
    assert "canary" not in ran.out + ran.err + hub.world.git("config", "--list")


def test_no_program_has_the_token_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADPIN_TOKEN", "canary")
    assert "canary" not in environment().values()


def test_a_token_goes_to_its_own_host_alone(tmp_path: Path) -> None:
    access = Access("git.example.com", variables={"HEADPIN_TOKEN": "canary"})
    for url, password in {
        "https://git.example.com/a": "canary",
        "https://other.example.com/a": "",
        "https://robin:own@git.example.com/a": "own",
        "ssh://git@git.example.com/a": "",
    }.items():
        address = address_of(url, tmp_path)
        assert not isinstance(address, str)
        assert access.to(address).password == password
    assert "canary" not in repr(access)


def test_a_file_that_holds_no_token_is_a_mistake_that_does_not_show_it(tmp_path: Path) -> None:
    place = tmp_path / "token"
    address = address_of("https://git.example.com/a", tmp_path)
    assert not isinstance(address, str)
    access = Access("git.example.com", token_file=place)
    with pytest.raises(TemporaryError, match="cannot be read"):
        access.to(address)
    place.write_text("canary\nand more\n")
    with pytest.raises(TemporaryError, match="more than a token") as caught:
        access.to(address)
    assert "canary" not in str(caught.value)


def test_a_deploy_key_works_for_the_hosts_that_are_known_and_for_no_other(hub: Hub) -> None:
    with ssh_server(hub.folder / "sshd", program("sshd")) as server:
        url = f"ssh://{server.user}@127.0.0.1:{server.port}{hub.place}"
        keys = hub.folder / "a folder; of 100%h"
        shutil.copytree(hub.folder / "sshd", keys)
        options = ("--ssh-key", keys / "person", "--known-hosts", known := keys / "known")
        ran = once(hub, url, *options)
        assert ran.code == 0, ran.err
        assert hub.revision("env/prod")
        known.write_text("")
        ran = once(hub, url, *options)
        assert ran.code == 3 and "its host key is not the one that is known" in ran.err and "SIGHUP" in ran.err
    assert once(hub, "ssh://127.0.0.1/x", "--ssh-key", hub.folder / "none").code == 2


@contextmanager
def git_daemon(folder: Path) -> Iterator[int]:
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said = ["--reuseaddr", "--listen=127.0.0.1", f"--port={port}", "--export-all", "--enable=receive-pack"]
    process = subprocess.Popen(["git", "daemon", *said, f"--base-path={folder}"], stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 5
        while True:
            try:
                create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < until, "git daemon does not listen"
                time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(5)


def test_a_git_daemon_on_this_machine_is_followed_and_none_elsewhere(hub: Hub) -> None:
    with git_daemon(hub.folder) as port:
        ran = once(hub, f"git://127.0.0.1:{port}/hub.git")
        assert ran.code == 0, ran.err
    assert hub.revision("env/prod")
    ran = once(hub, "git://git.example.com/hub.git")
    assert ran.code == 2 and "git: is not allowed" in ran.err


def test_two_daemons_do_not_share_a_state_directory(hub: Hub) -> None:
    from headpin.daemon.mirror import held

    with held(hub.folder / "state"):
        ran = once(hub, str(hub.place))
    assert ran.code == 3 and "another headpin uses" in ran.err
    assert once(hub, str(hub.place), "--dry-run").code == 0
    assert not hub.revision("env/prod")
    assert headpin("run", "--once", "--repository", str(hub.place), cwd=hub.folder).code == 2
