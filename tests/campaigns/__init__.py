"""Campaigns: long trials of the daemon, each by a command of its own; what CI runs of each is short."""
