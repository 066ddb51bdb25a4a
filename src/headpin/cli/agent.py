"""`headpin agent`: the life of agents."""

from __future__ import annotations

import typer

from headpin.cli.agent_rename import rename
from headpin.cli.app import app

group = typer.Typer(help="Manage agents.", no_args_is_help=True)
app.add_typer(group, name="agent")
group.command("rename", epilog="Example: headpin agent rename support/triage support/sorting --dry-run")(rename)
