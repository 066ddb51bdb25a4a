"""Random histories of a config repository against a model of the rules: both must tell the same."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.model import actions, commands, gate_actions
from tests.model.actions import (
    PINNED,
    Action,
    Branch,
    Break,
    CopyPin,
    DeleteAgent,
    Edit,
    Forget,
    Mend,
    MixPin,
    Promote,
    Push,
    Reconcile,
    RemovePins,
    RestoreAgents,
    Revert,
    sequences,
)
from tests.model.trial import AGENTS, Trial

EXAMPLES: Final = int(os.environ.get("MODEL_EXAMPLES", "50"))
"""Histories of each kind."""

SEED: Final = int(os.environ.get("MODEL_SEED", "0"))
"""The same histories every time; another number gives others."""

KINDS: Final[Mapping[str, tuple[st.SearchStrategy[Any], ...]]] = {
    "pins": (actions.hand_edits, actions.reverts, actions.quirks),
    "merges": (actions.hand_edits, actions.reverts, actions.branches, actions.edits(actions.own_paths)),
    "settings": (
        actions.edits(actions.own_paths),
        actions.edits(actions.shared_paths),
        actions.breakages,
        actions.mendings,
    ),
    "gates": (gate_actions.gate_actions, gate_actions.gate_actions, gate_actions.stops, actions.reverts),
    "commands": (
        commands.commands,
        commands.commands,
        gate_actions.gate_actions,
        actions.edits(actions.own_paths),
        actions.reverts,
    ),
    "automation": (
        gate_actions.automatic,
        gate_actions.automatic,
        gate_actions.gate_actions,
        commands.commands,
        actions.pushes,
        actions.reverts,
    ),
    "everything": (
        commands.commands,
        gate_actions.automatic,
        gate_actions.gate_actions,
        gate_actions.stops,
        actions.hand_edits,
        actions.reverts,
        actions.branches,
        actions.edits(actions.own_paths | actions.shared_paths),
        actions.breakages,
        actions.mendings,
        actions.upheavals,
        actions.quirks,
    ),
}

CART, MAIL, BOT = AGENTS
FOUND: Final[Mapping[str, tuple[Action, ...]]] = {
    "the first promotion of an environment is told of its own commit": (
        Promote(BOT, "dev", ("qa",)),
        Push(BOT),
        Forget(refs=True, restart=True),
        Reconcile(),
    ),
    "a pin that came and went is told by a full pass too": (
        Promote(CART, "dev", PINNED),
        RemovePins("prod", AGENTS),
        Reconcile(full=True),
    ),
    "a required stage that serves nothing any more supplies nothing": (
        Promote(CART, "dev", ("staging",)),
        Reconcile(),
        Promote(CART, "staging", ("prod",)),
        RemovePins("staging", (CART,)),
        Reconcile(),
    ),
    "a removal is told of the commit that removed, not of the one that broke the pin before": (
        Promote(CART, "dev", ("qa",)),
        Reconcile(),
        Break("pins/qa/shop/cart.yaml", "key"),
        RemovePins("qa", (CART,)),
        Reconcile(),
    ),
    "a promotion that an agent's absence held is still told of its own commit": (
        Promote(CART, "dev", ("qa",)),
        DeleteAgent(CART, all_documents=False, pins=False),
        Reconcile(),
        RestoreAgents(),
        Reconcile(),
    ),
    "a removal that a broken project held is still told of its own commit": (
        Promote(CART, "dev", ("qa",)),
        Reconcile(),
        RemovePins("qa", (CART,)),
        Break("projects/shop/project.yaml", "key"),
        Reconcile(),
        Mend(None),
        Reconcile(),
    ),
    "a pin that went away and came back is no move, however late it is looked at": (
        Promote(CART, "dev", ("qa",)),
        Reconcile(),
        RemovePins("qa", (CART,)),
        Revert(0, of_pins=True),
        Reconcile(),
        MixPin(CART, "qa", "revision", None),
        Reconcile(),
    ),
    "an autoscaler that comes is scaling": (
        Promote(CART, "dev", ("qa",)),
        Reconcile(),
        Edit("environments/qa.yaml", "scaling", (("minReplicas", 1), ("maxReplicas", 3))),
        Reconcile(),
    ),
    "only what a backwards merge brought is one step": (
        Promote(CART, "dev", PINNED),
        Promote(MAIL, "dev", PINNED),
        RemovePins("staging", (MAIL,)),
        Reconcile(),
        Branch(1, (RemovePins("qa", (CART,)),), "backwards"),
        Reconcile(),
        RemovePins("staging", (CART,)),
        CopyPin(MAIL, "prod", "staging"),
        Reconcile(),
    ),
}
"""Histories that once came out differently."""


def _live_through(history: Iterable[Action], folder: Path) -> None:
    trial = Trial(folder)
    for action in history:
        action.run(trial)
    trial.check_objects()


@pytest.mark.parametrize("name", FOUND)
def test_a_history_comes_out_as_the_model_says(name: str, tmp_path: Path) -> None:
    _live_through(FOUND[name], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_random_histories_come_out_as_the_model_says(kind: str) -> None:
    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(sequences(*KINDS[kind]))
    def live_through(history: list[Action]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="headpin-model-"))
        try:
            _live_through(history, folder)
        finally:
            shutil.rmtree(folder)

    live_through()
