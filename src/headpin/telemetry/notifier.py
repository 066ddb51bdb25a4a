"""Telling others of transitions: in a thread of its own, so that no pass ever waits for a receiver.

Each receiver is told in order, at least once, and independently of the others. A receiver that does not answer is tried
again, later and later; one that refuses is not told the same again. Must never change a branch.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from headpin.errors import HeadpinError
from headpin.git import Repository
from headpin.rendering import RenderError
from headpin.sources.http import Lines, Reply
from headpin.telemetry.backlog import ALL, Backlog, Due
from headpin.telemetry.logs import LogLevel, tell
from headpin.telemetry.metrics import Metrics
from headpin.telemetry.notification import Notification
from headpin.telemetry.ongoing import Ongoing
from headpin.telemetry.positions import Position, Positions
from headpin.telemetry.redaction import Redaction
from headpin.telemetry.targets import Target

_LATER = frozenset({408, 425, 429})
_MAX_ANSWER = 4096


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds between attempts: the first, the longest; and between looks where nobody says that there is news."""

    first: float = 1.0
    longest: float = 300.0
    look: float = 60.0

    def wait(self, attempts: int) -> float:
        """How long after so many attempts; never quite the same, so that not all come back at once."""
        return float(min(self.longest, self.first * 2.0 ** min(attempts - 1, 30)) * random.uniform(0.5, 1.0))  # noqa: S311


@dataclass(eq=False)
class _Receiver:
    """One target in the notifier's thread. `asked` counts how often there may have been news, `told` up to which of
    these everything was told."""

    target: Target
    positions: Positions
    news: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    told: int = 0
    lines: Lines | None = None

    async def open(self) -> Lines:
        """The connections to it, which stay open while it answers."""
        if self.lines is None:
            self.lines = await Lines(self.target.said.timeout_seconds).__aenter__()
        return self.lines

    async def close(self) -> None:
        """Ends them: the next attempt looks anew where the receiver is."""
        lines, self.lines = self.lines, None
        if lines is not None:
            await lines.__aexit__(None, None, None)


class _Later(Exception):
    """Not now: an attempt failed in a way that may be over later. `wait` is what the receiver asked for."""

    def __init__(self, said: str, wait: float = 0.0) -> None:
        super().__init__(said)
        self.wait = wait


class _Never(Exception):
    """This notification will not be taken, however often it is sent."""


