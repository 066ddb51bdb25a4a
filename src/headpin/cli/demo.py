"""`headpin demo`: the daily work, told by real commands on real repositories in a fresh folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from headpin.actions.demo import NEXT, STORY, Step, source_commits
from headpin.cli.app import Session, app
from headpin.cli.terminal import DIM, STRONG, Terminal
from headpin.errors import HeadpinError, PermanentError, UsageError
from headpin.git.program import commit_all, configure, create_repository, environment
from headpin.resources import resource
from headpin.sources import OWN
from headpin.tree import DiskTree
from headpin.workspace import DocumentReader, Workspace

_PERSON = {"user.name": "Robin Demo", "user.email": "robin.demo@example.com", "commit.gpgSign": "false"}


@app.command(epilog="Example: headpin demo")
def demo(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="A folder that is empty or not there yet.")] = Path(
        "headpin-demo"
    ),
) -> None:
    """Play the daily work in a fresh folder: follow, promote, roll back, and look at history.

    Makes the example a real git repository and gives its agents real source repositories. Everything stays
    in DIR, to go on from there. Takes seconds and needs nothing but git.
    """
    session: Session = context.obj
    place = (session.directory / directory).resolve()
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise UsageError(f"{place} is not an empty folder", remedy="name a folder that is not there yet")
    started = time.monotonic()
    config = _make(session.terminal, place)
    for number, step in enumerate(STORY, 1):
        _play(session.terminal, config, number, step)
    _finish(session.terminal, config, time.monotonic() - started)


def _make(terminal: Terminal, place: Path) -> Path:
    """The example as a repository at DIR/config, and a repository at DIR/sources/<name> for each of its agents."""
    config = place / "config"
    create_repository(config)
    shutil.copytree(resource("example-config-repo"), config, dirs_exist_ok=True)
    configure(config, _PERSON)
    commit_all(config, "Start with the example")
    names = []
    workspace = Workspace(DiskTree(config), DocumentReader())
    for agent in workspace.all_agents():
        document = workspace.agent(agent)
        if document is None or document.model is None:
            raise PermanentError(f"the example's {agent} is broken")
        if document.model.source.repository != OWN:
            source = (config / document.model.source.repository).resolve()
            _make_source(source, agent.agent)
            names.append(source.name)
    terminal.line(f"Made {config} from the example, and source repositories for {', '.join(names)}.")
    terminal.line(("The commands below are typed in that folder: ", DIM), f"cd {config}")
    return config


def _make_source(place: Path, name: str) -> None:
    create_repository(place)
    configure(place, _PERSON)
    for message, files in source_commits(name):
        for path, text in files.items():
            (place / path).parent.mkdir(exist_ok=True)
            (place / path).write_text(text, "utf-8")
        commit_all(place, message)


def _play(terminal: Terminal, config: Path, number: int, step: Step) -> None:
    terminal.line("")
    terminal.line((f"{number}. {step.heading}", STRONG))
    if step.why:
        terminal.line((step.why, DIM), indent=3)
    for command in step.commands:
        terminal.line(("$ ", DIM), command, indent=3)
        sys.stdout.flush()
        done = subprocess.run(  # noqa: S602 - the story's own commands, shown as they are run
            f"{_headpin()}{command}", shell=True, cwd=config, env=_environment(terminal), check=False
        )
        if done.returncode != 0:
            raise HeadpinError(
                f"the demo stops: '{command}' ended with {done.returncode}", remedy=f"look at it in {config}"
            )


def _headpin() -> str:
    """Makes `headpin` this very program in the shell, wherever it is installed."""
    return 'headpin() { "$HEADPIN_PYTHON" -m headpin "$@"; }; '


def _environment(terminal: Terminal) -> dict[str, str]:
    kept = {key: value for key, value in environment().items() if not key.startswith("HEADPIN_")}
    color = "always" if terminal.out.is_terminal and not terminal.out.no_color else "never"
    width = {"COLUMNS": str(terminal.out.width)} if terminal.out.is_terminal else {}
    return (
        kept
        | width
        | {"HEADPIN_PYTHON": sys.executable, "HEADPIN_COLOR": color, "PYTHONPATH": os.pathsep.join(sys.path)}
    )


def _finish(terminal: Terminal, config: Path, seconds: float) -> None:
    terminal.line("")
    terminal.line(("Try next", STRONG), f" in {config}:")
    width = max(len(command) for command, _ in NEXT)
    for command, what in NEXT:
        terminal.line(f"{command:{width}}  ", (what, DIM), indent=3)
    terminal.note((f"The demo took {seconds:.0f} seconds.", DIM))
