"""Git's object ids, computed without a repository (Git documentation, "Git Internals - Git Objects")."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from headpin.types import BlobId, TreeId


def blob_id(data: bytes) -> BlobId:
    """The id that git gives a file of these bytes."""
    return BlobId(_object_id(b"blob", data))


def tree_id(files: Mapping[str, str]) -> TreeId:
    """The id that git gives a folder of plain files, from a mapping of name to blob id."""
    body = b"".join(
        b"100644 " + name.encode() + b"\0" + bytes.fromhex(files[name]) for name in sorted(files, key=str.encode)
    )
    return TreeId(_object_id(b"tree", body))


def files_id(files: Mapping[str, str]) -> TreeId:
    """The id that git gives a folder of plain files in folders, from a mapping of path to blob id."""
    below: dict[str, dict[str, str]] = {}
    entries: dict[str, bytes] = {}
    for path, identity in files.items():
        folder, slash, rest = path.partition("/")
        if slash:
            below.setdefault(folder, {})[rest] = identity
        else:
            entries[path] = b"100644 " + path.encode() + b"\0" + bytes.fromhex(identity)
    for folder, inner in below.items():  # which git orders as if their names ended in a slash
        entries[f"{folder}/"] = b"40000 " + folder.encode() + b"\0" + bytes.fromhex(files_id(inner))
    return TreeId(_object_id(b"tree", b"".join(entries[name] for name in sorted(entries, key=str.encode))))


def _object_id(kind: bytes, body: bytes) -> str:
    header = kind + b" " + str(len(body)).encode() + b"\0"
    return hashlib.sha1(header + body, usedforsecurity=False).hexdigest()
