"""The branch of an environment that the head environment lists and nobody has: put back, or begun anew.

Where its last commit is still known, in a ref, a reflog or as an object that nothing refers to, that is where it goes
on. Else it begins without a past, but never with numbers that may have been given before: main's history tells how
many releases were ever pinned, and the other environments how high the versions were that they took from here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headpin.controller.branches import (
    BRANCH_PREFIX,
    TREE_TRAILER,
    Branch,
    lost_branches,
    own_state,
    record_path,
)
from headpin.controller.messages import plain_message
from headpin.controller.outside import Outside, fetched_upstream
from headpin.controller.reconcile import Controller
from headpin.errors import HeadpinError, Refused
from headpin.git import CommitInfo, GitTree, Repository, Signature
from headpin.releases import Record
from headpin.releases.codec import format_record, format_time
from headpin.releases.environment import FILE, EnvironmentState, format_environment
from headpin.tree import Kind
from headpin.types import AgentName, Revision
from headpin.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Restart:
    """How the branch goes on: at `tip`, or without one anew, each agent above its `highest` version.

    `where` says who knows the tip, `others` how many commits of other lines are known. `head` is main's head.
    """

    environment: str
    head: CommitInfo
    tip: CommitInfo | None = None
    where: str = ""
    others: int = 0
    highest: tuple[tuple[AgentName, int], ...] = ()

    @property
    def is_found(self) -> bool:
        """Whether nothing is lost."""
        return self.tip is not None

    @property
    def ref(self) -> str:
        """The branch's name."""
        return f"env/{self.environment}"

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            "environment": self.environment,
            "found": self.tip.id if self.tip else None,
            "at": format_time(self.tip.committer.at) if self.tip else None,
            "where": self.where or None,
            "otherLines": self.others,
            "highest": {str(agent): highest for agent, highest in self.highest},
        }


def find_restart(controller: Controller, environment: str) -> Restart:
    """How the branch can go on. Fetches first. Raises Refused where it is not missing."""
    repository = controller.repository
    fetched_upstream(repository, controller.main, Outside.IF_THERE)
    head = controller.main_head()
    workspace = controller.workspace(head.id)
    branches = controller.branches(workspace)
    if environment not in lost_branches(branches):
        raise _not_missing(branches.get(environment), environment)
    tips = _known_tips(repository, environment)
    if tips:
        return Restart(environment, head, tips[0], _where(repository, tips[0].id), len(tips) - 1)
    highest = _highest(repository, workspace, head, branches, environment)
    return Restart(environment, head, highest=tuple(sorted(highest.items())))


def carry_out(controller: Controller, restart: Restart, person: Signature) -> Revision:
    """Makes the branch; gives its tip. Raises Conflict where somebody else made it meanwhile."""
    repository, name = controller.repository, restart.environment
    tip = restart.tip.id if restart.tip else _begun(controller, restart, person)
    repository.move_ref(f"{BRANCH_PREFIX}{name}", None, tip, f"headpin: put back env/{name}")
    return tip


def _not_missing(branch: Branch | None, environment: str) -> Refused:
    if branch is not None and branch.trouble is not None:
        return Refused(str(branch.trouble), remedy=branch.trouble.remedy)
    if branch is not None and branch.exists:
        return Refused(f"env/{environment} is there", remedy="nothing has to be put back; run 'headpin reconcile'")
    return Refused(
        f"env/{environment} never was there, as far as the head environment tells",
        remedy="the next pass makes it: run 'headpin reconcile'",
    )


def _known_tips(repository: Repository, environment: str) -> list[CommitInfo]:
    """The last commits of headpin's own on every line of the branch that is still known, newest first."""
    found: dict[Revision, CommitInfo] = {}
    for commit in repository.all_commits():
        if TREE_TRAILER in commit.message and _is_of(repository, commit, environment):
            found[commit.id] = commit
    followed = {parent for commit in found.values() for parent in commit.parents}
    tips = [commit for commit in found.values() if commit.id not in followed]
    return sorted(tips, key=lambda commit: (commit.committer.at, commit.id), reverse=True)


def _is_of(repository: Repository, commit: CommitInfo, environment: str) -> bool:
    try:
        found = own_state(repository, commit)
    except HeadpinError:  # what cannot be read cannot be gone on from
        return False
    return found is not None and found[1].environment == environment


def _where(repository: Repository, tip: Revision) -> str:
    names = sorted(name for name, revision in repository.refs("refs/").items() if revision == tip)
    return f"where refs/{names[0]} is" if names else "an object that no branch refers to any more"


def _highest(
    repository: Repository, workspace: Workspace, head: CommitInfo, branches: Mapping[str, Branch], environment: str
) -> dict[AgentName, int]:
    """A number for each agent that no version there was ever above.

    A version is of a release that a commit of main's first-parent history pinned; each pin file is one at most.
    """
    pinned: dict[AgentName, set[str]] = {}
    seen: set[str] = set()
    last = head
    for last in repository.first_parents(head.id):
        tree = repository.tree_at(last.tree)
        for agent, blob in _new_pins(tree, environment, seen):
            pinned.setdefault(agent, set()).add(blob)
    repository.refuse_cut_off(last.id)
    highest = {agent: len(blobs) for agent, blobs in pinned.items()}
    for name, branch in branches.items():
        if name in (environment, workspace.head_environment):
            continue
        for agent in branch.agents():
            taken = [e.source.version for e in branch.events(agent) if e.source and e.source.environment == environment]
            if taken:
                highest[agent] = max(highest.get(agent, 0), *taken)
    return highest


def _new_pins(tree: GitTree, environment: str, seen: set[str]) -> Iterator[tuple[AgentName, str]]:
    """The pins of folders that were not looked at yet, each with its blob."""
    folder = f"pins/{environment}"
    top = tree.entry(folder)
    if top is None or top.id in seen:
        return
    seen.add(top.id)
    for project in tree.entries(folder):
        if project.kind is not Kind.FOLDER or f"{project.name} {project.id}" in seen:
            continue
        seen.add(f"{project.name} {project.id}")
        for entry in tree.entries(f"{folder}/{project.name}"):
            agent = AgentName.parse(f"{project.name}/{entry.name.removesuffix('.yaml')}")
            if agent is not None and entry.kind is Kind.FILE:
                yield agent, entry.id


def _begun(controller: Controller, restart: Restart, person: Signature) -> Revision:
    """A first commit that serves nothing, with records that only tell from where numbers go on."""
    repository, head, name = controller.repository, restart.head, restart.environment
    workspace = controller.workspace(head.id)
    used = _used_up(workspace, name)
    files = {
        record_path(agent): format_record(Record(highest=highest, consumed=used.get(agent, ()))).encode()
        for agent, highest in restart.highest
    }
    state = EnvironmentState(name, False, head.id, head.id, unsettled=workspace.pins(name))
    tree = repository.writer.apply(None, {**files, FILE: format_environment(state).encode()})
    message = f"{plain_message(f'Start the environment {name} anew', head.id)}{TREE_TRAILER}: {tree}\n"
    return repository.commit_tree(tree, [], message, person, Signature(*controller.committer, person.at))


def _used_up(workspace: Workspace, environment: str) -> dict[AgentName, tuple[str, ...]]:
    """The overrides of gates that may have been used up: nobody knows any more, and each opens gates once."""
    found: dict[AgentName, tuple[str, ...]] = {}
    for document in workspace.overrides.values():
        model = document.model
        agent = AgentName.parse(model.agents[0]) if model and model.agents else None
        if model and agent and model.allow == "gates" and model.environment == environment:
            found[agent] = (*found.get(agent, ()), document.id)
    return found
