"""The small words everything else is written in: revisions, object ids and names.

Owns what a valid name, revision, branch or path is (an allow-list of our own, because libgit2 lets
through names that a shell, a checkout or Kubernetes would choke on). Must never read anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType

Revision = NewType("Revision", str)
"""A full commit id: 40 lower-case hexadecimal digits."""

TreeId = NewType("TreeId", str)
"""A git tree id: 40 lower-case hexadecimal digits."""

BlobId = NewType("BlobId", str)
"""A git blob id: 40 lower-case hexadecimal digits."""

NAME_PATTERN = r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$"
"""Names of environments, pipelines, projects and agents: 2 to 40 characters."""

REVISION_PATTERN = r"^[0-9a-f]{40}$"

RESERVED_NAMES = frozenset({"agent", "agents", "defaults", "environments", "project"})
"""Names that the layout of the config repository uses itself."""

SHORT = 7
"""How many digits of a revision are shown to people."""

_NAME = re.compile(NAME_PATTERN)
_REVISION = re.compile(REVISION_PATTERN)
_BRANCH_PART = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._+@#-]*$")
_PATH_PART = re.compile(r"^[A-Za-z0-9._+@#,=~ -]+$")
_MAX_BRANCH = 200
_MAX_PATH = 1024


def name_fault(text: str) -> str | None:
    """Why `text` is no name of an environment, pipeline, project or agent; None when it is one."""
    if text in RESERVED_NAMES:
        return f"'{text}' is a reserved name"
    if _NAME.fullmatch(text) is None:
        return (
            "names are 2 to 40 lower-case letters, digits and hyphens, "
            "start with a letter and end with a letter or digit"
        )
    return None


def is_revision(text: str) -> bool:
    """Whether `text` is a full object id (never an abbreviation or an expression)."""
    return _REVISION.fullmatch(text) is not None


def short(revision: str) -> str:
    """The first seven digits, as people read a revision."""
    return revision[:SHORT]


def branch_fault(text: str) -> str | None:
    """Why `text` is no branch name that headpin follows; None when it is one.

    Stricter than git: options (``-x``), expressions (``@{u}``, ``:/msg``, ``a..b``), lock files and
    glob characters are all refused, because a branch name ends up in arguments of the git program.
    """
    if not text or len(text) > _MAX_BRANCH:
        return f"a branch name has 1 to {_MAX_BRANCH} characters"
    for part in text.split("/"):
        if _BRANCH_PART.fullmatch(part) is None:
            return f"'{part}' cannot be a part of a branch name"
        if part.endswith((".lock", ".")) or ".." in part or "@{" in part:
            return f"'{part}' cannot be a part of a branch name"
    return None


def path_fault(text: str) -> str | None:
    """Why `text` is no relative path inside a repository; None when it is one.

    Refuses absolute paths, empty parts, ``.``, ``..``, every disguise of ``.git`` that a file system
    may undo (case, NTFS short names, trailing dots and spaces) and all but plain characters.
    """
    if len(text) > _MAX_PATH:
        return f"a path has at most {_MAX_PATH:,} characters"
    for part in text.split("/"):
        if _PATH_PART.fullmatch(part) is None:
            return f"{part!r} cannot be a part of a path" if part else "a path has no empty parts"
        plain = part.lower().rstrip(". ")
        if plain in ("", "..") or plain == ".git" or plain.startswith("git~"):
            return f"{part!r} cannot be a part of a path"
        if part[0] in "- " or part[-1] in ". ":
            return f"{part!r} cannot be a part of a path"
    return None


@dataclass(frozen=True, slots=True, order=True)
class AgentName:
    """An agent as people name it: ``project/agent``."""

    project: str
    agent: str

    def __str__(self) -> str:
        return f"{self.project}/{self.agent}"

    @classmethod
    def parse(cls, text: str) -> AgentName | None:
        """`text` as a name, or None when it is not two valid names joined by a slash."""
        project, slash, agent = text.partition("/")
        if not slash or name_fault(project) or name_fault(agent):
            return None
        return cls(project, agent)
