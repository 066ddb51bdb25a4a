"""Releases, records, gates and decisions: what is served, what is wanted, and what follows. All pure.

Must never read a clock, a repository or a disk: `now`, records, heads and documents are arguments.
"""

from headpin.releases.decide import (
    Action,
    Decision,
    Desired,
    Layers,
    Nothing,
    Situation,
    Unobserved,
    Unreadable,
    Wanted,
    decide,
    held,
)
from headpin.releases.gates import Answer, Built, FirstStage, Question, Upstream, ask_gates
from headpin.releases.plan import Planned, prune_excess
from headpin.releases.record import (
    NEVER_RAN,
    Event,
    EventKind,
    GateResult,
    Hold,
    HoldReason,
    Move,
    Record,
    Scale,
    Served,
    SourceVersion,
    Status,
)
from headpin.releases.release import Ran, Release, ran_as
from headpin.releases.settle import Rendered, Settled, settle

__all__ = [
    "NEVER_RAN",
    "Action",
    "Answer",
    "Built",
    "Decision",
    "Desired",
    "Event",
    "EventKind",
    "FirstStage",
    "GateResult",
    "Hold",
    "HoldReason",
    "Layers",
    "Move",
    "Nothing",
    "Planned",
    "Question",
    "Ran",
    "Record",
    "Release",
    "Rendered",
    "Scale",
    "Served",
    "Settled",
    "Situation",
    "SourceVersion",
    "Status",
    "Unobserved",
    "Unreadable",
    "Upstream",
    "Wanted",
    "ask_gates",
    "decide",
    "held",
    "prune_excess",
    "ran_as",
    "settle",
]
