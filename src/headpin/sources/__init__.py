"""What is observed outside: where branches of source repositories are, and which of their commits are releases.

Owns which repositories are asked and fetched, side by side and within time limits, and the mirrors that are kept
of them. A source that does not answer is a value, never an exception: it concerns its own agents only.
"""

from headpin.sources.content import ContentFault
from headpin.sources.follower import Follower, Memory, content_bytes
from headpin.sources.following import OWN, Chain, Followed, SourceRule, follow, follow_from
from headpin.sources.observe import Observation, SourceKey, observe

__all__ = [
    "OWN",
    "Chain",
    "ContentFault",
    "Followed",
    "Follower",
    "Memory",
    "Observation",
    "SourceKey",
    "SourceRule",
    "content_bytes",
    "follow",
    "follow_from",
    "observe",
]
