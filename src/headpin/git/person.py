"""The person in whose name something is done: who git says it is, how that person signs, and where they push to.

All of it is what git itself would take from its configuration and environment for `git commit` and `git push`.
"""

from __future__ import annotations

from collections.abc import Sequence

from headpin.errors import PermanentError
from headpin.git.commits import Signature
from headpin.git.program import run_git
from headpin.git.repository import Repository
from headpin.git.upstream import Upstream
from headpin.types import Revision, TreeId, is_revision

_SECONDS = 30.0
_SIGN_SECONDS = 120.0


def author_by_git(repository: Repository) -> tuple[str, str] | None:
    """The name and address of whoever runs this; None where git does not know."""
    told = run_git(["var", "GIT_AUTHOR_IDENT"], seconds=_SECONDS, place=repository.place)
    name, mark, rest = told.out.rpartition(" <")
    address = rest.partition(">")[0]
    return (name, address) if told.code == 0 and mark and address else None


def upstream_of(repository: Repository, branch: str) -> Upstream | None:
    """The upstream of the local `branch`; None when it has none."""
    remote, merge = (repository.setting(f"branch.{branch}.{key}") for key in ("remote", "merge"))
    if not remote or not merge or remote == "." or not merge.startswith("refs/heads/"):
        return None
    return Upstream(repository.place, remote, merge.removeprefix("refs/heads/"))


def commit_for_person(
    repository: Repository,
    tree: TreeId,
    parents: Sequence[Revision],
    message: str,
    author: Signature,
    committer: Signature,
) -> Revision:
    """As `Repository.commit_tree`, signed where git's configuration says that this person's commits are.

    Raises PermanentError when git cannot sign.
    """
    if repository.setting("commit.gpgsign").lower() not in ("true", "yes", "on", "1"):
        return repository.commit_tree(tree, parents, message, author, committer)
    who = {
        f"GIT_{role}_{part}": value
        for role, person in (("AUTHOR", author), ("COMMITTER", committer))
        for part, value in (
            ("NAME", person.name),
            ("EMAIL", person.email),
            ("DATE", f"{int(person.at.timestamp())} +0000"),
        )
    }
    named = [argument for parent in parents for argument in ("-p", parent)]
    made = run_git(
        ["commit-tree", "-S", tree, *named, "-m", message], seconds=_SIGN_SECONDS, extra=who, place=repository.place
    )
    revision = made.out.strip()
    if made.code != 0 or not is_revision(revision):
        raise PermanentError(
            f"git cannot sign the commit: {' '.join(made.err.split())}",
            remedy="set up signing as for 'git commit -S', or set commit.gpgSign to false",
        )
    return Revision(revision)
