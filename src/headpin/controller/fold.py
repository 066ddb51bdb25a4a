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

    Reads only pins that changed. A change that leaves the release as it was is no move.
    """
    moves: dict[str, dict[AgentName, list[Move]]] = defaultdict(lambda: defaultdict(list))
    before: Tree = repository.tree(old) if old else EMPTY
    for commit in commits:
        after = repository.tree_at(commit.tree)
        for environment, agent in _changed_pins(before, after):
            move = move_by(commit, _release(reader, after, environment, agent))
            known = moves[environment][agent]
            last = known[-1].release if known else _release(reader, before, environment, agent)
            if move.release != last:
                known.append(move)
        before = after
    return moves


def move_by(commit: CommitInfo, release: Release | None) -> Move:
    """The move that a commit makes."""
    return Move(release, commit.id, commit.author.person, commit.author.at, commit.note[:MAX_NOTE])


def _changed_pins(before: Tree, after: Tree) -> Sequence[tuple[str, AgentName]]:
    places = (classify(change.path) for change in changed_paths(before, after, "pins"))
    return [(place.environment, place.agent_name) for place in places if isinstance(place, Place)]


def _release(reader: DocumentReader, tree: Tree, environment: str, agent: AgentName) -> Release | None:
    pin = reader.read(tree, pin_path(environment, agent), Pin)
    return Release.of_pin(pin.model) if pin and pin.model else None


def head_move(head: CommitInfo) -> Move:
    """The move that main's head makes where no single commit explains a change."""
    return move_by(head, None)
