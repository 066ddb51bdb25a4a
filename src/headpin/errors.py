"""The machine's troubles. What people wrote wrongly is a `headpin.problems.Problem`, a value.

The class is the retry policy::

    HeadpinError
    ├── UsageError        the command was used wrongly; exit 2; trying again is useless
    ├── Refused           the rules do not allow it, as things stand; exit 1
    │   └── NothingServed     there is no release that could be moved
    ├── PermanentError    stays so until the input changes; exit 3
    │   ├── NotARepository
    │   ├── LocalChanges      files that nobody committed are in the way
    │   ├── HistoryMissing    a shallow or incomplete clone; the message says how to deepen it
    │   ├── ObjectDamaged
    │   ├── BranchGone        what is followed is not there; whoever has it does answer
    │   └── CannotEdit        a document cannot be changed as asked without touching the rest of it
    └── TemporaryError    may be gone in a while; try again with back-off; exit 3
        ├── Conflict      somebody else moved the ref; observe again and decide anew, at once
        ├── RefLocked
        ├── CannotWrite   the disk is full, or does not let anything be written
        └── SourceTrouble a repository elsewhere that did not answer, or answered nonsense
            └── TimedOut

Must never import anything of headpin. `remedy` is what to do next, in words for a person.
"""

from __future__ import annotations


class HeadpinError(Exception):
    """The root: a message, and what a person can do about it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class UsageError(HeadpinError):
    """The command line asks for something that does not exist or does not go together."""


class Refused(HeadpinError):
    """What is asked for is not allowed as things stand: a closed gate, a source that serves nothing."""


class NothingServed(Refused):
    """No release is there to be promoted, or to go back to."""


class PermanentError(HeadpinError):
    """Trying again changes nothing until somebody changes the input."""


class NotARepository(PermanentError):
    """There is no git repository, or no config repository, at the place named."""


class LocalChanges(PermanentError):
    """Files in a work tree that nobody committed would be overwritten."""


class HistoryMissing(PermanentError):
    """An object that history names is not in this clone."""


class ObjectDamaged(PermanentError):
    """An object is in the repository but cannot be read."""


class BranchGone(PermanentError):
    """A branch that is followed is not there any more. Looking now and then costs no more than if it was."""


class CannotEdit(PermanentError):
    """A document has problems, or what is to change in it is not there or is written in an unusual way."""


class TemporaryError(HeadpinError):
    """The same thing may work in a while."""


class Conflict(TemporaryError):
    """A ref is no longer where it was when it was read."""


class RefLocked(TemporaryError):
    """Another program holds the lock of a ref, or died holding it."""


class CannotWrite(TemporaryError):
    """An object or a ref cannot be written: a full disk, a file system that is read-only."""


class SourceTrouble(TemporaryError):
    """A repository elsewhere did not answer in time, or not as one does."""


class TimedOut(SourceTrouble):
    """No answer came within the time limit."""
