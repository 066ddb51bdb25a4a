"""What people and their jobs report of a deployment: its health, and results of checks, each one commit.

A report is about what the environment's record says: one about something that is not served there is refused, not
kept for later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headpin.controller.branches import Branch, names_of
from headpin.controller.evidence import (
    Edit,
    check_edit,
    evidence_tree,
    health_edit,
    read_reported,
    write_evidence,
)
from headpin.controller.outside import Outside, fetched_upstream
from headpin.controller.reconcile import Controller
from headpin.errors import UsageError
from headpin.git import Signature, author_by_git
from headpin.releases import Check, Health, Release
from headpin.types import SHORT, AgentName, Revision, short


@dataclass(frozen=True, slots=True)
class Subject:
    """What is reported about: a release, as an environment numbers it.

    `digest` is of what is served, "" for what is not served now. `seen` is when the record that says so was made,
    `names` all that the agent has or had.
    """

    agent: AgentName
    environment: str
    version: int
    release: Release
    digest: str
    seen: datetime
    names: tuple[AgentName, ...]

    @property
    def name(self) -> str:
        """The version as people write it."""
        return f"v{self.version}" if self.version else "HEAD"


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that is known of one release in one environment."""

    subject: Subject
    health: tuple[Health, ...]
    checks: tuple[Check, ...]


def served_subject(branch: Branch, agent: AgentName, version: str | None = None) -> Subject:
    """What is served, where it is `version`: vN, HEAD, or the first digits of a revision. Raises UsageError."""
    served = branch.record(agent).served
    if served is None:
        raise UsageError(
            f"{branch.environment} serves nothing of {agent}", remedy="see 'headpin status' for what is served where"
        )
    found = Subject(
        agent, branch.environment, served.version, served.release, served.digest, _made(branch), names_of(branch, agent)
    )
    if version is not None and not _is_named(found, version):
        serves = f"{found.name} ({short(served.release.revision)})"
        raise UsageError(f"{branch.environment} serves {serves} of {agent}, not {version}")
    return found


def ran_subject(branch: Branch, agent: AgentName, version: str | None = None) -> Subject:
    """What is served, or what `version` stands for among all that ran there. Raises UsageError."""
    if version is None or version.upper() == "HEAD":
        return served_subject(branch, agent, version)
    for ran in reversed(branch.ran(agent)):
        subject = Subject(
            agent, branch.environment, ran.version, ran.release, "", _made(branch), names_of(branch, agent)
        )
        if _is_named(subject, version):
            return subject
    raise UsageError(f"{version} of {agent} never ran in {branch.environment}", remedy=f"see 'headpin history {agent}'")


def _made(branch: Branch) -> datetime:
    if branch.tip is None:
        raise ValueError("a branch without a commit serves nothing")
    return branch.tip.committer.at


def _is_named(subject: Subject, text: str) -> bool:
    is_revision = len(text) >= SHORT and subject.release.revision.startswith(text.lower())
    return is_revision or text.casefold() == subject.name.casefold()


def person_of(controller: Controller, author: tuple[str, str] | None) -> Signature:
    """Who reports: the author given, or whoever git says runs this. Raises UsageError where git does not know."""
    found = author or author_by_git(controller.repository)
    if found is None:
        raise UsageError(
            "git does not know who you are", remedy="set user.name and user.email, or name somebody with --author"
        )
    return Signature(found[0], found[1], controller.clock())


def report_health(
    controller: Controller,
    subject: Subject,
    person: Signature,
    *,
    healthy: bool,
    message: str,
    outside: Outside = Outside.NEVER,
) -> Revision | None:
    """Keeps whether what is served is healthy. None where the last report said the same.

    A report is never earlier than what it is about, however late the clock is of the machine that makes it.
    """
    at = max(person.at, subject.seen)
    word = "healthy" if healthy else "degraded"
    report = Health(healthy, at, None, subject.digest, subject.version, person.person, message)
    edit = health_edit(subject.agent, subject.release, report)
    return _write(controller, subject, person, edit, f"Report {subject.agent} {word}", outside)


def set_check(
    controller: Controller, subject: Subject, person: Signature, check: Check, outside: Outside = Outside.NEVER
) -> Revision | None:
    """Keeps the result of a check in the place of its last one."""
    word = "passed" if check.is_passed else "failed"
    edit = check_edit(subject.agent, subject.release, check)
    return _write(controller, subject, person, edit, f"Check {subject.agent}: {check.name} {word}", outside)


def known_evidence(controller: Controller, subject: Subject) -> Known:
    """What was reported about the subject's release."""
    tree = evidence_tree(controller.repository, subject.environment, controller.main)
    return Known(subject, *read_reported(tree, subject.names, subject.release))


def _write(
    controller: Controller, subject: Subject, person: Signature, edit: Edit, what: str, outside: Outside
) -> Revision | None:
    upstream = fetched_upstream(controller.repository, controller.main, outside)
    committer = Signature(*controller.committer, person.at)
    message = f"{what} in {subject.environment}: {subject.name} ({short(subject.release.revision)})\n"
    repository, main = controller.repository, controller.main
    return write_evidence(repository, subject.environment, edit, message, person, committer, upstream, main)
