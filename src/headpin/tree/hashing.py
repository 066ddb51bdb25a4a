"""Git's object ids, computed without a repository (Git documentation, "Git Internals - Git Objects")."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from headpin.types import BlobId, TreeId


def blob_id(data: bytes) -> BlobId:
    """The id that git gives a file of these bytes."""
    return BlobId(_object_id(b"blob", data))


def tree_id(files: Mapping[str, str], folders: Mapping[str, str] | None = None) -> TreeId:
    """The id that git gives a folder of plain files (name to blob id) and of folders (name to tree id)."""
    entries = {name.encode(): (b"100644", identity) for name, identity in files.items()}
    entries |= {name.encode() + b"/": (b"40000", identity) for name, identity in (folders or {}).items()}
    body = b"".join(
        mode + b" " + name.removesuffix(b"/") + b"\0" + bytes.fromhex(identity)
        for name, (mode, identity) in sorted(entries.items())
    )
    return TreeId(_object_id(b"tree", body))


def files_id(files: Mapping[str, str]) -> TreeId:
    """The id that git gives a folder of plain files in folders, from a mapping of path to blob id."""
    below: dict[str, dict[str, str]] = {}
    own = {}
    for path, identity in files.items():
        folder, slash, rest = path.partition("/")
        if slash:
            below.setdefault(folder, {})[rest] = identity
        else:
            own[path] = identity
    return tree_id(own, {name: files_id(inside) for name, inside in below.items()})


def _object_id(kind: bytes, body: bytes) -> str:
    header = kind + b" " + str(len(body)).encode() + b"\0"
    return hashlib.sha1(header + body, usedforsecurity=False).hexdigest()
