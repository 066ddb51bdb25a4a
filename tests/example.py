"""The example config repository as a world: committed, with source repositories where it looks for them."""

from __future__ import annotations

from pathlib import Path

from headpin.resources import resource
from tests.world import World

EXAMPLE = resource("example-config-repo")
SOURCES = ("triage", "answers", "mailroom", "invoices", "reminders")
CONTENT = {"mailroom": {"main.py": "print()\n", "replies/received.txt": "We have your message.\n"}}
"""Files of a source that its agent names as content."""

WORKER = ["deployment.yaml", "kustomization.yaml", "serviceaccount.yaml"]
SERVICE = [*WORKER, "service.yaml"]
IN_DEV = {
    "billing/invoices": SERVICE,
    "billing/reminders": WORKER,
    "platform/status-page": SERVICE,
    "support/answers": ["configmap.yaml", *SERVICE],
    "support/mailroom": ["configmap-content-1.yaml", *WORKER],
    "support/triage": SERVICE,
}
"""The files of each agent in dev."""


def example_world(folder: Path) -> World:
    """The example, not yet reconciled."""
    world = World(folder)
    for source in SOURCES:
        world.push(source, CONTENT.get(source))
    files = (file for file in EXAMPLE.rglob("*") if file.is_file())
    world.commit("Start", {file.relative_to(EXAMPLE).as_posix(): file.read_bytes() for file in files})
    return world
