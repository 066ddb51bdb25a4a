"""The names that a deployment had: under which its record stood at any commit of an environment's branch.

A rename moves a record in one commit of headpin's, and the record remembers the names that it had. Must never write.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headpin.controller.branches import Branch, RecordReader, names_of, own_state, record_path
from headpin.controller.past import past_of
from headpin.errors import ObjectDamaged
from headpin.git import CommitInfo, Repository, changes_to
from headpin.releases import Record
from headpin.tree import Tree
from headpin.types import AgentName


@dataclass(frozen=True, slots=True)
class Stood:
    """A record after a commit of headpin's, whose files are `tree`, and the name that the agent had then."""

    commit: CommitInfo
    tree: Tree
    agent: AgentName
    record: Record


def lineage(branch: Branch, agent: AgentName) -> tuple[AgentName, ...]:
    """Every name that a deployment has or had, the present one first.

    What only the agent's document says counts where nobody has that name now: no record was moved here yet, or none
    will be, because nothing is pinned.
    """
    workspace = branch.workspace
    document = workspace.agent(agent) if workspace else None
    said = document.model.former_names if document and document.model else ()
    free = (name for name in reversed(said) if workspace and workspace.is_gone(name))
    try:
        known = names_of(branch, agent)
    except ObjectDamaged:
        known = (agent,)  # told of where what it says is asked for
    return tuple(dict.fromkeys((*known, *free)))


def name_in(tree: Tree, names: Sequence[AgentName]) -> AgentName:
    """Which of a deployment's `names` its record has in a `tree` of the branch; the first where there is none."""
    return next((name for name in names if tree.entry(record_path(name)) is not None), names[0])


def heirs(branch: Branch, agent: AgentName) -> Iterator[AgentName]:
    """The present names of those that had the name `agent` once."""
    for name in branch.state.renamed if branch.state else ():
        if agent in branch.records.read(branch.tree, record_path(name)).formerly:
            yield name


def moved_from(records: RecordReader, old: Tree, new: Tree, agent: AgentName) -> AgentName | None:
    """The name whose record a commit moved to `agent`, which served nothing in the tree before; None for none."""
    path = record_path(agent)
    try:
        former = records.read(new, path).formerly
        if not former or records.read(old, path).served is not None:
            return None
    except ObjectDamaged:
        return None  # headpin moves no record that it cannot read
    for name in reversed(former):
        place = record_path(name)
        if old.entry(place) is not None and new.entry(place) is None:
            return name
    return None


def record_commits(repository: Repository, branch: Branch, agent: AgentName) -> Iterator[Stood]:
    """Every commit of headpin's that changed the record of a deployment, newest first, under the name it had then.

    The git program finds the commits, and only those are read. Raises HistoryMissing where history is cut off.
    """
    past = past_of(repository, branch)
    start = past.newest.id if past else None
    name: AgentName | None = agent
    while past is not None and start is not None and name is not None:
        begin, path, name = start, record_path(name), None
        for revision in changes_to(repository, begin, path):
            commit = repository.commit(revision)
            found = own_state(repository, commit)
            if found is None:
                continue
            record = branch.records.read(found[0], path)
            yield Stood(commit, found[0], agent, record)
            repository.refuse_cut_off(revision)
            before = past.before(commit) if record.formerly else None
            name = moved_from(branch.records, repository.tree_at(before.tree), found[0], agent) if before else None
            if before is not None and name is not None:
                start, agent = before.id, name
                break
