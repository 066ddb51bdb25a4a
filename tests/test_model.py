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
from tests.model.actions import Action, sequences
from tests.model.histories import FOUND, RULES
from tests.model.trial import Trial

EXAMPLES: Final = int(os.environ.get("MODEL_EXAMPLES", "8"))
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


def _live_through(history: Iterable[Action], folder: Path) -> None:
    trial = Trial(folder)
    for action in history:
        action.run(trial)
    trial.check_objects()


@pytest.mark.parametrize("name", [*FOUND, *RULES])
def test_a_history_comes_out_as_the_model_says(name: str, tmp_path: Path) -> None:
    _live_through((FOUND | RULES)[name], tmp_path)


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
