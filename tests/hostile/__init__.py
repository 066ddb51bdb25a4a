"""Hostile and unlucky inputs: documents, names, trees, sources, rendering."""
