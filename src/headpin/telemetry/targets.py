"""Who is notified: the file given to `headpin run --notify`, checked before anything runs.

An address may be a secret, and so may a header: where they lie in files or in the environment they are read again for
each attempt, and never shown. Where one leads is judged as every other address is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from headpin.addresses import is_host, is_loopback, is_metadata
from headpin.errors import PermanentError, UsageError
from headpin.model import Header, Notify, NotifyEndpoint, duration
from headpin.releases import Event, EventKind, Release, SourceVersion
from headpin.rendering import RenderError
from headpin.sources.http import Endpoint
from headpin.telemetry.notification import Notification, notifications, write_body
from headpin.telemetry.redaction import Redaction
from headpin.tree import MemoryTree
from headpin.types import AgentName, Revision, TreeId
from headpin.workspace import DocumentReader

_MAX_FILE = 256 * 1024
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a notification goes: the server, and what is asked there."""

    endpoint: Endpoint
    target: str


@dataclass(frozen=True)
class Target:
    """One receiver. `folder` is what files are relative to, `template` the text of its template."""

    said: NotifyEndpoint
    folder: Path
    template: str
    redaction: Redaction

    @property
    def name(self) -> str:
        """What logs and metrics call it."""
        return self.said.name

    @property
    def give_up_after(self) -> float:
        """Seconds for which one notification is tried."""
        return duration(self.said.give_up_after).total_seconds()

    def wants(self, notification: Notification, head: str | None) -> bool:
        """Whether it is told this; `head` is the head environment, which is told only where it is named."""
        environments, events = self.said.environments, self.said.events
        name = notification.environment
        is_named = any(fnmatchcase(name, pattern) for pattern in environments)
        return (is_named or (not environments and name != head)) and (not events or notification.kind in events)

    def address(self) -> Address:
        """Where to, as it is now. Raises PermanentError."""
        said = self.said
        url = said.url or _secret(self.folder, said.url_file, said.url_environment, self.redaction)
        found = _judged(url, self.name)
        self.redaction.add([url, found.target])
        return found

    def headers(self) -> dict[str, str]:
        """What goes along, as it is now. Raises PermanentError."""
        return {header.name: self._value(header) for header in self.said.headers}

    def _value(self, header: Header) -> str:
        if header.value is not None:
            return header.value
        found = _secret(self.folder, header.value_file, header.value_environment, self.redaction)
        if not found.isascii() or not found.isprintable():
            raise PermanentError(f"{self.name}: the header {header.name} has a value that no header can have")
        return found

    def body(self, notification: Notification) -> tuple[str, bytes]:
        """Content type and bytes. Raises RenderError."""
        return write_body(self.said.form, notification, self.template)


def read_targets(file: Path, redaction: Redaction) -> tuple[Target, ...]:
    """Everybody that `file` names. Raises UsageError with everything that is wrong with it."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    if len(data) > _MAX_FILE:
        raise UsageError(f"{file} is larger than {_MAX_FILE:,} bytes")
    document = DocumentReader().read(MemoryTree({file.name: data}), file.name, Notify)
    if document is None or document.model is None:
        problems = document.problems if document else ()
        told = "; ".join(f"{problem.place}: {problem.message}" for problem in problems)
        raise UsageError(f"notifications: {told}", remedy=problems[0].remedy if problems else "")
    return tuple(_target(said, file, redaction) for said in document.model.endpoints)


def _target(said: NotifyEndpoint, file: Path, redaction: Redaction) -> Target:
    """The target, tried out as far as that goes without sending anything."""
    folder = file.absolute().parent
    try:
        template = (folder / said.template).read_text("utf-8") if said.template else ""
        target = Target(said, folder, template, redaction)
        target.address()
        target.headers()
        target.body(_example())
    except (OSError, ValueError, PermanentError, RenderError) as error:
        raise UsageError(f"{file.name}: the endpoint {said.name}: {error}") from error
    return target


def _secret(folder: Path, file: str | None, variable: str | None, redaction: Redaction) -> str:
    try:
        found = (folder / file).read_text("utf-8") if file else os.environ.get(variable or "", "")
    except (OSError, ValueError) as error:
        raise PermanentError(f"{file} cannot be read") from error
    text = found.strip()
    if not text:
        raise PermanentError(f"{file or variable} is empty")
    redaction.add([text])
    return text


def _judged(url: str, name: str) -> Address:
    """Where `url` leads, which is never shown: it may be all that keeps a stranger from writing there."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise PermanentError(f"{name} has an address that is none") from None
    is_plain = url.isascii() and url.isprintable() and " " not in url and "\\" not in url
    if not is_plain or parts.scheme not in _PORTS or not is_host(host) or "@" in parts.netloc or parts.fragment:
        raise PermanentError(f"{name} has an address that is not of the form https://host/path")
    if is_metadata(host):
        raise PermanentError(f"{name} leads to a link-local or metadata address")
    if parts.scheme == "http" and not is_loopback(host):
        raise PermanentError(f"{name}: plain http goes to this machine only; use https")
    target = f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}"
    return Address(Endpoint(parts.scheme, host, port or _PORTS[parts.scheme]), target)


def _example() -> Notification:
    """A notification with everything in it, to try a form out on."""
    release = Release(Revision("0" * 40), "registry.example.com/shop/cart:1", TreeId("0" * 40))
    at = datetime(2026, 1, 1, tzinfo=UTC)
    source, person = SourceVersion("staging", 1), "Robin <robin@example.com>"
    event = Event(EventKind.PROMOTED, at, release.revision, 1, release, source, person, at, "Why.")
    items = [(AgentName("shop", "cart"), event)]
    return next(notifications("prod", items, release.revision, is_head=False, redaction=Redaction()))
