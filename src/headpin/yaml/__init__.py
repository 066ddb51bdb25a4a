"""YAML in and out: strict reading with places, and writing that every parser reads alike.

Owns which YAML headpin accepts (a small, unambiguous part of it) and the form in which it writes.
Only this package imports a YAML library. Must never know what a document means.
"""

from headpin.yaml.emit import dump, quote
from headpin.yaml.fill import NoPlace, fill
from headpin.yaml.load import Issue, Loaded, Path, Place, load

__all__ = ["Issue", "Loaded", "NoPlace", "Path", "Place", "dump", "fill", "load", "quote"]
