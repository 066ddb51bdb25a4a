"""One repository: opening it, reading its objects and history, and publishing by compare-and-swap."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from pathlib import Path
from sys import intern
from typing import TypeVar

import pygit2
from pygit2.enums import ObjectType, RepositoryInitFlag, RepositoryOpenFlag, SortMode

from headpin.errors import Conflict, HistoryMissing, NotARepository, ObjectDamaged, RefLocked
from headpin.git.commits import CommitInfo, Signature, info_of, signature_of
from headpin.git.history import Range, Relation
from headpin.git.locks import announced, remove_stale_lock
from headpin.git.tree import GitTree, Reads
from headpin.git.write import FOLDER_MODE, TreeWriter, parse_tree, raise_if_full, writing
from headpin.types import Revision, TreeId

# libgit2 remembers trees of up to 4 KiB, which is a folder of a hundred entries; every look into a larger one
# would read and parse it anew, and a pass over a project would be quadratic in its agents.
pygit2.settings.cache_object_limit(ObjectType.TREE, 1024 * 1024)


def bound_memory(objects: int, packs: int) -> None:
    """Lets libgit2 in this process remember objects, and map parts of packs, of so many bytes each."""
    pygit2.settings.cache_max_size(objects)
    pygit2.settings.mwindow_size = 512 * 1024
    pygit2.settings.mwindow_mapped_limit = packs


_O = TypeVar("_O")
_STEPS = re.compile(r"([~^][0-9]{0,6}){1,20}$")
"""Steps to parents after a name, as git writes them: main~2, main^."""
_NOWHERE = Revision("0" * 40)
"""What a ref is at that is deleted."""


class Repository:
    """A git repository, bare or not. Open one for each thread.

    `reads` counts what was looked up, as `writer.written` counts what was written: tests hold commands to it.
    """

    def __init__(self, repository: pygit2.Repository) -> None:
        self._repository = repository
        self.writer = TreeWriter(repository)
        self.reads = Reads()

    @classmethod
    def open(cls, place: Path) -> Repository:
        """The repository at `place` or around it. Raises NotARepository."""
        try:
            found = pygit2.discover_repository(str(place))
            if found is not None:
                return cls(pygit2.Repository(found))
        except (pygit2.GitError, KeyError, ValueError) as error:
            said = str(error)
            remedy = "run 'git config --global --add safe.directory <path>'" if "owner" in said else ""
            raise NotARepository(f"{place} cannot be opened as a git repository: {said}", remedy=remedy) from error
        raise NotARepository(
            f"{place} is not in a git repository", remedy="name one with -C, or make one with 'headpin init DIR'"
        )

    @classmethod
    def create(cls, place: Path, branch: str = "main") -> Repository:
        """A new repository with a work tree at `place`, on an unborn `branch`."""
        flags = RepositoryInitFlag.MKPATH | RepositoryInitFlag.NO_REINIT
        try:
            return cls(pygit2.init_repository(str(place), flags=flags, initial_head=branch))
        except (pygit2.GitError, ValueError) as error:
            raise NotARepository(f"{place} cannot be made a git repository: {error}") from error

    @classmethod
    def open_bare(cls, place: Path) -> Repository:
        """The bare repository at `place` itself, never one around it. Raises NotARepository."""
        try:
            return cls(pygit2.Repository(str(place), RepositoryOpenFlag.NO_SEARCH | RepositoryOpenFlag.BARE))
        except (pygit2.GitError, KeyError, ValueError) as error:
            raise NotARepository(f"{place} cannot be opened as a git repository: {error}") from error

    @classmethod
    def create_bare(cls, place: Path) -> Repository:
        """A new bare repository at `place`, without hooks."""
        flags = RepositoryInitFlag.MKPATH | RepositoryInitFlag.NO_REINIT | RepositoryInitFlag.BARE
        try:
            return cls(pygit2.init_repository(str(place), flags=flags, initial_head="main"))
        except (pygit2.GitError, ValueError) as error:
            raise NotARepository(f"{place} cannot be made a git repository: {error}") from error

    def reopen(self) -> None:
        """Lets go of files that are open, and of packs that are not there any more; what was read stays readable."""
        self._repository = pygit2.Repository(self._repository.path)
        self.writer.use(self._repository)

    @property
    def git_dir(self) -> Path:
        """The folder of the object database and the refs."""
        return Path(self._repository.path)

    @property
    def common_dir(self) -> Path:
        """The folder of all refs: that of the repository which this may be one of several work trees of."""
        told = self.git_dir / "commondir"
        return (self.git_dir / told.read_text().strip()).resolve() if told.is_file() else self.git_dir

    @property
    def work_tree(self) -> Path | None:
        """The folder of the checked-out files; None for a bare repository."""
        return Path(self._repository.workdir) if self._repository.workdir else None

    @property
    def place(self) -> Path:
        """What relative paths in documents start from: the work tree, or the bare repository."""
        return self.work_tree or self.git_dir

    def setting(self, key: str) -> str:
        """What git's configuration says for `key`; "" where it says nothing."""
        try:
            return str(self._repository.config[key])
        except (KeyError, ValueError, pygit2.GitError):
            return ""

    @property
    def has_file_modes(self) -> bool:
        """Whether executable bits in the work tree mean anything: not on every file system."""
        try:
            return bool(self._repository.config.get_bool("core.filemode"))
        except (KeyError, ValueError, pygit2.GitError):
            return True

    @property
    def is_shallow(self) -> bool:
        """Whether history is cut off."""
        return bool(self._repository.is_shallow)

    @property
    def head_branch(self) -> str | None:
        """The branch that HEAD names, born or not."""
        target = self._repository.lookup_reference("HEAD").raw_target
        text = target.decode(errors="replace") if isinstance(target, bytes) else ""
        return text.removeprefix("refs/heads/") if text.startswith("refs/heads/") else None

    def ref(self, name: str) -> Revision | None:
        """The commit that the ref `name` (in full) leads to; None when there is none."""
        try:
            found = self._repository.references.get(intern(name))  # as above
        except (ValueError, pygit2.InvalidSpecError):
            return None
        try:
            return None if found is None else Revision(str(found.peel(pygit2.Commit).id))
        except (KeyError, ValueError, pygit2.InvalidSpecError, pygit2.GitError) as error:
            raise ObjectDamaged(f"the ref {name} cannot be read: {error}", remedy="run 'git fsck'") from error

    def refs(self, prefix: str) -> dict[str, Revision]:
        """Where every readable ref below `prefix` is, by what follows the prefix."""
        found = {name: self.ref(f"{prefix}{name}") for name in self.ref_names(prefix)}
        return {name: revision for name, revision in sorted(found.items()) if revision is not None}

    def snapshot(self, *prefixes: str) -> dict[str, str]:
        """Where every ref is whose name begins with one of `prefixes`, as it is written: an id or another ref."""
        names = (name for name in self._repository.references if name.startswith(prefixes))
        found = ((name, self._repository.references.get(intern(name))) for name in names)
        return {name: str(ref.raw_target) for name, ref in found if ref is not None}

    def ref_names(self, prefix: str) -> frozenset[str]:
        """What follows `prefix` in the name of every ref below it, readable or not."""
        return frozenset(name.removeprefix(prefix) for name in self._repository.references if name.startswith(prefix))

    @property
    def remotes(self) -> tuple[str, ...]:
        """The names of the remotes."""
        return tuple(name for name in self._repository.remotes.names() if name)

    def fetches_branches(self, remote: str) -> bool:
        """Whether a fetch from `remote` brings every branch; true for a repository without it."""
        try:
            wanted = list(self._repository.config.get_multivar(f"remote.{remote}.fetch"))
        except (KeyError, ValueError):
            return True
        return not wanted or any((spec or "").lstrip("+").startswith(("refs/heads/*:", "refs/*:")) for spec in wanted)

    def has(self, identity: str) -> bool:
        """Whether the object is in this clone. Raises ObjectDamaged."""
        try:
            return identity in self._repository
        except pygit2.GitError as error:
            raise ObjectDamaged(f"the object {identity} cannot be read: {error}", remedy="run 'git fsck'") from error

    def commit(self, revision: Revision) -> CommitInfo:
        """The commit `revision`. Raises HistoryMissing or ObjectDamaged."""
        return info_of(self._object(revision, pygit2.Commit))

    def tree(self, revision: Revision) -> GitTree:
        """The files of a commit."""
        return self.tree_at(TreeId(str(self._object(revision, pygit2.Commit).tree_id)))

    def tree_at(self, identity: TreeId) -> GitTree:
        """The tree of this id. Raises HistoryMissing when it is not in this clone."""
        return GitTree(self._repository, self._object(identity, pygit2.Tree), self.reads)

    def names_in(self, identity: TreeId) -> dict[str, tuple[bool, str]]:
        """What is in a folder, by name: whether it is a folder, and its id. Much cheaper than its entries.

        Raises HistoryMissing or ObjectDamaged.
        """
        data: bytes = self._object(identity, pygit2.Tree).read_raw()
        try:
            found = parse_tree(data)
        except ValueError as error:
            raise ObjectDamaged(f"the tree {identity} cannot be read", remedy="run 'git fsck'") from error
        return {
            name.decode("utf-8", "surrogateescape"): (mode == FOLDER_MODE, each) for name, (mode, each) in found.items()
        }

    def resolve(self, text: str) -> Revision | None:
        """What a person typed (a branch, a tag, a full or short id, main~2) as a commit; None when it is none.

        Of git's ways to say more than a name only steps to parents are taken, `~` and `^`.
        """
        name = _STEPS.sub("", text)
        if not name or name.startswith("-") or any(letter in name for letter in ":^~@{}?*[\\ \n"):
            return None
        try:
            return Revision(str(self._repository.revparse_single(text).peel(pygit2.Commit).id))
        except (KeyError, ValueError, pygit2.InvalidSpecError, pygit2.GitError):
            return None

    def is_ancestor(self, old: Revision, new: Revision) -> bool:
        """Whether `old` is `new` or in its history. Raises HistoryMissing where history has a hole."""
        try:
            return old == new or self._repository.descendant_of(new, old)
        except (KeyError, pygit2.GitError) as error:
            raise self._missing(old if self.has(new) else new) from error

    def fork(self, one: Revision, other: Revision) -> Revision | None:
        """The newest commit that both have in their history; None where they share none. Raises HistoryMissing."""
        try:
            found = self._repository.merge_base(one, other)
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise self._missing(one if self.has(other) else other) from error
        return Revision(str(found)) if found else None

    def relate(self, old: Revision, new: Revision) -> Range:
        """How `new` stands to `old`, with the first-parent commits of `new` that came after it.

        Where `old` left the chain, the first of them is the commit that brought it in.
        Raises HistoryMissing in a shallow clone that does not reach back to `old`.
        """
        if old == new:
            return Range(Relation.SAME)
        if not self.has(old) or not self.is_ancestor(old, new):
            if self.is_shallow:
                raise self._missing(old)
            is_behind = self.has(old) and self.is_ancestor(new, old)
            return Range(Relation.BEHIND if is_behind else Relation.REWRITTEN)
        found: list[CommitInfo] = []
        for info in self.first_parents(new):
            if info.id == old:
                return Range(Relation.AHEAD, tuple(reversed(found)))
            found.append(info)
        after = list(takewhile(lambda info: self.is_ancestor(old, info.id), found))
        return Range(Relation.MERGED_BACKWARDS, tuple(reversed(after)))

    def first_parents(self, start: Revision) -> Iterator[CommitInfo]:
        """The first-parent chain from `start` back."""
        revision: Revision | None = start
        while revision is not None:
            info = self.commit(revision)
            yield info
            revision = info.parents[0] if info.parents else None

    def only_in(self, start: Revision, other: Revision) -> Iterator[CommitInfo]:
        """What is in the history of `start` and not of `other`; children before parents, newest first.

        Raises HistoryMissing where history has a hole; in a shallow clone there may be less than there is.
        """
        try:
            walk = self._repository.walk(start, SortMode.TOPOLOGICAL | SortMode.TIME)
            walk.hide(other)
            yield from map(info_of, walk)
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise self._missing(other if self.has(start) else start) from error

    def all_commits(self) -> Iterator[CommitInfo]:
        """Every commit in the object database, in no order, those included that nothing refers to any more."""
        commit = ObjectType.COMMIT
        for identity in self._repository.odb:
            if self._repository.odb.read_header(identity)[0] == commit:
                yield self.commit(Revision(str(identity)))

    def refuse_cut_off(self, revision: Revision) -> None:
        """Raises HistoryMissing where `revision` looks like a first commit only because the clone is shallow."""
        if not self.is_shallow:
            return
        raw: bytes = self._object(revision, pygit2.Commit).read_raw()
        if b"\nparent " in raw.partition(b"\n\n")[0]:
            raise self._missing(f"what came before {revision}")

    def read_blob(self, identity: str) -> bytes:
        """The bytes of a blob. Raises HistoryMissing or ObjectDamaged."""
        return bytes(self._object(identity, pygit2.Blob).data)

    def last_change(self, start: Revision, path: str) -> Revision | None:
        """The newest first-parent commit that changed `path`; None when it is not there at `start`."""
        here = self._id_at(start, path)
        if here is None:
            return None
        for info in self.first_parents(start):
            before = self._id_at(info.parents[0], path) if info.parents else None
            if before != here:
                return info.id
        raise self._missing(start)

    def _id_at(self, revision: Revision, path: str) -> str | None:
        entry = self.tree(revision).entry(path)
        return entry.id if entry else None

    def commit_tree(
        self, tree: TreeId, parents: Sequence[Revision], message: str, author: Signature, committer: Signature
    ) -> Revision:
        """A new commit, not yet on any branch."""
        with writing():
            made = self._repository.create_commit(
                None, signature_of(author), signature_of(committer), message, tree, list(parents)
            )
        self.writer.written += 1
        return Revision(str(made))

    def note_ref(self, name: str, new: Revision | None) -> None:
        """Writes where a ref is that only remembers something, wherever it was; None: nowhere any more.

        Raises RefLocked and CannotWrite, as `move_ref`.
        """
        try:
            with announced(self.common_dir, name, new or _NOWHERE):
                if new is not None:
                    self._repository.references.create(name, pygit2.Oid(hex=new), force=True)
                elif name in self._repository.references:
                    self._repository.references.delete(name)
        except (OSError, pygit2.GitError, ValueError) as error:
            raise self._unmoved(name, error) from error

    def move_ref(self, name: str, expected: Revision | None, new: Revision, reason: str) -> None:
        """Moves the ref from `expected` (None: it must not exist) to `new`, or not at all.

        Raises Conflict when it is elsewhere by now, RefLocked when somebody holds its lock, CannotWrite on a full disk.
        """
        try:
            with announced(self.common_dir, name, new), self._repository.transaction() as transaction:
                transaction.lock_ref(name)
                found = self.ref(name)
                if found != expected:
                    raise Conflict(f"{name} moved from {expected} to {found} in the meantime")
                transaction.set_target(name, pygit2.Oid(hex=new), message=reason)
        except (OSError, pygit2.GitError, ValueError) as error:
            if self.ref(name) != expected:
                raise Conflict(f"{name} moved in the meantime") from error
            raise self._unmoved(name, error) from error

    def free_refs(self, prefix: str) -> None:
        """Takes the locks away that dead headpins left below `prefix`: other git programs do not know them for such."""
        folder = self.common_dir
        for lock in list((folder / prefix).rglob("*.lock")):
            remove_stale_lock(folder, lock.relative_to(folder).as_posix().removesuffix(".lock"))

    def _unmoved(self, name: str, error: Exception) -> RefLocked:
        """Why the ref could not be moved. Raises CannotWrite on a full disk; takes a dead headpin's lock away."""
        folder = self.common_dir
        lock = folder / f"{name}.lock"
        if lock.exists():
            if remove_stale_lock(folder, name):
                return RefLocked(f"{name} was locked by a headpin that is dead; the lock is gone")
            return RefLocked(f"{name} is locked by another program", remedy=f"if none is running, delete {lock}")
        raise_if_full(error, f"{name} cannot be moved")
        return RefLocked(f"{name} cannot be moved: {error}")

    def _object(self, identity: str, kind: type[_O]) -> _O:
        self.reads.count += 1
        try:
            found = self._repository[identity]
        except KeyError as error:
            raise self._missing(identity) from error
        except (ValueError, pygit2.GitError) as error:
            raise ObjectDamaged(f"the object {identity} cannot be read: {error}", remedy="run 'git fsck'") from error
        if not isinstance(found, kind):
            raise ObjectDamaged(f"the object {identity} is no {kind.__name__.lower()}", remedy="run 'git fsck'")
        return found

    def _missing(self, identity: str) -> HistoryMissing:
        if self.is_shallow:
            return HistoryMissing(
                f"this clone is shallow and does not have {identity}", remedy="run 'git fetch --unshallow'"
            )
        return HistoryMissing(
            f"this clone does not have the object {identity}", remedy="fetch all branches: 'git fetch --all'"
        )

    def object_type(self, identity: str) -> str | None:
        """ "blob", "tree", "commit" or "tag"; None when the object is not here."""
        try:
            return ObjectType(self._repository[identity].type).name.lower()
        except (KeyError, ValueError):
            return None
