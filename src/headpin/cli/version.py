"""`headpin version`."""

from __future__ import annotations

import platform
from typing import Any

import typer

from headpin import __version__
from headpin.cli.app import Session, app
from headpin.cli.arguments import JsonOption, Output, OutputOption, machine_form
from headpin.controller.templates import built_in_templates
from headpin.model import API_VERSION


@app.command(epilog="Example: headpin version")
def version(context: typer.Context, output: OutputOption = Output.TABLE, json: JsonOption = False) -> None:
    """Say which headpin this is, and what it reads."""
    session: Session = context.obj
    told: dict[str, Any] = {
        "version": __version__,
        "reads": API_VERSION,
        "templateSets": sorted(built_in_templates()),
        "python": platform.python_version(),
    }
    form = machine_form(output, json)
    if form:
        session.terminal.machine("Version", told, form)
        return
    sets = ", ".join(str(number) for number in told["templateSets"])
    session.terminal.line(f"headpin {__version__} (reads {API_VERSION}, template sets {sets}, Python {told['python']})")
