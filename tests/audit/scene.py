"""A workspace with a past, and hands that do with git's plumbing what headpin and its people would not.

The past is legal: cart went dev, staging, prod as v1, and dev and staging as v2; dev has a third release of it, and
mail runs in dev alone. Each test gets a copy.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headpin.audit import AuditReport, run_audit
from headpin.controller import Controller
from headpin.controller.branches import CONFIG_TRAILER, TREE_TRAILER, Branch, RecordReader, read_branch
from headpin.controller.templates import built_in_templates
from headpin.git import Changes, Repository, Signature, TreeRef
from headpin.releases import Event, EventKind, Ran, Record, Release, Scale, Served, SourceVersion, Status
from headpin.releases.codec import format_event, format_ran, format_record, format_release
from headpin.releases.environment import EnvironmentState, format_environment
from headpin.tree import walk
from headpin.types import AgentName, Revision, TreeId
from tests.world import AGENT, SMALL, git

CART, MAIL = AgentName("shop", "cart"), AgentName("shop", "mail")
ANN, MALLORY = ("Ann Example", "ann@example.com"), ("Mallory Example", "mallory@example.com")
_TEMPLATES = built_in_templates()


def person(who: tuple[str, str]) -> str:
    """``Name <address>``."""
    return f"{who[0]} <{who[1]}>"


@dataclass
class Scene:
    """A copy of the past in `folder`, and the clock of everything that happens now."""

    folder: Path
    now: datetime

    def __post_init__(self) -> None:
        self.repository = Repository.open(self.folder / "config")
        self.source = Repository.open(self.folder / "cart")

    # ── people ───────────────────────────────────────────────────────────────────────────────────

    def later(self, minutes: int = 1) -> datetime:
        """Time passes."""
        self.now += timedelta(minutes=minutes)
        return self.now

    def commit(
        self,
        files: Mapping[str, str | None],
        message: str = "Change",
        who: tuple[str, str] = ANN,
        parents: Sequence[Revision] | None = None,
        *,
        move: bool = True,
    ) -> Revision:
        """A commit on top of main, or of the first of `parents`."""
        before = self.repository.ref("refs/heads/main")
        parents = [before] if parents is None and before else list(parents or ())
        base = self.repository.commit(parents[0]).tree if parents else None
        changes: Changes = {path: None if text is None else text.encode() for path, text in files.items()}
        tree = self.repository.writer.apply(base, changes)
        signature = Signature(*who, self.later())
        made = self.repository.commit_tree(tree, parents, f"{message}\n", signature, signature)
        if move:
            self.repository.move_ref("refs/heads/main", before, made, "test")
        return made

    def pin(
        self, environment: str, release: Release | None, agent: AgentName = CART, who: tuple[str, str] = ANN
    ) -> Revision:
        """A commit that pins the release, or takes the pin away."""
        path = f"pins/{environment}/{agent.project}/{agent.agent}.yaml"
        return self.commit({path: format_release(release) if release else None}, f"Pin {agent}", who)

    def push(self) -> None:
        """A commit in cart's source."""
        before = self.source.ref("refs/heads/main")
        at = Signature(*ANN, self.later())
        tree = self.source.writer.folder({"main.py": f"print({at.at.timestamp()})\n".encode()})
        made = self.source.commit_tree(tree, [before] if before else [], "Change\n", at, at)
        self.source.move_ref("refs/heads/main", before, made, "test")

    def force_main(self, revision: Revision) -> None:
        """Main is somewhere else now."""
        self.repository.move_ref("refs/heads/main", self.repository.ref("refs/heads/main"), revision, "test")

    def head(self) -> Revision:
        """Main's head."""
        found = self.repository.ref("refs/heads/main")
        assert found is not None
        return found

    # ── headpin ──────────────────────────────────────────────────────────────────────────────────

    def controller(self) -> Controller:
        """One that remembers nothing."""
        return Controller(Repository.open(self.folder / "config"), clock=lambda: self.now, templates=_TEMPLATES)

    def reconcile(self) -> None:
        """One pass."""
        self.later()
        self.controller().reconcile()

    def audit(self, *, use_memory: bool = False, since: Revision | None = None) -> AuditReport:
        """What audit finds."""
        return run_audit(self.controller(), use_memory=use_memory, since=since)

    def branch(self, environment: str) -> Branch:
        """The environment's branch."""
        return read_branch(self.repository, environment, RecordReader())

    def served(self, environment: str, agent: AgentName = CART) -> Served:
        """What is served."""
        found = self.branch(environment).record(agent).served
        assert found is not None
        return found

    def tip(self, environment: str) -> Revision:
        """The environment's branch's last commit."""
        found = self.repository.ref(f"refs/heads/env/{environment}")
        assert found is not None
        return found

    # ── forgery ──────────────────────────────────────────────────────────────────────────────────

    def forge(
        self,
        environment: str,
        changes: Changes,
        *,
        config: Revision | None = None,
        at: datetime | None = None,
        trailers: str = "",
        state: EnvironmentState | None = None,
        who: tuple[str, str] = MALLORY,
        link: str = "",
    ) -> Revision:
        """A commit that has all that headpin's have: its trailers name its tree and its config revision.

        `link` is a path at which a symbolic link stands.
        """
        branch = self.branch(environment)
        assert branch.own is not None and branch.state is not None
        config = config or self.head()
        told = state or replace(branch.state, config=config, folded=config)
        files = {**changes, "environment.yaml": format_environment(told).encode()}
        tree = self.repository.writer.apply(branch.own.tree, files)
        if link:
            tree = self._linked(tree, link)
        message = f"Reconcile {environment}\n\n{CONFIG_TRAILER}: {config}\n{trailers}{TREE_TRAILER}: {tree}\n"
        return self._put(environment, tree, message, who, at or self.later())

    def _linked(self, tree: TreeId, path: str) -> TreeId:
        """The tree with a symbolic link at the path."""
        config, index = self.folder / "config", {"GIT_INDEX_FILE": str(self.folder / "index")}
        (self.folder / "target").write_text("/etc/passwd")
        target = git("hash-object", "-w", str(self.folder / "target"), cwd=config)
        git("read-tree", tree, cwd=config, env=index)
        git("update-index", "--add", "--cacheinfo", f"120000,{target},{path}", cwd=config, env=index)
        return TreeId(git("write-tree", cwd=config, env=index))

    def foreign(self, environment: str, changes: Changes, message: str = "Fix it by hand") -> Revision:
        """A commit of somebody else on top of the branch."""
        base = self.repository.commit(self.tip(environment)).tree
        return self._put(environment, self.repository.writer.apply(base, changes), message, MALLORY, self.later())

    def _put(self, environment: str, tree: TreeId, message: str, who: tuple[str, str], at: datetime) -> Revision:
        before = self.tip(environment)
        signature = Signature(*who, at)
        made = self.repository.commit_tree(tree, [before], message, signature, signature)
        self.repository.move_ref(f"refs/heads/env/{environment}", before, made, "test")
        return made

    def serving(
        self,
        environment: str,
        release: Release,
        version: int,
        asked_by: Revision,
        *,
        kind: EventKind = EventKind.PROMOTED,
        source: SourceVersion | None = None,
        agent: AgentName = CART,
        like: str | None = None,
        event_version: int | None = None,
        listed: bool = True,
    ) -> Changes:
        """The files of a promotion, each as headpin would have written it."""
        branch = self.branch(environment)
        record, at = branch.record(agent), self.now + timedelta(minutes=1)
        config = self.head()
        served = Served(release, version, Status.DEPLOYED, at, config, "d" * 64, Scale(1, 1, 80))
        after = replace(
            record, served=served, highest=max(record.highest, version), hold=None, wanted=None, removed=None
        )
        event = Event(
            kind,
            at,
            asked_by,
            event_version or version,
            release,
            source,
            person=person(ANN),
            moved=at,
            steps={"files": "committed", "image": "tag", "rollout": "unobserved"},
        )
        files = self.with_record(environment, after, agent)
        files |= self.appended(environment, "events", format_event(event), agent)
        is_new = all(entry.release != release or entry.version != version for entry in branch.ran(agent))
        if is_new and listed:
            files |= self.appended(environment, "ran", format_ran(Ran(version, release, at)), agent)
        place = f"{agent.project}/{agent.agent}"
        other = self.branch(like or environment).tree
        manifests = {path: other.read(path) for path, _ in walk(other, f"manifests/{place}")}
        image = f"# {release.image}\n".encode()
        files |= {path: data + image if "deployment" in path else data for path, data in manifests.items()}
        if branch.record(agent).served is None:
            files["manifests/shop/kustomization.yaml"] = self.branch("dev").tree.read(
                "manifests/shop/kustomization.yaml"
            )
        return {**files, f"settings/{place}": TreeRef(release.settings)}

    def with_record(
        self, environment: str, record: Record, agent: AgentName = CART
    ) -> dict[str, bytes | TreeRef | None]:
        """The record's file."""
        del environment
        return {f"deployments/{agent.project}/{agent.agent}.yaml": format_record(record).encode()}

    def appended(
        self, environment: str, kind: str, line: str, agent: AgentName = CART
    ) -> dict[str, bytes | TreeRef | None]:
        """The file with a line more."""
        path = f"deployments/{agent.project}/{agent.agent}.{kind}"
        tree = self.branch(environment).tree
        return {path: (tree.read(path) if tree.entry(path) else b"") + line.encode()}


def build_past(folder: Path) -> Scene:
    """The legal past, made by people and by headpin."""
    config = folder / "config"
    for place in (config, folder / "cart"):
        place.mkdir(parents=True)
        git("init", "--quiet", "--initial-branch=main", "--template=", cwd=place)
    scene = Scene(folder, datetime(2026, 1, 5, 9, 0, tzinfo=UTC))
    scene.push()
    agents = {
        f"projects/shop/agents/{name}/agent.yaml": AGENT.format(name=name)
        .replace("../sources/mail", "../cart")
        .replace("../sources/cart", "../cart")
        for name in ("cart", "mail")
    }
    scene.commit({**SMALL, **agents}, "Start")
    scene.reconcile()
    for source, target in (("dev", "staging"), ("staging", "prod")):
        scene.pin(target, scene.served(source).release)
        scene.reconcile()
    scene.push()
    scene.reconcile()
    scene.pin("staging", scene.served("dev").release)
    scene.reconcile()
    scene.push()
    scene.reconcile()
    return scene


def copy_of(scene: Scene, folder: Path) -> Scene:
    """The same, to be spoilt."""
    shutil.copytree(scene.folder, folder)
    return Scene(folder, scene.now)
