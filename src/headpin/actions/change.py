"""An edit of the config repository as a value: what a person could have written and committed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """Files to write (None: to delete), and the message of their commit.

    `subject` is the message's first line, `note` what the person says about it, `trailers` an index for tools.
    `is_of_pods`: whether only the number of pods changes, which no gate keeps. `structure`: what of the workspace's
    environments, pipelines, projects and agents comes, goes or changes ("environment qa"); "" for a change of
    deployments alone. `warnings` is what people have to know besides what the change does.
    """

    files: Mapping[str, bytes | None]
    subject: str
    note: str = ""
    trailers: tuple[str, ...] = ()
    is_of_pods: bool = False
    structure: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """The commit message: subject, note, trailers, a blank line between them."""
        parts = (self.subject, self.note.strip(), "\n".join(self.trailers))
        return "\n\n".join(part for part in parts if part) + "\n"
