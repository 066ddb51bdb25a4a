"""Replays main's first-parent history and every environment branch in one order, and judges step by step.

The order: a commit of main, then the branch commits that were made from it by their time; those of one pass, which
have one time, in the order of the pipelines. So each step is judged by what was there when it was made, and a replay
that goes on from a remembered state makes the same steps as one from the beginning; where what is new would have come
earlier, it says that it does not fit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from headpin.audit.documents import Documents
from headpin.audit.facts import NOTHING, Standing
from headpin.audit.finding import Finding
from headpin.audit.judge_branch import judge_branch
from headpin.audit.judge_main import judge_main, suspects_of
from headpin.audit.numbering import numbering_fault
from headpin.audit.reading_branch import BranchReader, Place
from headpin.audit.reading_main import MainReader, head_of
from headpin.audit.standing import Standings
from headpin.audit.state import Cursor, Moving, State, at_position
from headpin.controller.branches import CONFIG_TRAILER, TREE_TRAILER, own_state
from headpin.controller.holds import is_part_of
from headpin.errors import HistoryMissing, ObjectDamaged
from headpin.git import CommitInfo, GitTree, Repository
from headpin.releases.environment import EnvironmentState
from headpin.tree import EMPTY, Tree
from headpin.types import AgentName, Revision, is_revision, short


class DoesNotFit(Exception):
    """What is remembered is not how the history begins that is here now."""


@dataclass(frozen=True, slots=True)
class History:
    """What is new: main's commits after the remembered one and every branch's, oldest first."""

    main: Sequence[CommitInfo]
    branches: Mapping[str, Sequence[CommitInfo]]


@dataclass(frozen=True, slots=True)
class _Made:
    """A commit on a branch, with its place in the order. `own` is None for one of somebody else."""

    environment: str
    commit: CommitInfo
    position: int
    on_chain: int | None
    time: int
    own: tuple[GitTree, EnvironmentState] | None
    fault: str = ""
    is_lost: bool = False


@dataclass(slots=True)
class Replay:
    """`state` is advanced in place. `read` counts the commits read: work follows what is new."""

    repository: Repository
    state: State
    history: History
    read: int = 0
    goes_on: bool = field(init=False)
    documents: Documents = field(init=False)
    standings: Standings = field(default_factory=Standings)
    _trees: dict[str, Tree] = field(default_factory=dict)
    _positions: dict[Revision, int] = field(default_factory=dict)
    _renamed: dict[str, tuple[AgentName, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.documents = Documents(self.repository)
        self.goes_on = self.state.main is not None
        if self.state.main is not None:
            self._positions[self.state.main] = self.state.position
        for number, commit in enumerate(self.history.main, self.state.position + 1):
            self._positions[commit.id] = number
        for name, cursor in self.state.cursors.items():
            if cursor.own is not None:
                self._trees[name] = self.repository.tree(cursor.own)
                self._renamed[name] = renamed_in(self._state_of(cursor))

    def standing(self, environment: str, agent: AgentName) -> Standing | None:
        """How a deployment stands at this moment; None where its files cannot be read."""
        tree = self._trees.get(environment)
        if tree is None:
            return NOTHING if environment in self.state.branches else None
        found = self.standings.of(tree, agent)
        if found is None or found.ran:
            return found
        return self.standings.heir(tree, agent, self._renamed.get(environment, ())) or found

    def run(self) -> None:
        """Makes all steps. Raises DoesNotFit before any of them."""
        made = self._made()
        by_position: dict[int, list[_Made]] = {}
        for item in made:
            by_position.setdefault(item.position, []).append(item)
        main = MainReader(self.repository, self.documents, self.standing)
        branch = BranchReader(self.repository, self.documents, self.standings, self.standing, self._positions)
        if self.state.position in by_position:
            self._branches(branch, by_position.pop(self.state.position))
        for commit in self.history.main:
            self._main(main, commit)
            self._branches(branch, by_position.pop(self.state.position, []))

    # ── main ─────────────────────────────────────────────────────────────────────────────────────

    def _main(self, reader: MainReader, commit: CommitInfo) -> None:
        state = self.state
        self.read += 1
        state.position += 1
        step = reader.step(commit, state.main, state.position, state.head, tuple(self._trees))
        state.findings += judge_main(step)
        state.suspects += suspects_of(step)
        for pin in step.pins:
            moving = Moving(state.position, commit.id, pin.agent, pin.before, pin.after)
            state.cursor(pin.environment).moving.append(moving)
        state.main = commit.id
        if not state.head or step.head is not None:
            state.head = head_of(self.documents.at(commit.id))

    # ── branches ─────────────────────────────────────────────────────────────────────────────────

    def _made(self) -> list[_Made]:
        """Every new commit of every branch, placed."""
        made: list[_Made] = []
        for environment, commits in self.history.branches.items():
            made += self._placed(environment, commits)
        if self.goes_on:
            for item in made:
                if item.position < self.state.position or (item.position, item.time) <= self.state.last:
                    raise DoesNotFit(f"{item.commit.id} comes before what was replayed")
        return made

    def _placed(self, environment: str, commits: Sequence[CommitInfo]) -> Iterator[_Made]:
        cursor = self.state.cursor(environment)
        position = cursor.position
        latest = int(cursor.latest.timestamp()) if cursor.latest else 0
        for commit in commits:
            self.read += 1
            latest = max(latest, int(commit.committer.at.timestamp()))
            own, fault = self._own(environment, commit)
            place, on_chain, is_lost = position, None, False
            if own is not None:
                place, on_chain, is_lost = self._place(Revision(own[1].config or ""), position)
            position = max(position, place)
            yield _Made(environment, commit, position, on_chain, latest, own, fault, is_lost)

    def _own(self, environment: str, commit: CommitInfo) -> tuple[tuple[GitTree, EnvironmentState] | None, str]:
        """The commit's files and state where it has headpin's trailers rightly; else what is wrong with it."""
        try:
            found = own_state(self.repository, commit)
        except (ObjectDamaged, FileNotFoundError) as error:  # a link, or what cannot be parsed, in its place
            return None, str(error)
        if found is not None and not is_revision(str(found[1].config)):
            return None, f"{found[1].config} is no revision"
        if found is not None and found[1].environment != environment:
            return None, f"it is one of env/{found[1].environment}"
        if found is None and {CONFIG_TRAILER, TREE_TRAILER} <= commit.trailers.keys():
            return None, "amended"
        return found, ""

    def _place(self, config: Revision, position: int) -> tuple[int, int | None, bool]:
        """Where a config revision is: its place in the order, the one on main's chain, and whether main lost it."""
        known = self._positions.get(config)
        if known is not None:
            return known, known, False
        if self.goes_on:
            raise DoesNotFit(f"{config} is older than what was replayed")
        chain = self.history.main
        head = chain[-1].id
        try:
            is_there = self.repository.has(config) and self.repository.is_ancestor(config, head)
        except HistoryMissing:
            is_there = False
        if not is_there:
            self._refuse_behind(config, head)
            return position, None, True
        brought = bisect_left(chain, True, key=lambda commit: self.repository.is_ancestor(config, commit.id))
        return brought, None, False

    def _refuse_behind(self, config: Revision, head: Revision) -> None:
        """A main that merely lags did not lose anything; what came later is not known here."""
        if self.repository.has(config) and self.repository.is_ancestor(head, config):
            raise HistoryMissing(
                f"main is at {short(head)} here, and an environment was made from {short(config)}, which comes later",
                remedy="bring main up to date with 'git pull'; one that was reset on purpose needs a new commit on top",
            )

    def _branches(self, reader: BranchReader, items: Sequence[_Made]) -> None:
        if not items:
            return
        order = self.documents.at(self.state.main).environment_order
        ranks = {name: number for number, name in enumerate(order)}
        for item in sorted(items, key=lambda one: (one.time, ranks.get(one.environment, len(ranks)), one.environment)):
            cursor = self.state.cursor(item.environment)
            if item.own is None:
                self._foreign(cursor, item)
            else:
                self._own_commit(reader, cursor, item, *item.own)
            cursor.tip = item.commit.id
            cursor.position = item.position
            cursor.latest = max(cursor.latest or item.commit.committer.at, item.commit.committer.at)
            self.state.last = max(self.state.last, (item.position, item.time))

    def _foreign(self, cursor: Cursor, item: _Made) -> None:
        commit = item.commit
        code, said = "HP420", f"{commit.committer.name} committed {commit.subject!r} here"
        if item.fault == "amended":
            code, said = "HP421", f"{commit.committer.name} amended a commit of headpin's, {commit.subject!r}"
        elif item.fault:
            code, said = "HP420", f"a commit that is not of this branch: {item.fault}"
        where = (Revision(""), commit.id, item.environment)
        at, person = commit.committer.at, commit.committer.person
        cursor.foreign.append(Finding(code, said, item.position, at, person, *where))

    def _own_commit(
        self, reader: BranchReader, cursor: Cursor, item: _Made, tree: GitTree, state: EnvironmentState
    ) -> None:
        commit, findings = item.commit, self.state.findings
        undone = f"undone by {short(commit.id)}"
        findings += [at_position(finding, item.position, undone) for finding in cursor.foreign]
        cursor.foreign = []
        before = self._state_of(cursor)
        folded = self._folded(cursor, state, before)
        self._off_chain(cursor, item, state, folded)
        numbering, cursor.number = numbering_fault(self.repository, commit, cursor.own, cursor.number)
        is_followed = cursor.own is not None and cursor.folded is not None and folded is not None
        moves = cursor.take_moves(folded, cursor.folded)
        place = Place(
            item.environment,
            commit,
            tree,
            state,
            self._trees.get(item.environment, EMPTY),
            before,
            item.position,
            (item.on_chain, cursor.config),
            (folded, cursor.folded),
            moves if is_followed else None,
            cursor.was_rewritten,
            numbering,
        )
        findings += judge_branch(reader.step(place, cursor.latest))
        cursor.own, cursor.config, cursor.folded = commit.id, item.on_chain, folded
        self._trees[item.environment] = tree
        self._renamed[item.environment] = renamed_in(state)

    def _folded(self, cursor: Cursor, state: EnvironmentState, before: EnvironmentState | None) -> int | None:
        """Where the folded revision is on main's chain; None where it is not."""
        if before is not None and state.folded == before.folded:
            return cursor.folded
        if not state.folded:
            return None
        known = self._positions.get(state.folded)
        if known is None and self.goes_on:
            raise DoesNotFit(f"{state.folded} is older than what was replayed")
        return known

    def _state_of(self, cursor: Cursor) -> EnvironmentState | None:
        if cursor.own is None:
            return None
        found = own_state(self.repository, self.repository.commit(cursor.own))
        return found[1] if found else None

    def _off_chain(self, cursor: Cursor, item: _Made, state: EnvironmentState, folded: int | None) -> None:
        """Tells of revisions that are not on main's chain, once for as long as the branch was made from such."""
        commit, config = item.commit, Revision(state.config or "")
        where = (commit.committer.at, commit.author.person, config, commit.id, item.environment)
        if item.is_lost:
            said = f"main lost {short(config)}, which the environment was made from"
            cursor.off = [Finding("HP409", said, item.position, *where)]
            cursor.lost, cursor.was_rewritten = config, True
        elif item.on_chain is None:
            said = f"{short(config)} left main's first-parent chain"
            cursor.off = [Finding("HP410", said, item.position, *where)]
            cursor.lost = ""
        elif cursor.off and folded is not None:
            self.state.findings += [self._settle_off(cursor, finding, item.position) for finding in cursor.off]
            cursor.off, cursor.lost = [], ""

    def _settle_off(self, cursor: Cursor, finding: Finding, position: int) -> Finding:
        if finding.code != "HP409":
            return at_position(finding, position, "it was gone on from")
        for document in self.documents.at(self.state.main).overrides.values():
            model = document.model
            accepted = model.lost if model and model.allow == "history" else None
            if accepted and is_part_of(self.repository, Revision(cursor.lost), accepted):
                return replace(at_position(finding, position, f"{document.path} accepts that"), code="HP411")
        return at_position(finding, position, "it was gone on from")


def renamed_in(state: EnvironmentState | None) -> tuple[AgentName, ...]:
    """The deployments that had other names once, as the branch lists them."""
    return tuple(getattr(state, "renamed", ()))
