"""What is observed outside: where branches are, which of their commits are releases, and which digests images have.

Owns who is asked and fetched, side by side and within time limits, and the mirrors that are kept of sources. What
does not answer is a value, never an exception: it concerns its own agents only. Only this package imports httpx.
"""

from headpin.sources.content import ContentFault
from headpin.sources.follower import Follower, Memory, content_bytes
from headpin.sources.following import MAX_SUBJECT, OWN, Chain, Followed, SourceRule, follow, follow_from
from headpin.sources.image_answer import ImageAnswer
from headpin.sources.image_lookups import ImageLookups
from headpin.sources.observe import Observation, SourceKey, observe

__all__ = [
    "MAX_SUBJECT",
    "OWN",
    "Chain",
    "ContentFault",
    "Followed",
    "Follower",
    "ImageAnswer",
    "ImageLookups",
    "Memory",
    "Observation",
    "SourceKey",
    "SourceRule",
    "content_bytes",
    "follow",
    "follow_from",
    "observe",
]
