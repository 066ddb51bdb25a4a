"""What people do to a workspace, as values: hypothesis makes lists of them and prints those that fail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import yaml
from hypothesis import strategies as st

from tests.model.mainline import ENVIRONMENTS, Agent, Release, folder, pin_path
from tests.model.trial import AGENTS, BROKEN_LINES, START, Trial, dump, pin_text

PINNED = ENVIRONMENTS[1:]


class Action(Protocol):
    """One thing that somebody does."""

    def run(self, trial: Trial) -> None:
        """Does it; nothing where it cannot be done."""


def plain(text: str) -> tuple[str, str]:
    """A document's text, and the lines that break it."""
    lines = text.splitlines(keepends=True)
    broken = [line for line in lines if line in BROKEN_LINES.values()]
    return "".join(line for line in lines if line not in broken), "".join(broken)


@dataclass(frozen=True)
class Push:
    """A commit in an agent's source."""

    agent: Agent

    def run(self, trial: Trial) -> None:
        if self.agent[0] == "tools" or trial.sources.exists():
            trial.push(self.agent)


@dataclass(frozen=True)
class Rewind:
    """The source's branch is forced back by a commit."""

    agent: Agent

    def run(self, trial: Trial) -> None:
        if self.agent[0] != "tools" and trial.sources.exists():
            trial.rewind(self.agent)


@dataclass(frozen=True)
class HideSources:
    """The source repository becomes unreachable, or is back."""

    hidden: bool

    def run(self, trial: Trial) -> None:
        trial.hide_sources(self.hidden)


@dataclass(frozen=True)
class Edit:
    """A layer says something else of a variable or of the scaling; None: no longer anything."""

    path: str
    key: Literal["variables", "scaling"]
    value: tuple[tuple[str, Any], ...] | None

    def run(self, trial: Trial) -> None:
        if self.path.endswith("/agent.yaml") and self.path not in trial.files():
            return
        text, broken = plain(trial.files().get(self.path, ""))
        document = yaml.safe_load(text) or {}
        document.pop(self.key, None)
        if self.value is not None:
            document[self.key] = dict(self.value)
        changed = dump(document) + broken if document else broken
        if self.path in trial.files() or changed:
            trial.commit(f"Edit {self.key} in {self.path}", {self.path: changed or None})


@dataclass(frozen=True)
class Break:
    """A document, there already or not, becomes unreadable."""

    path: str
    how: str

    def run(self, trial: Trial) -> None:
        text = plain(trial.files().get(self.path, ""))[0]
        trial.commit(f"Break {self.path}", {self.path: text + BROKEN_LINES[self.how]})


@dataclass(frozen=True)
class Mend:
    """Broken documents become readable again: the `which`-th, or all of them."""

    which: int | None

    def run(self, trial: Trial) -> None:
        broken = sorted(path for path, text in trial.files().items() if plain(text)[1])
        if broken:
            chosen = broken if self.which is None else [broken[self.which % len(broken)]]
            mended = {path: plain(trial.files()[path])[0] or None for path in chosen}
            trial.commit(f"Mend {', '.join(chosen)}", mended)


@dataclass(frozen=True)
class Readme:
    """A change that is none of headpin's business."""

    def run(self, trial: Trial) -> None:
        trial.commit("Edit the README", {"README.md": f"{len(trial.first_parents())}\n"})


@dataclass(frozen=True)
class Promote:
    """`headpin pin` of one environment, committed as the pin of others."""

    agent: Agent
    source: str
    targets: tuple[str, ...]

    def run(self, trial: Trial) -> None:
        served = trial.model.deployment(self.source, self.agent).served
        if served is not None:
            pins: dict[str, str | None] = {pin_path(target, self.agent): pin_text(served) for target in self.targets}
            trial.commit(f"Promote {self.agent[1]} from {self.source} to {', '.join(self.targets)}", pins)


@dataclass(frozen=True)
class CopyPin:
    """`cp` of a pin."""

    agent: Agent
    source: str
    target: str

    def run(self, trial: Trial) -> None:
        text = trial.files().get(pin_path(self.source, self.agent))
        if text is not None:
            trial.commit(
                f"Copy the pin of {self.agent[1]} from {self.source} to {self.target}",
                {pin_path(self.target, self.agent): text},
            )


@dataclass(frozen=True)
class PinOld:
    """A pin edited by hand to the `which`-th release that ran in some environment."""

    agent: Agent
    source: str
    target: str
    which: int

    def run(self, trial: Trial) -> None:
        ran = trial.model.deployment(self.source, self.agent).ran
        if ran:
            release = ran[self.which % len(ran)]
            trial.commit(
                f"Pin an old {self.agent[1]} of {self.source} in {self.target}",
                {pin_path(self.target, self.agent): pin_text(release)},
            )


