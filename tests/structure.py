"""A workspace with two projects and a file of every kind, as it runs: made once, copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

from headpin.controller import Controller
from headpin.git import Repository
from headpin.releases.codec import format_release
from headpin.types import AgentName
from headpin.yaml import dump
from tests.inprocess import Ran, headpin
from tests.world import AGENT, CART, Clock, World

WEB, PROBE = AgentName("shop", "web"), AgentName("lab", "probe")

CHAIN = (
    "# The way of most.\r\n"
    "stages: # first to last\r\n"
    "  - environment: dev\r\n"
    "\r\n"
    "  # what the testers see\r\n"
    "  - environment: 'staging'   # quoted\r\n"
    "    gates: {note: required}\r\n"
    "      # deep\r\n"
    "  # what people see\r\n"
    "  - environment: prod\r\n"
    "description: the long way\r\n"
)

FILES = {
    "headpin.yaml": "apiVersion: headpin/v1\nplan:\n  name: small\n  environments: 4\n",
    "environments/dev.yaml": "tracks: head\n",
    "environments/staging.yaml": "description: before production\nvariables: {REGION: north}\n",
    "environments/prod.yaml": "displayName: Production\nproduction: true\n",
    "pipelines/standard.yaml": CHAIN,
    "pipelines/short.yaml": "stages:\n  - environment: dev\n  - environment: staging\n    promotion: automatic\n",
    "projects/shop/project.yaml": "# The shop.\npipeline: standard # the long way\nowners: [ann]\n",
    "projects/shop/staging.yaml": "variables: {QUEUE: test}\n",
    "projects/shop/agents/cart/agent.yaml": AGENT.format(name="cart"),
    "projects/shop/agents/cart/staging.yaml": "scaling: {minReplicas: 2, maxReplicas: 2}\n",
    "projects/shop/agents/cart/README.md": "Of the cart.\n",
    "projects/shop/agents/web/agent.yaml": AGENT.format(name="web"),
    "projects/lab/project.yaml": "pipeline: short\n",
    "projects/lab/agents/probe/agent.yaml": AGENT.format(name="probe"),
    "CODEOWNERS": "/pins/prod/ @ann\n/pins/staging/ @ann\n/projects/shop/agents/cart/ @bob\n",
}

NAMED = ("approvals/cart.yaml", "overrides/cart.yaml", "overrides/two.yaml")
"""What names cart in staging besides its own documents; the last one names web too."""


def make(folder: Path) -> None:
    """cart and web at v1 in staging, cart in prod as well, probe at v1 in staging; all settled."""
    world = World(folder)
    for source in ("cart", "web", "probe"):
        world.push(source)
    world.commit("Start", FILES)
    world.reconcile()
    pins = {f"pins/staging/{agent}.yaml": world.pin_text("dev", agent) for agent in (CART, WEB)}
    world.commit("To staging\n\nTested.", pins)
    world.reconcile()
    world.promote("staging", "prod")
    world.reconcile()
    served = world.record("staging").served
    assert served is not None
    about = {"release": served.release.as_mapping(), "reason": "looked at"}
    said = {
        NAMED[0]: {"environment": "staging", "agent": str(CART), "by": "ann@example.com", **about},
        NAMED[1]: {"allow": "adopt", "environment": "staging", "agents": [str(CART)], **about},
    }
    named: dict[str, str | bytes | None] = {path: dump(value) for path, value in said.items()}
    two = "# why\nallow: prune\nenvironment: old # gone\nagents:\n  - shop/cart # c\n  - shop/web # w\nreason: both\n"
    world.commit("Exceptions", {**named, NAMED[2]: two})
    world.settle()


def copy(template: Path, folder: Path) -> World:
    """The world in `template`, copied."""
    shutil.copytree(template, folder, symlinks=True)
    world = World.__new__(World)
    world.folder, world.config, world.sources = folder, folder / "config", folder / "sources"
    world.clock = Clock()
    world.controller = Controller(Repository.open(world.config), clock=world.clock)
    return world


def run(world: World, *arguments: str, code: int = 0) -> Ran:
    """A command in the world, which ends with `code`."""
    done = headpin(*arguments, cwd=world.config)
    assert done.code == code, f"{arguments}: {done.code}\n{done.out}{done.err}"
    return done


def everything(world: World) -> tuple[str, str, str]:
    """All refs, all objects by number, and the state of the work tree."""
    objects = world.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
    return world.git("for-each-ref"), objects, world.git("status", "--porcelain")


def served(world: World) -> dict[str, str]:
    """What every environment serves: version, release, and the manifests."""
    found = {}
    for environment in ("dev", "staging", "prod"):
        for agent in (CART, WEB, PROBE):
            record = world.record(environment, agent).served
            if record is not None:
                files = world.files(environment, f"manifests/{agent.project}/{agent.agent}")
                release = format_release(record.release)
                found[f"{agent} in {environment}"] = f"v{record.version}\n{release}{sorted(files.items())}"
    return found
