"""`headpin schema`: JSON Schemas for editors, and the generated pages of the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headpin.cli.app import Session, app
from headpin.cli.arguments import JsonOption, Output, OutputOption, machine_form
from headpin.cli.reference import commands_page
from headpin.errors import UsageError
from headpin.model import KINDS, config_reference, json_schema
from headpin.problem_kinds import problems_page


@app.command(epilog="Example: headpin schema agent")
def schema(
    context: typer.Context,
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help=f"One of {', '.join(KINDS)}.")] = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", metavar="DIR", help="Write every kind's schema to DIR.")
    ] = None,
    reference: Annotated[bool, typer.Option("--reference", help="Print the configuration reference.")] = False,
    problems: Annotated[bool, typer.Option("--problems", help="Print the page of all problem codes.")] = False,
    commands: Annotated[bool, typer.Option("--commands", help="Print the command reference.")] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Print the JSON Schema of a kind of document, or list the kinds.

    The schemas are for editors: the first line of a document,
    '# yaml-language-server: $schema=...', names one.
    """
    session: Session = context.obj
    if output_dir is not None:
        output_dir.mkdir(parents=True, exist_ok=True)
        for name in KINDS:
            (output_dir / f"{name}.json").write_text(json_schema(name), "utf-8")
        session.terminal.note(f"wrote {len(KINDS)} schemas to {output_dir}")
    elif reference:
        session.terminal.raw(config_reference())
    elif problems:
        session.terminal.raw(problems_page())
    elif commands:
        session.terminal.raw(commands_page())
    elif kind is None and (form := machine_form(output, json)):
        told = [{"name": name, "paths": list(found.places)} for name, found in KINDS.items()]
        session.terminal.machine("Kinds", {"kinds": told}, form)
    elif kind is None:
        rows = [(name, ", ".join(found.places)) for name, found in KINDS.items()]
        session.terminal.table(("KIND", "PATH"), rows)
    elif kind in KINDS:
        session.terminal.raw(json_schema(kind))
    else:
        raise UsageError(f"there is no kind {kind}", remedy=f"the kinds are: {', '.join(KINDS)}")
