"""`headpin explain`: why a deployment is what it is."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    AgentArgument,
    JsonOption,
    Output,
    OutputOption,
    agent_named,
    complete_environments,
    environment_named,
    form_of,
)
from headpin.cli.terminal import DIM, STRONG, ago, inert, style_of
from headpin.errors import UsageError
from headpin.releases import GateResult
from headpin.releases.codec import format_time
from headpin.status import Explanation, Outlook, promotion_outlook
from headpin.status import explain as read_explanation
from headpin.status.matrix import environment_names


@app.command(epilog="Example: headpin explain support/triage --env prod")
def explain(
    context: typer.Context,
    agent: AgentArgument,
    env: Annotated[
        str | None,
        typer.Option("--env", "-e", metavar="ENV", help="The environment.", autocompletion=complete_environments),
    ] = None,
    promote_to: Annotated[
        str | None,
        typer.Option(
            "--promote-to",
            metavar="ENV",
            help="Instead: what the gates of ENV say of what the stage before it serves.",
            autocompletion=complete_environments,
        ),
    ] = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Show why a deployment is what it is.

    What is served and wanted, what the gates say, and the file and line behind each effective setting. With
    --promote-to: every gate that a promotion of what the stage before serves would be asked, and when it opens.
    """
    session: Session = context.obj
    controller = session.controller
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    asked = env or promote_to
    if asked is None or (env and promote_to):
        raise UsageError("name one environment, with --env or with --promote-to")
    name = environment_named(environment_names(workspace, branches), asked)
    found = agent_named(workspace, agent, branches[name].agents())
    form = form_of(output, json)
    is_machine = form in (Output.JSON, Output.YAML)
    if promote_to:
        outlook = promotion_outlook(controller, found, name)
        if is_machine:
            session.terminal.machine("Outlook", outlook.as_json(), form.value)
        else:
            _print_outlook(session, outlook)
        return
    explanation = read_explanation(controller, found, name)
    if is_machine:
        session.terminal.machine("Explanation", explanation.as_json(), form.value)
        return
    _print(session, explanation)


def _print_outlook(session: Session, outlook: Outlook) -> None:
    terminal, source = session.terminal, outlook.source
    version = f"v{source.version}" if source and source.version else "HEAD"
    place = source.environment if source else "its branch"
    terminal.line((f"{outlook.agent} from {place} to {outlook.environment}", STRONG))
    terminal.line(f"release  {version} {outlook.release.revision}", indent=2)
    if outlook.kind is None:
        terminal.line(f"{outlook.environment} serves it already", indent=2)
        return
    terminal.line(f"would be {outlook.kind.value}", indent=2)
    _print_gates(session, outlook.gates)
    if not outlook.gates:
        terminal.line("no gate is asked", indent=2)
    elif not outlook.answer.is_open:
        when = f"at {format_time(outlook.opens_at)}" if outlook.opens_at else "by what somebody does, not by time"
        terminal.line(f"opens    {when}", indent=2)


def _print_gates(session: Session, gates: tuple[GateResult, ...]) -> None:
    for gate in gates:
        word = "open" if gate.is_open else "waiting" if gate.is_waiting else "closed"
        session.terminal.line(
            f"gate     {gate.gate} is ",
            (word, "green" if gate.is_open else "red"),
            f": {inert(gate.evidence)}",
            indent=2,
        )


def _print(session: Session, explanation: Explanation) -> None:
    status, terminal = explanation.status, session.terminal
    served = status.served
    terminal.line((f"{status.agent} in {status.environment}", STRONG))
    since = f" for {ago(status.since)}, since {format_time(status.since)}" if status.since else ""
    terminal.line("status   ", (status.word, style_of(status.word)), since, indent=2)
    if status.message:
        terminal.line(f"because  {inert(status.message)}", indent=2)
    if served is not None:
        version = "HEAD" if served.version == 0 else f"v{served.version}"
        terminal.line(f"serves   {version} {served.release.revision}", indent=2)
        terminal.line(f"image    {served.release.image}", indent=2)
        terminal.line(f"settings {served.release.settings}", indent=2)
    if explanation.content is not None:
        content = explanation.content
        terminal.line(
            f"content  {content.id}: {content.files:,} files, {content.size:,} bytes, "
            f"by {content.mount} at {content.path}",
            indent=2,
        )
    if status.wanted is not None:
        terminal.line(f"wants    {status.wanted.revision} with settings {status.wanted.settings}", indent=2)
    terminal.line(f"next     {explanation.decision.action.value}: {inert(explanation.decision.reason)}", indent=2)
    _print_gates(session, explanation.gates)
    if explanation.trouble:
        terminal.line(("settings cannot be shown: ", "red"), inert(explanation.trouble), indent=2)
    if explanation.settings:
        terminal.line("")
        rows = [
            (Text(value.key, STRONG), _one_line(value.value), Text(value.origin, DIM)) for value in explanation.settings
        ]
        terminal.table(("SETTING", "VALUE", "FROM"), rows)


def _one_line(text: str) -> str:
    first, _, rest = text.partition("\n")
    return f"{first} …" if rest else first
