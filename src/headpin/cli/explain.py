"""`headpin explain`: why a deployment is what it is."""

from __future__ import annotations

import typer
from rich.text import Text

from headpin.cli.app import Session, app
from headpin.cli.arguments import (
    AgentArgument,
    EnvironmentOption,
    JsonOption,
    Output,
    OutputOption,
    agent_named,
    environment_named,
    form_of,
)
from headpin.cli.terminal import DIM, STRONG, ago, inert, style_of
from headpin.status import Explanation
from headpin.status import explain as read_explanation
from headpin.status.matrix import environment_names


@app.command(epilog="Example: headpin explain support/triage --env prod")
def explain(
    context: typer.Context,
    agent: AgentArgument,
    env: EnvironmentOption,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Show why a deployment is what it is.

    What is served and wanted, what the gates say, and the file and line behind each effective setting.
    """
    session: Session = context.obj
    controller = session.controller
    workspace = controller.workspace()
    branches = controller.branches(workspace)
    name = environment_named(environment_names(workspace, branches), env)
    found = agent_named(workspace, agent, branches[name].agents())
    explanation = read_explanation(controller, found, name)
    form = form_of(output, json)
    if form in (Output.JSON, Output.YAML):
        session.terminal.machine("Explanation", explanation.as_json(), form.value)
        return
    _print(session, explanation)


def _print(session: Session, explanation: Explanation) -> None:
    status, terminal = explanation.status, session.terminal
    served = status.served
    terminal.line((f"{status.agent} in {status.environment}", STRONG))
    since = f" for {ago(status.since)}" if status.since else ""
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
    for gate in explanation.gates:
        word = "open" if gate.is_open else "waiting" if gate.is_waiting else "closed"
        terminal.line(
            f"gate     {gate.gate} is ",
            (word, "green" if gate.is_open else "red"),
            f": {inert(gate.evidence)}",
            indent=2,
        )
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
