"""What a command that runs unattended has in common with none other: it logs, it is probed, it notifies.

Owns these options, and the order in which things begin and end around a loop: logging first and last, then who is
notified, because what the first pass commits is news already, then the servers.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headpin.controller import Controller
from headpin.errors import UsageError
from headpin.telemetry import (
    DeploymentCounts,
    LogForm,
    LogLevel,
    Metrics,
    Notifier,
    Redaction,
    Target,
    Telemetry,
    read_targets,
    start_logging,
)

if TYPE_CHECKING:
    from headpin.server.probes import Alive
    from headpin.server.webhooks import Hints

NOTIFY_FOLDER = Path("headpin", "notify")
"""In the git directory: how far each receiver of notifications was told."""

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "log_format": (
        Annotated[
            LogForm, typer.Option("--log-format", help="How log lines are written; auto: JSON but on a terminal.")
        ],
        LogForm.AUTO,
    ),
    "log_level": (Annotated[LogLevel, typer.Option("--log-level", help="The least that is logged.")], LogLevel.INFO),
    "probe_address": (
        Annotated[
            str | None,
            typer.Option("--probe-address", metavar="HOST:PORT", help="Answer /livez, /readyz and /metrics there."),
        ],
        None,
    ),
    "webhook_address": (
        Annotated[
            str | None,
            typer.Option("--webhook-address", metavar="HOST:PORT", help="Take webhooks at /webhooks there."),
        ],
        None,
    ),
    "webhook_secret_file": (
        Annotated[
            list[Path] | None,
            typer.Option(
                "--webhook-secret-file",
                metavar="FILE",
                help="Secrets of webhooks, one a line, read again when it changes; may be repeated.",
            ),
        ],
        None,
    ),
    "notify": (
        Annotated[
            Path | None, typer.Option("--notify", metavar="FILE", help="Who is notified of transitions, as YAML.")
        ],
        None,
    ),
}


@dataclass(frozen=True, slots=True)
class Outward:
    """The options of a command that runs unattended."""

    log_format: LogForm = LogForm.AUTO
    log_level: LogLevel = LogLevel.INFO
    probe_address: str | None = None
    webhook_address: str | None = None
    webhook_secret_file: Sequence[Path] | None = None
    notify: Path | None = None

    @contextmanager
    def telling(self) -> Iterator[Voice]:
        """Logs while the block lasts. Raises UsageError for options that do not go together, before anything runs."""
        redaction = Redaction()
        if self.webhook_secret_file and not self.webhook_address:
            raise UsageError("--webhook-secret-file needs --webhook-address")
        targets = read_targets(self.notify, redaction) if self.notify else ()
        with ExitStack() as stack:
            stack.callback(start_logging(self.log_format, self.log_level, redaction))
            yield Voice(self, redaction, targets, Telemetry(Metrics()))


@dataclass(frozen=True, slots=True)
class Voice:
    """What tells of a loop: `telemetry` is what the loop is given."""

    outward: Outward
    redaction: Redaction
    targets: Sequence[Target]
    telemetry: Telemetry

    @contextmanager
    def attending(
        self,
        controller: Controller,
        hints: Hints,
        liveness: Alive,
        environments: Sequence[str] = (),
        folder: Path | None = None,
        *,
        waiting: Callable[[], tuple[int, float]] | None = None,
        grace: float = 0.0,
    ) -> Iterator[Servers]:
        """Notifies and serves while the block lasts; `environments` are the patterns of those that are reconciled.

        `folder` is where positions are kept. `waiting` tells how much waits for the loop, and for how long. `grace` are
        the seconds that may pass at the end until everybody was told.
        Raises PermanentError where nobody can listen at an address.
        """
        git_dir = controller.repository.git_dir
        with ExitStack() as stack:
            servers = stack.enter_context(self._serving(hints, liveness))
            notifier = None
            if self.targets:
                notifier = Notifier(
                    git_dir,
                    self.targets,
                    folder or _positions(git_dir, environments),
                    self.telemetry.metrics,
                    redaction=self.redaction,
                    covers=lambda name: not environments or any(fnmatchcase(name, each) for each in environments),
                )
                notifier.start()
                stack.callback(notifier.finish if grace else notifier.stop, *((grace,) if grace else ()))
            if waiting is not None:
                self.telemetry.metrics.ask_queue(waiting)
            self.telemetry.attend(DeploymentCounts(controller), notifier)
            stack.callback(self.telemetry.attend, None, None)
            yield servers

    @contextmanager
    def _serving(self, hints: Hints, liveness: Alive) -> Iterator[Servers]:
        """The servers, where any are asked for: only then they are loaded at all."""
        outward = self.outward
        servers = Servers()
        if not (outward.probe_address or outward.webhook_address):
            yield servers
            return
        from headpin import server  # noqa: PLC0415 - takes longer to load than most commands run

        with ExitStack() as stack:
            if outward.webhook_address:
                secrets = server.SecretFiles(tuple(outward.webhook_secret_file or ()), self.redaction)
                app = server.webhook_app(hints, secrets, self.telemetry)
                found = server.HttpServer(server.listen_address(outward.webhook_address), app)
                stack.callback(found.stop)
                found.start()
                servers.webhooks = found.address
            if outward.probe_address:
                app = server.probe_app(liveness, self.telemetry.metrics.text, self.redaction)
                found = server.HttpServer(server.listen_address(outward.probe_address), app)
                stack.callback(found.stop)
                found.start()
                servers.probes = found.address
            yield servers


def _positions(git_dir: Path, environments: Sequence[str]) -> Path:
    """Where positions are: of other environments elsewhere, so that two shards of one repository have their own, and
    one that gets more environments tells of them from now on, and not their whole past."""
    shard = hashlib.sha256("\n".join(sorted({*environments})).encode()).hexdigest()[:16]
    return git_dir / NOTIFY_FOLDER / (shard if environments else "")


@dataclass(slots=True)
class Servers:
    """Where the servers listen: with the port that they were given."""

    probes: tuple[str, int] | None = field(default=None)
    webhooks: tuple[str, int] | None = field(default=None)

    @property
    def addresses(self) -> dict[str, str]:
        """As people write them, by what listens there."""
        listening = {"probes": self.probes, "webhooks": self.webhooks}
        return {name: _shown(*found) for name, found in listening.items() if found is not None}


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def unattended(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command that takes `outward` the options that `Outward` is made from, in the place of that parameter."""
    signature = inspect.signature(command, eval_str=True)
    kept = [parameter for name, parameter in signature.parameters.items() if name != "outward"]
    added = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)
        for name, (annotation, default) in _OPTIONS.items()
    ]

    @wraps(command)
    def run(**given: Any) -> None:
        said = {name: given.pop(name) for name in _OPTIONS}
        command(**given, outward=Outward(**said))

    run.__signature__ = signature.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*kept, *added)}
    return run
