"""git: reading and writing trees, refs, history, remotes, and the git program.

Invariant: the work tree and the index of a repository are never touched, and nothing is checked out. New
objects are written first, unpublished; one compare-and-swap of one ref publishes them. A crash at any
instant leaves the old state or the new one, and unreachable objects.

Only this package imports pygit2, and only `headpin.git.program` starts a process.
"""

from headpin.git.access import NOTHING, Access, host_of
from headpin.git.address import RemoteAddress, address_of, redacted
from headpin.git.between import Between, between
from headpin.git.changes import brought_in, changes_to
from headpin.git.checkout import Checkout, checkouts_of
from headpin.git.commits import CommitInfo, Signature, visible
from headpin.git.fetch import Reach, fetch_branches
from headpin.git.history import Range, Relation
from headpin.git.line import FIRST_SECONDS, Line, Move
from headpin.git.person import author_by_git, commit_for_person, upstream_of
from headpin.git.program import end_programs, run_git
from headpin.git.remotes import Head, list_heads
from headpin.git.repository import Repository, bound_memory
from headpin.git.tree import GitTree
from headpin.git.upstream import Upstream, remote_of
from headpin.git.write import Changes, Folder, TreeRef

__all__ = [
    "FIRST_SECONDS",
    "NOTHING",
    "Access",
    "Between",
    "Changes",
    "Checkout",
    "CommitInfo",
    "Folder",
    "GitTree",
    "Head",
    "Line",
    "Move",
    "Range",
    "Reach",
    "Relation",
    "RemoteAddress",
    "Repository",
    "Signature",
    "TreeRef",
    "Upstream",
    "address_of",
    "author_by_git",
    "between",
    "bound_memory",
    "brought_in",
    "changes_to",
    "checkouts_of",
    "commit_for_person",
    "end_programs",
    "fetch_branches",
    "host_of",
    "list_heads",
    "redacted",
    "remote_of",
    "run_git",
    "upstream_of",
    "visible",
]
