"""What stands around a loop: logging, notifications and servers begin before it and end after it."""

from __future__ import annotations

import io
import json
import threading
from contextlib import redirect_stderr
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from headpin.cli.unattended import Outward, unattended
from headpin.errors import PermanentError, UsageError
from headpin.telemetry import LogForm, LogLevel
from tests.loopback import listening
from tests.server.client import PUSH, SECRET, ask, by_github
from tests.telemetry.test_notifications import Receiver, _Handler, endpoint, notify_file
from tests.world import World

HERE = "127.0.0.1:0"


@dataclass
class Loop:
    """What a loop gives to whoever attends to it."""

    offered: list[frozenset[str]] = field(default_factory=list)

    def offer(self, addresses: frozenset[str]) -> bool:
        self.offered.append(addresses)
        return True

    def stuck(self) -> str | None:
        return None

    def unready(self) -> str | None:
        return "not yet"


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world in which nothing is changed."""
    return World(tmp_path_factory.mktemp("still") / "world")


def test_a_loop_is_logged_probed_called_and_told_of(world: World) -> None:
    secret, receiver, loop, out = world.folder / "secret", Receiver(), Loop(), io.StringIO()
    secret.write_text(SECRET)
    threads = threading.active_count()
    with listening(_Handler, receiver), redirect_stderr(out):
        file = notify_file(world.folder, f"endpoints:\n{endpoint(receiver)}")
        outward = Outward(LogForm.JSON, LogLevel.INFO, HERE, HERE, (secret,), file)
        with outward.telling() as voice:
            with voice.attending(world.controller, loop, loop, ("sta*",), grace=10) as servers:
                assert servers.probes and servers.webhooks
                voice.telemetry.pass_finished("one", world.reconcile(), 0.1)
                world.promote("dev", "staging")
                voice.telemetry.pass_finished("two", world.reconcile(), 0.1)
                world.promote("staging", "prod")
                voice.telemetry.pass_finished("three", world.reconcile(), 0.1)
                assert ask(servers.probes, "/readyz", method="GET").body == b"not yet\n"
                assert (
                    b'headpin_deployments{environment="staging"' in ask(servers.probes, "/metrics", method="GET").body
                )
                assert ask(servers.webhooks, "/webhooks/github", PUSH, by_github(PUSH)).status == 202
                assert ask(servers.webhooks, "/metrics", method="GET").status == 404
            assert [each["environment"] for each in receiver.got] == ["staging"]
            with pytest.raises(ConnectionRefusedError):
                ask(servers.probes, "/livez", method="GET")
            voice.telemetry.pass_finished("four", world.reconcile(), 0.1)  # a loop that is made anew comes later
    assert loop.offered
    events = [json.loads(line)["event"] for line in out.getvalue().splitlines()]
    assert events.count("deployment.promoted") == 2
    assert threading.active_count() <= threads + 1  # the receiver of this test


def test_nothing_is_served_that_was_not_asked_for(still: World) -> None:
    threads = threading.active_count()
    with Outward().telling() as voice, voice.attending(still.controller, Loop(), Loop()) as servers:
        assert (servers.probes, servers.webhooks) == (None, None)
        assert threading.active_count() == threads


@pytest.mark.parametrize(
    "outward",
    [
        Outward(webhook_address=HERE),
        Outward(webhook_secret_file=(Path("secret"),)),
        Outward(webhook_address=HERE, webhook_secret_file=(Path("missing"),)),
        Outward(probe_address="nowhere"),
        Outward(notify=Path("missing.yaml")),
    ],
)
def test_options_that_do_not_go_together_are_wrong_use(still: World, outward: Outward) -> None:
    with (
        pytest.raises(UsageError),
        outward.telling() as voice,
        voice.attending(still.controller, Loop(), Loop()),
    ):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("http-")]


def test_a_server_that_cannot_listen_ends_the_one_that_does(still: World, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    outward = Outward(probe_address="192.0.2.1:1", webhook_address=HERE, webhook_secret_file=(tmp_path / "secret",))
    with (
        pytest.raises(PermanentError, match="nobody can listen at"),
        outward.telling() as voice,
        voice.attending(still.controller, Loop(), Loop()),
    ):
        pass
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("http-")]


def test_a_command_gets_the_options() -> None:
    app, got = typer.Typer(), []

    @app.command()
    @unattended
    def run(name: str, outward: Outward) -> None:
        got.append((name, outward))

    arguments = ["x", "--log-format", "json", "--log-level", "debug", "--probe-address", ":1", "--notify", "file"]
    found = CliRunner().invoke(app, [*arguments, "--webhook-secret-file", "a", "--webhook-secret-file", "b"])
    assert found.exit_code == 0, found.output
    ((name, outward),) = got
    assert name == "x"
    assert (outward.log_format, outward.log_level, outward.probe_address) == (LogForm.JSON, LogLevel.DEBUG, ":1")
    assert outward.notify == Path("file")
    assert list(outward.webhook_secret_file or ()) == [Path("a"), Path("b")]
