"""Releases, records, gates and decisions: what is served, what is wanted, and what follows. All pure.

Must never read a clock, a repository or a disk: `now`, records, heads and documents are arguments.
"""

from headpin.releases.conditions import UNCONDITIONAL, Conditions, Consent, Exemption, Suspension
from headpin.releases.decide import (
    Action,
    Decision,
    Desired,
    Imageless,
    Layers,
    Nothing,
    Situation,
    Unobserved,
    Unreadable,
    Wanted,
    decide,
    held,
    question_of,
    with_settings_held,
)
from headpin.releases.evidence import NO_EVIDENCE, Check, Evidence, Health, Span
from headpin.releases.first_stage import Built, FirstStage
from headpin.releases.gates import Answer, Question, ask_gates, opens_at
from headpin.releases.plan import Planned, prune_excess
from headpin.releases.record import (
    HEADPIN,
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
from headpin.releases.release import Ran, Release, ran_as, subject_of
from headpin.releases.settle import Rendered, Settled, settle, with_rename
from headpin.releases.upstream import Upstream, sources

__all__ = [
    "HEADPIN",
    "NEVER_RAN",
    "NO_EVIDENCE",
    "UNCONDITIONAL",
    "Action",
    "Answer",
    "Built",
    "Check",
    "Conditions",
    "Consent",
    "Decision",
    "Desired",
    "Event",
    "EventKind",
    "Evidence",
    "Exemption",
    "FirstStage",
    "GateResult",
    "Health",
    "Hold",
    "HoldReason",
    "Imageless",
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
    "Span",
    "Status",
    "Suspension",
    "Unobserved",
    "Unreadable",
    "Upstream",
    "Wanted",
    "ask_gates",
    "decide",
    "held",
    "opens_at",
    "prune_excess",
    "question_of",
    "ran_as",
    "settle",
    "sources",
    "subject_of",
    "with_rename",
    "with_settings_held",
]
