"""The program: options before the command, and what becomes of errors."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

from headpin import __version__
from headpin.cli.terminal import Terminal
from headpin.controller import Controller
from headpin.errors import HeadpinError, Refused, UsageError
from headpin.git import Repository

COMMANDS = (
    "init",
    "validate",
    "plan",
    "reconcile",
    "run",
    "status",
    "history",
    "log",
    "at",
    "audit",
    "explain",
    "compare",
    "blame",
    "promote",
    "rollback",
    "scale",
    "stop",
    "start",
    "approve",
    "adopt",
    "retry",
    "pin",
    "environment",
    "pipeline",
    "project",
    "agent",
    "check",
    "health",
    "render",
    "schema",
    "demo",
    "version",
)
"""Every command, in the order of the help."""

_WITH_VALUE = frozenset({"-C", "--directory", "--branch", "--color"})

PROBLEMS, USED_WRONGLY, WORLD_FAILED, OUR_FAULT = 1, 2, 3, 70

EXIT_CODES = (
    "Exit codes: 0 fine; 1 problems found, something is held, or refused by a rule; 2 used wrongly; "
    "3 the world failed (network, lock, missing history)."
)


class Color(StrEnum):
    """When to use colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass
class Session:
    """What the options before the command say; the repository is opened when it is first needed."""

    directory: Path = Path()
    branch: str | None = None
    terminal: Terminal = field(default_factory=Terminal)

    @cached_property
    def repository(self) -> Repository:
        """The config repository."""
        return Repository.open(self.directory)

    @cached_property
    def controller(self) -> Controller:
        """A controller of the config repository."""
        return Controller(self.repository, self.branch or "main")


app = typer.Typer(
    name="headpin",
    help="A GitOps repository controller: dev tracks HEAD, every other environment is pinned.\n\n"
    "Environments, pipelines and pins are YAML in a git repository. Merge to promote, 'git revert' to roll back.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "HEADPIN"},
)


@app.callback()
def options(
    context: typer.Context,
    directory: Annotated[
        Path, typer.Option("-C", "--directory", metavar="DIR", help="The config repository, or a folder in it.")
    ] = Path(),
    branch: Annotated[
        str | None,
        typer.Option("--branch", metavar="NAME", help="The branch that belongs to people.", show_default="main"),
    ] = None,
    color: Annotated[Color, typer.Option(help="When to use colours; NO_COLOR is obeyed.")] = Color.AUTO,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print results only, nothing about the work.")] = False,
) -> None:
    """A GitOps repository controller: dev tracks HEAD, every other environment is pinned."""
    context.obj = Session(directory, branch, Terminal(color.value, quiet))


def main() -> None:
    """Runs the command line and exits with its code."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - open until the end
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without these letters is no fault
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command line in this process; gives its exit code."""
    _load_commands(arguments)
    try:
        app(_with_optional_names(arguments), prog_name="headpin")
    except SystemExit as done:  # typer tells wrong usage itself, and exits with 2
        return done.code if isinstance(done.code, int) else 0
    except HeadpinError as error:
        Terminal(_color_said(arguments)).error(error)
        return _code_of(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        said = HeadpinError(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")
        Terminal(_color_said(arguments)).error(said)
        return WORLD_FAILED
    except Exception as error:  # noqa: BLE001 - a fault of ours, told as one
        return _report_crash(error, arguments)
    return 0


def _code_of(error: HeadpinError) -> int:
    if isinstance(error, UsageError):
        return USED_WRONGLY
    return PROBLEMS if isinstance(error, Refused) else WORLD_FAILED


def _with_optional_names(arguments: list[str]) -> list[str]:
    """``--branch`` after the command stands for a branch without a name: its name can only come after ``=``."""
    command = _command_of(arguments)
    if command not in COMMANDS:
        return arguments
    place = arguments.index(command)
    return arguments[:place] + ["--branch=" if text == "--branch" else text for text in arguments[place:]]


def _color_said(arguments: list[str]) -> str:
    for number, argument in enumerate(arguments):
        if argument == "--color" and number + 1 < len(arguments):
            return arguments[number + 1]
        if argument.startswith("--color="):
            return argument.removeprefix("--color=")
    return "auto"


def _report_crash(error: Exception, arguments: list[str]) -> int:
    """A fault of headpin: the report goes to a file, ready to paste, and the terminal says where."""
    text = "".join(traceback.format_exception(error))
    shown = " ".join(argument for argument in arguments if "://" not in argument)
    with tempfile.NamedTemporaryFile(
        "w", prefix="headpin-crash-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(
            f"headpin {__version__} on Python {sys.version.split()[0]}, {sys.platform}\nheadpin {shown}\n\n{text}"
        )
    terminal = Terminal()
    terminal.error(
        HeadpinError(
            f"this is a fault of headpin, not yours: {type(error).__name__}: {error}",
            remedy=f"please report it with {file.name}",
        )
    )
    return OUR_FAULT


def exit_with(code: int) -> None:
    """Ends the command with an exit code other than 0."""
    if code:
        raise typer.Exit(code)


def _command_of(arguments: list[str]) -> str:
    """The first argument that is neither an option nor an option's value."""
    rest = iter(arguments)
    for argument in rest:
        if argument in _WITH_VALUE:
            next(rest, None)
        elif not argument.startswith("-"):
            return argument
    return ""


def _load_commands(arguments: list[str]) -> None:
    """Imports the module of the command named, which adds itself to the program; all of them for help.

    One command is loaded for one command line: the rest would only make every start slower.
    """
    named = _command_of(arguments)
    is_completing = any(name.endswith("_COMPLETE") and name.startswith("_") for name in os.environ)
    for name in (named,) if named in COMMANDS and not is_completing else COMMANDS:
        import_module(f"headpin.cli.{name}")


__all__ = ["COMMANDS", "Session", "app", "exit_with", "main", "run"]
