"""Edits of the config repository that headpin makes for people.

Each is a value (files, and the message of their commit), so that it can be shown before it is written.
Must never write itself.
"""

from headpin.actions.adopt import adoption
from headpin.actions.approve import approval
from headpin.actions.change import Change
from headpin.actions.layers import START, STOP, LayerEdit, layer_change, scaling
from headpin.actions.pins import PinMove, promotion, rollback
from headpin.actions.rename import renaming
from headpin.actions.scaffold import Scaffold, scaffold

__all__ = [
    "START",
    "STOP",
    "Change",
    "LayerEdit",
    "PinMove",
    "Scaffold",
    "adoption",
    "approval",
    "layer_change",
    "promotion",
    "renaming",
    "rollback",
    "scaffold",
    "scaling",
]
