"""Edits of the config repository that headpin makes for people.

Each is a value (files, and the message of their commit), so that it can be shown before it is written.
Must never write itself.
"""

from headpin.actions.scaffold import Scaffold, scaffold

__all__ = ["Scaffold", "scaffold"]
