"""What people do to the workspace of the campaign, good and bad, as fast as they are let.

Every commit is kept, so that what has to come of it can be worked out apart from headpin.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import yaml

from headpin.controller.branches import RecordReader, read_branch
from headpin.git import Repository, Signature
from headpin.releases.codec import format_release
from headpin.types import AgentName, Revision, TreeId
from tests.model.actions import plain
from tests.model.mainline import ENVIRONMENTS, HEAD, Agent, folder, pin_path
from tests.model.trial import BROKEN_LINES, dump

AGENTS: Final[tuple[Agent, ...]] = (
    *(("shop", name) for name in ("cart", "mail", "pay")),
    *(("desk", name) for name in ("notes", "search", "triage")),
    *(("lab", name) for name in ("eval", "probe", "tutor")),
    *(("tools", name) for name in ("bot", "cron")),
)
"""A project has a source repository, and each agent a branch of it; tools live in the config repository itself."""

SOURCES: Final = ("shop", "desk", "lab")
_PINNED: Final = ENVIRONMENTS[1:]
_MOST_BROKEN = 4
_PERSON: Final = ("Test Person", "test.person@example.com")
_SOON: Final = ("headpin.yaml", "environments/")
"""Documents that hold so much while they are broken that somebody mends them next."""

_STAGES: Final = {
    "standard": [{"environment": name} for name in ENVIRONMENTS],
    "quick": [{"environment": "dev"}, {"environment": "qa", "required": False}, {"environment": "prod"}],
}


def _agent_text(agent: Agent, number: int) -> str:
    project, name = agent
    apart = {"repository": f"../sources/{project}", "branch": name}
    own = {"repository": ".", "path": f"services/{name}"}
    image = {"pattern": f"registry.example.com/{project}/{name}:{{revision}}"}
    variables = {"ROUND": str(number)} if number else {}
    return dump({"source": own if project == "tools" else apart, "image": image, "variables": variables})


def start_files() -> dict[str, str]:
    """The workspace as it begins."""
    return {
        "README.md": "# Soak\n",
        "headpin.yaml": dump({"apiVersion": "headpin/v1", "limits": {"prune": 5}}),
        "environments/dev.yaml": dump({"tracks": "head"}),
        "environments/qa.yaml": dump({"description": "first look"}),
        "environments/staging.yaml": dump({"description": "before production"}),
        "environments/prod.yaml": dump({"production": True}),
        **{f"pipelines/{name}.yaml": dump({"stages": stages}) for name, stages in _STAGES.items()},
        **{
            f"projects/{project}/project.yaml": dump({"pipeline": "quick" if project == "tools" else "standard"})
            for project, _ in AGENTS
        },
        **{f"{folder(agent)}/agent.yaml": _agent_text(agent, 0) for agent in AGENTS},
        **{f"services/{name}/main.py": "print(0)\n" for project, name in AGENTS if project == "tools"},
    }


@dataclass(frozen=True)
class Step:
    """A commit on main: what it is, and the files that it changed (None: deleted)."""

    revision: Revision
    subject: str
    changed: Mapping[str, str | None]


@dataclass
class People:
    """Everybody who pushes. `hook` is told of each source repository that somebody pushed to."""

    place: Path
    chance: random.Random
    hook: Callable[[str], None] = lambda _: None
    steps: list[Step] = field(default_factory=list)
    pushed: dict[Agent, list[Revision]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    _formerly: dict[str, list[str]] = field(default_factory=dict)
    _kept: dict[str, dict[str, str]] = field(default_factory=dict)
    _count: int = 0

    def __post_init__(self) -> None:
        self.config = Repository.create_bare(self.place / "config")
        self._sources = {name: Repository.create_bare(self.place / "sources" / name) for name in SOURCES}
        self._records = RecordReader()
        self._tree: TreeId | None = None
        for agent in AGENTS:
            self._push(agent)
        self.commit("Start", start_files())

    # ── commits ──────────────────────────────────────────────────────────────────────────────────

    def commit(self, subject: str, files: Mapping[str, str | None]) -> bool:
        """A commit on main; none where it would change nothing."""
        changed = {path: text for path, text in files.items() if self.files.get(path) != text}
        if not changed:
            return False
        parent = self.steps[-1].revision if self.steps else None
        wanted = {path: None if text is None else text.encode() for path, text in changed.items()}
        self._tree = self.config.writer.apply(self._tree, wanted)
        made = self._published(self.config, "main", parent, self._tree, subject)
        for path, text in changed.items():
            if path.startswith("pins/") and path in self.files:
                self._formerly.setdefault(path, []).append(self.files[path])
                del self._formerly[path][:-8]
            if text is None:
                self.files.pop(path, None)
            else:
                self.files[path] = text
        self.steps.append(Step(made, subject, changed))
        return True

    def _published(
        self, repository: Repository, branch: str, parent: Revision | None, tree: TreeId, subject: str
    ) -> Revision:
        person = Signature(*_PERSON, datetime.now(UTC).replace(microsecond=0))
        made = repository.commit_tree(tree, [parent] if parent else [], f"{subject}\n", person, person)
        repository.move_ref(f"refs/heads/{branch}", parent, made, subject)
        return made

    def _push(self, agent: Agent) -> bool:
        self._count += 1
        text = f"print({self._count})\n"
        if agent[0] == "tools":
            return bool(self.files) and self.commit(f"Change {agent[1]}", {f"services/{agent[1]}/main.py": text})
        repository, line = self._sources[agent[0]], self.pushed.setdefault(agent, [])
        tree = repository.writer.folder({"main.py": text.encode()})
        line.append(self._published(repository, agent[1], line[-1] if line else None, tree, "Change"))
        self.hook(agent[0])
        return True

    # ── what people do ───────────────────────────────────────────────────────────────────────────

    def change(self) -> None:
        """One change, whichever; mending goes first where much is broken."""
        while True:
            broken = self._broken()
            must_mend = len(broken) > _MOST_BROKEN or any(path.startswith(_SOON) for path in broken)
            name = "mend" if must_mend else self.chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
            if getattr(self, f"_{name}")():
                self.done[name] = self.done.get(name, 0) + 1
                return

    def mend_all(self) -> None:
        """Everything can be read again, and everything that was deleted is back."""
        for project in list(self._kept):
            self._restore(project)
        self.commit("Mend everything", {path: plain(self.files[path])[0] or None for path in self._broken()})

    def _broken(self) -> list[str]:
        return [path for path, text in self.files.items() if text.endswith(tuple(BROKEN_LINES.values()))]

    def _agent(self) -> Agent:
        there = [agent for agent in AGENTS if f"{folder(agent)}/agent.yaml" in self.files]
        return self.chance.choice(there)

    def _source_push(self) -> bool:
        return self._push(self._agent())

    def _edit_shared(self) -> bool:
        agent = self._agent()
        self._count += 1
        if self.chance.random() < 0.85:
            return self._rewrite(f"{folder(agent)}/agent.yaml", "variables", {"ROUND": str(self._count)})
        path = self.chance.choice([f"projects/{agent[0]}/defaults.yaml", "defaults.yaml"])
        return self._rewrite(path, "variables", {"SHARED": str(self._count)})

    def _rewrite(self, path: str, key: str, value: object) -> bool:
        text, broken = plain(self.files.get(path, ""))
        document = yaml.safe_load(text) or {}
        document.pop(key, None)
        if value is not None:
            document[key] = value
        changed = (dump(document) if document else "") + broken
        return self.commit(f"Edit {key} in {path}", {path: changed or None})

    def _own_path(self, environment: str, agent: Agent) -> str:
        paths = [f"{folder(agent)}/{environment}.yaml"] * 6 + [f"projects/{agent[0]}/{environment}.yaml"] * 2
        return self.chance.choice([*paths, f"environments/{environment}.yaml"])

    def _edit_own(self) -> bool:
        self._count += 1
        path = self._own_path(self.chance.choice(ENVIRONMENTS), self._agent())
        value = {"LEVEL": str(self._count)} if self.chance.random() < 0.9 else None
        return self._rewrite(path, "variables", value)

    def _scale(self) -> bool:
        pods = self.chance.choice([None, (0, 0), (1, 1), (2, 2), (1, 3), (2, 5)])
        value = None if pods is None else {"minReplicas": pods[0], "maxReplicas": pods[1]}
        return self._rewrite(self._own_path(self.chance.choice(ENVIRONMENTS), self._agent()), "scaling", value)

    def _stop(self) -> bool:
        agent, environment = self._agent(), self.chance.choice(ENVIRONMENTS)
        path = f"{folder(agent)}/{environment}.yaml"
        is_stopped = "stopped: true" in self.files.get(path, "")
        return self._rewrite(path, "stopped", None if is_stopped else True)

    # ── pins ─────────────────────────────────────────────────────────────────────────────────────

    def _served(self, agent: Agent) -> str | None:
        """What the head environment serves, as `headpin pin` prints it."""
        served = read_branch(self.config, HEAD, self._records).record(AgentName(*agent)).served
        return None if served is None else format_release(served.release)

    def _source(self, environment: str, agent: Agent) -> str | None:
        order = [name for name in ENVIRONMENTS if agent[0] != "tools" or name != "staging"]
        before = order[order.index(environment) - 1]
        return self._served(agent) if before == HEAD else self.files.get(pin_path(before, agent))

    def _promote(self) -> bool:
        agent = self._agent()
        for environment in self.chance.sample(_PINNED, len(_PINNED)):
            text = self._source(environment, agent) if (agent[0], environment) != ("tools", "staging") else None
            if text is not None and self.commit(
                f"Promote {agent[1]} to {environment}", {pin_path(environment, agent): text}
            ):
                return True
        return False

    def _train(self) -> bool:
        project, environment = self.chance.choice(SOURCES), self.chance.choice(_PINNED)
        agents = [a for a in AGENTS if a[0] == project and f"{folder(a)}/agent.yaml" in self.files]
        found = {pin_path(environment, agent): self._source(environment, agent) for agent in agents}
        pins: dict[str, str | None] = {path: text for path, text in found.items() if text is not None}
        return bool(pins) and self.commit(f"Promote {project} to {environment}", pins)

    def _rollback(self) -> bool:
        pins = [path for path in self.files if self._formerly.get(path)]
        if not pins:
            return False
        path = self.chance.choice(pins)
        text = self._formerly[path][-1 if self.chance.random() < 0.7 else 0]
        return self.commit(f"Revert {path}", {path: text})

    def _away_and_back(self) -> bool:
        pins = [path for path in self.files if self._formerly.get(path)]
        if not pins:
            return False
        path = self.chance.choice(pins)
        before = self.files[path]
        return self.commit(f"Revert {path}", {path: self._formerly[path][-1]}) and self.commit(
            f"Revert the revert of {path}", {path: before}
        )

    def _mix_pin(self) -> bool:
        agent, environment = self._agent(), self.chance.choice(_PINNED)
        text = self.files.get(pin_path(environment, agent))
        pin = None if text is None or plain(text)[1] else yaml.safe_load(text)
        if pin is None:
            return False
        part = self.chance.choice(["revision", "settings"])
        pin[part] = f"{self.chance.getrandbits(160):040x}"
        mixed = "".join(f'{key}: "{value}"\n' for key, value in pin.items())
        return self.commit(f"Mix the pin of {agent[1]} in {environment}", {pin_path(environment, agent): mixed})

    def _jump(self) -> bool:
        """A pin for the wrong environment: what only dev has, in production at once."""
        agent = self._agent()
        text = self._served(agent)
        return text is not None and self.commit(f"Pin {agent[1]} in prod", {pin_path("prod", agent): text})

    def _remove_pin(self) -> bool:
        pins = [path for path in self.files if path.startswith("pins/")]
        return bool(pins) and self.commit("Remove a pin", {self.chance.choice(pins): None})

    def _stray_pin(self) -> bool:
        """A pin in an environment that there is not; or it goes."""
        path = "pins/moon/shop/cart.yaml"
        text = self._served(("shop", "cart")) if path not in self.files else None
        return self.commit("Pin on the moon", {path: text})

    # ── mistakes, and large changes ──────────────────────────────────────────────────────────────

    def _break(self) -> bool:
        agent, environment = self._agent(), self.chance.choice(ENVIRONMENTS)
        own = self._own_path(environment, agent)
        paths = [f"{folder(agent)}/agent.yaml"] * 4 + [own] * 4 + [f"projects/{agent[0]}/project.yaml"]
        if environment != HEAD:
            paths += [pin_path(environment, agent)] * 3
        if self.chance.random() < 0.05:
            paths = ["headpin.yaml"]
        path = self.chance.choice(paths)
        text = plain(self.files.get(path, ""))[0]
        return self.commit(f"Break {path}", {path: text + self.chance.choice(list(BROKEN_LINES.values()))})

    def _mend(self) -> bool:
        broken = self._broken()
        if not broken:
            return False
        first = [path for path in broken if path.startswith(_SOON)]
        path = self.chance.choice(first or broken)
        return self.commit(f"Mend {path}", {path: plain(self.files[path])[0] or None})

    def _remove_agent(self) -> bool:
        agent = self._agent()
        name = "/".join(agent)
        if len(self._kept) >= 2 or sum(1 for a in AGENTS if f"{folder(a)}/agent.yaml" in self.files) < 8:
            return False
        gone = {path for path in self.files if path.startswith(f"{folder(agent)}/")}
        if self.chance.random() < 0.8:
            gone |= {pin_path(environment, agent) for environment in _PINNED} & self.files.keys()
        self._kept[name] = {path: self.files[path] for path in gone}
        return self.commit(f"Remove {name}", dict.fromkeys(gone))

    def _remove_project(self) -> bool:
        project = self.chance.choice(SOURCES)
        if self._kept:
            return False
        gone = {path for path in self.files if path.startswith(f"projects/{project}/")}
        gone |= {path for path in self.files if path.startswith("pins/") and path.split("/")[2] == project}
        self._kept[project] = {path: self.files[path] for path in gone}
        return self.commit(f"Delete {project}", dict.fromkeys(gone))

    def _bring_back(self) -> bool:
        return bool(self._kept) and self._restore(self.chance.choice(list(self._kept)))

    def _restore(self, name: str) -> bool:
        kept = self._kept.pop(name)
        return self.commit(f"Bring {name} back", {**kept})

    def _readme(self) -> bool:
        self._count += 1
        return self.commit("Edit the README", {"README.md": f"# Soak {self._count}\n"})


_WEIGHTS: Final = {
    "source_push": 14,
    "edit_shared": 9,
    "promote": 30,
    "train": 3,
    "rollback": 8,
    "away_and_back": 2,
    "edit_own": 9,
    "scale": 7,
    "stop": 3,
    "mix_pin": 3,
    "jump": 2,
    "remove_pin": 1,
    "stray_pin": 0.5,
    "break": 5,
    "mend": 5,
    "remove_agent": 0.7,
    "remove_project": 0.4,
    "bring_back": 2,
    "readme": 2,
}
"""How often each is tried."""


def replaced(step: Step, files: Mapping[str, str]) -> dict[str, str]:
    """The files after a step."""
    after = dict(files)
    for path, text in step.changed.items():
        if text is None:
            after.pop(path, None)
        else:
            after[path] = text
    return after
