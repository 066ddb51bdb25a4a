"""The branches that headpin writes, as a pass sees them: state, records, what ran, and events.

Reads the last commit that headpin itself made on a branch. What others committed on top is not looked at,
and undone by the next commit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from headpin.controller.pasts import Past, past_of
from headpin.errors import HeadpinError, PermanentError
from headpin.git import CommitInfo, Folder, GitTree, Repository, TreeRef, remote_of
from headpin.releases import NEVER_RAN, Event, Ran, Record, Settled
from headpin.releases.codec import (
    SEAL_AT,
    format_event,
    format_ran,
    format_record,
    parse_events,
    parse_ran,
    parse_record,
)
from headpin.releases.environment import FILE, EnvironmentState, parse_environment
from headpin.sources import Followed, SourceRule
from headpin.tree import EMPTY, Kind, Tree, walk
from headpin.types import AgentName, Revision, TreeId
from headpin.workspace import Workspace

BRANCH_PREFIX = "refs/heads/env/"
CONFIG_TRAILER = "Headpin-Config"
TREE_TRAILER = "Headpin-Tree"


class RecordReader:
    """Reads records, and remembers of each place in an environment the one that was read last."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[str, Record]] = {}

    def read(self, tree: Tree, path: str, environment: str | None = None) -> Record:
        """The record at `path`; NEVER_RAN when there is none. One of the past, without `environment`, is not kept."""
        entry = tree.entry(path)
        if entry is None:
            return NEVER_RAN
        known = self._last.get((environment, path)) if environment is not None else None
        if known is not None and known[0] == entry.id:
            return known[1]
        found = parse_record(tree.read(path), path)
        if environment is not None:
            self._last[environment, path] = entry.id, found
        return found


