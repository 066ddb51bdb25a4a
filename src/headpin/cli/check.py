"""`headpin check`: results of named checks of a release in an environment."""

from __future__ import annotations

import math
import re
from typing import Annotated

import typer
from rich.text import Text

from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    AgentArgument,
    AuthorOption,
    EnvironmentOption,
    JsonOption,
    PushOption,
    author_named,
    outside_of,
)
from headpin.cli.evidence import MessageOption, deployment_named, print_written, told
from headpin.cli.terminal import BAD, GOOD, inert
from headpin.controller.reporting import known_evidence, person_of, ran_subject, set_check
from headpin.errors import UsageError
from headpin.releases import Check
from headpin.releases.codec import format_time
from headpin.releases.evidence import check_mapping

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_URL = re.compile(r"https?://[^\s<>\"'`]{1,2000}")

group = typer.Typer(help="Set the results of checks of a release, and list them.", no_args_is_help=True)
app.add_typer(group, name="check")

VersionOption = Annotated[
    str | None,
    typer.Option(
        "--version",
        metavar="VERSION",
        help="What was checked: vN, HEAD, or digits of the revision.",
        show_default="what is served",
    ),
]


@group.command("set", epilog="Example: headpin check set support/triage --env dev --name evals --passed --score 0.97")
def set_result(
    context: typer.Context,
    agent: AgentArgument,
    env: EnvironmentOption,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help="The check, as the gate names it.")],
    passed: Annotated[bool, typer.Option("--passed/--failed", help="What came out.")],
    score: Annotated[float | None, typer.Option("--score", metavar="N", help="The check's own measure.")] = None,
    url: Annotated[str, typer.Option("--url", metavar="URL", help="Where there is more about it.")] = "",
    message: MessageOption = "",
    version: VersionOption = None,
    author: AuthorOption = None,
    push: PushOption = None,
) -> None:
    """Set the result of a check of a release in an environment.

    The result is one commit on the branch headpin/evidence/ENV, and takes the place of the check's last one. It is
    evidence for the gate checks of later stages. A job that takes a while says with --version what it checked,
    because something else may be served by the time that it is done.
    """
    session: Session = context.obj
    branch, found = deployment_named(session, agent, env)
    subject = ran_subject(branch, found, version)
    person = person_of(session.controller, author_named(author))
    check = Check(_name(name), passed, person.at, person.person, _score(score), _address(url), told(message))
    print_written(session, branch.environment, set_check(session.controller, subject, person, check, outside_of(push)))


@group.command("list", epilog="Example: headpin check list support/triage --env dev")
def list_results(
    context: typer.Context,
    agent: AgentArgument,
    env: EnvironmentOption,
    version: VersionOption = None,
    json: JsonOption = False,
) -> None:
    """List the latest result of every check of a release in an environment."""
    session: Session = context.obj
    branch, found = deployment_named(session, agent, env)
    subject = ran_subject(branch, found, version)
    checks = known_evidence(session.controller, subject).checks
    if json:
        value = {
            "agent": str(found),
            "environment": branch.environment,
            "version": subject.version,
            "release": subject.release.as_mapping(),
            "checks": [check_mapping(check) for check in checks],
        }
        session.terminal.machine("Checks", value, "json")
        return
    rows = [
        (
            check.name,
            Text("passed", GOOD) if check.is_passed else Text("failed", BAD),
            f"{check.score:g}" if check.score is not None else "",
            format_time(check.at),
            inert(check.person),
            inert(check.url),
            inert(check.message),
        )
        for check in checks
    ]
    session.terminal.table(("CHECK", "RESULT", "SCORE", "TIME", "PERSON", "URL", "MESSAGE"), rows)


def _name(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise UsageError(f"{text!r} is no name of a check", remedy="1 to 63 lower-case letters, digits and hyphens")
    return text


def _score(score: float | None) -> float | None:
    if score is not None and not math.isfinite(score):
        raise UsageError("a score is a number")
    return score


def _address(url: str) -> str:
    if url and (_URL.fullmatch(url) is None or not url.isprintable()):
        raise UsageError(f"{url!r} is no address of a page", remedy="write http://… or https://…")
    return url
