"""What is observed outside: where the branches of source repositories are.

Owns which repositories are asked, side by side and within a time limit. A source that does not answer is a
value, never an exception: it concerns its own agents only.
"""

from headpin.sources.observe import Observation, SourceKey, observe

__all__ = ["Observation", "SourceKey", "observe"]
