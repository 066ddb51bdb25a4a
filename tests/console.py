"""Console blocks in pages: a line that starts with `$ ` is typed, and the lines below it are what is printed.

Only fenced blocks marked `console` are run, from the top of a page to its end, in one folder. What differs from run
to run (ids, times, durations, widths of columns) is not compared, and a line `…` stands for any lines. A line
`<!-- $ command -->` between the blocks is run without being shown: it makes what the next block is about.
`UPDATE_DOCS=1 pytest tests/test_docs.py` writes what was printed into the page, except below a `…`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

CUT = "…"
_CLOCKED = Path(__file__).with_name("clocked.py")
_HIDDEN = re.compile(r"<!-- \$ (.*) -->")
_VARYING = (
    (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z"), "TIME"),
    (re.compile(r"^ Date: .*"), "DATE"),
    (re.compile(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{64}\b|\b[0-9a-f]{7}\b"), "ID"),
    (re.compile(r"\b[0-9]+[smhd]\b"), "AGE"),
    (re.compile(r"headpin [0-9][0-9a-z.]*"), "headpin VERSION"),
    (re.compile(r"Python 3\.[0-9.]+"), "PYTHON"),
    (re.compile(r'"(version|python)": "[0-9a-z.]+"'), "VERSION"),
    (re.compile(r"─+"), "─"),
    (re.compile(r" +"), " "),
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command, and what the page says it prints; `first` and `end` bound these lines in the page."""

    text: str
    told: tuple[str, ...]
    first: int
    end: int


class Shell:
    """Runs commands one after the other, in the folder that the last one left and with its exit code in `$?`."""

    def __init__(self, folder: Path, now: str = "") -> None:
        """Starts in `folder`; `headpin` takes `now`, where it is given, for the present."""
        self.folder = folder
        self.code = 0
        self._top = str(folder)
        programs = folder / ".programs"
        programs.mkdir()
        program = f"-P '{_CLOCKED}' {now}" if now else "-m headpin"
        (programs / "headpin").write_text(f'#!/bin/sh\nexec "{sys.executable}" {program} "$@"\n')
        (programs / "headpin").chmod(0o755)
        self._where = programs / "where"
        self._env = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}

    def run(self, command: str) -> str:
        """What a command prints; the folder that the page starts in is called `~`."""
        script = f"(exit {self.code})\n{command}\ncode=$?\npwd > '{self._where}'\nexit $code\n"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.code = done.returncode
        self.folder = Path(self._where.read_text().strip())
        return done.stdout.replace(self._top, "~")


def read_commands(page: str) -> Iterator[Command]:
    """The commands of the page's console blocks, in their order."""
    lines = page.split("\n")
    inside, start = False, None
    for number, line in enumerate(lines):
        hidden = _HIDDEN.fullmatch(line)
        if hidden:
            yield Command(hidden[1], (CUT,), number, number)
        opens, closes = line == "```console", inside and line == "```"
        if start is not None and (closes or line.startswith("$ ")):
            yield Command(lines[start][2:], tuple(lines[start + 1 : number]), start + 1, number)
            start = None
        if inside and line.startswith("$ "):
            start = number
        inside = opens or (inside and not closes)


def play(path: Path, shell: Shell) -> list[str]:
    """Runs every command of a page; gives what is printed otherwise than the page says."""
    page = path.read_text("utf-8")
    lines, wrong = page.split("\n"), []
    for command in reversed([(command, shell.run(command.text)) for command in read_commands(page)]):
        found, printed = command
        shown = tuple(line.rstrip() for line in printed.splitlines())
        if is_alike(found.told, shown):
            continue
        if CUT not in found.told:
            lines[found.first : found.end] = shown
        wrong.append(f"$ {found.text}\n" + "\n".join(shown))
    if os.environ.get("UPDATE_DOCS") == "1" and wrong:
        path.write_text("\n".join(lines), "utf-8")
    return wrong[::-1]


def is_alike(told: tuple[str, ...], printed: tuple[str, ...]) -> bool:
    """Whether `printed` is what is `told`, apart from what differs from run to run."""
    parts = [re.escape(_plain(line)) if line != CUT else "(.*\n)*?.*" for line in told if line.strip()]
    text = "\n".join(_plain(line) for line in printed if line.strip())
    return re.fullmatch("\n".join(parts), text) is not None or (told == (CUT,))


def _plain(line: str) -> str:
    for pattern, word in _VARYING:
        line = pattern.sub(word, line)
    return line.strip()
