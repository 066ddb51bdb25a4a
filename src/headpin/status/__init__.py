"""What people ask: the matrix of deployments, their history, why a value is what it is, what would be rendered.

Reads documents at main's head and records on the environment branches, and gives values; `as_json` of each
is the documented machine form (`docs/json.md`). Must never write, and never print.
"""

from headpin.status.explain import Explanation, explain
from headpin.status.history import HistoryItem, events_of_commit, read_history
from headpin.status.matrix import DeploymentStatus, EnvironmentStatus, StatusReport, read_status
from headpin.status.preview import render_environment
from headpin.status.promotion import Outlook, promotion_outlook

__all__ = [
    "DeploymentStatus",
    "EnvironmentStatus",
    "Explanation",
    "HistoryItem",
    "Outlook",
    "StatusReport",
    "events_of_commit",
    "explain",
    "promotion_outlook",
    "read_history",
    "read_status",
    "render_environment",
]
