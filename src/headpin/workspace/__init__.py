"""Documents linked to a workspace: references, rules across documents, layered settings.

Owns the layout of the config repository, what holds what on the side of documents, and effective settings.
Must never read anything but the tree it is given.
"""

from headpin.workspace.check import check
from headpin.workspace.documents import Document, DocumentReader
from headpin.workspace.naming import object_name
from headpin.workspace.scope import Scope, changed_documents, scope_of
from headpin.workspace.settings import Effective, OwnLayers, resolve
from headpin.workspace.snapshot import Snapshot, read_snapshot, take_snapshot
from headpin.workspace.workspace import Workspace

__all__ = [
    "Document",
    "DocumentReader",
    "Effective",
    "OwnLayers",
    "Scope",
    "Snapshot",
    "Workspace",
    "changed_documents",
    "check",
    "object_name",
    "read_snapshot",
    "resolve",
    "scope_of",
    "take_snapshot",
]
