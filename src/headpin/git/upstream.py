"""The upstream of a branch: fetching what is there, and pushing without ever overwriting it.

It is the person's own remote, with the person's own git settings and credentials; headpin asks nothing on a
terminal. A push names the commit that it expects at the other end, so that a lost race is seen and not undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headpin.errors import Conflict, PermanentError, SourceTrouble
from headpin.git.address import redacted
from headpin.git.program import run_git
from headpin.git.repository import Repository
from headpin.types import Revision

_SECONDS = 120.0
_NOBODY = "0" * 40
LOST = ("non-fast-forward", "fetch first", "stale info", "cannot lock ref", "failed to update ref", "already exists")
"""How git and its servers say that somebody else was first: push(1), "OUTPUT", and receive-pack's reasons."""

_DECLINED = 1
"""What git push ends with when a hook here stops it: before the server said anything, and without a fatal error."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """The remote `remote` of the repository at `place`, and the `branch` there that a local branch follows."""

    place: Path
    remote: str
    branch: str

    @property
    def tracking(self) -> str:
        """The local ref that remembers where the branch is there."""
        return f"refs/remotes/{self.remote}/{self.branch}"

    def fetch(self, prefixes: Sequence[str] = ()) -> None:
        """Brings the branch, and all branches below `prefixes`. Raises SourceTrouble when it does not answer."""
        specs = [f"+refs/heads/{self.branch}:{self.tracking}"]
        specs += [f"+refs/heads/{prefix}/*:refs/remotes/{self.remote}/{prefix}/*" for prefix in prefixes]
        options = ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"]
        done = run_git(["fetch", *options, self.remote, *specs], seconds=_SECONDS, place=self.place)
        if done.code != 0:
            raise SourceTrouble(f"{self.remote} cannot be fetched: {said_of(done.err)}")

    def fetch_branch(self, branch: str) -> Revision | None:
        """Where any `branch` is there by now, brought here; None where there is none. Raises SourceTrouble."""
        listed = run_git(
            ["ls-remote", "--heads", self.remote, f"refs/heads/{branch}"], seconds=_SECONDS, place=self.place
        )
        if listed.code != 0:
            raise SourceTrouble(f"{self.remote} cannot be asked for {branch}: {said_of(listed.err)}")
        if not listed.out.strip():
            return None
        Upstream(self.place, self.remote, branch).fetch()
        found = run_git(
            ["rev-parse", "--verify", "--quiet", f"refs/remotes/{self.remote}/{branch}"],
            seconds=_SECONDS,
            place=self.place,
        )
        return Revision(found.out.strip()) if found.code == 0 else None

    def push(self, new: Revision, branch: str, expected: Revision | None) -> None:
        """Moves `branch` there from `expected` (None: it must not exist) forward to `new`.

        Raises Conflict when it is elsewhere or `new` does not come after it, PermanentError when the server or the
        person's own pre-push hook refuses, SourceTrouble when it does not answer.
        """
        if expected is not None:
            self._refuse_backwards(expected, new, branch)
        ref = f"refs/heads/{branch}"
        lease = f"--force-with-lease={ref}:{expected or ''}"
        done = run_git(
            ["push", "--porcelain", "--no-follow-tags", lease, self.remote, f"{new}:{ref}"],
            seconds=_SECONDS,
            place=self.place,
        )
        if done.code == 0:
            return
        refused = next((line for line in done.out.splitlines() if line.startswith("!\t")), "")
        if any(reason in refused for reason in LOST):
            raise Conflict(f"{branch} moved at {self.remote} in the meantime")
        if refused:
            why = refused.rpartition("\t")[2].strip()
            raise PermanentError(
                f"{self.remote} refuses the push to {branch}: {redacted(why)} {said_of(done.err)}".strip(),
                remedy="if the branch is protected, use --branch and open a pull request",
            )
        if done.code == _DECLINED:
            raise PermanentError(
                f"the pre-push hook refuses the push to {branch}: {said_of(done.out + done.err)}",
                remedy="do what the hook asks for; nothing was pushed",
            )
        raise SourceTrouble(f"{self.remote} cannot be pushed to: {said_of(done.err)}")

    def _refuse_backwards(self, expected: Revision, new: Revision, branch: str) -> None:
        """A lease that holds lets git overwrite what is there: only what comes after it may be pushed."""
        done = run_git(["merge-base", "--is-ancestor", expected, new], seconds=_SECONDS, place=self.place)
        if done.code == 1:
            raise Conflict(f"{branch} has commits at {self.remote} that are not in what would be pushed")
        if done.code != 0:
            raise PermanentError(f"git merge-base failed in {self.place}: {said_of(done.err)}")


def remote_of(repository: Repository, branch: str) -> str:
    """The remote that the local `branch` follows; where it follows none the only one that there is, else origin."""
    remotes = repository.remotes
    named = repository.setting(f"branch.{branch}.remote")
    if named in remotes:
        return named
    return remotes[0] if len(remotes) == 1 else "origin"


def said_of(err: str) -> str:
    noise = ("To ", "hint:", "error: failed to push some refs")
    lines = [line for line in err.splitlines() if line.strip() and not line.startswith(noise)]
    return redacted(" ".join(" ".join(lines).split()))[:500] or "git gave no reason"
