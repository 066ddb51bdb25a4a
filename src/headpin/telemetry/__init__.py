"""What an unattended headpin tells: log lines, metrics, notifications. Must never decide anything, or delay a pass."""

from headpin.telemetry.counts import DeploymentCounts
from headpin.telemetry.logs import LogForm, LogLevel, start_logging, tell
from headpin.telemetry.metrics import Metrics
from headpin.telemetry.notifier import Notifier, Patience
from headpin.telemetry.redaction import Redaction
from headpin.telemetry.targets import Target, read_targets
from headpin.telemetry.telemetry import Telemetry

__all__ = [
    "DeploymentCounts",
    "LogForm",
    "LogLevel",
    "Metrics",
    "Notifier",
    "Patience",
    "Redaction",
    "Target",
    "Telemetry",
    "read_targets",
    "start_logging",
    "tell",
]
