"""`headpin health`: reports of whether what is served is healthy."""

from __future__ import annotations

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
from headpin.controller.reporting import known_evidence, person_of, report_health, served_subject
from headpin.releases.codec import format_time
from headpin.releases.evidence import health_mapping

group = typer.Typer(help="Report whether what is served is healthy, and show the reports.", no_args_is_help=True)
app.add_typer(group, name="health")


@group.command("report", epilog="Example: headpin health report support/triage --env dev --version HEAD --healthy")
def report(
    context: typer.Context,
    agent: AgentArgument,
    env: EnvironmentOption,
    version: Annotated[
        str,
        typer.Option("--version", metavar="VERSION", help="What was looked at: vN, HEAD, or digits of the revision."),
    ],
    healthy: Annotated[bool, typer.Option("--healthy/--degraded", help="What was found.")],
    message: MessageOption = "",
    author: AuthorOption = None,
    push: PushOption = None,
) -> None:
    """Report that what an environment serves is healthy, or is not.

    The report is one commit on the branch headpin/evidence/ENV. It is evidence for the gates health and soak of
    later stages, as long as the same release is served with the same settings. A version that is not served there
    is refused.
    """
    session: Session = context.obj
    branch, name = deployment_named(session, agent, env)
    subject = served_subject(branch, name, version)
    person = person_of(session.controller, author_named(author))
    made = report_health(
        session.controller, subject, person, healthy=healthy, message=told(message), outside=outside_of(push)
    )
    print_written(session, branch.environment, made)


@group.command("show", epilog="Example: headpin health show support/triage --env dev")
def show(context: typer.Context, agent: AgentArgument, env: EnvironmentOption, json: JsonOption = False) -> None:
    """Show what was reported of the health of what an environment serves, newest first."""
    session: Session = context.obj
    branch, name = deployment_named(session, agent, env)
    subject = served_subject(branch, name)
    known = known_evidence(session.controller, subject)
    if json:
        value = {
            "agent": str(name),
            "environment": branch.environment,
            "version": subject.version,
            "release": subject.release.as_mapping(),
            "digest": subject.digest,
            "health": [health_mapping(item) for item in reversed(known.health)],
        }
        session.terminal.machine("Health", value, "json")
        return
    rows = [
        (
            Text("healthy", GOOD) if item.is_healthy else Text("degraded", BAD),
            format_time(item.start),
            format_time(item.until) if item.until else "",
            "" if item.digest == subject.digest else "yes",
            inert(item.person),
            inert(item.message),
        )
        for item in reversed(known.health)
    ]
    session.terminal.table(("STATE", "FROM", "UNTIL", "STALE", "PERSON", "MESSAGE"), rows)
