"""`headpin run`: the daemon, on this repository or on one that is elsewhere."""

from __future__ import annotations

import random
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from headpin import __version__
from headpin.cli.app import Session, app, exit_with
from headpin.cli.passes import exit_code, pass_as_json, print_pass
from headpin.cli.terminal import Terminal
from headpin.cli.unattended import Outward, Servers, Voice, unattended
from headpin.controller import Controller, PassReport
from headpin.daemon.local import FOLDER
from headpin.daemon.loop import Loop, Options
from headpin.daemon.mirror import REMOTE, held, mirror_of
from headpin.daemon.requests import Answer
from headpin.daemon.signals import obeying_signals
from headpin.daemon.start import Plan, build, started
from headpin.daemon.wakes import Reason
from headpin.errors import Conflict, HeadpinError, NotARepository, TemporaryError, UsageError
from headpin.git import Access, Line, RemoteAddress, address_of, end_programs, host_of, upstream_of
from headpin.sources import ImageLookups

_TRIES = 8
"""Times that one pass is made where other writers are first."""

_GRACE = 10.0
"""Seconds that a single pass waits at its end for those who are to be notified of it."""

_FILE = {"exists": True, "dir_okay": False, "readable": True}


class Promotions(StrEnum):
    """Where promotions that headpin makes itself go."""

    MAIN = "main"
    BRANCH = "branch"


