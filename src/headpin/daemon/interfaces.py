"""What the daemon tells, for whoever listens: logs, metrics, notifications.

The daemon calls these from its loop and from the threads that ask sources; they must return at once and never raise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from headpin.controller import PassReport


class Telemetry(Protocol):
    """Takes what happens, as values."""

    def pass_started(self, id: str, environments: Sequence[str]) -> None:
        """A pass over `environments` (patterns; none: all of them) begins."""

    def pass_finished(self, id: str, report: PassReport, seconds: float) -> None:
        """A pass came to its end; environments that could not be committed are in its report."""

    def pass_failed(
        self, id: str, environment: str | None, error: Exception, seconds: float, retry_in: float | None
    ) -> None:
        """A pass, or an environment of one, failed; it is tried again in `retry_in` seconds.

        None: only when its input changes.
        """

    def recovered(self, id: str, environment: str | None) -> None:
        """What `pass_failed` told of with the same words, if it did, is over. A pass that ends well needs no word."""

    def git_operation(self, kind: str, result: str, seconds: float) -> None:
        """`kind` is fetch, push, ls-remote, repack or commit-graph.

        `result` is ok, conflict, refused, unreachable or timeout.
        """

    def push_conflict(self, environment: str) -> None:
        """Another writer was first on the environment's branch upstream."""

    def queue(self, waiting: int, oldest_seconds: float) -> None:
        """So many reasons to look are not looked at yet, the oldest for so long."""

    def lag(self, environment: str, seconds: float) -> None:
        """From the arrival of main's commit to the commit on the environment's branch."""

    def heartbeat(self) -> None:
        """The loop is alive."""


class Silent:
    """Tells nobody."""

    def pass_started(self, id: str, environments: Sequence[str]) -> None:
        """Says nothing."""

    def pass_finished(self, id: str, report: PassReport, seconds: float) -> None:
        """Says nothing."""

    def pass_failed(
        self, id: str, environment: str | None, error: Exception, seconds: float, retry_in: float | None
    ) -> None:
        """Says nothing."""

    def recovered(self, id: str, environment: str | None) -> None:
        """Says nothing."""

    def git_operation(self, kind: str, result: str, seconds: float) -> None:
        """Says nothing."""

    def push_conflict(self, environment: str) -> None:
        """Says nothing."""

    def queue(self, waiting: int, oldest_seconds: float) -> None:
        """Says nothing."""

    def lag(self, environment: str, seconds: float) -> None:
        """Says nothing."""

    def heartbeat(self) -> None:
        """Says nothing."""
