"""Log lines: one form for everything that this process says, libraries included.

Lines go through the standard `logging`, so that what uvicorn or another library says comes out alike. Nothing is set
up when this is imported: `start_logging` is called once, by the command that runs unattended. A line is JSON, or for
people who look at a terminal; in both, nothing in it can end the line, and no secret stands in it.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TextIO

from headpin.telemetry.redaction import MAX_TRACE, Redaction, inert

LOGGER = "headpin"
_FIELDS = "headpin_fields"
_EVENT = "headpin_event"
_COLORS = {"debug": "2", "info": "32", "warning": "33", "error": "31"}
_QUIET = {
    **dict.fromkeys(("asyncio", "watchfiles", "watchfiles.main"), logging.WARNING),
    **dict.fromkeys(("httpcore", "httpx"), logging.WARNING),  # which tell addresses, and those may be secrets
    **dict.fromkeys(("uvicorn", "uvicorn.access", "uvicorn.error"), logging.ERROR),
}
"""Libraries, and the least that they may tell at any level. uvicorn warns of every request that is none: whoever
reaches it could fill the log."""


class LogForm(StrEnum):
    """How a line is written; `auto` is `console` on a terminal and `json` elsewhere."""

    AUTO = "auto"
    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least that is told."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"

    @property
    def number(self) -> int:
        """As `logging` counts."""
        return int(getattr(logging, self.value.upper()))


def start_logging(
    form: LogForm = LogForm.AUTO,
    level: LogLevel = LogLevel.INFO,
    redaction: Redaction | None = None,
    stream: TextIO | None = None,
) -> Callable[[], None]:
    """Sends every log line of this process to `stream` (stderr); gives what puts everything back as it was."""
    out = stream or sys.stderr
    is_terminal = out.isatty()
    hide = redaction or Redaction()
    is_json = form is LogForm.JSON or (form is LogForm.AUTO and not is_terminal)
    handler = logging.StreamHandler(out)
    handler.setFormatter(JsonLines(hide) if is_json else ConsoleLines(hide, in_color=is_terminal))
    root = logging.getLogger()
    before, was, raises = root.handlers[:], root.level, logging.raiseExceptions
    levels = {name: logging.getLogger(name).level for name in _QUIET}
    root.handlers[:] = [handler]
    root.setLevel(level.number)
    logging.raiseExceptions = False  # a full disk or a closed pipe behind stderr ends no pass
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(level.number, least))

    def stop() -> None:
        root.handlers[:] = before
        root.setLevel(was)
        logging.raiseExceptions = raises
        for name, number in levels.items():
            logging.getLogger(name).setLevel(number)

    return stop


def tell(level: LogLevel, event: str, message: str, *, error: BaseException | None = None, **fields: Any) -> None:
    """One line. `event` is its stable dotted name; a field that is None or "" is left out.

    `error` is told with its causes and the way to it.
    """
    kept = {name: value for name, value in fields.items() if value is not None and value != ""}
    extra = {_EVENT: event, _FIELDS: kept}
    logging.getLogger(LOGGER).log(level.number, "%s", message, exc_info=error, extra=extra)


def is_told(level: LogLevel) -> bool:
    """Whether a line of this level would be written at all."""
    return logging.getLogger(LOGGER).isEnabledFor(level.number)


class _Lines(logging.Formatter):
    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self._redaction = redaction

    def _parts(self, record: logging.LogRecord) -> dict[str, Any]:
        """What both forms tell, in the order of the JSON form."""
        hide = self._redaction
        at = datetime.fromtimestamp(record.created, UTC)
        fields: Mapping[str, Any] = getattr(record, _FIELDS, {})
        parts: dict[str, Any] = {
            "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": _level(record.levelno),
            "event": getattr(record, _EVENT, "library"),
            "message": hide.text(_message(record)),
        }
        parts |= {name: hide.value(value) for name, value in fields.items() if name not in parts}
        if record.name != LOGGER:
            parts["logger"] = hide.text(record.name)
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            parts["error"] = hide.text(f"{type(error).__name__}: {error}")
            parts["trace"] = hide.text("".join(traceback.format_exception(error)), MAX_TRACE)
        return parts


class JsonLines(_Lines):
    """One JSON object a line, in ASCII: whatever a text holds is written as an escape of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return json.dumps(self._parts(record), separators=(",", ":"))


class ConsoleLines(_Lines):
    """For people: time, level, message, then the fields as ``name=value``; a trace below, indented."""

    def __init__(self, redaction: Redaction, *, in_color: bool = False) -> None:
        super().__init__(redaction)
        self._in_color = in_color

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the lines of a trace."""
        parts = self._parts(record)
        at, level, trace = parts.pop("time"), parts.pop("level"), parts.pop("trace", "")
        message = inert(str(parts.pop("message")))
        fields = " ".join(f"{name}={_said(value)}" for name, value in parts.items())
        word = f"{level.upper():7}"
        if self._in_color:
            word, fields = f"\x1b[{_COLORS[level]}m{word}\x1b[0m", f"\x1b[2m{fields}\x1b[0m"
        below = "".join(f"\n    {inert(line)}" for line in trace.splitlines())
        return f"{at} {word} {message}  {fields}{below}"


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    return "warning" if number >= logging.WARNING else "info" if number >= logging.INFO else "debug"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):  # a library's own mistake in what it logs
        return str(record.msg)


def _said(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    is_plain = text.isprintable() and not any(letter in text for letter in ' "=')
    return text if is_plain and text else json.dumps(text)
