"""How far each receiver of notifications has been told, in a file for each.

What has not been told yet is not kept anywhere: it is on the environments' branches. So a process that is killed
between a commit and its notification loses nothing, and a file that is gone only means: from now on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headpin.types import Revision, is_revision, name_fault

_MAX_FILE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Position:
    """The last commit of a branch that something was told of, and how many of its transitions were."""

    commit: Revision
    told: int


class Positions:
    """The file of one receiver."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = folder / f"{name}.json"

    def read(self) -> dict[str, Position] | None:
        """By environment; None where there is no file, or none that can be read."""
        try:
            if self._file.stat().st_size > _MAX_FILE:
                return None
            value = json.loads(self._file.read_bytes())
            found = {
                name: Position(Revision(each["commit"]), int(each["told"]))
                for name, each in value["environments"].items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        is_sound = all(not name_fault(name) and is_revision(each.commit) for name, each in found.items())
        return found if is_sound else None

    def write(self, positions: Mapping[str, Position]) -> None:
        """All of them at once: a crash leaves the old file or the new one. Raises OSError."""
        value = {"environments": {name: {"commit": each.commit, "told": each.told} for name, each in positions.items()}}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)
