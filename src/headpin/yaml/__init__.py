"""YAML in and out: strict reading with places, and writing that every parser reads alike.

Owns which YAML headpin accepts (a small, unambiguous part of it) and the form in which it writes; and how authored
documents are edited, what is not concerned left alone.
Only this package imports a YAML library. Must never know what a document means.
"""

from headpin.yaml.edit import DELETE, Change, edit, insert
from headpin.yaml.emit import Value, dump, quote
from headpin.yaml.load import Issue, Loaded, Path, Place, load

__all__ = [
    "DELETE",
    "Change",
    "Issue",
    "Loaded",
    "Path",
    "Place",
    "Value",
    "dump",
    "edit",
    "insert",
    "load",
    "quote",
]
