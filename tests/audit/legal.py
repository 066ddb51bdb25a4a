"""Random histories in which everybody keeps to the rules, made with a real controller and real git.

People promote by command or by hand (straight, on a branch that is merged, squashed or rebased, several stages at
once), roll back, revert, stop, scale, change settings, gates, suspensions and pipelines, approve, report evidence, add
and delete agents and environments; their clocks go wrong. Passes come after every commit or after many.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from headpin.controller import Controller
from headpin.controller.act import Actor, Intent, Outside
from headpin.controller.branches import RecordReader, read_branch
from headpin.controller.intents import (
    AgentPattern,
    PromotionWish,
    to_promote,
    to_roll_back,
    to_scale,
    to_start,
    to_stop,
)
from headpin.controller.reporting import report_health, served_subject, set_check
from headpin.controller.templates import built_in_templates
from headpin.errors import HeadpinError
from headpin.git import Repository, Signature
from headpin.releases import Check, Record, Release
from headpin.releases.codec import format_release
from headpin.types import AgentName, Revision
from headpin.workspace import DocumentReader, Workspace
from tests.model.trial import BOT_FOLDER, START, dump
from tests.world import git

AGENTS: Final = (AgentName("shop", "cart"), AgentName("shop", "mail"), AgentName("tools", "bot"))
PINNED: Final = ("qa", "staging", "prod")
PEOPLE: Final = (("Ann Example", "ann@example.com"), ("Bob Example", "bob@example.com"))
_TEMPLATES: Final = built_in_templates()
_GATES: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"note": "required"},
    {"approvals": 1},
    {"soak": "20m"},
    {"checks": ["evals"]},
    {"health": True},
    {"freeze": [{"days": ["mon"], "from": "11:00", "until": "12:30", "timeZone": "UTC", "reason": "reviews"}]},
)


class Legal:
    """One history, decided by `chance` alone, in the empty `folder`."""

    def __init__(self, folder: Path, chance: random.Random) -> None:
        self.chance = chance
        self.now = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
        self.config, self.sources = folder / "config.git", folder / "sources"
        for place, bare in ((self.config, "--bare"), (self.sources, "--quiet")):
            place.mkdir(parents=True)
            git("init", "--quiet", bare, "--initial-branch=main", "--template=", cwd=place)
        self.repository, self.source = Repository.open(self.config), Repository.open(self.sources)
        self.reader = DocumentReader()
        for name in ("cart", "mail"):
            self.push(name)
        self.commit(dict(START), "Start")
        self.controller = self.new_controller()
        self.reconcile()
        for agent in AGENTS[: self.chance.randrange(4)]:  # some start where everything runs already
            stages = [stage.environment for stage in self.workspace().stages(agent.project)]
            self._pin(agent, stages[0], stages[1:], "")
        self.reconcile()

    def new_controller(self) -> Controller:
        """A controller that remembers nothing."""
        return Controller(Repository.open(self.config), clock=lambda: self.now, templates=_TEMPLATES)

    def live(self, steps: int, seen: Callable[[], None] = lambda: None) -> None:
        """So many things happen, with passes in between; `seen` is called after each pass."""
        deeds = (
            *(self.promote, self.promote, self.promote, self.promote, self.command, self.command, self.edit, self.gate),
            *(
                self.revert,
                self.roll_back,
                self.pods,
                self.report,
                self.approve,
                self.suspend,
                self.wait,
                self.upheaval,
            ),
        )
        for _ in range(steps):
            with suppress(HeadpinError):  # what the rules refuse is not done
                self.chance.choice(deeds)()
            if self.chance.random() < 0.6:
                self.reconcile()
                seen()
        self.reconcile()
        seen()

    # ── the world ────────────────────────────────────────────────────────────────────────────────

    def reconcile(self) -> None:
        """One pass, at times by a controller that remembers nothing."""
        self.now += timedelta(minutes=1)
        if self.chance.random() < 0.2:
            self.controller = self.new_controller()
        self.controller.reconcile(full=self.chance.random() < 0.2)

    def head(self) -> Revision:
        """Main's head."""
        found = self.repository.ref("refs/heads/main")
        assert found is not None
        return found

    def workspace(self) -> Workspace:
        """Main's documents."""
        return Workspace(self.repository.tree(self.head()), self.reader)

    def text(self, path: str) -> str:
        """A file of main; "" where there is none."""
        tree = self.repository.tree(self.head())
        return tree.read(path).decode() if tree.entry(path) else ""

    def person(self) -> Signature:
        """Somebody, whose clock is wrong at times."""
        self.now += timedelta(minutes=1)
        skew = self.chance.choice([0, 0, 0, -90, 30, 3000])
        return Signature(*self.chance.choice(PEOPLE), self.now + timedelta(minutes=skew))

    def commit(self, files: Mapping[str, str | None], message: str, *, on_branch: bool = False) -> None:
        """A change comes to main: directly, or from a branch, merged or squashed."""
        head = self.repository.ref("refs/heads/main")
        base = self.repository.commit(head).tree if head else None
        changes = {path: None if text is None else text.encode() for path, text in files.items()}
        tree = self.repository.writer.apply(base, changes)
        if tree == base:
            return
        parents = [head] if head else []
        person = self.person()
        if on_branch and head is not None and self.chance.random() < 0.5:
            fork = self.repository.commit(head).parents[:1] or (head,)
            side_tree = self.repository.writer.apply(self.repository.commit(fork[0]).tree, changes)
            parents.append(self.repository.commit_tree(side_tree, list(fork), f"{message}\n", person, person))
            person, message = self.person(), f"Merge '{message}'"
        made = self.repository.commit_tree(tree, parents, f"{message}\n", person, person)
        self.repository.move_ref("refs/heads/main", head, made, "test")

    def push(self, name: str) -> None:
        """A commit in a source."""
        ref = f"refs/heads/{name}"
        before, at = self.source.ref(ref), self.person()
        tree = self.source.writer.folder({"main.py": f"print({self.chance.random()})\n".encode()})
        made = self.source.commit_tree(tree, [before] if before else [], "Change\n", at, at)
        self.source.move_ref(ref, before, made, "test")

    def record(self, environment: str, agent: AgentName) -> Record:
        """A record."""
        return read_branch(self.repository, environment, RecordReader()).record(agent)

    def act(self, intent: Intent) -> None:
        """What a command does."""
        self.now += timedelta(minutes=1)
        Actor(self.controller, self.chance.choice(PEOPLE), Outside.NEVER).act(intent)

    # ── what people do ───────────────────────────────────────────────────────────────────────────

    def release(self, agent: AgentName) -> None:
        """The agent's source has a new commit, and dev runs it."""
        if agent.agent == "bot":
            self.commit({f"{BOT_FOLDER}/main.py": f"print({self.chance.random()})\n"}, "Change the bot")
        else:
            self.push(agent.agent)
        self.reconcile()

    def promote(self) -> None:
        """Pins of stages that follow one another are copied by hand from what the first one takes from."""
        agent = self.chance.choice(AGENTS)
        stages = [stage.environment for stage in self.workspace().stages(agent.project)]
        if len(stages) < 2:
            return
        if self.chance.random() < 0.6:
            self.release(agent)
        start = self.chance.choice([0, 0, *range(len(stages) - 1)])
        targets = stages[start + 1 : start + 1 + self.chance.choice([1, 1, 2, 3])]
        self._pin(agent, stages[start], targets, self.chance.choice(["", "\n\nIt was tried."]))

    def _pin(self, agent: AgentName, source: str, targets: Sequence[str], note: str) -> None:
        served = self.record(source, agent).served
        if served is None or not self.workspace().has_agent(agent):
            return
        pins = {f"pins/{name}/{agent.project}/{agent.agent}.yaml": format_release(served.release) for name in targets}
        self.commit(pins, f"Promote {agent} to {', '.join(targets)}{note}", on_branch=True)

    def command(self) -> None:
        """`headpin promote`, of one agent or of a project."""
        pattern = self._pattern()
        self.release(AGENTS[0])
        wish = PromotionWish(self.chance.choice(PINNED), note=self.chance.choice(["", "It was tried."]))
        self.act(to_promote(self.controller, [pattern], wish))

    def roll_back(self) -> None:
        """`headpin rollback`."""
        self.act(to_roll_back([self._pattern()], self.chance.choice(PINNED), None, None, ""))

    def _pattern(self) -> AgentPattern:
        agent = self.chance.choice(AGENTS)
        return AgentPattern(agent.project, self.chance.choice([agent.agent, "*"]))

    def pods(self) -> None:
        """`headpin stop`, `start` and `scale`."""
        agent = self.chance.choice(AGENTS)
        pattern, environment = [AgentPattern(agent.project, agent.agent)], self.chance.choice(PINNED)
        bounds = self.chance.choice([(1, 1), (2, 2), (1, 3), (0, 0)])
        intents = (
            to_stop(pattern, environment),
            to_start(pattern, environment),
            to_scale(pattern, environment, *bounds),
        )
        self.act(self.chance.choice(intents))

    def revert(self) -> None:
        """`git revert` of a commit that moved pins, where what was pinned before ran there or may come there."""
        chain = list(self.repository.first_parents(self.head()))[:6]
        info = self.chance.choice(chain)
        if not info.parents:
            return
        old, new = self.repository.tree(info.parents[0]), self.repository.tree(info.id)
        files: dict[str, str | None] = {}
        for agent in AGENTS:
            for environment in PINNED:
                path = f"pins/{environment}/{agent.project}/{agent.agent}.yaml"
                if old.entry(path) == new.entry(path) or self.text(path) != (
                    new.read(path).decode() if new.entry(path) else ""
                ):
                    continue
                text = old.read(path).decode() if old.entry(path) else None
                if text is not None and not self._may_come(
                    Release.of_mapping(yaml.safe_load(text)), environment, agent
                ):
                    return
                files[path] = text
        self.commit(files, f'Revert "{info.subject}"', on_branch=True)

    def _may_come(self, release: Release, environment: str, agent: AgentName) -> bool:
        stages = [stage.environment for stage in self.workspace().stages(agent.project)]
        places = [environment]
        if environment in stages[1:]:
            places.append(stages[stages.index(environment) - 1])
        ran = (read_branch(self.repository, name, RecordReader()).ran(agent) for name in places)
        return self.workspace().has_agent(agent) and any(one.release == release for found in ran for one in found)

    def edit(self) -> None:
        """A layer says something else."""
        agent, environment = self.chance.choice(AGENTS), self.chance.choice(("dev", *PINNED))
        folder = f"projects/{agent.project}"
        path = self.chance.choice(
            [
                *(f"environments/{environment}.yaml", f"{folder}/{environment}.yaml", "defaults.yaml"),
                *(f"{folder}/agents/{agent.agent}/{environment}.yaml", f"{folder}/agents/{agent.agent}/agent.yaml"),
            ]
        )
        document = yaml.safe_load(self.text(path) or "{}") or {}
        if path.endswith("/agent.yaml") and not document:
            return
        document["variables"] = {"LEVEL": self.chance.choice(["one", "two", "three"])}
        self.commit({path: dump(document)}, f"Edit {path}", on_branch=True)

    def gate(self) -> None:
        """A stage asks for something else, takes from any earlier stage, or is promoted into automatically."""
        path = f"pipelines/{self.chance.choice(['standard', 'quick'])}.yaml"
        document = yaml.safe_load(self.text(path))
        stage = self.chance.choice(document["stages"][1:])
        stage["gates"] = self.chance.choice(_GATES)
        stage["promotion"] = self.chance.choice(["manual", "manual", "automatic", {"from": "earlier"}])
        self.commit({path: dump(document)}, f"Change the gates of {stage['environment']}")

    def approve(self) -> None:
        """Somebody approves of what an environment serves, for another one."""
        agent, target = self.chance.choice(AGENTS), self.chance.choice(PINNED)
        served = self.record(self.chance.choice(("dev", *PINNED)), agent).served
        if served is not None:
            said = {"environment": target, "agent": str(agent), "by": self.chance.choice(PEOPLE)[1], "reason": "looked"}
            text = dump({**said, "release": served.release.as_mapping()})
            self.commit({f"approvals/look-{self.chance.randrange(10**6)}.yaml": text}, f"Approve {agent}")

    def suspend(self) -> None:
        """A suspension begins or ends."""
        path = self.chance.choice(
            ["environments/prod.yaml", "projects/shop/project.yaml", "projects/shop/staging.yaml"]
        )
        document = yaml.safe_load(self.text(path) or "{}") or {}
        if document.pop("suspended", None) is None and self.chance.random() < 0.5:
            document["suspended"] = "the auditors are here"
        self.commit({path: dump(document) if document else None}, f"Suspend {path}")

    def report(self) -> None:
        """Evidence of what is served."""
        environment, agent = self.chance.choice(("dev", *PINNED)), self.chance.choice(AGENTS)
        if self.record(environment, agent).served is None:
            return
        subject = served_subject(read_branch(self.repository, environment, RecordReader()), agent)
        person = Signature(*PEOPLE[0], self.now)
        set_check(self.controller, subject, person, Check("evals", True, self.now, "ann@example.com"))
        report_health(self.controller, subject, person, healthy=True, message="")

    def wait(self) -> None:
        """Time passes."""
        self.now += timedelta(minutes=self.chance.choice([5, 25, 90, 600]))

    def upheaval(self) -> None:
        """An agent goes with its pins or comes back, a pin goes, an environment comes, a project goes another way."""
        agent, environment = self.chance.choice(AGENTS), self.chance.choice(PINNED)
        place, pin = f"projects/{agent.project}/agents/{agent.agent}/agent.yaml", f"{agent.project}/{agent.agent}.yaml"
        match self.chance.randrange(5):
            case 0:
                pins = [f"pins/{name}/{pin}" for name in PINNED if self.text(f"pins/{name}/{pin}")]
                folder = f"projects/{agent.project}/agents/{agent.agent}"
                layers = [f"{folder}/{name}.yaml" for name in ("dev", *PINNED) if self.text(f"{folder}/{name}.yaml")]
                if self.text(place):
                    self.commit(dict.fromkeys([place, *pins, *layers]), f"Delete {agent}")
            case 1:
                missing = {path: START[path] for path in START if path.endswith("agent.yaml") and not self.text(path)}
                if missing:
                    self.commit(missing, "Bring agents back")
            case 2 if self.text(f"pins/{environment}/{pin}"):
                self.commit({f"pins/{environment}/{pin}": None}, f"Take {agent} out of {environment}")
            case 3:
                self.commit({f"environments/extra-{self.chance.randrange(3)}.yaml": "{}\n"}, "Add an environment")
            case _:
                self.commit({"README.md": f"{self.chance.random()}\n"}, "Edit the README", on_branch=True)
