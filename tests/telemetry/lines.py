"""Log lines of a test, as they come out."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from headpin.telemetry import LogForm, LogLevel, Redaction, start_logging


class Lines(io.StringIO):
    """A stream that gives the lines written to it."""

    def told(self, *, forget: bool = True) -> list[dict[str, Any]]:
        """Every line so far, parsed; each has what every line has."""
        lines = [json.loads(line) for line in self.getvalue().splitlines()]
        if forget:
            self.seek(0)
            self.truncate()
        assert all({"time", "level", "event", "message"} <= line.keys() for line in lines)
        return lines

    def events(self) -> list[str]:
        """The names of the events so far, debug left out."""
        return [line["event"] for line in self.told() if line["level"] != "debug"]


@contextmanager
def logged(
    form: LogForm = LogForm.JSON, level: LogLevel = LogLevel.DEBUG, redaction: Redaction | None = None
) -> Iterator[Lines]:
    """Collects what is logged while the block lasts."""
    lines = Lines()
    stop = start_logging(form, level, redaction, lines)
    try:
        yield lines
    finally:
        stop()
