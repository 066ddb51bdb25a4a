"""What people ask: the matrix of deployments, their history, why a value is what it is, what would be rendered.

Reads documents at main's head and records on the environment branches, and gives values; `as_json` of each
is the documented machine form (`docs/json.md`). Must never write, and never print.
"""

from headpin.status.at import AtReport, read_at_revision, read_at_time
from headpin.status.explain import Explanation, explain
from headpin.status.history import HistoryItem, Told, Wanted, read_history, read_log
from headpin.status.matrix import DeploymentStatus, EnvironmentStatus, StatusReport, read_status
from headpin.status.preview import render_environment
from headpin.status.promotion import Outlook, promotion_outlook

__all__ = [
    "AtReport",
    "DeploymentStatus",
    "EnvironmentStatus",
    "Explanation",
    "HistoryItem",
    "Outlook",
    "StatusReport",
    "Told",
    "Wanted",
    "explain",
    "promotion_outlook",
    "read_at_revision",
    "read_at_time",
    "read_history",
    "read_log",
    "read_status",
    "render_environment",
]