@dataclass(slots=True)
class Branch:
    """One environment's branch. `settled` lays what this pass decided over what is committed.

    `base` is the revision of main from which a pass has to look: what comes before is in the records.
    `heads` tells where sources were when nothing was needed, where that is remembered.
    `tip` is the parent of the next commit, `expected` where the local ref has to be for it, `own` the last
    commit that headpin made. `trouble`: why the branch cannot be read; it then looks empty.
    """

    environment: str
    records: RecordReader
    tip: CommitInfo | None = None
    expected: Revision | None = None
    own: CommitInfo | None = None
    tree: Tree = EMPTY
    state: EnvironmentState | None = None
    base: Revision | None = None
    heads: Mapping[SourceRule, Followed] | None = None
    trouble: HeadpinError | None = None
    settled: dict[AgentName, tuple[Record, tuple[Ran, ...]]] = field(default_factory=dict)
    workspace: Workspace | None = None
    pasts: dict[AgentName, Past | None] = field(default_factory=dict)

    def under(self, workspace: Workspace) -> Branch:
        """The same branch seen with other documents."""
        return replace(self, workspace=workspace, settled=dict(self.settled), pasts={})

    def forget(self) -> None:
        """Drops what is laid over the commit: it was committed by now, or never will be."""
        self.settled.clear()
        self.pasts.clear()

    def past(self, agent: AgentName) -> Past | None:
        """The past under another name that the agent goes on with, or would if that were clear."""
        if self.workspace is None or agent in self.settled:
            return self.pasts.get(agent)
        if agent not in self.pasts:
            self.pasts[agent] = past_of(
                self.workspace, self.environment, agent, self.tree, self._committed, self._renamed
            )
        return self.pasts[agent]

    def home(self, agent: AgentName) -> AgentName:
        """The name under which the agent's past is committed: the one it had before, until a pass moves it."""
        past = self.past(agent)
        return past.owner if past is not None and past.problem is None else agent

    @property
    def renamed(self) -> tuple[AgentName, ...]:
        """Every deployment that has or had another name, those among them that this pass moves."""
        moved = (agent for agent, past in self.pasts.items() if past is not None and past.problem is None)
        return tuple(dict.fromkeys((*self._renamed, *moved)))

    @property
    def _renamed(self) -> tuple[AgentName, ...]:
        return self.state.renamed if self.state else ()

    def _committed(self, agent: AgentName) -> Record:
        return self.records.read(self.tree, record_path(agent), self.environment)

    @property
    def ref(self) -> str:
        """The branch's ref."""
        return f"{BRANCH_PREFIX}{self.environment}"

    @property
    def exists(self) -> bool:
        """Whether anything was ever committed for this environment."""
        return self.own is not None

    def record(self, agent: AgentName) -> Record:
        """The record of a deployment."""
        if agent in self.settled:
            return self.settled[agent][0]
        past = self.past(agent)
        if past is None or past.problem is not None:
            return self._committed(agent)
        return self._committed(past.owner).moved(past.owner, past.names)

    def ran(self, agent: AgentName) -> tuple[Ran, ...]:
        """Everything that ran in a deployment, oldest first."""
        later = self.settled[agent][1] if agent in self.settled else ()
        return (
            tuple(
                ran for path in self._segments(self.home(agent), "ran") for ran in parse_ran(self.tree.read(path), path)
            )
            + later
        )

    def events(self, agent: AgentName) -> tuple[Event, ...]:
        """Every event of a deployment, oldest first."""
        return tuple(
            event
            for path in self._segments(self.home(agent), "events")
            for event in parse_events(self.tree.read(path), path)
        )

    def agents(self, project: str | None = None) -> tuple[AgentName, ...]:
        """Every agent that has a record here."""
        projects = [project] if project else [e.name for e in self.tree.entries("deployments") if e.kind is Kind.FOLDER]
        return tuple(
            AgentName(name, entry.name.removesuffix(".yaml"))
            for name in projects
            for entry in self.tree.entries(f"deployments/{name}")
            if entry.name.endswith(".yaml")
        )

    def settle(self, agent: AgentName, settled: Settled) -> None:
        """Lays a new record over the committed one, for the environments that are decided after this."""
        later = self.settled[agent][1] if agent in self.settled else ()
        self.settled[agent] = (settled.record, later + settled.ran)

    def changes(self, agent: AgentName, settled: Settled) -> dict[str, bytes | None]:
        """The files that a settled record makes."""
        path = record_path(agent)
        stored = None if settled.record == NEVER_RAN else format_record(settled.record).encode()
        files: dict[str, bytes | None] = {record_path(self.home(agent)): None, path: stored}
        files |= self._appended(agent, "ran", "".join(format_ran(ran) for ran in settled.ran))
        files |= self._appended(agent, "events", "".join(format_event(event) for event in settled.events))
        return files

    def ran_back(self, agent: AgentName) -> Iterator[Ran]:
        """What ran in a deployment, newest first, read as far as somebody asks."""
        for path in reversed(self._segments(self.home(agent), "ran")):
            for line in reversed(self.tree.read(path).splitlines()):
                yield from parse_ran(line, path)

    def events_back(self, agent: AgentName) -> Iterator[Event]:
        """The events of a deployment, newest first, read as far as somebody asks."""
        for path in reversed(self._segments(self.home(agent), "events")):
            for line in reversed(self.tree.read(path).splitlines()):
                yield from parse_events(line, path)

    def _segments(self, agent: AgentName, kind: str) -> list[str]:
        """The sealed segments of a file, oldest first, and then the file itself.

        They are numbered without a gap, so that nobody has to look through a project's whole folder, or at each.
        """
        path = f"deployments/{agent.project}/{agent.agent}.{kind}"

        def is_missing(number: int) -> bool:
            return self.tree.entry(f"{path}.{number:04}") is None

        end = 1
        while not is_missing(end):
            end *= 2
        sealed = bisect_left(range(1, end), True, key=is_missing) if end > 1 else 0
        return [*(f"{path}.{n:04}" for n in range(1, sealed + 1)), *([path] if self.tree.entry(path) else [])]

    def folders_moved(self, agent: AgentName) -> dict[str, Folder | TreeRef | None]:
        """What is served, as it is, from where it is committed to where a renamed agent has it."""
        old = self.home(agent)
        changes: dict[str, Folder | TreeRef | None] = {}
        for top in ("manifests", "settings", "content") if old != agent else ():
            folder = f"{top}/{old.project}/{old.agent}"
            entry = self.tree.entry(folder)
            if entry is None:
                continue
            files = {path.removeprefix(f"{folder}/"): found.id for path, found in walk(self.tree, folder)}
            changes[folder] = None
            is_listed = top == "manifests"  # the project's kustomization is made from what is in such a folder
            changes[f"{top}/{agent.project}/{agent.agent}"] = Folder(files) if is_listed else TreeRef(TreeId(entry.id))
        return changes

    def _appended(self, agent: AgentName, kind: str, lines: str) -> dict[str, bytes | None]:
        old = self.home(agent)
        if old != agent:
            return self._moved(old, agent, kind, lines)
        if not lines:
            return {}
        path = f"deployments/{agent.project}/{agent.agent}.{kind}"
        before = self.tree.read(path) if self.tree.entry(path) else b""
        found = (before + lines.encode()).splitlines(keepends=True)
        if len(found) <= SEAL_AT:
            return {path: b"".join(found)}
        number = len(self._segments(agent, kind))
        half = len(found) // 2
        return {f"{path}.{number:04}": b"".join(found[:half]), path: b"".join(found[half:])}

    def _moved(self, old: AgentName, new: AgentName, kind: str, lines: str) -> dict[str, bytes | None]:
        """All segments under the new name. What was told of the new name before (that it was held) comes last."""
        segments = self._segments(old, kind)
        told = b"".join(self.tree.read(path) for path in self._segments(new, kind)) + lines.encode()
        path = f"deployments/{new.project}/{new.agent}.{kind}"
        changes: dict[str, bytes | None] = dict.fromkeys((*self._segments(new, kind), *segments))
        for number, segment in enumerate(segments[:-1], start=1):
            changes[f"{path}.{number:04}"] = self.tree.read(segment)
        last = (self.tree.read(segments[-1]) if segments else b"") + told
        return changes | ({path: last} if last else {})


