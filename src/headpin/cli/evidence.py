"""What the commands about evidence share: naming the deployment, and bounds on what people write."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.cli.app import Session
from headpin.cli.arguments import agent_named, environment_named
from headpin.controller.branches import Branch
from headpin.errors import UsageError
from headpin.status.matrix import environment_names
from headpin.types import AgentName, Revision

MAX_MESSAGE = 500

MessageOption = Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="What there is to say about it.")]


def deployment_named(session: Session, agent: str, environment: str) -> tuple[Branch, AgentName]:
    """The environment's branch and the agent that a person named. Raises UsageError where there are none such."""
    controller = session.controller
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    branch = branches[environment_named(environment_names(workspace, branches), environment)]
    return branch, agent_named(workspace, agent, branch.agents())


def told(text: str) -> str:
    """A message as it is kept. Raises UsageError for one that is too long, or not a line of text."""
    if len(text) > MAX_MESSAGE or not text.isprintable():
        raise UsageError(f"a message is one line of at most {MAX_MESSAGE} characters")
    return text


def print_written(session: Session, environment: str, made: Revision | None) -> None:
    """What became of a report."""
    if made is None:
        session.terminal.line("nothing new: the last report says the same")
    else:
        session.terminal.line(f"reported: headpin/evidence/{environment} → {made[:7]}")
