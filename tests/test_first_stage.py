"""Pipelines whose first stage is pinned: what may be pinned there comes from the source and from main."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from headpin.releases import EventKind, HoldReason
from headpin.releases.first_stage import FIRST_STAGE
from headpin.releases.release import Release
from headpin.types import AgentName, Revision, TreeId
from headpin.workspace import Workspace
from tests.test_following import agent_text, image
from tests.world import CART, World, git

PIN = "pins/staging/shop/cart.yaml"
AGENT_FILE = "projects/shop/agents/cart/agent.yaml"


class First(World):
    """The project's pipeline is staging, prod: nothing of it runs in dev."""

    @classmethod
    def of(cls, folder: Path, path: str | None = None, content: Sequence[str] = (), repository: str = "") -> First:
        world = cls(folder)
        world.commit(
            "Start",
            {
                "headpin.yaml": "apiVersion: headpin/v1\n",
                "environments/dev.yaml": "tracks: head\n",
                "environments/staging.yaml": "description: first\n",
                "environments/prod.yaml": "production: true\n",
                "pipelines/standard.yaml": "stages:\n  - environment: dev\n",
                "pipelines/direct.yaml": "stages:\n  - environment: staging\n  - environment: prod\n",
                "projects/shop/project.yaml": "pipeline: direct\n",
                AGENT_FILE: agent_text("cart", repository or "../sources/mono", path, content),
            },
        )
        world.reconcile()
        return world

    def settings(self, revision: str = "main") -> TreeId:
        """The settings of cart by the documents at a revision of main."""
        repository = self.controller.repository
        tree = repository.tree(Revision(self.revision(revision)))
        snapshot = Workspace(tree, self.controller.reader).snapshot(CART)
        assert snapshot is not None
        return snapshot.id

    def pin(self, revision: str, built_of: str = "", content: str = "", settings: str = "", picture: str = "") -> str:
        """Pins a revision in staging by hand."""
        text = f'revision: "{revision}"\nimage: "{picture or image("cart", built_of or revision)}"\n'
        text += f'content: "{content}"\n' if content else ""
        return self.commit("Pin cart", {PIN: f'{text}settings: "{settings or self.settings()}"\n'})


def test_a_revision_of_the_branch_with_mains_settings_passes_and_goes_on(tmp_path: Path) -> None:
    world = First.of(tmp_path)
    first = world.push("mono")
    world.push("mono")
    world.pin(first)
    world.settle()
    served = world.record("staging").served
    assert served is not None and (served.version, served.release.revision) == (1, first)
    (event,) = world.events("staging")
    assert event.kind is EventKind.PROMOTED and event.source is None
    (gate,) = event.gates
    assert gate.gate == FIRST_STAGE and gate.is_open and "main of ../sources/mono" in gate.evidence
    world.promote("staging", "prod")
    world.settle()
    assert world.record("prod").served is not None


@pytest.mark.parametrize("wrong", ["revision", "other branch", "image", "digest", "settings", "content"])
def test_what_is_not_as_it_is_built_is_blocked_and_says_what_it_would_be(tmp_path: Path, wrong: str) -> None:
    world = First.of(tmp_path)
    good = world.push("mono")
    place = world.sources / "mono"
    git("checkout", "--quiet", "-b", "side", cwd=place)
    side = world.push("mono")
    git("checkout", "--quiet", "main", cwd=place)
    match wrong:
        case "revision":
            world.pin("a" * 40)
        case "other branch":
            world.pin(side)
        case "image":
            world.pin(good, picture="registry.example.com/cart:mine")
        case "digest":
            world.pin(good, picture=f"{image('cart', good)}@sha256:{'0' * 64}")
        case "settings":
            world.pin(good, settings=world.git("rev-parse", "main^{tree}"))
        case _:
            world.pin(good, content=world.git("rev-parse", "main^{tree}"))
    world.settle()
    hold = world.record("staging").hold
    assert hold is not None and hold.reason is HoldReason.BLOCKED and world.record("staging").served is None
    world.commit("Nothing of it", {"README.md": "x"})
    world.settle()
    assert world.record("staging").hold == hold and len(world.events("staging")) == 1
    told = {"revision": "is not on main", "other branch": "is not on main", "digest": "its image is"}
    assert told.get(wrong, f"its {wrong} is") in hold.message
    world.pin(good)
    world.settle()
    assert world.record("staging").hold is None and world.record("staging").served is not None


def test_a_revision_that_is_merged_later_passes_then(tmp_path: Path) -> None:
    world = First.of(tmp_path)
    world.push("mono")
    place = world.sources / "mono"
    git("checkout", "--quiet", "-b", "side", cwd=place)
    side = world.push("mono", {"side.py": "1"})
    git("checkout", "--quiet", "main", cwd=place)
    world.pin(side)
    world.settle()
    assert world.record("staging").served is None
    git("merge", "--quiet", "--no-ff", "-m", "Merge side", "side", cwd=place)
    world.settle()
    assert world.record("staging").served is not None


