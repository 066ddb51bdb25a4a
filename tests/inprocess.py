"""The command line in this process: the same program without the time that a process takes to start."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from headpin.cli.app import run


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str


def headpin(*arguments: str | Path, cwd: Path) -> Ran:
    """Runs `headpin -C CWD ARGUMENTS`."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(["-C", str(cwd), *map(str, arguments)])
    return Ran(code, out.getvalue(), err.getvalue())
