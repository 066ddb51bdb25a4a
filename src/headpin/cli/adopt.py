"""`headpin adopt`: take over what runs already."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.cli.acting import BranchOption, DryRunOption, How, YesOption, perform
from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    AgentArgument,
    AuthorOption,
    EnvironmentOption,
    JsonOption,
    Output,
    OutputOption,
    PushOption,
    agent_named,
    environment_named,
    machine_form,
)
from headpin.controller.intents import to_adopt
from headpin.errors import UsageError
from headpin.types import Revision, is_revision


@app.command(
    epilog="Example: headpin adopt support/triage --env prod --revision 7f3c9a2d0c5be0f3a1f6f2b1f2a7c7f0a4d1e9b3 "
    "--reason 'Runs since spring.' --dry-run"
)
def adopt(
    context: typer.Context,
    agent: AgentArgument,
    env: EnvironmentOption,
    revision: Annotated[str, typer.Option("--revision", metavar="REV", help="What runs: a commit of the source.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the override file.")],
    image: Annotated[
        str | None, typer.Option("--image", metavar="IMAGE", help="The image that runs. [default: by the pattern]")
    ] = None,
    dry_run: DryRunOption = False,
    branch: BranchOption = None,
    yes: YesOption = False,
    push: PushOption = None,
    author: AuthorOption = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Take over what runs in an environment already, as its v1, although it ran nowhere before.

    Writes the pin and an override file that names it, for review. Only for the first release of a deployment.
    """
    session: Session = context.obj
    if not is_revision(revision):
        raise UsageError(f"{revision!r} is no full commit id", remedy="write all 40 digits: 'git rev-parse REV'")
    workspace = session.controller.workspace()
    name = environment_named(list(workspace.environment_order), env)
    found = agent_named(workspace, agent)
    how = How(dry_run, yes, push, branch, author, machine_form(output, json))
    perform(session, to_adopt(found, name, Revision(revision), image, reason), how, name, "Adoption")