def record_path(agent: AgentName) -> str:
    """The record's file."""
    return f"deployments/{agent.project}/{agent.agent}.yaml"


def names_of(branch: Branch, agent: AgentName) -> tuple[AgentName, ...]:
    """Every name that the agent has or had here, the present one first."""
    return (agent, *reversed(branch.record(agent).formerly))


def record_in(tree: Tree, names: Sequence[AgentName]) -> str:
    """The record's file in an earlier `tree` of the branch, where the agent may have had another of its `names`."""
    paths = [record_path(name) for name in names]
    return next((path for path in paths if tree.entry(path) is not None), paths[0])


def upstream_prefix(repository: Repository, main: str) -> str:
    """What the refs begin with that remember the environments' branches of main's remote."""
    return f"refs/remotes/{remote_of(repository, main)}/env/"


def branch_names(repository: Repository, main: str = "main") -> frozenset[str]:
    """Every environment that has a branch here or upstream."""
    return repository.ref_names(BRANCH_PREFIX) | repository.ref_names(upstream_prefix(repository, main))


def head_state(branches: Mapping[str, Branch]) -> EnvironmentState | None:
    """What the head environment's branch tells of all environments."""
    return next((b.state for b in branches.values() if b.state is not None and b.state.tracks_head), None)


def lost_branches(branches: Mapping[str, Branch]) -> frozenset[str]:
    """The environments that have a branch by what the head environment lists, and none here or upstream."""
    state = head_state(branches)
    there = {name for name, branch in branches.items() if branch.exists or branch.trouble}
    return frozenset(state.branches if state else ()) - there


def read_branch(repository: Repository, environment: str, records: RecordReader, main: str = "main") -> Branch:
    """The branch as it stands. One that is only upstream, or further along there, is read from there.

    A branch of that name that headpin did not make, or that cannot be read, has `trouble`.
    """
    branch = Branch(environment, records)
    try:
        _read(repository, branch, main)
    except HeadpinError as error:
        branch.trouble = error
    return branch


def _read(repository: Repository, branch: Branch, main: str) -> None:
    environment = branch.environment
    local = repository.ref(branch.ref)
    branch.expected = local
    upstream = repository.ref(f"{upstream_prefix(repository, main)}{environment}")
    tip = local
    if upstream is not None and (local is None or repository.is_ancestor(local, upstream)):
        tip = upstream
    if tip is None:
        return
    branch.tip = repository.commit(tip)
    for commit in repository.first_parents(tip):
        found = own_state(repository, commit)
        if found is not None and found[1].environment != environment:
            raise PermanentError(
                f"the branch env/{environment} is a copy of env/{found[1].environment}",
                remedy="rename that branch: headpin owns everything below env/",
            )
        if found is not None:
            branch.own, branch.tree, branch.state = commit, found[0], found[1]
            branch.base = found[1].folded or None
            return
    raise PermanentError(
        f"the branch env/{environment} was not made by headpin",
        remedy="rename that branch, or the environment",
    )


def own_state(repository: Repository, commit: CommitInfo) -> tuple[GitTree, EnvironmentState] | None:
    """The tree and state of a commit that headpin made; None for a commit of somebody else.

    A commit is headpin's own when its trailers name its own tree, and the config revision that its
    `environment.yaml` does: one that somebody amended, message kept, is somebody else's.
    """
    trailers = commit.trailers
    named = trailers.get(CONFIG_TRAILER)
    if named is None or trailers.get(TREE_TRAILER) != commit.tree:
        return None
    tree = repository.tree_at(commit.tree)
    entry = tree.entry(FILE)
    if entry is None or entry.kind is not Kind.FILE:
        return None
    state = parse_environment(tree.read(FILE))
    return (tree, replace(state)) if state.config == named else None
