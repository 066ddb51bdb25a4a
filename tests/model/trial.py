"""A real workspace and the model of it, side by side.

People's commits are made here, headpin reconciles, the model reconciles, and both are compared. Plain
commits are written as objects; reverts, merges and cherry-picks are left to the git program.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from headpin.controller import Controller, PassReport
from headpin.controller.branches import Branch, RecordReader, read_branch
from headpin.controller.templates import built_in_templates
from headpin.git import Repository, Signature
from headpin.releases import Record
from headpin.tree import walk
from headpin.types import AgentName, Revision
from tests.model.mainline import AUTOMATON, ENVIRONMENTS, HEAD, Agent, Commit, Release, parse, pin_path
from tests.model.reference import Deployment, Event, Model
from tests.world import git

AGENTS: Final[tuple[Agent, ...]] = (("shop", "cart"), ("shop", "mail"), ("tools", "bot"))
"""Two share a project and a source repository; the third lives in the config repository itself."""

_TEMPLATES: Final = built_in_templates()
"""Compiled once, because that takes longer than a pass."""

BOT_FOLDER: Final = "services/bot"
BROKEN_LINES: Final = {"key": "colour: blue\n", "syntax": "}{\n"}

_STAGES: Final = {
    "standard": [{"environment": name} for name in ENVIRONMENTS],
    "quick": [{"environment": "dev"}, {"environment": "qa", "required": False}, {"environment": "prod"}],
}


def _agent_text(agent: Agent) -> str:
    project, name = agent
    branch: dict[str, Any] = {"repository": "../sources", "branch": name}
    own: dict[str, Any] = {"repository": ".", "path": BOT_FOLDER}
    pattern = f"registry.example.com/{project}/{name}:{{revision}}"
    return dump({"source": own if agent[0] == "tools" else branch, "image": {"pattern": pattern}})


def dump(value: Mapping[str, Any]) -> str:
    """A document's text."""
    return yaml.safe_dump(dict(value), sort_keys=False)


def pin_text(release: Release) -> str:
    """A pin's text."""
    return "".join(f"{key}: {json.dumps(getattr(release, key))}\n" for key in ("revision", "image", "settings"))


def about(said: Mapping[str, Any], release: Release) -> str:
    """The text of a document about a release."""
    return dump(said) + "release:\n" + "".join(f"  {line}\n" for line in pin_text(release).splitlines())


START: Final[Mapping[str, str]] = {
    "headpin.yaml": dump({"apiVersion": "headpin/v1", "limits": {"prune": 1}}),
    "environments/dev.yaml": dump({"tracks": "head"}),
    "environments/qa.yaml": dump({"description": "first look"}),
    "environments/staging.yaml": dump({"description": "before production"}),
    "environments/prod.yaml": dump({"production": True}),
    **{f"pipelines/{name}.yaml": dump({"stages": stages}) for name, stages in _STAGES.items()},
    "projects/shop/project.yaml": dump({"pipeline": "standard"}),
    "projects/tools/project.yaml": dump({"pipeline": "quick"}),
    **{f"projects/{project}/agents/{name}/agent.yaml": _agent_text((project, name)) for project, name in AGENTS},
    f"{BOT_FOLDER}/main.py": "print(0)\n",
}


