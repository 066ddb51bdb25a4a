"""The soak campaign: thousands of changes through one daemon, and what has to be true afterwards."""
