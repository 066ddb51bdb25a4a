"""Hostile and unlucky inputs: documents, names, trees, sources, rendering."""

from headpin.types import AgentName

TILL = AgentName("shop", "till")
"""The second agent of the worlds here: the one that nothing hostile may touch."""
