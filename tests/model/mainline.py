"""Main as people write it: the documents of every commit, read as docs/config-reference.md says and no further.

It imports nothing of headpin.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import yaml

ENVIRONMENTS: Final = ("dev", "qa", "staging", "prod")
"""In the order of all pipelines together; the first tracks head."""

HEAD: Final = ENVIRONMENTS[0]

AUTOMATON: Final = "headpin"
"""The author of promotions that nobody made."""

_TRAILERS: Final = re.compile(r"(?:Headpin-[A-Za-z-]+: .*\n?)+")

Agent = tuple[str, str]
"""Project and agent."""

Layer = Mapping[str, Any]
"""What one document says of settings."""


class Unreadable:
    """Stands for a document that cannot be read."""


UNREADABLE: Final = Unreadable()


@dataclass(frozen=True)
class Release:
    """What runs: compared whole."""

    revision: str
    image: str
    settings: str


@cache
def parse(text: str) -> Layer | Unreadable:
    """A document as the tests write it: broken by its syntax, or by the key ``colour``."""
    try:
        found = yaml.load(text, yaml.CSafeLoader)
    except yaml.YAMLError:
        return UNREADABLE
    return found if isinstance(found, dict) and "colour" not in found else UNREADABLE


@dataclass(frozen=True)
class Commit:
    """A revision of main: the text of every file, and all that went before."""

    revision: str
    files: Mapping[str, str]
    ancestors: frozenset[str] = frozenset()
    message: str = ""
    author: str = ""

    def read(self, path: str) -> Layer | Unreadable | None:
        """The document at `path`; None where there is none."""
        return parse(self.files[path]) if path in self.files else None

    def is_broken(self, *paths: str) -> bool:
        """Whether any of these documents is there and cannot be read."""
        return any(self.read(path) is UNREADABLE for path in paths)

    def pin(self, environment: str, agent: Agent) -> Release | Unreadable | None:
        """The release that the pin names."""
        found = self.read(pin_path(environment, agent))
        if found is None or isinstance(found, Unreadable):
            return found
        return Release(found["revision"], found["image"], found["settings"])

    def has_documents(self, agent: Agent) -> bool:
        """Whether anything is left in the agent's folder."""
        return any(path.startswith(f"{folder(agent)}/") for path in self.files)

    def stages(self, project: str) -> Sequence[Layer]:
        """The stages of the project's pipeline; none where that cannot be read."""
        document = self.read(f"projects/{project}/project.yaml")
        pipeline = self.read(f"pipelines/{document['pipeline']}.yaml") if isinstance(document, dict) else None
        return pipeline["stages"] if isinstance(pipeline, dict) else ()

    def stage(self, environment: str, project: str) -> Layer:
        """What the project's pipeline says of an environment."""
        return next((stage for stage in self.stages(project) if stage["environment"] == environment), {})

    def earlier(self, environment: str, project: str) -> list[int]:
        """The positions of the stages before an environment, the nearest first."""
        stages = self.stages(project)
        positions = [number for number, stage in enumerate(stages) if stage["environment"] == environment]
        return list(reversed(range(positions[0] if positions else 0)))

    def is_suspended(self, environment: str, agent: Agent) -> bool:
        """Whether a document at any level says so."""
        project = self.read(f"projects/{agent[0]}/project.yaml")
        pipeline = f"pipelines/{project['pipeline']}.yaml" if isinstance(project, dict) else "none"
        places = ("headpin.yaml", pipeline, f"projects/{agent[0]}/project.yaml", *self.own_paths(environment, agent))
        return any("suspended" in layer for layer in map(self.read, places) if isinstance(layer, dict))

    def is_stopped(self, environment: str, agent: Agent) -> bool:
        """The narrower layer wins."""
        _, project, narrow = self.own(environment, agent)
        return bool(narrow.get("stopped", project.get("stopped", False)))

    def is_automatic(self, environment: str, project: str) -> bool:
        """Whether headpin promotes into the stage itself."""
        promotion = self.stage(environment, project).get("promotion", {})
        return promotion == "automatic" or (isinstance(promotion, dict) and promotion.get("mode") == "automatic")

    def named(self, place: str, environment: str, agent: Agent, release: Release) -> Iterator[tuple[str, Layer]]:
        """The files of a folder that are about this release in this environment, with their paths."""
        name = "/".join(agent)
        for path in sorted(self.files):
            found = self.read(path) if path.startswith(f"{place}/") else None
            if not isinstance(found, dict) or found["environment"] != environment or "release" not in found:
                continue
            if (found.get("agent") or found["agents"][0]) == name and Release(**found["release"]) == release:
                yield path, found

    @property
    def has_note(self) -> bool:
        """Whether the message says more than its subject; trailers only index."""
        paragraphs = self.message.strip().split("\n\n")[1:]
        return any(not _TRAILERS.fullmatch(paragraph.strip()) for paragraph in paragraphs)

    def is_required(self, stages: Sequence[Layer], position: int) -> bool:
        """Whether a release has to run at the stage before it goes on."""
        following = self.read(f"environments/{stages[position + 1]['environment']}.yaml")
        default = isinstance(following, dict) and following.get("production", False)
        return bool(stages[position].get("required", default))

    def shared(self, agent: Agent) -> dict[str, str]:
        """The shared layers of an agent, by their names in the snapshot."""
        places = {
            "agent.yaml": f"{folder(agent)}/agent.yaml",
            "project-defaults.yaml": f"projects/{agent[0]}/defaults.yaml",
            "workspace-defaults.yaml": "defaults.yaml",
        }
        found = {name: self.files[path] for name, path in places.items() if path in self.files}
        return {"apiVersion": "headpin/v1\n", **found}

    def own_paths(self, environment: str, agent: Agent) -> tuple[str, str, str]:
        """Where an environment's own layers are: of the environment, the project, the agent."""
        return (
            f"environments/{environment}.yaml",
            f"projects/{agent[0]}/{environment}.yaml",
            f"{folder(agent)}/{environment}.yaml",
        )

    def own(self, environment: str, agent: Agent) -> tuple[Layer, ...]:
        """The own layers, all of which can be read."""
        found = (self.read(path) for path in self.own_paths(environment, agent))
        return tuple(layer if isinstance(layer, dict) else {} for layer in found)


def folder(agent: Agent) -> str:
    """The folder of an agent's documents."""
    return f"projects/{agent[0]}/agents/{agent[1]}"


def pin_path(environment: str, agent: Agent) -> str:
    """The pin of an agent."""
    return f"pins/{environment}/{agent[0]}/{agent[1]}.yaml"


def snapshot_id(files: Mapping[str, str]) -> str:
    """The git tree id of a flat folder (gitformat, "tree object")."""
    entries = b""
    for name, text in sorted(files.items()):
        entries += b"100644 " + name.encode() + b"\0" + _git_id(b"blob", text.encode())
    return _git_id(b"tree", entries).hex()


def _git_id(kind: bytes, data: bytes) -> bytes:
    return hashlib.sha1(kind + b" %d\0" % len(data) + data, usedforsecurity=False).digest()
