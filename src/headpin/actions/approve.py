"""Approving a promotion: a reviewed file that says who approves of which release where."""

from __future__ import annotations

import hashlib

from headpin.actions.change import Change
from headpin.releases import Release
from headpin.types import AgentName
from headpin.yaml import dump


def approval(target: str, agent: AgentName, release: Release, by: str, reason: str) -> Change:
    """The commit by which `by` approves of `release` in `target`. Approving twice is one file."""
    text = dump(
        {
            "environment": target,
            "agent": str(agent),
            "release": release.as_mapping(),
            "by": by,
            "reason": reason,
        }
    )
    who = hashlib.sha256(f"{target} {agent} {release.as_mapping()} {by}".encode()).hexdigest()[:10]
    return Change({f"approvals/approve-{who}.yaml": text.encode()}, f"Approve {agent} in {target}: {release}", reason)
