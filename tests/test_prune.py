"""What is no longer desired goes, within a bound, and leaves its numbers behind."""

from __future__ import annotations

from headpin.releases import EventKind, HoldReason
from headpin.types import AgentName
from tests.world import AGENT, CART, World

PIN = "pins/prod/shop/cart.yaml"


def test_without_its_pin_a_deployment_is_removed_and_its_record_stays(running: World) -> None:
    running.commit("Out of prod", {PIN: None})
    running.settle()
    record = running.record("prod")
    assert record.served is None and record.removed is not None
    assert (record.removed.version, record.highest) == (1, 1)
    assert not running.files("prod") and not running.files("prod", "settings")
    assert running.events("prod")[-1].kind is EventKind.REMOVED
    assert running.record("staging").served is not None


def test_deleting_and_adding_again_continues_the_numbers(running: World) -> None:
    old = running.pin_text("prod")
    running.commit("Out of prod", {PIN: None})
    running.settle()
    running.push("cart")
    running.settle()
    running.promote("dev", "staging")
    running.settle()
    running.promote("staging", "prod")
    running.settle()
    served = running.record("prod").served
    assert served is not None and served.version == 2
    running.commit("Back to the first", {PIN: old})
    running.settle()
    again = running.record("prod").served
    assert again is not None and again.version == 1


def test_a_deleted_agent_goes_everywhere_once_its_pins_are_gone(running: World) -> None:
    running.git("rm", "-r", "--quiet", "projects/shop/agents/cart")
    running.commit("Delete the agent")
    running.settle()
    assert running.record("dev").served is None
    for environment in ("staging", "prod"):
        record = running.record(environment)
        assert record.served is not None and record.hold is not None
        assert record.hold.reason is HoldReason.INVALID and "HP303" in record.hold.message
    running.git("rm", "-r", "--quiet", "pins")
    running.commit("Delete its pins")
    running.settle()
    assert not any(running.files(environment) for environment in ("dev", "staging", "prod"))


def test_documents_left_behind_hold_the_removal(running: World) -> None:
    running.commit("Only a layer is left", {"projects/shop/agents/cart/dev.yaml": "{}\n"})
    running.settle()
    running.commit("Delete agent.yaml", {"projects/shop/agents/cart/agent.yaml": None})
    running.settle()
    hold = running.record("dev").hold
    assert hold is not None and "HP113" in hold.message
    assert running.files("dev")


def test_a_pin_that_goes_while_the_project_is_broken_is_held(running: World) -> None:
    before = running.files("prod")
    running.commit("Break and delete", {"projects/shop/project.yaml": "x: [\n", PIN: None})
    running.settle()
    assert running.files("prod") == before
    assert running.record("prod").hold is not None


def test_more_removals_than_the_bound_hold_the_environment(world: World) -> None:
    names = ["cart", "aa", "bb", "cc"]
    for name in names[1:]:
        world.push(name)
    agents = {f"projects/shop/agents/{name}/agent.yaml": AGENT.format(name=name) for name in names}
    world.commit("Four agents", {**agents, "headpin.yaml": "apiVersion: headpin/v1\nlimits: {prune: 2}\n"})
    world.settle()
    before = world.files("dev")
    for name in names[1:]:
        world.git("rm", "-r", "--quiet", f"projects/shop/agents/{name}")
    world.push("cart")
    world.commit("Three at once")
    report = world.settle()
    dev = next(found for found in report.environments if found.environment == "dev")
    assert dev.hold is not None and "limits.prune (2)" in dev.hold.message
    assert world.files("dev") == before, "nothing of a held environment moves"

    world.commit(
        "Allow it",
        {
            "overrides/cleanup.yaml": (
                "allow: prune\nenvironment: dev\nagents: [shop/aa, shop/bb, shop/cc]\nreason: moved elsewhere\n"
            )
        },
    )
    world.settle()
    assert {path.split("/")[2] for path in world.files("dev")} == {"cart", "kustomization.yaml"}
    assert world.record("dev", AgentName("shop", "aa")).removed is not None


def test_a_deleted_environment_is_pruned_and_comes_back_with_its_records(running: World) -> None:
    environment, pin = "environments/prod.yaml", running.pin_text("prod")
    running.commit("Delete prod alone", {environment: None})
    report = running.settle()
    prod = next(found for found in report.environments if found.environment == "prod")
    assert prod.hold is not None and "pipeline standard still names it" in prod.hold.message

    running.commit(
        "Delete prod and what names it",
        {PIN: None, "pipelines/standard.yaml": "stages:\n- environment: dev\n- environment: staging\n"},
    )
    running.settle()
    assert not running.files("prod")
    tip = running.revision("env/prod")
    running.commit("Unrelated", {"environments/staging.yaml": "variables: {A: b}\n"})
    running.settle()
    assert running.revision("env/prod") == tip, "its branch is left alone"

    running.commit(
        "Bring it back",
        {
            environment: "production: true\n",
            PIN: pin,
            "pipelines/standard.yaml": ("stages:\n- environment: dev\n- environment: staging\n- environment: prod\n"),
        },
    )
    running.settle()
    served = running.record("prod").served
    assert served is not None and served.version == 1


def test_the_last_agent_of_a_project_takes_the_projects_kustomization_along(running: World) -> None:
    assert "manifests/shop/kustomization.yaml" in running.files("prod")
    running.commit("Out of prod", {PIN: None})
    running.settle()
    assert "manifests/shop/kustomization.yaml" not in running.files("prod")
    assert running.record("prod", CART).removed is not None


def test_the_head_environment_cannot_be_deleted_or_changed(running: World) -> None:
    before = running.files("dev")
    standard = "stages:\n- environment: staging\n- environment: prod\n"
    running.commit("Delete dev", {"environments/dev.yaml": None, "pipelines/standard.yaml": standard})
    report = running.settle()
    dev = next(found for found in report.environments if found.environment == "dev")
    assert dev.hold is not None and "HP314" in dev.hold.message
    assert running.files("dev") == before

    running.commit("Another head", {"environments/dev.yaml": "{}\n", "environments/staging.yaml": "tracks: head\n"})
    report = running.settle()
    held = {found.environment: found.hold.message for found in report.environments if found.hold}
    assert set(held) == {"dev", "staging"} and all("HP314" in message for message in held.values())
    assert running.files("dev") == before