class Notifier:
    """Notifies from `start` to `stop`."""

    def __init__(
        self,
        place: Path,
        targets: Sequence[Target],
        folder: Path,
        metrics: Metrics,
        *,
        redaction: Redaction | None = None,
        covers: Callable[[str], bool] = lambda _: True,
        patience: Patience | None = None,
    ) -> None:
        """`place` is the repository, `folder` where positions are kept, `covers` which environments are told of."""
        self._place = place
        self._targets = tuple(targets)
        self._folder = folder
        self._metrics = metrics
        self._redaction = redaction or Redaction()
        self._covers = covers
        self._patience = patience or Patience()
        self._ongoing = Ongoing()
        self._receivers: list[_Receiver] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._is_noted = False

    def start(self) -> None:
        """Notes where everybody stands, and begins. Raises as `note`.

        Has to be called before the first pass: what that commits is news already.
        """
        self.note()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="notifications", daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def note(self) -> None:
        """Notes where those stand whom nothing was told yet; once, and before a pass. Raises HeadpinError, OSError.

        Not while nothing was fetched into a mirror: what comes first is its whole past, and no news.
        """
        known = None if self._is_noted else self._backlog().known()
        if known is None:
            return
        for target in self._targets:
            positions = Positions(self._folder, target.name)
            if positions.read() is None:
                positions.write({name: Position(tip, ALL) for name, tip in known.items()})
        self._is_noted = True

    def wake(self) -> None:
        """There may be news. Returns at once, from whichever thread."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop has ended: nobody is told any more
                loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for receiver in self._receivers:
            receiver.asked += 1
            receiver.news.set()

    def finish(self, seconds: float) -> bool:
        """Waits for at most so long until everybody was told everything, then stops. Whether they were."""
        end = time.monotonic() + seconds
        before = [receiver.asked for receiver in self._receivers]
        self.wake()
        while not (is_done := all(r.told > asked for r, asked in zip(self._receivers, before, strict=True))):
            if time.monotonic() >= end:
                break
            time.sleep(0.01)
        self.stop()
        return is_done

    def stop(self, seconds: float = 3.0) -> None:
        """Ends it; what was not told is told after the next start."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is not None and thread is not None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])
            thread.join(seconds)

    def _backlog(self) -> Backlog:
        return Backlog(Repository.open(self._place), self._covers, self._redaction)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._receivers = [_Receiver(target, Positions(self._folder, target.name)) for target in self._targets]
        self._ready.set()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*(self._serve(receiver) for receiver in self._receivers))

    async def _serve(self, receiver: _Receiver) -> None:
        """Tells one receiver everything, for ever. No trouble ends it: the next look is only later."""
        backlog = self._backlog()
        while True:
            receiver.news.clear()
            asked = receiver.asked
            try:
                backlog.reopen()
                await self._catch_up(receiver, backlog)
                receiver.told = asked
                self._end(receiver, "backlog")
            except Exception as error:  # noqa: BLE001 - a fault here must not end notifications for good
                self._meet(receiver, "backlog", error)
            finally:
                await receiver.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience.look):
                    await receiver.news.wait()

    async def _catch_up(self, receiver: _Receiver, backlog: Backlog) -> None:
        if not self._is_noted:
            return
        positions = receiver.positions.read()
        if positions is None:  # somebody deleted it: from now on
            positions = {name: Position(tip, ALL) for name, tip in backlog.tips().items()}
            receiver.positions.write(positions)
        for due in backlog.due(positions):
            await self._tell_commit(receiver, backlog, due, positions)
            await asyncio.sleep(0)

    async def _tell_commit(
        self, receiver: _Receiver, backlog: Backlog, due: Due, positions: dict[str, Position]
    ) -> None:
        told = backlog.tell(due) if due.told < ALL else ()
        for number, notification in enumerate(told[due.told :], due.told + 1):
            if receiver.target.wants(notification, backlog.head):
                await self._deliver(receiver, notification)
                positions[due.environment] = Position(due.commit.id, number)
                receiver.positions.write(positions)
        done = Position(due.commit.id, max(due.told, len(told)))
        if positions.get(due.environment) != done:
            positions[due.environment] = done
            receiver.positions.write(positions)

    async def _deliver(self, receiver: _Receiver, notification: Notification) -> None:
        """Until it is delivered, refused, or too long tried."""
        target, loop = receiver.target, asyncio.get_running_loop()
        name, begun, attempts = target.name, loop.time(), 0
        while True:
            attempts += 1
            try:
                await self._attempt(receiver, notification)
            except _Later as later:
                await receiver.close()
                self._metrics.notifications.labels(name, "failed").inc()
                self._meet(receiver, "delivery", later)
                wait = max(self._patience.wait(attempts), later.wait)
                if loop.time() - begun + wait > target.give_up_after:
                    self._drop(target, notification, f"given up after {attempts} attempts: {later}")
                    return
                await asyncio.sleep(wait)
            except _Never as never:
                self._drop(target, notification, str(never))
                return
            else:
                self._metrics.notifications.labels(name, "delivered").inc()
                self._end(receiver, "delivery")
                tell(LogLevel.DEBUG, "notification.delivered", f"{name} was told", endpoint=name, id=notification.id)
                return

    async def _attempt(self, receiver: _Receiver, notification: Notification) -> None:
        """Sends it once. Raises _Later or _Never."""
        target = receiver.target
        try:
            kind, body = target.body(notification)
        except RenderError as error:
            raise _Never(str(error)) from error
        try:
            address, more = target.address(), target.headers()
            headers = {**more, "Content-Type": kind, "X-Headpin-Notification": notification.id}
            async with asyncio.timeout(target.said.timeout_seconds):
                line = await (await receiver.open()).to(address.endpoint)
                reply = await line.ask("POST", address.target, headers, limit=_MAX_ANSWER, content=body)
        except TimeoutError:
            raise _Later("no answer in time") from None
        except HeadpinError as error:
            raise _Later(str(error)) from error
        _judge(reply)

    def _drop(self, target: Target, notification: Notification, why: str) -> None:
        self._metrics.notifications.labels(target.name, "dropped").inc()
        tell(
            LogLevel.ERROR,
            "notification.dropped",
            f"{target.name} was not told: {why}",
            endpoint=target.name,
            id=notification.id,
            environment=notification.environment,
        )

    def _meet(self, receiver: _Receiver, what: str, error: Exception) -> None:
        name = receiver.target.name
        if self._ongoing.meet(f"{name}:{what}", str(error), asyncio.get_running_loop().time()):
            is_ours = not isinstance(error, (HeadpinError, OSError, _Later))
            said = f"{name} cannot be told: {error}"
            tell(LogLevel.WARNING, "notification.failed", said, error=error if is_ours else None, endpoint=name)

    def _end(self, receiver: _Receiver, what: str) -> None:
        name = receiver.target.name
        if self._ongoing.end(f"{name}:{what}") is not None:
            tell(LogLevel.INFO, "notification.recovered", f"{name} can be told again", endpoint=name)


def _judge(reply: Reply) -> None:
    """Raises _Later or _Never for what is no success."""
    status = reply.status
    if 200 <= status < 300:  # noqa: PLR2004 - the class of success
        return
    if status in _LATER or status >= 500:  # noqa: PLR2004 - the class of the server's own troubles
        raise _Later(f"it answers {status}", reply.wait)
    where = "; it sends elsewhere, which headpin does not follow" if reply.is_redirect else ""
    raise _Never(f"it refuses with {status}{where}")
