"""The line to an upstream: fetching branches from it, and moving branches there, each from where it is expected.

One way in for a clone's own remote, with its person's settings, and for an address that a mirror follows, with none.
A move names what it expects at the other end; whoever asks for one makes sure that it goes forward.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headpin.errors import BranchGone, Conflict, HeadpinError, PermanentError, SourceTrouble
from headpin.git.access import Access
from headpin.git.address import RemoteAddress, redacted
from headpin.git.program import Output, run_git
from headpin.git.remotes import converse, login_of, said_by
from headpin.git.upstream import LOST, said_of
from headpin.types import Revision

SECONDS = 120.0
FIRST_SECONDS = 1800.0
"""The first fetch of all brings a whole history, and nothing of one that was cut off is kept."""

_FETCH = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules")
_MISSING = "couldn't find remote ref"
_QUIET = ("-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "fetch.writeCommitGraph=false")
_ALL_OR_NONE = ("atomic push failed", "atomic push failure", "atomic transaction failed")
"""What is said of branches that were fine, and stayed where they are because of another."""

_UNKNOWN = "[remote failure]"
"""The server took what was sent, and the conversation ended before it said what became of it."""

_STRANGER = "Host key verification failed"
_NOT_ATOMIC = "does not support --atomic"


@dataclass(frozen=True, slots=True)
class Move:
    """A branch from `expected` (None: it must not exist) to `new` (None: it goes)."""

    branch: str
    expected: Revision | None
    new: Revision | None


@dataclass(slots=True)
class Line:
    """The remote `remote` of the repository at `place`; at `address`, where that is not in its settings.

    `url` is what its settings say, so that a token for that host is used.
    `is_atomic` is what the server was found to know.
    """

    place: Path
    remote: str
    access: Access = field(default_factory=Access)
    address: RemoteAddress | None = None
    seconds: float = SECONDS
    is_atomic: bool = True
    url: str = ""

    @property
    def prefix(self) -> str:
        """What the refs begin with that remember its branches."""
        return f"refs/remotes/{self.remote}/"

    def fetch(self, branches: Sequence[str], seconds: float | None = None) -> None:
        """Brings every branch of these names (``env/*`` stands for all below) and forgets those that are gone there.

        A branch that is named and gone is remembered: raises BranchGone when the others were brought.
        Raises SourceTrouble when it does not answer in time (`seconds`, where that is not the line's own),
        PermanentError when it is not the host that is known.
        """
        done = self._fetch(branches, seconds)
        if done.code != 0 and _MISSING in done.err:
            named = [branch for branch in branches if "*" not in branch]
            done = self._fetch([branch for branch in branches if "*" in branch], seconds)
            if done.code == 0:
                raise BranchGone(
                    f"{self._shown} has no branch {', '.join(named)}",
                    remedy="push it again; nothing is changed until it is there",
                )
        if done.code != 0:
            raise self._silence("fetched", done)

    def _fetch(self, branches: Sequence[str], seconds: float | None) -> Output:
        specs = [f"+refs/heads/{branch}:{self.prefix}{branch}" for branch in branches]
        return self._run([*self._in_place(), *_QUIET], ["fetch", *_FETCH, "--prune", self.remote, *specs], seconds)

    def push(self, moves: Sequence[Move]) -> dict[str, HeadpinError | None]:
        """What became of each move, by branch: None where it was made, Conflict where somebody was first there.

        PermanentError is a refusal, SourceTrouble an outcome that nobody told. All moves are made or none, where the
        server can do that. Raises SourceTrouble when it does not answer.
        """
        if self.is_atomic and len(moves) > 1:
            done = self._push(moves, ["--atomic"])
            if _NOT_ATOMIC not in done.err:
                return self._outcome(moves, done)
            self.is_atomic = False
        return self._outcome(moves, self._push(moves, []))

    def _push(self, moves: Sequence[Move], options: Sequence[str]) -> Output:
        leases = [f"--force-with-lease=refs/heads/{move.branch}:{move.expected or ''}" for move in moves]
        specs = [f"{move.new or ''}:refs/heads/{move.branch}" for move in moves]
        said = ["push", "--porcelain", "--no-follow-tags", *options, *leases, self.remote, *specs]
        return self._run(self._in_place(), said)

    def _outcome(self, moves: Sequence[Move], done: Output) -> dict[str, HeadpinError | None]:
        told = dict(_told(done.out.splitlines()))
        if done.code != 0 and not told:
            raise self._silence("pushed to", done)
        return {move.branch: self._became(move, told.get(move.branch), done) for move in moves}

    def _became(self, move: Move, told: tuple[str, str] | None, done: Output) -> HeadpinError | None:
        if told is None or told[0] != "!":
            return None if done.code == 0 or told is not None else self._gone(move)
        if any(reason in told[1] for reason in _ALL_OR_NONE):
            return self._gone(move)
        if any(reason in told[1] for reason in LOST):
            return Conflict(f"{move.branch} moved at {self._shown} in the meantime")
        if _UNKNOWN in told[1]:
            return SourceTrouble(f"{self._shown} did not say what became of {move.branch}: {self._said(done.err)}")
        return PermanentError(
            f"{self._shown} refuses the push to {move.branch}: {redacted(told[1])} {self._said(done.err)}".strip(),
            remedy="let headpin's account push to env/ and headpin/",
        )

    def _silence(self, what: str, done: Output) -> HeadpinError:
        """Why there was no conversation."""
        if _STRANGER in done.err:
            return PermanentError(
                f"{self._shown} cannot be {what}: its host key is not the one that is known",
                remedy="make sure that it is the right host, put its key into the known hosts, then send SIGHUP",
            )
        return SourceTrouble(f"{self._shown} cannot be {what}: {self._said(done.err)}")

    def _gone(self, move: Move) -> HeadpinError:
        return Conflict(f"{move.branch} was left at {self._shown} because another branch could not be moved")

    def _in_place(self) -> list[str]:
        if self.address is None:
            return []
        return [f"--git-dir={self.place}", "-c", f"remote.{self.remote}.url={self.address.url}"]

    def _run(self, options: Sequence[str], arguments: Sequence[str], seconds: float | None = None) -> Output:
        bound = self.seconds if seconds is None else seconds
        options = [*options, *self.access.options()]
        extra = self.access.environment()
        if self.address is None:
            login, secrets = login_of(self.access, self.url, self.place)
            extra = {**extra, **secrets}
            return run_git([*options, *login, *arguments], seconds=bound, extra=extra, place=self.place)
        return converse(self.access.to(self.address), arguments, bound, options, extra)

    def _said(self, err: str) -> str:
        return said_of(err) if self.address is None else said_by(err, self.access.to(self.address))

    @property
    def _shown(self) -> str:
        return self.remote if self.address is None else self.address.shown


def _told(lines: Iterable[str]) -> Iterable[tuple[str, tuple[str, str]]]:
    """Of each branch, the flag and the words of git push's report (its "--porcelain" form)."""
    for line in lines:
        flag, tab, rest = line.partition("\t")
        where, tab_too, words = rest.partition("\t")
        if tab and tab_too and len(flag) == 1:
            yield where.rpartition(":")[2].removeprefix("refs/heads/"), (flag, words.strip())
