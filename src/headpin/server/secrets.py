"""The secrets by which webhooks are known, from files that somebody else writes anew when they change.

Several are good at once, one a line, so that a new one is in use before the old one goes. A file is read again when it
is another one than before. Must never show a secret.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from headpin.errors import UsageError
from headpin.telemetry import LogLevel, Redaction, tell

MIN_LENGTH = 16
_MAX_FILE = 65_536

_Seen = tuple[int, int, int, int]


class SecretFiles:
    """Every secret that is good now. May be asked from any thread."""

    def __init__(self, files: Sequence[Path], redaction: Redaction | None = None) -> None:
        """Raises UsageError where a file cannot be read, or holds no secret that is long enough."""
        self._files = tuple(files)
        self._redaction = redaction or Redaction()
        self._seen: dict[Path, _Seen] = {}
        self._secrets: dict[Path, tuple[bytes, ...]] = {}
        self._lock = threading.Lock()
        if not self._files:
            raise UsageError("webhooks need a secret", remedy="name a file that holds it with --webhook-secret-file")
        for file in self._files:
            self._read(file)

    def current(self) -> tuple[bytes, ...]:
        """The secrets; where a file cannot be read any more, those that it held last."""
        with self._lock:
            for file in self._files:
                try:
                    if self._seen[file] != _look(file):
                        self._read(file)
                except (OSError, UsageError) as error:
                    if self._seen[file] != _GONE:
                        self._seen[file] = _GONE
                        said = f"the webhooks' secrets stay as they were: {error}"
                        tell(LogLevel.WARNING, "webhook.secret-unreadable", said)
            return tuple(secret for file in self._files for secret in self._secrets[file])

    def _read(self, file: Path) -> None:
        try:
            seen = _look(file)
            data = file.read_bytes()[:_MAX_FILE]
        except OSError as error:
            raise UsageError(f"{file} cannot be read: {error.strerror}") from error
        secrets = tuple(line.strip() for line in data.splitlines() if line.strip())
        if not secrets or any(len(secret) < MIN_LENGTH for secret in secrets):
            raise UsageError(
                f"{file} holds no secret, or one of fewer than {MIN_LENGTH} letters",
                remedy="write one secret a line, for example from 'openssl rand -hex 32'",
            )
        self._redaction.add(secret.decode("utf-8", "replace") for secret in secrets)
        self._seen[file], self._secrets[file] = seen, secrets


_GONE: _Seen = (0, 0, 0, 0)


def _look(file: Path) -> _Seen:
    """What changes when the file is written anew, or another takes its place."""
    found = file.stat()
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size
