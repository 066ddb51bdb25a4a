"""An edit of the config repository as a value: what a person could have written and committed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headpin.types import AgentName


@dataclass(frozen=True, slots=True)
class Change:
    """Files to write (None: to delete), and the message of their commit.

    `subject` is the message's first line, `note` what the person says about it, `trailers` an index for tools.
    `is_of_pods`: whether only the number of pods changes, which no gate keeps. `renames`: an agent's old name and its
    new one, where that is what it does. `structure`: what of the workspace's environments, pipelines, projects and
    agents comes, goes or changes ("environment qa"); "" for a change of deployments alone. `warnings`: what people
    should know of it, besides what it does, before it is made.
    """

    files: Mapping[str, bytes | None]
    subject: str
    note: str = ""
    trailers: tuple[str, ...] = ()
    is_of_pods: bool = False
    renames: tuple[AgentName, AgentName] | None = None
    structure: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """The commit message: subject, note, trailers, a blank line between them."""
        parts = (self.subject, self.note.strip(), "\n".join(self.trailers))
        return "\n\n".join(part for part in parts if part) + "\n"
