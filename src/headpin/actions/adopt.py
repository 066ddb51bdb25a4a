"""Taking over what runs already: a pin, and the reviewed file that lets it in without having run anywhere before."""

from __future__ import annotations

import hashlib

from headpin.actions.change import Change
from headpin.releases import Release
from headpin.releases.codec import format_release
from headpin.types import AgentName
from headpin.workspace.layout import pin_path
from headpin.yaml import dump


def adoption(target: str, agent: AgentName, release: Release, reason: str) -> Change:
    """The commit that takes `release` over as the first one of a deployment."""
    text = dump(
        {
            "allow": "adopt",
            "environment": target,
            "agents": [str(agent)],
            "release": release.as_mapping(),
            "reason": reason,
        }
    )
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    files: dict[str, bytes | None] = {
        pin_path(target, agent): format_release(release).encode(),
        f"overrides/adopt-{digest}.yaml": text.encode(),
    }
    return Change(files, f"Adopt {agent} in {target}: v1 ({release})", reason)
