"""From a push to a source, by way of its forge's webhook, to dev: nothing else would have looked for ten minutes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headpin.types import AgentName
from tests.campaigns.hub import until
from tests.campaigns.process import daemon
from tests.hostile.servers import http_server, ssh_server
from tests.programs import program
from tests.server.client import SECRET, ask, by_github
from tests.world import SMALL, World

_AGENT = """\
source:
  repository: {url}
image:
  pattern: registry.example.com/{name}:{{revision}}
"""
_PATIENCE = 90.0
_SOON, _AT_MOST = 2.0, 30.0
"""Seconds: of those that take a machine's own time, and of all on a machine that does other things too."""


@pytest.fixture
def sources(tmp_path: Path) -> World:
    """No agents yet; sources of three."""
    world = World(tmp_path / "world")
    for name in ("by-path", "by-url", "by-ssh"):
        world.push(name)
    world.commit("Start", {path: text for path, text in SMALL.items() if "/agents/" not in path})
    return world


def test_a_hook_wakes_it_however_the_document_spells_the_source(sources: World, tmp_path: Path) -> None:
    world, place, secret = sources, sources.sources, tmp_path / "secret"
    secret.write_text(SECRET)
    with http_server(place) as web, ssh_server(tmp_path / "sshd", program("sshd")) as ssh:
        written = {
            "by-path": "../sources/by-path",
            "by-url": f"{web.url}/by-url",
            "by-ssh": f"ssh://{ssh.user}@127.0.0.1:{ssh.port}{place}/by-ssh",
        }
        told = {
            "by-path": {"clone_url": f"{place}/by-path"},
            "by-url": {"clone_url": f"{web.url}/by-url.git", "ssh_url": f"git@elsewhere.example.com:{place}/by-url"},
            "by-ssh": {"clone_url": "https://git.example.com/by-ssh", "ssh_url": f"me@127.0.0.1:{place}/by-ssh.git"},
        }
        agents = {
            f"projects/shop/agents/{name}/agent.yaml": _AGENT.format(url=url, name=name)
            for name, url in written.items()
        }
        world.commit("Agents", dict(agents))
        keys = ["--ssh-key", str(tmp_path / "sshd" / "person"), "--known-hosts", str(tmp_path / "sshd" / "known")]
        hooks = ["--webhook-address=127.0.0.1:0", "--webhook-secret-file", str(secret)]
        with daemon(tmp_path / "log", "--source-interval=600", *keys, *hooks, cwd=world.config) as running:
            for name in written:
                until(lambda name=name: _served(world, name), _PATIENCE, f"{name} is in dev")
            seconds = {}
            for name, repository in told.items():
                revision = world.push(name)
                body = json.dumps({"ref": "refs/heads/main", "repository": repository}).encode()
                assert ask(running.address("webhooks"), "/webhooks/github", body, by_github(body)).status == 202
                seconds[name] = until(
                    lambda name=name, at=revision: _served(world, name) == at, _AT_MOST, f"{name} is followed"
                )
            assert min(seconds.values()) < _SOON, seconds
            assert not running.told(level="error")


def _served(world: World, name: str) -> str:
    if "env/dev" not in world.tips():
        return ""
    served = world.record("dev", AgentName("shop", name)).served
    return served.release.revision if served else ""
