"""`headpin promote`: move pins to what the stage before serves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, get_args

import typer

from headpin.cli.acting import AgentsArgument, How, NoteOption, acting, deployments_named, perform
from headpin.cli.app import Session, app
from headpin.cli.arguments import complete_environments, environment_named
from headpin.controller.intents import PromotionWish, to_promote
from headpin.errors import UsageError
from headpin.model.settings import VariableName, mount_path

_MAX_FILE = 131_072
_VARIABLE = re.compile(get_args(VariableName)[1].pattern)


@app.command(epilog="Example: headpin promote support/triage --to prod --dry-run")
@acting
def promote(
    context: typer.Context,
    agents: AgentsArgument,
    to: Annotated[str, typer.Option("--to", metavar="ENV", help="Where to.", autocompletion=complete_environments)],
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="ENV",
            help="From an earlier stage, where policy allows.",
            autocompletion=complete_environments,
        ),
    ] = None,
    release: Annotated[
        str | None, typer.Option("--release", metavar="REV|vN", help="One that ran earlier in the source.")
    ] = None,
    note: NoteOption = "",
    use_source_config: Annotated[
        bool,
        typer.Option("--use-source-config", help="Write the source's effective variables and files into the target."),
    ] = False,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set a variable in the target.")
    ] = None,
    set_file: Annotated[
        list[str] | None, typer.Option("--set-file", metavar="PATH=FILE", help="Mount a file's text in the target.")
    ] = None,
    min_replicas: Annotated[int | None, typer.Option(min=0, help="Pods at least in the target.")] = None,
    max_replicas: Annotated[int | None, typer.Option(min=0, help="Pods at most in the target.")] = None,
    keep_stopped: Annotated[
        bool, typer.Option("--keep-stopped", help="Leave a stopped deployment stopped; otherwise it starts.")
    ] = False,
    *,
    how: How,
) -> None:
    """Promote what the stage before serves: one commit that moves the pins, which anybody could have written by hand.

    Everything is checked and rendered before anything is written. Several agents are one commit, all or none.
    Typing it again retries it; 'git revert' of the commit takes it back.
    """
    session: Session = context.obj
    meant, target = deployments_named(session, agents, to)
    order = session.controller.workspace().environment_order
    source = environment_named(order, from_) if from_ else None
    wish = PromotionWish(
        target,
        source=source,
        release=release,
        note=note,
        use_source_config=use_source_config,
        variables=dict(_variable(text) for text in set_ or ()),
        files=dict(_mounted(session, text) for text in set_file or ()),
        minimum=min_replicas,
        maximum=max_replicas,
        keep_stopped=keep_stopped,
    )
    perform(session, to_promote(session.controller, meant, wish), how, target, "Promotion")


def _assigned(text: str, option: str) -> tuple[str, str]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise UsageError(f"{option} takes NAME=VALUE, not {text!r}")
    return name, value


def _variable(text: str) -> tuple[str, str]:
    name, value = _assigned(text, "--set")
    if _VARIABLE.fullmatch(name) is None:
        raise UsageError(
            f"--set: {name!r} cannot be the name of a variable",
            remedy="a name has letters, digits and _, does not begin with a digit, and has at most 128 characters",
        )
    return name, value


def _mounted(session: Session, text: str) -> tuple[str, str]:
    path, name = _assigned(text, "--set-file")
    try:
        return mount_path(path), _text(session, name)
    except ValueError as error:
        raise UsageError(f"--set-file: {path!r} is no path to mount at: {error}") from error


def _text(session: Session, name: str) -> str:
    place = session.directory / Path(name) if not Path(name).is_absolute() else Path(name)
    try:
        place = place if place.exists() else Path(name)
        if place.stat().st_size > _MAX_FILE:
            raise UsageError(f"{name} has more than {_MAX_FILE:,} bytes", remedy="content: in agent.yaml takes more")
        return place.read_text("utf-8")
    except OSError as error:
        raise UsageError(f"--set-file: {name} cannot be read: {error.strerror}", remedy="name a file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is no UTF-8 text", remedy="content: in agent.yaml takes any bytes") from error
