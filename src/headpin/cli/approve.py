"""`headpin approve`: say in a file that a release may go on."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.cli.acting import How, acting, perform
from headpin.cli.app import Session, app
from headpin.cli.arguments import AgentArgument, EnvironmentOption, agent_named, author_named, environment_named
from headpin.controller.intents import to_approve
from headpin.controller.reporting import person_of


@app.command(epilog="Example: headpin approve support/triage --env staging --reason 'watched it in staging'")
@acting
def approve(
    context: typer.Context,
    agent: AgentArgument,
    env: EnvironmentOption,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the file.")],
    *,
    how: How,
) -> None:
    """Approve of the release that is pinned and held in an environment, or that would be promoted there.

    Writes a file in approvals/ that names environment, agent and release, in your name. The gate approvals counts
    the files of other people than the one who promotes.
    """
    session: Session = context.obj
    workspace = session.controller.workspace()
    name = environment_named(workspace.environment_order, env)
    found = agent_named(workspace, agent)
    person = person_of(session.controller, author_named(how.author))
    perform(session, to_approve(found, name, person.email, reason), how, name, "Approval")
