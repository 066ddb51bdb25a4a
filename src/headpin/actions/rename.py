"""Giving an agent another name: its documents and pins move, and what names it says the new name.

Nothing of what runs is touched: the agent's document says what it was, and the next pass goes on from there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from headpin.actions.change import Change
from headpin.errors import CannotEdit, Refused
from headpin.model.formerly import MAX_FORMER
from headpin.tree import Kind, walk
from headpin.types import AgentName
from headpin.workspace import Workspace
from headpin.workspace.layout import agent_folder, agent_path, pin_path
from headpin.yaml import Change as Edited
from headpin.yaml import Path, edit


def renaming(
    workspace: Workspace, old: AgentName, new: AgentName, used_up: Collection[str], warnings: tuple[str, ...], note: str
) -> Change:
    """The commit that renames. Override files whose blob ids are `used_up` stay as they are.

    Raises Refused for a document that cannot be edited.
    """
    files: dict[str, bytes | None] = {}
    for before, after in _moved(workspace, old, new):
        files[before] = None
        files[after] = workspace.tree.read(before)
    document = workspace.agent(old)
    former = document.model.former_names if document and document.model else ()
    names = [str(name) for name in (*(name for name in former if name not in (old, new)), old)][-MAX_FORMER:]
    path = agent_path(new)
    files[path] = _edited(path, files[path] or b"", {("formerly",): names if len(names) > 1 else names[0]})
    files |= dict(_naming(workspace, old, new, used_up))
    trailer = f"Headpin-Rename: {old} {new}"
    return Change(files, f"Rename {old} to {new}", note, (trailer,), renames=(old, new), warnings=warnings)


def _moved(workspace: Workspace, old: AgentName, new: AgentName) -> Iterator[tuple[str, str]]:
    """Every file that moves, and where to."""
    folder = agent_folder(old)
    for path, entry in walk(workspace.tree, folder):
        if entry.kind is not Kind.FILE:
            raise Refused(f"{path} is a {entry.kind.value}, and only plain files can be moved", remedy="take it away")
        yield path, f"{agent_folder(new)}/{path.removeprefix(f'{folder}/')}"
    for environment in (entry.name for entry in workspace.tree.entries("pins")):
        if workspace.has_pin(environment, old):
            yield pin_path(environment, old), pin_path(environment, new)


def _naming(
    workspace: Workspace, old: AgentName, new: AgentName, used_up: Collection[str]
) -> Iterator[tuple[str, bytes]]:
    """Approvals and overrides that name the agent, with its new name."""
    for approval in workspace.approvals.values():
        if approval.model is not None and approval.model.agent == str(old):
            yield approval.path, _edited(approval.path, workspace.tree.read(approval.path), {("agent",): str(new)})
    for override in workspace.overrides.values():
        if override.model is None or override.id in used_up:
            continue
        places = [number for number, name in enumerate(override.model.agents) if name == str(old)]
        if places:
            changes: dict[Path, Edited] = {("agents", number): str(new) for number in places}
            yield override.path, _edited(override.path, workspace.tree.read(override.path), changes)


def _edited(path: str, data: bytes, changes: Mapping[Path, Edited]) -> bytes:
    try:
        return edit(data, changes)
    except CannotEdit as error:
        raise Refused(f"{path} cannot be edited: {error}", remedy="write the new name there by hand first") from error
