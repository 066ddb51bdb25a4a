"""What an unattended headpin tells: log lines, metrics, notifications. Must never decide anything, or delay a pass."""

from headpin.telemetry.counts import DeploymentCounts
from headpin.telemetry.logs import LogForm, LogLevel, start_logging, tell
from headpin.telemetry.metrics import Metrics
from headpin.telemetry.redaction import Redaction
from headpin.telemetry.telemetry import Telemetry

__all__ = [
    "DeploymentCounts",
    "LogForm",
    "LogLevel",
    "Metrics",
    "Redaction",
    "Telemetry",
    "start_logging",
    "tell",
]
