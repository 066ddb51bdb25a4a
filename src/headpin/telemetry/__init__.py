"""What an unattended headpin tells: log lines, metrics, notifications. Must never decide anything, or delay a pass."""
