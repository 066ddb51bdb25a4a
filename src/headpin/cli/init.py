"""`headpin init`: a new workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headpin.actions import scaffold
from headpin.actions.scaffold import AGENT, PROJECT
from headpin.cli.app import Session, app
from headpin.cli.terminal import STRONG
from headpin.errors import UsageError
from headpin.git.program import commit_all, create_repository
from headpin.types import name_fault


@app.command(epilog="Example: headpin init config --environments dev,staging,prod")
def init(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is empty or not there yet.")],
    environments: Annotated[
        str, typer.Option("--environments", metavar="NAMES", help="Joined by commas; the first tracks head.")
    ] = "dev",
) -> None:
    """Make a new config repository: environments, one pipeline, one sample project and agent, committed.

    Environments named prod, production or live are production environments.
    """
    session: Session = context.obj
    names = [name.strip() for name in environments.split(",")]
    for name in names:
        fault = name_fault(name)
        if fault:
            raise UsageError(f"{name!r} is no environment's name: {fault}")
    if len(set(names)) < len(names):
        raise UsageError("an environment is named twice")
    place = session.directory / directory
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise UsageError(f"{place} is not an empty folder", remedy="name a folder that is not there yet")
    made = scaffold(names)
    create_repository(place, session.branch or "main")
    for path, text in made.files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text, "utf-8")
    commit_all(place, made.message)
    terminal = session.terminal
    terminal.line(f"made {place} with {', '.join(names)} and the agent {PROJECT}/{AGENT}")
    terminal.line("next:")
    for command in ("validate", "reconcile", "status"):
        terminal.line((f"headpin -C {place} {command}", STRONG), indent=2)
