"""The pin moves of main's first-parent history since the revision observed last, in their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class _Step:
    """A commit that changed what a pin says: a release, nothing (None), or what nobody can read (a word)."""

    commit: CommitInfo
    before: Release | str | None
    after: Release | str | None


def fold_pins(
    repository: Repository, reader: DocumentReader, old: Revision | None, commits: Sequence[CommitInfo]
) -> Moves:
    """Every pin move of `commits` (oldest first), which follow `old` (None: the beginning).

    Reads only pins that changed. A change that leaves the release as it was is no move.
    """
    steps: dict[tuple[str, AgentName], list[_Step]] = defaultdict(list)
    before: Tree = repository.tree(old) if old else EMPTY
    for commit in commits:
        after = repository.tree_at(commit.tree)
        for environment, agent in _changed_pins(before, after):
            step = _Step(commit, _named(reader, before, environment, agent), _named(reader, after, environment, agent))
            if step.before != step.after:
                steps[environment, agent].append(step)
        before = after
    moves: dict[str, dict[AgentName, Sequence[Move]]] = defaultdict(dict)
    for (environment, agent), taken in steps.items():
        if made := _moves(taken):
            moves[environment][agent] = made
    return moves


def _moves(steps: Sequence[_Step]) -> Sequence[Move]:
    """The moves that the changes of one pin come to.

    A pin that was away or unreadable in between and came back as it was did not move: a pass in between
    would have told of it, and one afterwards must not tell more for having looked later.
    """
    moves: list[Move] = []
    last = steps[0].before
    for step in steps:
        if isinstance(step.after, Release) and step.after != last:
            moves.append(move_by(step.commit, step.after))
            last = step.after
    if not isinstance(steps[-1].after, Release):
        moves.append(move_by(steps[-1].commit, None))
    return moves


def fold_renamed(
    repository: Repository,
    reader: DocumentReader,
    old: Revision,
    commits: Sequence[CommitInfo],
    environment: str,
    names: Sequence[AgentName],
) -> tuple[Sequence[Move], CommitInfo | None]:
    """The moves of an agent that was renamed among `commits`, and the commit that moved its pin under its new name.

    `names` are all it had, newest first: their pins are one history, and a pin that only moved is no move.
    """
    steps: list[_Step] = []
    renamed: CommitInfo | None = None
    bearer, last = _bearer(reader, repository.tree(old), environment, names)
    for commit in commits:
        tree = repository.tree_at(commit.tree)
        now, named = _bearer(reader, tree, environment, names)
        if named != last:
            steps.append(_Step(commit, last, named))
        if now == names[0] and bearer != names[0]:
            renamed = commit
        bearer, last = now, named
    return (_moves(steps) if steps else ()), renamed


def _bearer(
    reader: DocumentReader, tree: Tree, environment: str, names: Sequence[AgentName]
) -> tuple[AgentName | None, Release | str | None]:
    """The newest of `names` that has a pin, and what the pin names."""
    for name in names:
        named = _named(reader, tree, environment, name)
        if named is not None:
            return name, named
    return None, None


def move_by(commit: CommitInfo, release: Release | None) -> Move:
    """The move that a commit makes."""
    return Move(release, commit.id, commit.author.person, commit.author.at, commit.note[:MAX_NOTE], commit.has_note)


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
