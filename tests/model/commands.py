"""What people do with headpin's own commands, as values: each foretells by the model what the command does.

The commands' intents are carried out as `headpin.cli` does it, and some are typed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import yaml
from hypothesis import strategies as st

from headpin.controller.act import Actor, Intent, Outside
from headpin.controller.intents import (
    AgentPattern,
    PromotionWish,
    to_adopt,
    to_promote,
    to_roll_back,
    to_scale,
    to_start,
    to_stop,
)
from headpin.errors import Refused, UsageError
from headpin.types import AgentName, Revision
from tests.inprocess import headpin
from tests.model.actions import Action, agents, pinned
from tests.model.gates import PERSON
from tests.model.mainline import HEAD, Agent, Commit, Release, folder, pin_path, snapshot_id
from tests.model.trial import AGENTS, Trial, about, pin_text
from tests.world import git

Foretold = Mapping[str, str] | None
"""The pins that a command writes, or None where it is refused."""


def _act(trial: Trial, intent: Intent) -> Commit | None:
    """Carries out an intent as a person would in the work tree: None where it is refused or nothing has to change."""
    trial.now += timedelta(minutes=1)
    git("checkout", "--quiet", "--force", "main", cwd=trial.config)
    before = trial.head()
    try:
        done = Actor(trial.controller, ("Test Person", PERSON), Outside.NEVER).act(intent)
    except (Refused, UsageError) as error:
        assert trial.head() == before, "a refused command commits nothing"
        assert str(error), "a refused command says why"
        return None
    assert git("status", "--porcelain", "--untracked-files=no", cwd=trial.config) == "", "the files follow"
    if done.commit is None:
        assert trial.head() == before
        return None
    made = trial.commit_at_head()
    assert made.revision == done.commit.id and trial.first_parents()[1] == before, "a command is one commit"
    return made


def _type(trial: Trial, *arguments: str) -> Commit | None:
    """Types a command: None where it is refused. Its commit is made by the clock of this machine."""
    git("checkout", "--quiet", "--force", "main", cwd=trial.config)
    before = trial.head()
    done = headpin(*arguments, "--yes", cwd=trial.config)
    assert git("status", "--porcelain", "--untracked-files=no", cwd=trial.config) == "", "the files follow"
    if trial.head() == before:
        assert done.err if done.code else "nothing to do" in done.out, "it says why it commits nothing"
        return None
    assert done.code == 0 and trial.first_parents()[1] == before, f"{done.code}: {done.out}{done.err}"
    return trial.commit_at_head()


def _with(trial: Trial, files: Mapping[str, str | None], note: str) -> list[Commit]:
    """Main's history with one more commit on it."""
    history = trial.history()
    head = history[-1]
    after = {path: text for path, text in (head.files | files).items() if text is not None}
    made = Commit("f" * 40, after, head.ancestors | {head.revision}, f"Subject\n\n{note}" if note else "Subject")
    return [*history, made]


def _compare(trial: Trial, what: str, made: Commit | None, before: Commit, foretold: Foretold) -> None:
    """A command does what the model foretells, and touches no other pin."""
    changed = (
        {}
        if made is None
        else {
            path: made.files.get(path)
            for path in {*made.files, *before.files}
            if path.startswith("pins/") and made.files.get(path) != before.files.get(path)
        }
    )
    releases = {path: _release(text) for path, text in changed.items()}
    wanted = (
        {}
        if foretold is None
        else {
            path: _release(text)
            for path, text in foretold.items()
            if _release(before.files.get(path)) != _release(text)
        }
    )
    assert releases == wanted, f"{what}\n  headpin: {releases}\n  model:   {wanted}"


def _release(text: str | None) -> Release | None:
    try:
        return None if text is None else Release(**yaml.safe_load(text))
    except (yaml.YAMLError, TypeError):
        return None


def _meant(what: Agent | str) -> tuple[Sequence[Agent], AgentPattern]:
    """An agent, or all of a project."""
    if isinstance(what, str):
        return [agent for agent in AGENTS if agent[0] == what], AgentPattern(what, "*")
    return [what], AgentPattern(*what)


