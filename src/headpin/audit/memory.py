"""What audit remembers between two runs: a file below the git directory, which may be deleted at any time.

The file has a version and a digest of itself; one that is damaged, or of another version, is as good as none. Whether
what it remembers is how the history begins that is here now, the caller finds out (`headpin.audit.audit`).
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headpin.audit.facts import Named
from headpin.audit.finding import Finding
from headpin.audit.judge_main import Suspect
from headpin.audit.state import Cursor, Moving, State
from headpin.problem_kinds import KINDS
from headpin.releases.release import Release
from headpin.types import AgentName

VERSION = 1
FOLDER = "headpin/audit"

_RULES = hashlib.sha256(repr(sorted(code for code in KINDS if code.startswith("HP4"))).encode()).hexdigest()[:16]
"""A headpin that judges by other rules begins anew."""


def memory_file(git_dir: Path, main: str) -> Path:
    """The file for one main branch."""
    return git_dir / FOLDER / f"{hashlib.sha256(main.encode()).hexdigest()[:16]}.json"


def recall(file: Path) -> State | None:
    """What the file remembers; None where there is none, or none that can be believed."""
    try:
        head, _, body = file.read_bytes().partition(b"\n")
        if head.decode() != _head(body):
            return None
        return _state(json.loads(body))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def remember(file: Path, state: State) -> None:
    """Writes the file as a whole, or not at all. A disk that cannot be written to only makes the next run slower."""
    body = json.dumps(_state_form(state), separators=(",", ":")).encode()
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, prefix="new-")
        try:
            with os.fdopen(handle, "wb") as written:
                written.write(_head(body).encode() + b"\n" + body)
            Path(name).replace(file)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def _head(body: bytes) -> str:
    return f"headpin-audit {VERSION} {_RULES} {hashlib.sha256(body).hexdigest()}"


# ── to JSON ──────────────────────────────────────────────────────────────────────────────────────────


def _state_form(state: State) -> dict[str, Any]:
    return {
        "main": state.main,
        "position": state.position,
        "head": state.head,
        "last": list(state.last),
        "branches": list(state.branches),
        "cursors": {name: _cursor_form(cursor) for name, cursor in state.cursors.items()},
        "findings": [_plain(finding) for finding in state.findings],
        "suspects": [_plain(suspect) for suspect in state.suspects],
    }


def _cursor_form(cursor: Cursor) -> dict[str, Any]:
    form = _plain(cursor)
    form["moving"] = [_moving_form(move) for move in cursor.moving]
    return form


def _moving_form(move: Moving) -> list[Any]:
    return [move.position, move.config, str(move.agent), _named_form(move.before), _named_form(move.after)]


def _named_form(named: Named) -> Any:
    return named.as_mapping() if isinstance(named, Release) else named


def _plain(value: Any) -> dict[str, Any]:
    return {key: _item(item) for key, item in asdict(value).items()}


def _item(item: Any) -> Any:
    if isinstance(item, datetime):
        return item.timestamp()
    if isinstance(item, dict):
        return {key: _item(one) for key, one in item.items()}
    return [_item(one) for one in item] if isinstance(item, (list, tuple)) else item


# ── and back ─────────────────────────────────────────────────────────────────────────────────────────


def _state(form: dict[str, Any]) -> State:
    position, time = form["last"]
    return State(
        form["main"],
        form["position"],
        form["head"],
        (position, time),
        tuple(form["branches"]),
        {name: _cursor(one) for name, one in form["cursors"].items()},
        [_finding(one) for one in form["findings"]],
        [_suspect(one) for one in form["suspects"]],
    )


def _cursor(form: dict[str, Any]) -> Cursor:
    latest = form["latest"]
    told = {
        "latest": None if latest is None else _time(latest),
        "moving": [_moving(one) for one in form["moving"]],
        "foreign": [_finding(one) for one in form["foreign"]],
        "off": [_finding(one) for one in form["off"]],
    }
    return Cursor(**{**form, **told})


def _moving(form: list[Any]) -> Moving:
    position, config, agent, before, after = form
    return Moving(position, config, _agent(agent), _named(before), _named(after))


def _named(form: Any) -> Named:
    return Release.of_mapping(form) if isinstance(form, dict) else form


def _finding(form: dict[str, Any]) -> Finding:
    return Finding(**{**form, "at": _time(form["at"])})


def _suspect(form: dict[str, Any]) -> Suspect:
    told = {
        "at": _time(form["at"]),
        "agent": AgentName(**form["agent"]),
        "release": Release(**form["release"]),
        "sources": tuple(form["sources"]),
    }
    return Suspect(**{**form, **told})


def _agent(text: str) -> AgentName:
    found = AgentName.parse(text)
    if found is None:
        raise ValueError(f"{text!r} is no agent")
    return found


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
