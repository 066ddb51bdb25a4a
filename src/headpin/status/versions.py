"""The versions that one file of the config repository had on main, newest first, and what each says for a key.

Follows the first-parent history, so that a merge counts as one commit, and an agent that `formerly` had another
name to the file's old path, or back from there where a rename was taken back. Versions are read as plain YAML: one that
headpin refused is a version all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from headpin.errors import HistoryMissing
from headpin.git import CommitInfo, Repository, brought_in, changes_to
from headpin.status.remembered import Remembered
from headpin.tree import Tree, changed_paths
from headpin.types import AgentName, Revision
from headpin.workspace.layout import Place as FilePlace
from headpin.workspace.layout import agent_folder, agent_path, classify
from headpin.workspace.settings import Key
from headpin.yaml import load

_MOST_MERGED = 500


class Said(Enum):
    """What a version says for a key, where that is no value."""

    NOTHING = "nothing"
    UNREADABLE = "it is no YAML"


@dataclass(frozen=True, slots=True)
class Version:
    """The file after a commit of the first-parent chain that changed it; `blob` is None where it deleted it."""

    commit: Revision
    path: str
    blob: str | None


@dataclass(frozen=True, slots=True)
class Origin:
    """The commit with which a value reached main and, where that was a merge, the one that made it."""

    commit: CommitInfo
    made: CommitInfo | None = None


class Texts:
    """Blobs as YAML, each read once."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._known: dict[str, dict[str, Any] | None] = {}

    def said(self, blob: str | None, key: Key) -> object:
        """The value at `key`, or a `Said`. Raises HistoryMissing or ObjectDamaged."""
        if blob is None:
            return Said.NOTHING
        found: object = self.document(blob)
        if found is None:
            return Said.UNREADABLE
        for name in key:
            found = found.get(name, Said.NOTHING) if isinstance(found, dict) else Said.NOTHING
        return found

    def document(self, blob: str) -> dict[str, Any] | None:
        """The document; None for one that is no YAML."""
        if blob not in self._known:
            loaded = load(self._repository.read_blob(blob))
            self._known[blob] = loaded.value if loaded.value or not loaded.issues else None
        return self._known[blob]


def former_names(document: Mapping[str, Any] | None) -> tuple[AgentName, ...]:
    """The names that `formerly` of an agent's document or of its record says, newest first."""
    said = (document or {}).get("formerly", ())
    names = (said,) if isinstance(said, str) else said if isinstance(said, tuple) else ()
    return tuple(name for text in reversed(names) if (name := AgentName.parse(str(text))) is not None)


class FileVersions:
    """The history of the file at `path`, from the commit `start` back; read as far as somebody asks."""

    def __init__(self, repository: Repository, texts: Texts, start: Revision, path: str) -> None:
        self._repository = repository
        self._texts = texts
        self._start = start
        self._path = path
        self._read = Remembered(self._versions())

    def origin(self, key: Key, blob: str) -> Origin | None:
        """The commit that gave `key` the value that it has in the version `blob`; None where that never was.

        Raises HistoryMissing where history is cut off before that is known.
        """
        value: object = None
        found: Version | None = None
        version: Version | None = None
        for version in self._read:
            if found is None:
                if version.blob != blob:
                    continue
                value, found = self._texts.said(blob, key), version
                continue
            said = self._texts.said(version.blob, key)
            if said is not Said.UNREADABLE and not _same(said, value):
                return self._told(found, key, value)
            if said is not Said.UNREADABLE:
                found = version
        if version is not None:
            self._repository.refuse_cut_off(version.commit)
        return self._told(found, key, value) if found is not None else None

    def _versions(self) -> Iterator[Version]:
        begin: tuple[Revision, str] | None = self._start, self._path
        while begin is not None:
            start, path = begin
            begin = None
            for revision in changes_to(self._repository, start, path):
                entry = self._repository.tree(revision).entry(path)
                version = Version(revision, path, entry.id if entry else None)
                yield version
                begin = self._renamed(version) if entry is not None else None
                if begin is not None:
                    break

    def _renamed(self, version: Version) -> tuple[Revision, str] | None:
        """The commit before the one that made the file, and its path there, where its agent had another name."""
        place = classify(version.path)
        parents = self._repository.commit(version.commit).parents
        if not isinstance(place, FilePlace) or not place.agent or not parents:
            return None
        before, after = self._repository.tree(parents[0]), self._repository.tree(version.commit)
        if before.entry(version.path) is not None:
            return None
        for name in self._names_before(before, after, place.agent_name):
            path = f"{agent_folder(name)}/{version.path.rpartition('/')[2]}"
            if before.entry(path) is not None:
                return parents[0], path
        return None

    def _names_before(self, before: Tree, after: Tree, agent: AgentName) -> Iterator[AgentName]:
        """The names that an agent says it had; and those that say that they had its name, where they are gone."""
        entry = after.entry(agent_path(agent))
        yield from former_names(self._texts.document(entry.id) if entry else None)
        for change in changed_paths(before, after, "projects"):
            place = classify(change.path) if change.new is None and change.old is not None else None
            if isinstance(place, FilePlace) and place.agent and change.path == agent_path(place.agent_name):
                document = self._texts.document(change.old.id) if change.old else None
                if agent in former_names(document):
                    yield place.agent_name

    def _told(self, version: Version, key: Key, value: object) -> Origin:
        commit = self._repository.commit(version.commit)
        return Origin(commit, self._made(commit, version.path, key, value))

    def _made(self, merge: CommitInfo, path: str, key: Key, value: object) -> CommitInfo | None:
        """The commit on a merged branch that set the value; None where there is none, or it is not here."""
        for merged in merge.parents[1:]:
            try:
                for revision in brought_in(self._repository, merged, merge.parents[0], path, _MOST_MERGED):
                    commit = self._repository.commit(revision)
                    before = self._said_at(commit.parents[0], path, key) if commit.parents else Said.NOTHING
                    if _same(self._said_at(revision, path, key), value) and not _same(before, value):
                        self._repository.refuse_cut_off(revision)
                        return commit
            except HistoryMissing:
                continue  # the merge itself is the answer; who made it before is an extra
        return None

    def _said_at(self, revision: Revision, path: str, key: Key) -> object:
        entry = self._repository.tree(revision).entry(path)
        return self._texts.said(entry.id if entry else None, key)


def _same(one: object, other: object) -> bool:
    """Whether two values of YAML are the same; true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other
