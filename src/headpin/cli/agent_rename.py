"""`headpin agent rename`: give an agent another name."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.cli.acting import How, NoteOption, acting, perform
from headpin.cli.app import Session
from headpin.cli.arguments import AGENTS, AgentArgument, agent_named
from headpin.controller.rename import to_rename
from headpin.errors import UsageError
from headpin.types import AgentName
from headpin.workspace import Workspace


@acting
def rename(
    context: typer.Context,
    agent: AgentArgument,
    name: Annotated[str, typer.Argument(metavar="NEW", help="The new name, as project/agent.")],
    note: NoteOption = "",
    *,
    how: How,
) -> None:
    """Give an agent another name, or move it to another project, without redeploying anything.

    One commit moves its documents and pins, and agent.yaml says what it was: the next pass moves records, numbers and
    history along. Its Kubernetes objects keep their names.
    """
    session: Session = context.obj
    new = AgentName.parse(name)
    if new is None:
        raise UsageError(f"{name!r} is no agent's name", remedy=AGENTS)
    workspace = session.controller.workspace()
    old = AgentName.parse(agent)
    if old is None or not _was(workspace, new, old):  # typed again once it is done, it says so
        old = agent_named(workspace, agent)
    perform(session, to_rename(old, new, note), how, _production(workspace, old), "Rename")


def _was(workspace: Workspace, new: AgentName, old: AgentName) -> bool:
    document = workspace.agent(new)
    return bool(document and document.model and old in document.model.former_names)


def _production(workspace: Workspace, agent: AgentName) -> str:
    """A production environment that the agent is pinned in, which is asked about; "" where there is none."""
    documents = workspace.environments.items()
    production = (name for name, document in documents if document.model and document.model.production)
    return next((name for name in production if workspace.has_pin(name, agent)), "")
