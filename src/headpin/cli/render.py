"""`headpin render`: the manifests that documents make."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from headpin.cli.app import PROBLEMS, Session, app, exit_with
from headpin.cli.arguments import (
    JsonOption,
    Output,
    OutputOption,
    agent_named,
    complete_agents,
    complete_environments,
    machine_form,
)
from headpin.cli.terminal import BAD, inert
from headpin.controller.report import RenderedDeployment
from headpin.errors import UsageError
from headpin.rendering import KUSTOMIZATION, is_kustomized, kustomization
from headpin.status import render_environment
from headpin.types import AgentName, Revision


@app.command(epilog="Example: headpin render prod support/triage --output-dir out")
def render(
    context: typer.Context,
    env: Annotated[str, typer.Argument(metavar="ENV", help="The environment.", autocompletion=complete_environments)],
    agent: Annotated[
        str | None,
        typer.Argument(metavar="[AGENT]", help="Only this agent, as project/agent.", autocompletion=complete_agents),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option("--revision", metavar="REV", help="The documents at this commit.", show_default="main's head"),
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output-dir", metavar="DIR", help="Write files below DIR instead of printing.")
    ] = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Render what the documents want in an environment, without asking any gate and without committing.

    A pinned environment is rendered from its pins, the head environment from where the branches are. Charts, of the
    engine helm, are only written to a folder, never printed.
    """
    session: Session = context.obj
    at = _revision(session, revision)
    controller, form = session.controller, machine_form(output, json)
    agents = [agent_named(controller.workspace(at), agent)] if agent else []
    with session.terminal.working(f"rendering {env}"):
        rendered, without = render_environment(controller, env, agents, at)
    if form:
        session.terminal.machine("Rendered", _as_json(env, rendered, without), form)
    elif output_dir is None:
        _refuse_charts(env, rendered)
        session.terminal.raw("".join(_stream(item) for item in rendered))
    else:
        _write(output_dir, rendered)
        session.terminal.note(f"wrote {len(rendered)} deployments to {output_dir}")
    for name, why in without.items():
        session.terminal.note((f"{name}: ", BAD), inert(why))
    exit_with(PROBLEMS if without else 0)


def _revision(session: Session, text: str | None) -> Revision | None:
    if text is None:
        return None
    found = session.repository.resolve(text)
    if found is None:
        raise UsageError(f"there is no commit {text}", remedy="name a branch, a tag or a commit id")
    return found


def _as_json(environment: str, rendered: list[RenderedDeployment], without: dict[AgentName, str]) -> dict[str, Any]:
    return {
        "environment": environment,
        "deployments": [
            {"agent": str(item.agent), "version": item.render.version, "files": item.files} for item in rendered
        ],
        "without": [{"agent": str(agent), "why": why} for agent, why in without.items()],
    }


def _refuse_charts(environment: str, rendered: list[RenderedDeployment]) -> None:
    """A chart is a folder for Helm: printed, its templates would be taken for objects."""
    charts = [str(item.agent) for item in rendered if not is_kustomized(item.files)]
    if charts:
        raise UsageError(
            f"{', '.join(charts)} in {environment}: the engine helm renders a chart, which is a folder",
            remedy=f"add --output-dir DIR, then run 'helm template DIR/{charts[0]}'",
        )


def _stream(item: RenderedDeployment) -> str:
    return "".join(f"---\n# {item.agent}/{name}\n{text}" for name, text in item.files.items() if name != KUSTOMIZATION)


def _write(place: Path, rendered: list[RenderedDeployment]) -> None:
    projects: dict[str, list[str]] = {}
    for item in rendered:
        folder = place / item.agent.project / item.agent.agent
        if is_kustomized(item.files):
            projects.setdefault(item.agent.project, []).append(item.agent.agent)
        for path, text in item.files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text.encode())
    for project, agents in projects.items():
        (place / project / KUSTOMIZATION).write_text(kustomization(tuple(agents)), "utf-8")