@dataclass(frozen=True)
class CommandPromote:
    """`headpin promote`: of one agent, or a train of a project's."""

    what: Agent | str
    target: str
    note: str = ""
    keep_stopped: bool = False
    is_typed: bool = False

    def run(self, trial: Trial) -> None:
        before = trial.commit_at_head()
        named, pattern = _meant(self.what)
        wish = PromotionWish(self.target, note=self.note, keep_stopped=self.keep_stopped)
        trial.now += timedelta(minutes=1)
        foretold = self._foretell(trial, before, named, is_train=pattern.is_many)
        trial.now -= timedelta(minutes=1)
        if self.is_typed:
            said = ("--note", self.note) if self.note else ()
            made = _type(trial, "promote", f"{pattern.project}/{pattern.agent}", "--to", self.target, *said)
        else:
            made = _act(trial, to_promote(trial.controller, [pattern], wish))
        if made is None and trial.model.environments[self.target].hold is not None:
            return  # whether a promotion may be what ends the hold of a whole environment, the design does not say
        _compare(trial, f"promote {self.what} to {self.target}", made, before, foretold)
        if made is not None and foretold is not None and not self.keep_stopped:
            for path in foretold:
                agent = next(one for one in AGENTS if pin_path(self.target, one) == path)
                assert not made.is_stopped(self.target, agent), f"{path}: a promotion starts what is stopped"

    def _foretell(self, trial: Trial, head: Commit, named: Sequence[Agent], *, is_train: bool) -> Foretold:
        pins: dict[str, str | None] = {}
        for agent in named:
            supplied = trial.model.supply(head, self.target, agent)
            if supplied is None and is_train:
                continue
            if supplied is None or supplied.is_stopped or supplied.served is None:
                return None
            pins[pin_path(self.target, agent)] = pin_text(supplied.served)
        if not pins:
            return None
        history = _with(trial, pins, self.note)
        for agent in named:
            if pin_path(self.target, agent) in pins and not _passes(trial, history, self.target, agent):
                return None
        return {path: text for path, text in pins.items() if text is not None}


def _passes(trial: Trial, history: Sequence[Commit], environment: str, agent: Agent) -> bool:
    if trial.model.environment_hold(history[-1], environment) is not None:
        return False
    return trial.model.foresee(history, environment, agent, trial.now).hold is None


@dataclass(frozen=True)
class CommandRollback:
    """`headpin rollback`: to what was served before the present release was first promoted."""

    what: Agent | str
    environment: str
    is_typed: bool = False

    def run(self, trial: Trial) -> None:
        before = trial.commit_at_head()
        named, pattern = _meant(self.what)
        trial.now += timedelta(minutes=1)
        foretold = self._foretell(trial, named, is_train=pattern.is_many)
        trial.now -= timedelta(minutes=1)
        if self.is_typed:
            made = _type(trial, "rollback", f"{pattern.project}/{pattern.agent}", "--env", self.environment)
        else:
            made = _act(trial, to_roll_back([pattern], self.environment, None, None, ""))
        if made is None and trial.model.environments[self.environment].hold is not None:
            return
        _compare(trial, f"roll {self.what} back in {self.environment}", made, before, foretold)

    def _foretell(self, trial: Trial, named: Sequence[Agent], *, is_train: bool) -> Foretold:
        pins: dict[str, str | None] = {}
        for agent in named:
            deployment = trial.model.deployment(self.environment, agent)
            target = deployment.before()
            if target is None and is_train:
                continue
            if target is None:
                return None
            assert (deployment.number(target) or 0) < deployment.last, "a rollback never goes forward"
            pins[pin_path(self.environment, agent)] = pin_text(target)
        history = _with(trial, pins, "")
        if not pins or trial.model.environment_hold(history[-1], self.environment) is not None:
            return None
        for agent in named:
            if pin_path(self.environment, agent) in pins and _is_invalid(trial, history, self.environment, agent):
                return None
        return {path: text for path, text in pins.items() if text is not None}


def _is_invalid(trial: Trial, history: Sequence[Commit], environment: str, agent: Agent) -> bool:
    return trial.model.foresee(history, environment, agent, trial.now).hold == "Invalid"


