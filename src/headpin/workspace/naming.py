"""The names of an agent's Kubernetes objects, and which agents would share one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from headpin.types import AgentName, name_fault

MAX_OBJECT_NAME = 52
"""Leaves room in 63 characters (RFC 1123 label) for the suffix of a ConfigMap's hash."""

_DIGEST = 8
_LIKE_SHORTENED = re.compile(rf".{{{MAX_OBJECT_NAME - _DIGEST - 1}}}-[0-9a-f]{{{_DIGEST}}}")


def object_name(agent: AgentName) -> str:
    """The name of the agent's objects: ``project-agent``, or its start and a digest when that is too long.

    One that only looks shortened is shortened too, so that nobody can choose the name of a longer one.
    """
    plain = f"{agent.project}-{agent.agent}"
    if len(plain) <= MAX_OBJECT_NAME and _LIKE_SHORTENED.fullmatch(plain) is None:
        return plain
    digest = hashlib.sha256(str(agent).encode()).hexdigest()[:_DIGEST]
    return f"{plain[: MAX_OBJECT_NAME - _DIGEST - 1]}-{digest}"


def namesakes(agent: AgentName) -> Iterator[AgentName]:
    """Every other agent whose objects would have the same name: the hyphen elsewhere."""
    plain = f"{agent.project}-{agent.agent}"
    if object_name(agent) != plain:
        return
    for position, letter in enumerate(plain):
        if letter != "-" or position == len(agent.project):
            continue
        project, name = plain[:position], plain[position + 1 :]
        if not name_fault(project) and not name_fault(name):
            yield AgentName(project, name)
