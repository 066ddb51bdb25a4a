"""What headpin reads of a commit."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pygit2

from headpin.types import Revision, TreeId

_ENCODING = re.compile(
    r"utf-?8|us-ascii|(iso-?8859|latin|windows|cp|koi8|euc|gb|big5|shift)[-_]?[a-z0-9-]{0,12}", re.IGNORECASE
)
"""What Git and mail programs write. Python has more: some are no text, some make lone surrogates."""

_TRAILER = re.compile(r"^([A-Za-z][A-Za-z0-9-]*): (.+)$")


@dataclass(frozen=True, slots=True)
class Signature:
    """A person and an instant."""

    name: str
    email: str
    at: datetime

    @property
    def person(self) -> str:
        """``Name <address>``."""
        return f"{self.name} <{self.email}>"


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit without its files."""

    id: Revision
    tree: TreeId
    parents: tuple[Revision, ...]
    author: Signature
    committer: Signature
    message: str

    @property
    def subject(self) -> str:
        """The message's first line."""
        return self.message.strip().split("\n", 1)[0].strip()

    @property
    def note(self) -> str:
        """What the author wrote below the subject, without trailers; the subject where that is all."""
        return self._body or self.subject

    @property
    def has_note(self) -> bool:
        """Whether the author wrote more than the subject and trailers."""
        return bool(self._body)

    @property
    def _body(self) -> str:
        paragraphs = self.message.strip().split("\n\n")[1:]
        if paragraphs and all(_TRAILER.match(line) for line in paragraphs[-1].splitlines()):
            paragraphs.pop()
        return "\n\n".join(paragraphs).strip()

    @property
    def trailers(self) -> dict[str, str]:
        """The last paragraph's ``Key: value`` lines. Anybody can write those: never facts, only an index."""
        paragraphs = self.message.strip().split("\n\n")
        if len(paragraphs) < 2:  # noqa: PLR2004 - a lone paragraph is the subject
            return {}
        found = (_TRAILER.match(line) for line in paragraphs[-1].splitlines())
        return {match.group(1): match.group(2).strip() for match in found if match}


def message_text(raw: bytes, claimed: str) -> str:
    """A message, by the encoding that its commit's header claims where that is an ordinary one, else as UTF-8."""
    if _ENCODING.fullmatch(claimed):
        with suppress(LookupError):
            return raw.decode(claimed, "replace")
    return raw.decode("utf-8", "replace")


def visible(text: str) -> str:
    """A text of one line without what nobody sees in it: no terminal obeys it, and no mark turns it round."""
    return text if text.isprintable() else "".join(letter for letter in text if letter.isprintable())


def instant(seconds: int) -> datetime:
    """A git time as an instant in UTC; the range of datetime bounds absurd ones."""
    return datetime.fromtimestamp(min(max(seconds, 0), 253_402_300_799), UTC)


def info_of(commit: pygit2.Commit) -> CommitInfo:
    """What headpin reads of libgit2's commit."""
    return CommitInfo(
        Revision(str(commit.id)),
        TreeId(str(commit.tree_id)),
        tuple(Revision(str(parent)) for parent in commit.parent_ids),
        _person(commit.author),
        _person(commit.committer),
        _message(commit),
    )


def _person(signature: pygit2.Signature) -> Signature:
    name = visible(signature.raw_name.decode("utf-8", "replace"))
    email = visible(signature.raw_email.decode("utf-8", "replace"))
    return Signature(name, email, instant(signature.time))


def _message(commit: pygit2.Commit) -> str:
    try:
        claimed = commit.message_encoding or ""
    except UnicodeError:
        claimed = ""
    return message_text(commit.raw_message, claimed)


def signature_of(signature: Signature) -> pygit2.Signature:
    """The signature as it is written into a commit: without what would end it early."""
    seconds = int(signature.at.timestamp())
    offset = signature.at.astimezone(timezone(timedelta(0))).utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    name = "".join(letter for letter in signature.name if letter not in "<>\n\r\0").strip() or "unknown"
    email = "".join(letter for letter in signature.email if letter not in "<>\n\r\0 ").strip() or "unknown"
    return pygit2.Signature(name, email, seconds, minutes)