@dataclass(frozen=True)
class MixPin:
    """A pin that nobody should have written: one part of it is another release's, or invented."""

    agent: Agent
    environment: str
    part: Literal["revision", "image", "settings"]
    other: str | None

    def run(self, trial: Trial) -> None:
        served = trial.model.deployment(self.environment, self.agent).served
        other = trial.model.deployment(self.other, self.agent).served if self.other else _invented()
        if served is not None and other is not None:
            mixed = replace(served, **{self.part: getattr(other, self.part)})
            trial.commit(
                f"Mix the pin of {self.agent[1]} in {self.environment}",
                {pin_path(self.environment, self.agent): pin_text(mixed)},
            )


def _invented() -> Release:
    return Release("a" * 40, "registry.example.com/other:1", "b" * 40)


@dataclass(frozen=True)
class RemovePins:
    """Pins of an environment are deleted."""

    environment: str
    agents: tuple[Agent, ...]

    def run(self, trial: Trial) -> None:
        paths = {pin_path(self.environment, agent) for agent in self.agents} & trial.files().keys()
        if paths:
            trial.commit(f"Remove {', '.join(sorted(paths))}", dict.fromkeys(paths))


@dataclass(frozen=True)
class AllowPrune:
    """An override file allows to remove everything from an environment; or it goes."""

    environment: str
    allowed: bool

    def run(self, trial: Trial) -> None:
        agents = [f"{project}/{agent}" for project, agent in AGENTS]
        text = dump({"allow": "prune", "environment": self.environment, "agents": agents, "reason": "moving out"})
        path = f"overrides/prune-{self.environment}.yaml"
        if self.allowed or path in trial.files():
            trial.commit(f"Override {self.environment}", {path: text if self.allowed else None})


@dataclass(frozen=True)
class DeleteAgent:
    """An agent's document goes, perhaps with all of its folder, perhaps with its pins."""

    agent: Agent
    all_documents: bool
    pins: bool

    def run(self, trial: Trial) -> None:
        place = f"{folder(self.agent)}/"
        paths = {path for path in trial.files() if path.startswith(place) and self.all_documents}
        paths |= {f"{place}agent.yaml"} & trial.files().keys()
        if self.pins:
            paths |= {pin_path(environment, self.agent) for environment in PINNED} & trial.files().keys()
        if paths:
            trial.commit(f"Delete {self.agent[1]}", dict.fromkeys(paths))


@dataclass(frozen=True)
class RestoreAgents:
    """Every agent's document is there again, as it was at the start."""

    def run(self, trial: Trial) -> None:
        paths = [f"{folder(agent)}/agent.yaml" for agent in AGENTS]
        missing: dict[str, str | None] = {path: START[path] for path in paths if path not in trial.files()}
        if missing:
            trial.commit("Bring agents back", missing)


@dataclass(frozen=True)
class AssignPipeline:
    """A project goes another way."""

    project: str
    pipeline: str

    def run(self, trial: Trial) -> None:
        path = f"projects/{self.project}/project.yaml"
        trial.commit(f"Let {self.project} go {self.pipeline}", {path: dump({"pipeline": self.pipeline})})


@dataclass(frozen=True)
class Revert:
    """`git revert` of an earlier commit on main: the `back`-th, counted among those that touched pins or all."""

    back: int
    of_pins: bool

    def run(self, trial: Trial) -> None:
        commits = [trial.repository.commit(revision) for revision in trial.first_parents()]
        commits = [info for info in commits[:-1] if not self.of_pins or "pin" in info.subject.lower()]
        if commits:
            info = commits[self.back % len(commits)]
            mainline = ("-m", "1") if len(info.parents) > 1 else ()
            trial.try_git(("revert", "--no-edit", *mainline, info.id))


@dataclass(frozen=True)
class Branch:
    """Edits on a branch that left main `back` commits ago, brought to main in one of git's ways."""

    back: int
    edits: tuple[Action, ...]
    how: Literal["no-ff", "squash", "cherry-pick", "backwards"]

    def run(self, trial: Trial) -> None:
        commits = trial.first_parents()
        start = commits[min(self.back, len(commits) - 1)]
        before = trial.repository.ref("refs/heads/side")
        trial.repository.move_ref("refs/heads/side", before, start, "branch")
        trial.branch = "side"
        for edit in self.edits:
            edit.run(trial)
        trial.branch = "main"
        side = trial.repository.ref("refs/heads/side")
        if side != start and side is not None:
            self._bring(trial, side)

    def _bring(self, trial: Trial, side: str) -> None:
        match self.how:
            case "no-ff":
                trial.try_git(("merge", "--no-ff", "-m", "Merge pins of side", side))
            case "squash":
                trial.try_git(("merge", "--squash", side), ("commit", "-m", "Squash pins of side"))
            case "cherry-pick":
                trial.try_git(("cherry-pick", side))
            case "backwards":
                trial.try_git(
                    ("checkout", "--quiet", "--detach", side),
                    ("merge", "--no-ff", "-m", "Merge main into side", "main"),
                    ("checkout", "--quiet", "-B", "main"),
                )


@dataclass(frozen=True)
class Forget:
    """Memory goes: the refs that headpin keeps, or the controller itself, or both."""

    refs: bool
    restart: bool

    def run(self, trial: Trial) -> None:
        if self.refs:
            for name in trial.repository.refs("refs/headpin/"):
                (trial.repository.git_dir / "refs/headpin" / name).unlink()
        if self.restart:
            trial.controller = trial.new_controller()