def test_an_unreachable_source_makes_it_wait_and_what_is_served_stays(tmp_path: Path) -> None:
    world = First.of(tmp_path)
    first = world.push("mono")
    world.pin(first)
    world.settle()
    second = world.push("mono")
    world.sources.rename(tmp_path / "away")
    world.pin(second)
    world.settle()
    record = world.record("staging")
    assert record.hold is None and record.wanted is not None
    assert record.served is not None and record.served.release.revision == first
    (tmp_path / "away").rename(world.sources)
    world.settle()
    record = world.record("staging")
    assert record.served is not None and record.served.release.revision == second and record.wanted is None


def test_a_pin_stays_valid_when_agent_yaml_goes_on_before_it_is_served(tmp_path: Path) -> None:
    world = First.of(tmp_path)
    first = world.push("mono")
    old = world.settings()
    world.pin(first)
    world.commit("Go on", {AGENT_FILE: (world.config / AGENT_FILE).read_text() + "# another\n"})
    assert world.settings() != old
    world.settle()
    served = world.record("staging").served
    assert served is not None and served.release.settings == old
    assert world.git("rev-parse", "env/staging:settings/shop/cart") == old
    world.git("gc", "--quiet", "--prune=now")
    assert world.fresh().reconcile(full=True).commits == ()


def test_a_pin_that_waited_stays_valid_when_agent_yaml_goes_on(tmp_path: Path) -> None:
    world = First.of(tmp_path)
    first = world.push("mono")
    world.sources.rename(tmp_path / "away")
    world.pin(first)
    world.settle()
    world.commit("Go on", {AGENT_FILE: (world.config / AGENT_FILE).read_text() + "# another\n"})
    world.settle()
    (tmp_path / "away").rename(world.sources)
    world.controller = world.fresh()
    world.settle()
    assert world.record("staging").served is not None


def test_settings_of_long_ago_are_not_those_of_main(tmp_path: Path) -> None:
    world = First.of(tmp_path)
    first = world.push("mono")
    old = world.settings()
    world.commit("Go on", {AGENT_FILE: (world.config / AGENT_FILE).read_text() + "# another\n"})
    world.pin(first, settings=old)
    world.settle()
    hold = world.record("staging").hold
    assert hold is not None and "its settings is" in hold.message


def test_content_of_a_first_stage_comes_from_the_source_and_is_promoted_without_it(tmp_path: Path) -> None:
    world = First.of(tmp_path, "apps/cart", ["prompts/**"])
    first = world.push("mono", {"apps/cart/main.py": "1", "apps/cart/prompts/a.md": "one"})
    second = world.push("mono", {"apps/cart/prompts/a.md": "two"})
    tree = git("rev-parse", "HEAD:apps/cart/prompts", cwd=world.sources / "mono")
    made = f"040000 tree {tree}\tprompts\n"
    content = _mktree(world.sources / "mono", made)
    world.pin(second, built_of=first, content=content)
    world.settle()
    assert world.record("staging").hold is None
    assert world.files("staging", "content") == {"content/shop/cart/prompts/a.md": "two"}
    shutil.rmtree(world.sources)
    shutil.rmtree(world.config / ".git" / "headpin")
    world.promote("staging", "prod")
    world.reconcile()
    assert world.files("prod", "content") == {"content/shop/cart/prompts/a.md": "two"}


def _mktree(place: Path, lines: str) -> str:
    done = subprocess.run(["git", "mktree"], input=lines, cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_agent_of_this_repository_in_a_first_stage(tmp_path: Path) -> None:
    world = First.of(tmp_path, "apps/cart", repository=".")
    first = world.commit("Code", {"apps/cart/main.py": "1"})
    world.pin(first)
    world.settle()
    assert world.record("staging").served is not None
    world.pin(world.git("commit-tree", "main^{tree}", "-m", "Nowhere"))
    world.settle()
    hold = world.record("staging").hold
    assert hold is not None and "is not on main" in hold.message


RELEASE = Release(Revision("a" * 40), "example.com/cart:1", TreeId("b" * 40))


def test_names_of_agents_are_not_mixed_up(tmp_path: Path) -> None:
    world = First.of(tmp_path)
    first = world.push("mono")
    world.commit("Another", {"projects/shop/agents/till/agent.yaml": agent_text("till")})
    world.commit(
        "Pin till as cart",
        {
            "pins/staging/shop/till.yaml": f'revision: "{first}"\nimage: "{image("cart", first)}"\n'
            f'settings: "{world.settings()}"\n'
        },
    )
    world.settle()
    hold = world.record("staging", AgentName("shop", "till")).hold
    assert hold is not None and "its image is registry.example.com/till" in hold.message