class Trial:
    """`folder` is empty and ours. The model starts where the first pass ended, with only dev served."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config"
        self.sources = folder / "sources"
        self.copy = folder / "copy.git"
        self.now = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
        self.branch = "main"
        self.model = Model(AGENTS)
        self._known: dict[str, Commit] = {}
        for place in (self.config, self.sources):
            place.mkdir(parents=True)
            git("init", "--quiet", "--initial-branch=main", "--template=", cwd=place)
        self.repository = Repository.open(self.config)
        self.source = Repository.open(self.sources)
        for agent in AGENTS[:2]:
            self.push(agent)
        self.commit("Start", START)
        self.controller = self.new_controller()
        self.model.start(self.head())
        self.reconcile(full=False)

    # ── people's doings ──────────────────────────────────────────────────────────────────────────

    def head(self) -> Revision:
        """Where the branch that people work on is."""
        found = self.repository.ref(f"refs/heads/{self.branch}")
        assert found is not None
        return found

    def files(self) -> Mapping[str, str]:
        """The files of the branch that people work on."""
        return self._read(self.head()).files

    def commit_at_head(self) -> Commit:
        """The newest commit of the branch that people work on, as the model sees it."""
        return self._read(self.head())

    def commit(self, message: str, files: Mapping[str, str | None]) -> None:
        """A commit on the branch that people work on; None deletes a file."""
        parent = self.repository.ref(f"refs/heads/{self.branch}")
        base = self.repository.commit(parent).tree if parent else None
        changes = {path: None if text is None else text.encode() for path, text in files.items()}
        tree = self.repository.writer.apply(base, changes)
        if tree != base:
            self._publish(self.repository, self.branch, tree, message)

    def push(self, agent: Agent) -> None:
        """A new commit in an agent's source."""
        self.now += timedelta(minutes=1)
        text = f"print({self.now.timestamp()})\n"
        if agent[0] == "tools":
            self.commit("Change the bot", {f"{BOT_FOLDER}/main.py": text})
        else:
            self._publish(self.source, agent[1], self.source.writer.folder({"main.py": text.encode()}), "Change")

    def rewind(self, agent: Agent) -> None:
        """The source's branch goes back by one commit."""
        now = self.source.ref(f"refs/heads/{agent[1]}")
        parents = self.source.commit(now).parents if now else ()
        if parents:
            self.source.move_ref(f"refs/heads/{agent[1]}", now, parents[0], "back")

    def hide_sources(self, hidden: bool) -> None:
        """Makes the source repository unreachable, or reachable again."""
        aside = self.sources.with_name("aside")
        here, there = (self.sources, aside) if hidden else (aside, self.sources)
        if here.exists():
            here.rename(there)

    def first_parents(self) -> list[Revision]:
        """The branch that people work on, newest first."""
        return [info.id for info in self.repository.first_parents(self.head())]

    def try_git(self, *commands: tuple[str, ...]) -> bool:
        """Runs git commands on a clean checkout until one fails, which is undone. Whether all went well."""
        when = {"GIT_AUTHOR_DATE": self.now.isoformat(), "GIT_COMMITTER_DATE": self.now.isoformat()}
        for command in (("checkout", "--quiet", "--force", self.branch), *commands):
            done = subprocess.run(
                ["git", *command], cwd=self.config, env=os.environ | when, capture_output=True, check=False
            )
            if done.returncode != 0:
                git("reset", "--quiet", "--hard", cwd=self.config)
                git("checkout", "--quiet", "--force", "main", cwd=self.config)
                for left in ("MERGE_HEAD", "REVERT_HEAD", "CHERRY_PICK_HEAD", "SQUASH_MSG"):
                    (self.repository.git_dir / left).unlink(missing_ok=True)
                shutil.rmtree(self.repository.git_dir / "sequencer", ignore_errors=True)
                return False
        return True

    def _publish(self, repository: Repository, branch: str, tree: Any, message: str) -> None:
        self.now += timedelta(minutes=1)
        name = f"refs/heads/{branch}"
        before = repository.ref(name)
        person = Signature("Test Person", "test.person@example.com", self.now)
        made = repository.commit_tree(tree, [before] if before else [], f"{message}\n", person, person)
        repository.move_ref(name, before, made, message)

    # ── headpin and the model ────────────────────────────────────────────────────────────────────

    def new_controller(self, place: Path | None = None) -> Controller:
        """A controller that remembers nothing. The clock stands still during a pass."""
        return Controller(Repository.open(place or self.config), clock=lambda: self.now, templates=_TEMPLATES)

    def reconcile(self, *, full: bool) -> None:
        """One pass of both, and everything that has to be true afterwards."""
        self.now += timedelta(minutes=1)
        self._tidy()
        expected = self._trees_without_memory()
        manifests = {name: self._manifests(name) for name in ENVIRONMENTS}
        known = len(self.first_parents())
        report = self.controller.reconcile(full=full)
        self._live_through_promotions(known)
        for name, tree in self._trees(self.repository).items():
            assert tree == expected.get(name), f"a pass without memory makes other trees: {self._difference(name)}"
        for name in ENVIRONMENTS:
            self._compare(name, manifests[name])
            self._compare_gates(name, report)
        self.now += timedelta(seconds=20)  # gates open on the minute
        for again, everything in ((self.controller, False), (self.new_controller(), True))[: 1 + full]:
            made = again.reconcile(full=everything).commits
            assert not made, f"a second pass committed: {self._shown(made[0])}"
        self.now += timedelta(seconds=40)

    def _live_through_promotions(self, known: int) -> None:
        """The model's passes: one for each promotion that headpin made itself, and one after the last."""
        history = self.history()
        for end in range(known, len(history) + 1):
            self.model.reconcile(history[:end], self._heads(history[:end]), self.now)
            if end < len(history):
                self._check_promotion(history[: end + 1])
        for name in ENVIRONMENTS[1:]:
            for agent in AGENTS:
                left = self._is_left_to_promote(history, name, agent)
                assert not left, f"headpin should have promoted {agent} to {name} itself: {left}"

    def _check_promotion(self, history: list[Commit]) -> None:
        """Automation brings what its source serves, that never ran there and that nobody moved away from."""
        before, made = history[-2:]
        assert made.author == AUTOMATON, f"{made.author} committed during a pass: {made.message}"
        moved = [
            (name, agent)
            for name in ENVIRONMENTS[1:]
            for agent in AGENTS
            if made.pin(name, agent) != before.pin(name, agent)
        ]
        assert moved
        for name, agent in moved:
            pin, deployment = made.pin(name, agent), self.model.deployment(name, agent)
            source = self.model.supply(before, name, agent)
            assert before.is_automatic(name, agent[0]), f"{name} is not automatic"
            assert source is not None and not source.is_stopped and source.served == pin, "its source serves it"
            assert pin not in deployment.ran, "it never ran there"
            assert pin not in deployment.rejected, "nobody moved away from it"
            assert self.model.foresee(history, name, agent, self.now).hold is None, "its gates are open"

    def _is_left_to_promote(self, history: list[Commit], environment: str, agent: Agent) -> Release | None:
        """What automation should have promoted, where nothing that the design leaves open could keep it."""
        head, deployment = history[-1], self.model.deployment(environment, agent)
        source = self.model.supply(head, environment, agent)
        if not head.is_automatic(environment, agent[0]) or source is None or source.is_stopped:
            return None
        if source.served is None or source.served in deployment.ran or source.served in deployment.rejected:
            return None
        if deployment.hold or deployment.is_stopped or head.pin(environment, agent) not in (None, deployment.served):
            return None
        if self.model.environments[environment].hold or head.is_broken(*head.files):
            return None
        pin = {pin_path(environment, agent): pin_text(source.served)}
        made = Commit("e" * 40, head.files | pin, head.ancestors | {head.revision}, "Promote", AUTOMATON)
        return None if self.model.foresee([*history, made], environment, agent, self.now).hold else source.served

    def check_objects(self) -> None:
        """The repository is sound."""
        git("fsck", "--strict", "--no-dangling", cwd=self.config)

    def _tidy(self) -> None:
        """The work tree follows what was committed past it; edits that nobody commits keep headpin from promoting."""
        if (self.repository.git_dir / "index").exists():
            git("reset", "--quiet", "--hard", cwd=self.config)

    def _trees(self, repository: Repository) -> dict[str, str]:
        return {name: repository.commit(tip).tree for name, tip in repository.refs("refs/heads/env/").items()}

    def _trees_without_memory(self) -> dict[str, str]:
        """What a full pass makes of a copy that has the branches and nothing else."""
        shutil.rmtree(self.copy, ignore_errors=True)
        (self.copy / "objects/info").mkdir(parents=True)
        (self.copy / "refs").mkdir()
        (self.copy / "objects/info/alternates").write_text(f"{self.config}/.git/objects\n")
        (self.copy / "HEAD").write_text("ref: refs/heads/main\n")
        (self.copy / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
        refs = self.repository.refs("refs/heads/")
        lines = [f"{tip} refs/heads/{name}\n" for name, tip in sorted(refs.items())]
        (self.copy / "packed-refs").write_text("# pack-refs with: peeled fully-peeled sorted \n" + "".join(lines))
        self.new_controller(self.copy).reconcile(full=True)
        return self._trees(Repository.open(self.copy))

    def _difference(self, environment: str) -> str:
        tip = f"refs/heads/env/{environment}"
        return git("diff", str(self.repository.ref(tip)), tip, cwd=self.copy)

    def history(self) -> list[Commit]:
        """Main as the model sees it, oldest first."""
        return [self._read(revision) for revision in reversed(self.first_parents())]

    def _read(self, revision: Revision) -> Commit:
        if revision not in self._known:
            tree = self.repository.tree(revision)
            files = {path: tree.read(path).decode() for path, _ in walk(tree, "")}
            parents = [self._read(parent) for parent in self.repository.commit(revision).parents]
            before = frozenset[str]().union(*({parent.revision, *parent.ancestors} for parent in parents))
            info = self.repository.commit(revision)
            self._known[revision] = Commit(revision, files, before, info.message, info.author.name)
        return self._known[revision]

    def _heads(self, history: list[Commit]) -> dict[Agent, str | None]:
        """The branch heads; for the agent in the config repository the newest commit that changed its folder."""
        found: dict[Agent, str | None] = {}
        for agent in AGENTS[:2]:
            found[agent] = self.source.ref(f"refs/heads/{agent[1]}") if self.sources.exists() else None
        text = [commit.files.get(f"{BOT_FOLDER}/main.py") for commit in history]
        changed = [number for number in range(len(text)) if number == 0 or text[number] != text[number - 1]]
        found[AGENTS[2]] = history[changed[-1]].revision
        return found

    def _manifests(self, environment: str) -> dict[Agent, str | None]:
        tip = self.repository.ref(f"refs/heads/env/{environment}")
        if tip is None:
            return dict.fromkeys(AGENTS)
        tree = self.repository.tree(tip)
        entries = {agent: tree.entry(f"manifests/{agent[0]}/{agent[1]}") for agent in AGENTS}
        return {agent: entry.id if entry else None for agent, entry in entries.items()}

    # ── comparing ────────────────────────────────────────────────────────────────────────────────

    def _compare(self, environment: str, before: Mapping[Agent, str | None]) -> None:
        branch = read_branch(self.repository, environment, RecordReader())
        wanted = self.model.environments[environment]
        hold = branch.state.hold.reason.value if branch.state and branch.state.hold else None
        _same(f"{environment}: hold of the environment", hold, wanted.hold)
        after = self._manifests(environment)
        for agent in AGENTS:
            where = f"{environment} {agent[0]}/{agent[1]}"
            deployment = wanted.deployments[agent]
            self._compare_record(where, branch, agent, deployment, is_head=environment == HEAD)
            if wanted.hold is not None or deployment.hold == "Invalid":
                _same(f"{where}: manifests of what is held", after[agent], before[agent])
            self._compare_manifests(where, branch, agent, deployment)

    def _compare_gates(self, environment: str, report: PassReport) -> None:
        """Which gates hold what is blocked. Where a release did not run before, nothing is known of it there."""
        found = next(one for one in report.environments if one.environment == environment)
        for one in found.deployments:
            wanted = self.model.deployment(environment, (one.agent.project, one.agent.agent))
            if self.model.environments[environment].hold is None and wanted.hold == "Blocked":
                decision = one.decision
                closed = {gate.gate for gate in (*decision.gates, *decision.closed) if not gate.is_open}
                ignored = {"health", "soak", "checks"} if "ran-before" in closed | wanted.closed else set()
                _same(f"{environment} {one.agent}: closed", closed - ignored, wanted.closed - ignored)

    def _compare_record(
        self, where: str, branch: Branch, agent: Agent, deployment: Deployment, *, is_head: bool
    ) -> None:
        name = AgentName(*agent)
        record = branch.record(name)
        _same(f"{where}: served", _served(record), deployment.served)
        if record.served is not None:
            _same(f"{where}: status", record.served.status.value, "Stopped" if deployment.is_stopped else "Deployed")
        _same(f"{where}: hold", record.hold.reason.value if record.hold else None, deployment.hold)
        served = {one.release: one.version for one in branch.ran(name)}  # one that came stopped is told twice
        ran = [Release(one.revision, one.image, one.settings) for one in served]
        _same(f"{where}: ran", ran, deployment.ran)
        if is_head:
            _same(f"{where}: version", (record.served.version if record.served else 0, record.highest), (0, 0))
            _same(f"{where}: events", branch.events(name), ())
            return
        _same(f"{where}: highest version", record.highest, len(deployment.ran))
        if record.served is not None:
            _same(f"{where}: version", record.served.version, deployment.last)
        _same(f"{where}: numbers", list(served.values()), list(range(1, len(ran) + 1)))
        events = [Event(event.kind.value, event.version, event.config) for event in branch.events(name)]
        _same(f"{where}: events", self._story(events), self._story(deployment.events))

    def _compare_manifests(self, where: str, branch: Branch, agent: Agent, deployment: Deployment) -> None:
        place = f"manifests/{agent[0]}/{agent[1]}"
        served = deployment.served
        settings = branch.tree.entry(f"settings/{agent[0]}/{agent[1]}")
        _same(f"{where}: settings", settings.id if settings else None, served.settings if served else None)
        if served is None:
            _same(f"{where}: manifests", branch.tree.entries(place), ())
            return
        found = parse(branch.tree.read(f"{place}/deployment.yaml").decode())
        assert isinstance(found, dict)
        container = found["spec"]["template"]["spec"]["containers"][0]
        _same(f"{where}: image", container["image"], served.image)
        variables = {variable["name"]: variable["value"] for variable in container.get("env", ())}
        _same(f"{where}: variables", variables, self.model.variables(served, deployment.own))
        minimum, maximum = (0, 0) if deployment.is_stopped else deployment.scale
        _same(f"{where}: replicas", found["spec"].get("replicas"), minimum if minimum == maximum else None)

    def _story(self, events: list[Event]) -> list[str]:
        """Events as lines that name commits by their place and subject."""
        places = {commit.revision: number for number, commit in enumerate(self.history())}
        subject: Callable[[str], str] = lambda config: self.repository.commit(Revision(config)).subject  # noqa: E731
        return [
            f"{event.kind} v{event.version} by {places.get(event.config, 'elsewhere')} ({subject(event.config)})"
            for event in events
        ]

    def _shown(self, commit: Revision) -> str:
        return git("show", "--stat", "-p", commit, cwd=self.config)


def _served(record: Record) -> Release | None:
    if record.served is None:
        return None
    release = record.served.release
    return Release(release.revision, release.image, release.settings)


def _same(what: str, found: object, wanted: object) -> None:
    assert found == wanted, f"{what}\n  headpin: {found}\n  model:   {wanted}"
