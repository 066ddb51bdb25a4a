"""`headpin adopt`: take over what runs already."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.cli.acting import How, acting, perform
from headpin.cli.app import Session, app
from headpin.cli.arguments import AgentArgument, EnvironmentOption, agent_named, environment_named
from headpin.controller.intents import to_adopt
from headpin.errors import UsageError
from headpin.types import Revision, is_revision


@app.command(
    epilog="Example: headpin adopt billing/invoices --env staging --revision $(git rev-parse HEAD) --reason 'by hand'"
)
@acting
def adopt(
    context: typer.Context,
    agent: AgentArgument,
    env: EnvironmentOption,
    revision: Annotated[str, typer.Option("--revision", metavar="REV", help="What runs: a commit of the source.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the override file.")],
    image: Annotated[
        str | None, typer.Option("--image", metavar="IMAGE", help="The image that runs.", show_default="by the pattern")
    ] = None,
    *,
    how: How,
) -> None:
    """Take over what runs in an environment already, as its v1, although it ran nowhere before.

    Writes the pin and an override file that names it, for review. Only for the first release of a deployment.
    """
    session: Session = context.obj
    if not is_revision(revision):
        raise UsageError(f"{revision!r} is no full commit id", remedy="write all 40 digits: 'git rev-parse REV'")
    workspace = session.controller.workspace()
    name = environment_named(workspace.environment_order, env)
    found = agent_named(workspace, agent)
    perform(session, to_adopt(found, name, Revision(revision), image, reason), how, name, "Adoption")
