"""Log lines: one form, one line each, nothing secret, nothing that a terminal obeys."""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime

import pytest

from headpin.errors import PermanentError, SourceTrouble
from headpin.telemetry import LogForm, LogLevel, Redaction, tell
from headpin.telemetry.logs import JsonLines
from tests.telemetry.lines import logged

CANARY = "canary7f3c9a2d0c5b"
ADDRESS = f"https://user:{CANARY}@git.example.com/shop.git"
TOKEN = "ghp_" + "a1B2" * 9
HOSTILE = "one\ntwo\r\x1b[31mred\x1b]0;title\x07 \u202egnp.exe \x9b2J \u2028 \ud800 <script>"


def test_a_line_has_a_time_in_utc_a_level_an_event_and_its_fields() -> None:
    with logged() as lines:
        tell(LogLevel.WARNING, "deployment.held", "held", agent="shop/cart", version=3, person=None, note="")
    (line,) = lines.told()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "warning",
        "event": "deployment.held",
        "message": "held",
        "agent": "shop/cart",
        "version": 3,
    }


def test_a_field_cannot_take_the_place_of_what_every_line_has() -> None:
    with logged() as lines:
        tell(LogLevel.INFO, "one.event", "said", **{"logger": "mine", "time": "never"})
    (line,) = lines.told()
    assert (line["event"], line["level"], line["time"] != "never") == ("one.event", "info", True)


@pytest.mark.parametrize("level", list(LogLevel))
def test_only_what_is_at_least_of_the_level_is_told(level: LogLevel) -> None:
    with logged(level=level) as lines:
        for each in LogLevel:
            tell(each, "some.event", each.value)
    told = [line["level"] for line in lines.told()]
    assert told == [each.value for each in LogLevel if each.number >= level.number]


def test_what_a_library_says_comes_out_in_the_same_form() -> None:
    with logged(level=LogLevel.INFO) as lines:
        logging.getLogger("uvicorn.error").error("no answer to %s", "somebody")
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")  # one for each that comes
        logging.getLogger("watchfiles.main").info("1 change detected")
        logging.getLogger("some.library").info("%d too few", "arguments")
    failed, odd = lines.told()
    assert (failed["event"], failed["logger"], failed["level"]) == ("library", "uvicorn.error", "error")
    assert failed["message"] == "no answer to somebody"
    assert odd["message"] == "%d too few"


def test_everything_is_as_it_was_when_logging_stops() -> None:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.getLogger("uvicorn").level)
    with logged():
        assert root.handlers != before[0]
    assert (root.handlers, root.level, logging.getLogger("uvicorn").level) == before


def test_an_import_sets_up_nothing() -> None:
    for name in ("", "headpin", "uvicorn"):
        assert not [each for each in logging.getLogger(name).handlers if isinstance(each.formatter, JsonLines)]
    assert not logging.getLogger("headpin").handlers
    assert logging.getLogger("headpin").level == logging.NOTSET


def _raised() -> Exception:
    try:
        try:
            raise SourceTrouble(f"{ADDRESS} did not answer")
        except SourceTrouble as error:
            raise ValueError(f"told by git: {ADDRESS}") from error
    except ValueError as error:
        try:
            raise PermanentError(f"with {TOKEN}")
        except PermanentError as other:
            other.__cause__ = error
            return other


@pytest.mark.parametrize("form", [LogForm.JSON, LogForm.CONSOLE])
def test_no_secret_is_in_a_line_a_field_an_error_its_causes_or_its_trace(form: LogForm) -> None:
    hidden = Redaction()
    hidden.add(["hook-secret-1234567890", "x"])
    with logged(form, redaction=hidden) as lines:
        tell(LogLevel.INFO, "some.event", f"from {ADDRESS}", place=ADDRESS, deep={"in": [ADDRESS, {"key": TOKEN}]})
        tell(LogLevel.ERROR, "some.failure", "failed", error=_raised())
        tell(LogLevel.INFO, "some.event", "hook-secret-1234567890", **{"field": ("a hook-secret-1234567890 b",)})
        logging.getLogger("a.library").error("to %s", ADDRESS, exc_info=_raised())
    text = lines.getvalue()
    assert not [secret for secret in (CANARY, TOKEN, "hook-secret") if secret in text]
    assert "git.example.com" in text
    assert "some.event" in text


@pytest.mark.parametrize("form", [LogForm.JSON, LogForm.CONSOLE])
def test_no_text_ends_its_line_or_reaches_a_terminal_as_a_command(form: LogForm) -> None:
    with logged(form) as lines:
        tell(LogLevel.INFO, "some.event", HOSTILE, note=HOSTILE, many=[HOSTILE])
    text = lines.getvalue()
    assert text.count("\n") == 1
    assert text.removesuffix("\n").isprintable()


def test_a_trace_is_below_its_line_on_a_console_and_in_a_field_of_json() -> None:
    with logged(LogForm.CONSOLE) as lines:
        tell(LogLevel.ERROR, "some.failure", "failed", error=RuntimeError(f"bad {HOSTILE}"))
    first, *rest = lines.getvalue().splitlines()
    assert "failed" in first
    assert rest
    assert all(line.startswith("    ") and line.isprintable() for line in rest)
    with logged() as lines:
        tell(LogLevel.ERROR, "some.failure", "failed", error=_raised())
    (line,) = lines.told()
    assert "SourceTrouble" in line["trace"]
    assert line["error"].startswith("PermanentError: ")


def test_a_long_text_is_cut() -> None:
    with logged() as lines:
        tell(LogLevel.INFO, "some.event", "x" * 100_000, note="y" * 100_000)
    assert len(lines.getvalue()) < 9_000


def test_the_console_form_reads_as_name_and_value() -> None:
    with logged(LogForm.CONSOLE) as lines:
        tell(LogLevel.INFO, "some.event", "said", agent="shop/cart", count=2, note="two words", empty={})
    at, level, rest = lines.getvalue().split(maxsplit=2)
    assert datetime.fromisoformat(at).tzinfo is not None
    assert level == "INFO"
    assert rest == 'said  event=some.event agent=shop/cart count=2 note="two words" empty={}\n'
    with logged(LogForm.AUTO) as lines:
        tell(LogLevel.INFO, "some.event", "said")
    assert json.loads(lines.getvalue())["message"] == "said"
