"""What is observed outside: where the branches of source repositories are, and which digests images have.

Owns who is asked, side by side and within a time limit. What does not answer is a value, never an exception: it
concerns its own agents only. Only this package imports httpx.
"""

from headpin.sources.image_answer import ImageAnswer
from headpin.sources.image_lookups import ImageLookups
from headpin.sources.observe import Observation, SourceKey, observe

__all__ = ["ImageAnswer", "ImageLookups", "Observation", "SourceKey", "observe"]
