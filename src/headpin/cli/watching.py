"""`headpin status --watch`: the matrix again when it changed.

Whether anything moved is asked of the refs alone, which is cheap; only then everything is read. On a terminal the
matrix is drawn anew, elsewhere each change is one line that is added.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from headpin.cli.app import Session
from headpin.cli.terminal import BAD, DIM, STRONG, inert
from headpin.controller.branches import BRANCH_PREFIX, upstream_prefix
from headpin.controller.reconcile import system_clock
from headpin.errors import HeadpinError
from headpin.git import remote_of
from headpin.releases.codec import format_time
from headpin.status import DeploymentStatus, StatusReport

_FRESH = 10.0
"""Seconds after which a terminal is drawn anew although nothing moved: it tells for how long things are as they are."""

_Key = tuple[str, str]


@dataclass(slots=True)
class Watch:
    """`read` gives the matrix, `show` prints one to a terminal, or in a machine form."""

    session: Session
    read: Callable[[], StatusReport]
    show: Callable[[StatusReport], None]
    interval: float
    is_machine: bool = False

    def run(self) -> None:
        """Until the person has seen enough. Raises HeadpinError where there is nothing to be seen at all."""
        try:
            self._run()
        except KeyboardInterrupt:
            return

    def _run(self) -> None:
        refs, report = self._refs(), self.read()
        self._first(report)
        drawn, said = time.monotonic(), ""
        while True:
            time.sleep(self.interval)
            try:
                now = self._refs()
                if now != refs:
                    before, report = report, self.read()
                    refs, drawn, said = now, time.monotonic(), ""
                    self._again(before, report)
                elif self._is_drawn and time.monotonic() - drawn >= _FRESH:
                    drawn = time.monotonic()
                    self._draw(report)
            except HeadpinError as error:  # what is half written now, or away, is there again later
                if str(error) != said:
                    said = str(error)
                    self.session.terminal.error(error)

    def _refs(self) -> dict[str, str]:
        """Where main and every environment's branch are, here and as remembered of upstream."""
        controller = self.session.controller
        repository, main = controller.repository, controller.main
        mains = (f"refs/heads/{main}", f"refs/remotes/{remote_of(repository, main)}/{main}")
        found = {name: repository.ref(name) or "" for name in mains}
        for prefix in (BRANCH_PREFIX, upstream_prefix(repository, main)):
            found |= {f"{prefix}{name}": revision for name, revision in repository.refs(prefix).items()}
        return found

    @property
    def _is_drawn(self) -> bool:
        return self.session.terminal.out.is_terminal and not self.is_machine

    def _first(self, report: StatusReport) -> None:
        if self.is_machine:
            self.show(report)
        elif self._is_drawn:
            self._draw(report)
        else:
            for item in report.deployments:
                self.session.terminal.line((str(item.agent), STRONG), f" in {item.environment}: {_state(item)}")
            self._tell_environments({}, _environments(report))

    def _again(self, before: StatusReport, report: StatusReport) -> None:
        if self.is_machine:
            if before != report:
                self.show(report)
        elif self._is_drawn:
            self._draw(report)
        else:
            for parts in _changes(before, report):
                self.session.terminal.line((_now(), DIM), " ", *parts)
            self._tell_environments(_environments(before), _environments(report))

    def _draw(self, report: StatusReport) -> None:
        self.session.terminal.out.clear()
        self.show(report)
        self.session.terminal.line((f"{_now()}  main at {report.config[:7]}; Ctrl-C ends this", DIM))

    def _tell_environments(self, before: dict[str, str], after: dict[str, str]) -> None:
        for name, said in after.items():
            if said and said != before.get(name, ""):
                self.session.terminal.line((_now(), DIM), " ", (f"{name}: everything is held", BAD), f": {inert(said)}")
            elif before.get(name) and not said:
                self.session.terminal.line((_now(), DIM), " ", (name, STRONG), ": no longer held")


def _environments(report: StatusReport) -> dict[str, str]:
    return {each.name: each.trouble or (each.hold.message if each.hold else "") for each in report.environments}


def _changes(before: StatusReport, after: StatusReport) -> Iterator[tuple[str | tuple[str, str], ...]]:
    """A line for each deployment that is not as it was; a hold of a whole environment is told as that."""
    was = {_key(item): item for item in before.deployments}
    held = {each.name for report in (before, after) for each in report.environments if each.hold is not None}
    for item in after.deployments:
        old = was.pop(_key(item), None)
        if item.environment in held or (old is not None and _state(old) == _state(item)):
            continue
        start = f"{_state(old, brief=True)} → " if old is not None else ""
        yield (str(item.agent), STRONG), f" in {item.environment}: {start}{_state(item)}"
    for old in was.values():
        yield (str(old.agent), STRONG), f" in {old.environment}: {_state(old, brief=True)} → gone"


def _key(item: DeploymentStatus) -> _Key:
    return str(item.agent), item.environment


def _state(item: DeploymentStatus, *, brief: bool = False) -> str:
    served = item.served
    version = "" if served is None else f"{'HEAD' if served.version == 0 else f'v{served.version}'} {served.release} "
    said = f": {item.message}" if item.message and not brief else ""
    return inert(f"{version}{item.word}{said}")


def _now() -> str:
    return format_time(system_clock())