@dataclass(frozen=True)
class CommandLayer:
    """`headpin stop`, `start` or `scale` of an agent: an edit of its own layer that no gate can stop."""

    agent: Agent
    environment: str
    what: str | tuple[int, int]

    def run(self, trial: Trial) -> None:
        before = trial.commit_at_head()
        pattern = [AgentPattern(*self.agent)]
        match self.what:
            case "stop":
                intent = to_stop(pattern, self.environment)
            case "start":
                intent = to_start(pattern, self.environment)
            case (minimum, maximum):
                intent = to_scale(pattern, self.environment, minimum, maximum)
        made = _act(trial, intent)
        head = made or before
        path = head.own_paths(self.environment, self.agent)[2]
        if made is not None:
            assert {one for one in {*made.files, *before.files} if made.files.get(one) != before.files.get(one)} == {
                path
            }
        if made is None and self._may_be_refused(trial, head):
            return
        if isinstance(self.what, str):
            assert head.is_stopped(self.environment, self.agent) == (self.what == "stop")
        else:
            layer = head.own(self.environment, self.agent)[2].get("scaling", {})
            assert (layer.get("minReplicas"), layer.get("maxReplicas")) == self.what

    def _may_be_refused(self, trial: Trial, head: Commit) -> bool:
        """The design says only that such an edit needs no gate."""
        deployment = trial.model.deployment(self.environment, self.agent)
        is_known = f"{folder(self.agent)}/agent.yaml" in head.files
        held = trial.model.environment_hold(head, self.environment)
        return not is_known or held is not None or deployment.served is None or _has_broken(head)


@dataclass(frozen=True)
class CommandAdopt:
    """`headpin adopt` of a revision that dev ran: as an agent's first release in an environment."""

    agent: Agent
    environment: str
    which: int

    def run(self, trial: Trial) -> None:
        ran = trial.model.deployment(HEAD, self.agent).ran
        if not ran:
            return
        before = trial.commit_at_head()
        revision = ran[self.which % len(ran)].revision
        trial.now += timedelta(minutes=1)
        foretold = self._foretell(trial, before, revision)
        trial.now -= timedelta(minutes=1)
        made = _act(trial, to_adopt(AgentName(*self.agent), self.environment, Revision(revision), None, "it runs"))
        if made is None and trial.model.environments[self.environment].hold is not None:
            return
        _compare(trial, f"adopt {self.agent} in {self.environment}", made, before, foretold)

    def _foretell(self, trial: Trial, head: Commit, revision: str) -> Foretold:
        path = f"{folder(self.agent)}/agent.yaml"
        layers = (path, f"projects/{self.agent[0]}/defaults.yaml", "defaults.yaml")
        has_run = bool(trial.model.deployment(self.environment, self.agent).ran)
        if has_run or path not in head.files or head.is_broken(*layers):
            return None
        pattern: str = yaml.safe_load(head.files[path])["image"]["pattern"]
        image = pattern.replace("{revision}", revision)
        release = Release(revision, image, snapshot_id(head.shared(self.agent)))
        said = {
            "allow": "adopt",
            "environment": self.environment,
            "agents": ["/".join(self.agent)],
            "reason": "it runs",
        }
        pins = {pin_path(self.environment, self.agent): pin_text(release)}
        history = _with(trial, pins | {"overrides/adopted.yaml": about(said, release)}, "")
        return pins if _passes(trial, history, self.environment, self.agent) else None


def _has_broken(head: Commit) -> bool:
    return head.is_broken(*(path for path in head.files if path.endswith(".yaml")))


# ── strategies ───────────────────────────────────────────────────────────────────────────────────────

_what: st.SearchStrategy[Any] = st.one_of(agents, agents, st.sampled_from(["shop", "tools"]))
promotions = st.builds(CommandPromote, _what, pinned, st.sampled_from(["", "", "Tried it."]), st.booleans())
rollbacks = st.builds(CommandRollback, _what, pinned)
layers = st.builds(CommandLayer, agents, pinned, st.sampled_from(["stop", "start", "start", (1, 1), (2, 2), (1, 3)]))
adoptions = st.builds(CommandAdopt, agents, pinned, st.integers(0, 3))
commands: st.SearchStrategy[Action] = st.one_of(
    promotions, promotions, promotions, rollbacks, rollbacks, layers, adoptions
)
