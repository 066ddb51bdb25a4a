"""Edits of the config repository that headpin makes for people.

Each is a value (files, and the message of their commit), so that it can be shown before it is written.
Must never write itself.
"""

from headpin.actions.adopt import adoption
from headpin.actions.approve import approval
from headpin.actions.change import Change
from headpin.actions.creation import (
    NewAgent,
    NewEnvironment,
    StagePlace,
    Told,
    agent_creation,
    environment_creation,
    pipeline_assignment,
    pipeline_creation,
    project_creation,
    stage_addition,
    stage_removal,
)
from headpin.actions.deletion import (
    agent_deletion,
    environment_deletion,
    pipeline_deletion,
    project_deletion,
    prune_overrides,
)
from headpin.actions.layers import START, STOP, LayerEdit, layer_change, scaling
from headpin.actions.pins import PinMove, promotion, rollback
from headpin.actions.rename import renaming
from headpin.actions.scaffold import Scaffold, scaffold

__all__ = [
    "START",
    "STOP",
    "Change",
    "LayerEdit",
    "NewAgent",
    "NewEnvironment",
    "PinMove",
    "Scaffold",
    "StagePlace",
    "Told",
    "adoption",
    "agent_creation",
    "agent_deletion",
    "approval",
    "environment_creation",
    "environment_deletion",
    "layer_change",
    "pipeline_assignment",
    "pipeline_creation",
    "pipeline_deletion",
    "project_creation",
    "project_deletion",
    "promotion",
    "prune_overrides",
    "renaming",
    "rollback",
    "scaffold",
    "scaling",
    "stage_addition",
    "stage_removal",
]
