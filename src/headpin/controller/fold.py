"""The pin moves of main's first-parent history since the revision observed last, in their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from headpin.git import CommitInfo, Repository
from headpin.model import Pin
from headpin.releases import Move, Release
from headpin.tree import EMPTY, Tree, changed_paths
from headpin.types import AgentName, Revision
from headpin.workspace import DocumentReader
from headpin.workspace.layout import Place, classify, pin_path

Moves = Mapping[str, Mapping[AgentName, Sequence[Move]]]
"""By environment and agent; an agent that did not move is not in it."""

MAX_NOTE = 2000


def fold_pins(
    repository: Repository, reader: DocumentReader, old: Revision | None, commits: Sequence[CommitInfo]
) -> Moves:
    """Every pin move of `commits` (oldest first), which follow `old` (None: the beginning).

    Reads only pins that changed. A change that leaves the release as it was is no move. A pin that becomes
    unreadable moves to no release, which is still not the same as one that is taken away.
    """
    moves: dict[str, dict[AgentName, list[Move]]] = defaultdict(lambda: defaultdict(list))
    before: Tree = repository.tree(old) if old else EMPTY
    for commit in commits:
        after = repository.tree_at(commit.tree)
        for environment, agent in _changed_pins(before, after):
            now = _named(reader, after, environment, agent)
            if now != _named(reader, before, environment, agent):
                moves[environment][agent].append(move_by(commit, now if isinstance(now, Release) else None))
        before = after
    return moves


def move_by(commit: CommitInfo, release: Release | None) -> Move:
    """The move that a commit makes."""
    return Move(release, commit.id, commit.author.person, commit.author.at, commit.note[:MAX_NOTE])


def _changed_pins(before: Tree, after: Tree) -> Sequence[tuple[str, AgentName]]:
    places = (classify(change.path) for change in changed_paths(before, after, "pins"))
    return [(place.environment, place.agent_name) for place in places if isinstance(place, Place)]


def _named(reader: DocumentReader, tree: Tree, environment: str, agent: AgentName) -> Release | str | None:
    """The release that the pin names; None without a pin, a word where it cannot be read."""
    pin = reader.read(tree, pin_path(environment, agent), Pin)
    if pin is None:
        return None
    return Release.of_pin(pin.model) if pin.model else "unreadable"


def head_move(head: CommitInfo) -> Move:
    """The move that main's head makes where no single commit explains a change."""
    return move_by(head, None)
