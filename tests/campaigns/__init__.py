"""Campaigns: headpin as it runs, for longer and in worse weather than a test of one thing can show."""

import tests.conftest  # noqa: F401 - before libgit2 is loaded: blind to the user's git settings