@dataclass(frozen=True)
class Reconcile:
    """A pass, and the comparison with the model."""

    full: bool = False

    def run(self, trial: Trial) -> None:
        trial.reconcile(full=self.full)


# ── strategies ───────────────────────────────────────────────────────────────────────────────────────

agents = st.sampled_from([AGENTS[0], AGENTS[0], AGENTS[0], *AGENTS[1:]])
environments = st.sampled_from(ENVIRONMENTS)
pinned = st.sampled_from(PINNED)
shared_paths = st.one_of(
    agents.map(lambda agent: f"{folder(agent)}/agent.yaml"),
    st.sampled_from(["defaults.yaml", "projects/shop/defaults.yaml", "projects/tools/defaults.yaml"]),
)
own_paths = st.one_of(
    environments.map(lambda name: f"environments/{name}.yaml"),
    st.builds(lambda name, agent: f"projects/{agent[0]}/{name}.yaml", environments, agents),
    st.builds(lambda name, agent: f"{folder(agent)}/{name}.yaml", environments, agents),
)
pin_paths = st.builds(pin_path, pinned, agents)
other_paths = st.sampled_from(["headpin.yaml", "projects/shop/project.yaml", "projects/tools/project.yaml"])

_variables = st.sampled_from([None, (("LEVEL", "one"),), (("LEVEL", "two"),), (("PLACE", "there"),)])
_scalings = st.sampled_from([None, (0, 0), (1, 1), (2, 2), (1, 3)]).map(
    lambda pods: None if pods is None else (("minReplicas", pods[0]), ("maxReplicas", pods[1]))
)


def edits(paths: st.SearchStrategy[str]) -> st.SearchStrategy[Action]:
    """Edits of layers at `paths`."""
    return st.one_of(
        st.builds(Edit, paths, st.just("variables"), _variables), st.builds(Edit, paths, st.just("scaling"), _scalings)
    )


pushes = st.builds(Push, agents)
_next_stage = [("dev", ("qa",)), ("qa", ("staging",)), ("staging", ("prod",)), ("dev", PINNED), ("dev", ("staging",))]
promotions = st.one_of(
    st.builds(lambda agent, way: Promote(agent, *way), agents, st.sampled_from(_next_stage)),
    st.builds(lambda agent, way: Promote(agent, *way), agents, st.sampled_from(_next_stage)),
    st.builds(lambda agent, source, target: Promote(agent, source, (target,)), agents, environments, pinned),
)
hand_edits: st.SearchStrategy[Action] = st.one_of(
    st.builds(CopyPin, agents, pinned, pinned),
    st.builds(PinOld, agents, environments, pinned, st.integers(0, 4)),
    st.builds(MixPin, agents, pinned, st.sampled_from(["revision", "image", "settings"]), st.none() | environments),
    st.builds(RemovePins, pinned, agents.map(lambda agent: (agent,))),
)
reverts = st.builds(Revert, st.integers(0, 5), st.booleans())
branches = st.builds(
    Branch,
    st.integers(0, 4),
    st.lists(st.one_of(promotions, hand_edits, edits(own_paths), edits(shared_paths)), min_size=1, max_size=3).map(
        tuple
    ),
    st.sampled_from(["no-ff", "squash", "cherry-pick", "backwards"]),
)
breakages = st.builds(
    Break, st.one_of(shared_paths, own_paths, own_paths, pin_paths, other_paths), st.sampled_from(["key", "syntax"])
)
mendings = st.builds(Mend, st.none() | st.integers(0, 3))
upheavals: st.SearchStrategy[Action] = st.one_of(
    st.builds(RemovePins, pinned, st.just(AGENTS)),
    st.builds(AllowPrune, environments, st.booleans()),
    st.builds(DeleteAgent, agents, st.booleans(), st.booleans()),
    st.builds(RestoreAgents),
    st.builds(AssignPipeline, st.sampled_from(["shop", "tools"]), st.sampled_from(["standard", "quick"])),
)
quirks: st.SearchStrategy[Action] = st.one_of(
    st.builds(Rewind, agents),
    st.builds(HideSources, st.booleans()),
    st.builds(Readme),
    st.builds(Forget, st.booleans(), st.booleans()),
)
reconciles = st.builds(Reconcile, st.sampled_from([False, False, False, True]))


_starts = st.sampled_from([AGENTS, AGENTS, AGENTS[:1], ()]).map(
    lambda some: [*(Promote(agent, "dev", PINNED) for agent in some), Reconcile()]
)


def sequences(*kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Action]]:
    """Lists of actions of these kinds, a fourth of them promotions, with a pass after every few.

    Most begin where something is served everywhere.
    """
    action = st.one_of(pushes, promotions, promotions, *kinds)
    batch = st.builds(lambda some, last: [*some, last], st.lists(action, min_size=1, max_size=4), reconciles)
    batches = st.lists(batch, min_size=5, max_size=12)
    return st.builds(lambda start, others: [*start, *(one for batch in others for one in batch)], _starts, batches)
