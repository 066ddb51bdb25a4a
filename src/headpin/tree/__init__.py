"""An immutable tree of paths, lazily read: the one form in which headpin sees files.

Owns the `Tree` protocol, a tree in memory, a tree on disk, one laid over another, and the comparison of
two trees by id. Must never follow a symbolic link, and never import git: `headpin.git` has the third
implementation, which reads straight from the object database.
"""

from headpin.tree.changes import Change, changed_paths
from headpin.tree.disk import DiskTree
from headpin.tree.hashing import blob_id, files_id, tree_id
from headpin.tree.memory import MemoryTree
from headpin.tree.overlay import OverlayTree
from headpin.tree.tree import EMPTY, Entry, Kind, Tree, in_the_way, walk

__all__ = [
    "EMPTY",
    "Change",
    "DiskTree",
    "Entry",
    "Kind",
    "MemoryTree",
    "OverlayTree",
    "Tree",
    "blob_id",
    "changed_paths",
    "files_id",
    "in_the_way",
    "tree_id",
    "walk",
]
