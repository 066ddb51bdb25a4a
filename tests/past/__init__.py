"""History as data: the chain of own commits, `at`, `log` and `history`."""