@app.command(epilog="Example: headpin -C config run --once --no-push")
@unattended
def run(
    context: typer.Context,
    outward: Outward,
    environments: Annotated[
        list[str] | None,
        typer.Option("--environments", metavar="PATTERN", help="Write only these environments; may be repeated."),
    ] = None,
    repository: Annotated[
        str | None,
        typer.Option("--repository", metavar="URL", help="The config repository, where it is not on this machine."),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", metavar="DIR", help="Where its mirror is kept; may be deleted at any time."),
    ] = None,
    push: Annotated[
        bool | None,
        typer.Option(
            "--push/--no-push",
            help="Fetch from and push to main's upstream.",
            show_default="where there is one",
        ),
    ] = None,
    promotions: Annotated[
        Promotions,
        typer.Option(help="Where automatic promotions go: to main, or to a branch for each environment."),
    ] = Promotions.MAIN,
    once: Annotated[bool, typer.Option("--once", help="Make one pass and end; exit codes as of reconcile.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing and push nothing.")] = False,
    interval: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, help="How often to look upstream.")] = 30.0,
    source_interval: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, help="How often to ask each host of sources.")
    ] = 60.0,
    ssh_key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The key to log in with.", show_default="the ssh agent's", **_FILE),
    ] = None,
    known_hosts: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The only hosts that are talked to by ssh.", **_FILE)
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A token for https, read at each use.", show_default="HEADPIN_TOKEN", **_FILE
        ),
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificates to trust for https.", **_FILE)
    ] = None,
) -> None:
    """Reconcile for as long as this runs: when main moves, a source moves, or a gate opens.

    SIGTERM ends it within ten seconds, SIGHUP lets it try again at once what waits.
    """
    session: Session = context.obj
    options = Options(tuple(environments or ()), dry_run=dry_run)
    plan = Plan(options, interval, source_interval, promotions is Promotions.BRANCH, told=_told)
    access = Access("", ssh_key, known_hosts, token_file, ca_file)
    place = _Place(session, access, _address(repository), state, push)
    with place.held(), outward.telling() as voice:
        plan = replace(plan, telemetry=voice.telemetry)
        if once:
            _once(place, plan, voice)
        else:
            _run(place, plan, voice)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the config repository is, and how it is reached."""

    session: Session
    access: Access
    address: RemoteAddress | None
    state: Path | None
    push: bool | None

    def held(self) -> ExitStack:
        """Has the state directory, where there is one, for the block."""
        stack = ExitStack()
        if self.state is not None:
            stack.enter_context(held(self.state))
        if self.address is not None and self.state is None:
            raise UsageError("--repository needs a folder for its mirror", remedy="name one with --state DIR")
        return stack

    @property
    def sockets(self) -> Path | None:
        """Where it is asked, where that is not in the repository."""
        return self.state / FOLDER if self.state is not None else None

    @property
    def shown(self) -> str:
        """The repository, for people: without credentials."""
        return self.address.shown if self.address is not None else str(self.session.repository.place)

    def loop(self, plan: Plan) -> Loop:
        """A loop over it."""
        if self.address is None or self.state is None:
            controller, line = self.session.controller, self._line()
            controller.access = self.access if line is None else line.access
            return build(controller, plan, line)
        repository = mirror_of(self.state, self.address)
        access = _of_host(self.access, self.address.url)
        controller = Controller(repository, self.session.branch or "main", access=access)
        return build(controller, plan, Line(repository.git_dir, REMOTE, access, self.address))

    def _line(self) -> Line | None:
        repository, main = self.session.repository, self.session.controller.main
        found = upstream_of(repository, main) if self.push is not False else None
        if found is None:
            if self.push:
                raise UsageError(f"{main} has no upstream to push to", remedy="see 'git branch --set-upstream-to'")
            return None
        url = repository.setting(f"remote.{found.remote}.url")
        return Line(repository.place, found.remote, _of_host(self.access, url), url=url)


def _of_host(access: Access, url: str) -> Access:
    return Access(host_of(url), access.ssh_key, access.known_hosts, access.token_file, access.ca_file)


def _address(text: str | None) -> RemoteAddress | None:
    found = address_of(text, Path.cwd()) if text is not None else None
    if isinstance(found, str):
        raise UsageError(f"--repository: {found}")
    return found


def _told(report: PassReport) -> Answer:
    """The pass as whoever asked for it by `reconcile --now` is told."""
    terminal = Terminal("never")
    with terminal.out.capture() as text:
        print_pass(Session(terminal=terminal), report, done=True)
    return {"exit": exit_code(report), "text": text.get(), "pass": pass_as_json(report)}


def _attending(loop: Loop, voice: Voice, grace: float = 0.0) -> AbstractContextManager[Servers]:
    return voice.attending(
        loop.controller, loop.hints, loop.liveness, loop.options.environments, waiting=loop.wakes.waiting, grace=grace
    )


def _once(place: _Place, plan: Plan, voice: Voice) -> None:
    """One pass. Who is to be notified is, before this ends. Raises TemporaryError where a signal came first."""
    loop = place.loop(replace(plan, is_once=True))
    is_done = False
    with obeying_signals(loop.wakes), _attending(loop, voice, _GRACE):
        _one_pass(place.session, loop)
        is_done = True
    if not is_done:
        raise TemporaryError("it was told to stop before the pass was finished", remedy="run it again")


def _one_pass(session: Session, loop: Loop) -> None:
    loop.controller.observed, loop.controller.lookups = None, ImageLookups()  # one pass asks by itself, and waits
    report = loop.turn(frozenset({Reason.START}))
    for attempt in range(1, _TRIES):
        if not any(isinstance(error, Conflict) for error in loop.failures):
            break
        time.sleep(random.uniform(0.05, min(2.0, 0.1 * 2**attempt)))  # noqa: S311 - jitter, not a secret
        report = loop.turn(frozenset({Reason.START})) or report
    failed = next(iter(loop.failures), None)
    if report is None:
        raise failed or HeadpinError("there was no pass")
    print_pass(session, report, done=not loop.options.dry_run)
    if failed is not None:
        raise failed
    exit_with(exit_code(report))


def _run(place: _Place, plan: Plan, voice: Voice) -> None:
    """Runs; a mirror that is deleted meanwhile is made anew."""
    while True:
        loop, telemetry = place.loop(plan), voice.telemetry
        with obeying_signals(loop.wakes) as signals:
            try:
                with _attending(loop, voice) as servers, started(loop, place.sockets):
                    telemetry.started(__version__, place.shown, loop.options.environments, servers.addresses)
                    loop.run()
                    end_programs()  # that ask sources: nobody needs the answer
            except NotARepository as error:
                telemetry.stopped(str(error))
                if place.address is None:
                    raise
                continue
        telemetry.stopped(signals.reason)
        return
