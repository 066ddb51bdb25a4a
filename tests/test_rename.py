"""An agent that gets another name loses nothing: no outage, no number, no history, and nothing is redeployed."""

from __future__ import annotations

import pytest

from headpin.releases import NEVER_RAN, EventKind, HoldReason
from headpin.types import AgentName
from tests.world import AGENT, CART, World

BASKET = AgentName("shop", "basket")
TROLLEY = AgentName("shop", "trolley")
ENVIRONMENTS = ("dev", "staging", "prod")


def rename(
    world: World,
    new: AgentName = BASKET,
    old: AgentName = CART,
    *,
    formerly: str | None = None,
    message: str = "Rename",
) -> str:
    """The rename, as a person makes it by hand: folder and pins move, agent.yaml says what it was."""
    move(world, new, old, formerly=formerly)
    return world.commit(message)


def move(world: World, new: AgentName, old: AgentName, *, formerly: str | None = None) -> None:
    """As `rename`, not committed yet."""
    folder = world.config / f"projects/{new.project}/agents"
    folder.mkdir(parents=True, exist_ok=True)
    world.git("mv", f"projects/{old.project}/agents/{old.agent}", f"projects/{new.project}/agents/{new.agent}")
    for environment in ENVIRONMENTS[1:]:
        pin = world.config / f"pins/{environment}/{old.project}/{old.agent}.yaml"
        if pin.exists():
            (world.config / f"pins/{environment}/{new.project}").mkdir(parents=True, exist_ok=True)
            world.git("mv", str(pin), f"pins/{environment}/{new.project}/{new.agent}.yaml")
    document = folder / new.agent / "agent.yaml"
    kept = [line for line in document.read_text().splitlines() if not line.startswith("formerly:")]
    document.write_text("\n".join([*kept, f"formerly: {formerly or old}", ""]))


def objects(world: World, environment: str, agent: AgentName) -> dict[str, str]:
    """What the cluster gets of an agent, by file name."""
    folder = f"manifests/{agent.project}/{agent.agent}/"
    return {path.removeprefix(folder): text for path, text in world.files(environment, folder).items()}


def same_without_memory(world: World) -> None:
    """A controller that remembers nothing and looks at everything comes to the same."""
    assert not world.fresh().reconcile(full=True).commits


def test_everything_moves_and_nothing_is_redeployed(running: World) -> None:
    before = {name: (objects(running, name, CART), running.record(name)) for name in ENVIRONMENTS}
    ran = {name: running.branch(name).ran(CART) for name in ENVIRONMENTS}
    told = {name: running.events(name) for name in ENVIRONMENTS}
    revision = rename(running)
    report = running.settle()
    same_without_memory(running)
    for name in ENVIRONMENTS:
        assert objects(running, name, BASKET) == before[name][0], "not one byte that the cluster gets is another"
        assert not running.files(name, "manifests/shop/cart") and not running.files(name, "settings/shop/cart")
        was, record = before[name][1].served, running.record(name, BASKET)
        assert was is not None and record.served is not None
        assert (record.served.version, record.served.digest, record.served.release.revision) == (
            was.version,
            was.digest,
            was.release.revision,
        )
        assert record.formerly == (CART,) and record.objects == CART
        assert running.record(name) == NEVER_RAN
        assert running.branch(name).ran(BASKET)[: len(ran[name])] == ran[name]
        assert "basket" in running.git("show", f"env/{name}:manifests/shop/kustomization.yaml")
        assert not running.files(name, "deployments/shop/cart.yaml")
    for name in ENVIRONMENTS[1:]:
        assert running.record(name, BASKET).served == before[name][1].served
        *old, last = running.events(name, BASKET)
        assert tuple(old) == told[name]
        assert (last.kind, last.config, last.version) == (EventKind.RENAMED, revision, 1)
        assert not running.events(name)
    work = report.work
    assert work.rendered == 1, "dev renders once, because its shared settings say another name; the others nothing"
    assert "Rename shop/cart to shop/basket in prod: v1" in running.git("log", "-1", "--format=%s", "env/prod")
    assert "Rename shop/cart to shop/basket in dev" in running.git("log", "-1", "--format=%s", "env/dev")


def test_life_goes_on_under_the_new_name(running: World) -> None:
    rename(running)
    running.settle()
    running.push("cart")
    running.settle()
    running.promote("dev", "staging", BASKET)
    running.settle()
    served = running.record("staging", BASKET).served
    assert served is not None and served.version == 2
    assert "name: shop-cart" in objects(running, "staging", BASKET)["service.yaml"].replace('"', "")
    running.git("revert", "--no-edit", "HEAD")
    running.settle()
    served = running.record("staging", BASKET).served
    assert served is not None and served.version == 1
    same_without_memory(running)


@pytest.mark.parametrize("seen", [True, False], ids=["after a pass", "before any pass"])
def test_a_rename_that_is_reverted_loses_nothing(running: World, seen: bool) -> None:
    before = {name: objects(running, name, CART) for name in ENVIRONMENTS}
    records = {name: running.record(name).served for name in ENVIRONMENTS}
    rename(running)
    if seen:
        running.settle()
    running.git("revert", "--no-edit", "HEAD")
    running.settle()
    same_without_memory(running)
    for name in ENVIRONMENTS:
        assert objects(running, name, CART) == before[name]
        record = running.record(name)
        assert record.served is not None and records[name] is not None
        assert (record.served.version, record.served.release.revision) == (
            records[name].version,  # type: ignore[union-attr]
            records[name].release.revision,  # type: ignore[union-attr]
        )
        assert record.objects is None and record.formerly == ((BASKET,) if seen else ())
        assert running.record(name, BASKET) == NEVER_RAN
    kinds = [event.kind for event in running.events("prod")]
    assert kinds == [EventKind.PROMOTED, *([EventKind.RENAMED] * 2 if seen else [])]
    if seen:  # and a revert of the revert renames again
        running.git("revert", "--no-edit", "HEAD")
        running.settle()
        assert objects(running, "prod", BASKET) == before["prod"]
        assert running.record("prod", BASKET).formerly == (CART,)


@pytest.mark.parametrize("between", [True, False], ids=["a pass between", "no pass between"])
def test_renamed_twice(running: World, between: bool) -> None:
    before = {name: objects(running, name, CART) for name in ENVIRONMENTS}
    rename(running)
    if between:
        running.settle()
    rename(running, TROLLEY, BASKET, formerly="[shop/cart, shop/basket]")
    running.settle()
    same_without_memory(running)
    for name in ENVIRONMENTS:
        assert objects(running, name, TROLLEY) == before[name]
        record = running.record(name, TROLLEY)
        assert record.served is not None and record.objects == CART
        assert record.formerly == ((CART, BASKET) if between else (CART,))
    assert [event.kind for event in running.events("prod", TROLLEY)].count(EventKind.SUPERSEDED) == 0


def test_promoted_and_renamed_in_one_push(running: World) -> None:
    running.push("cart")
    running.settle()
    promoted = running.promote("dev", "staging")
    renamed = rename(running)
    running.settle()
    same_without_memory(running)
    served = running.record("staging", BASKET).served
    assert served is not None and served.version == 2
    told = [(event.kind, event.config) for event in running.events("staging", BASKET)]
    assert told[1:] == [(EventKind.RENAMED, renamed), (EventKind.PROMOTED, promoted)]


def test_promoted_by_the_commit_that_renames(running: World) -> None:
    running.push("cart")
    running.settle()
    pin = running.pin_text("dev")
    move(running, BASKET, CART)
    revision = running.commit("Both", {"pins/staging/shop/basket.yaml": pin})
    running.settle()
    same_without_memory(running)
    served = running.record("staging", BASKET).served
    assert served is not None and served.version == 2
    kinds = [(event.kind, event.config) for event in running.events("staging", BASKET)][1:]
    assert kinds == [(EventKind.RENAMED, revision), (EventKind.PROMOTED, revision)]


def test_a_promotion_that_is_held_stays_held_under_the_new_name(running: World) -> None:
    running.push("cart")
    running.settle()
    running.promote("dev", "prod")
    running.settle()
    held = running.record("prod")
    assert held.hold is not None and held.wanted is not None
    before = objects(running, "prod", CART)
    rename(running)
    running.settle()
    same_without_memory(running)
    record = running.record("prod", BASKET)
    assert record.hold is not None and record.hold.reason is HoldReason.BLOCKED
    assert (record.hold.since, record.wanted) == (held.hold.since, held.wanted)
    assert objects(running, "prod", BASKET) == before
    assert [str(agent) for agent in running.branch("prod").state.unsettled] == ["shop/basket"]  # type: ignore[union-attr]


def test_a_first_deployment_is_called_as_in_the_stage_before(world: World) -> None:
    world.settle()
    world.promote("dev", "staging")
    world.settle()
    rename(world)
    world.settle()
    world.promote("staging", "prod", BASKET)
    world.settle()
    same_without_memory(world)
    record = world.record("prod", BASKET)
    assert record.objects == CART and record.formerly == ()
    assert objects(world, "prod", BASKET)["service.yaml"].count("shop-cart") > 0
    world.commit("Nobody needs it any more", {"projects/shop/agents/basket/agent.yaml": AGENT.format(name="cart")})
    world.settle()
    for name in ENVIRONMENTS:
        assert world.record(name, BASKET).objects == CART, "the record keeps the name, not the document"


def test_a_copy_is_held_and_the_original_goes_on(running: World) -> None:
    text = AGENT.format(name="cart") + "formerly: shop/cart\n"
    running.push("cart")
    running.commit("A copy", {"projects/shop/agents/basket/agent.yaml": text})
    running.settle()
    same_without_memory(running)
    hold = running.record("dev", BASKET).hold
    assert hold is not None and hold.reason is HoldReason.INVALID and "HP360" in hold.message
    served = running.record("dev").served
    assert served is not None and served.release.revision == running.revision_of_source("cart")
    before = {name: objects(running, name, CART) for name in ENVIRONMENTS}
    for environment in ENVIRONMENTS[1:]:
        running.git("mv", f"pins/{environment}/shop/cart.yaml", f"pins/{environment}/shop/basket.yaml")
    running.commit("And its pins, the original not deleted yet")
    running.settle()
    same_without_memory(running)
    for name in ENVIRONMENTS:
        assert objects(running, name, CART) == before[name], "it waits until it is clear whose past it is"
    running.git("rm", "-r", "--quiet", "projects/shop/agents/cart")
    running.commit("Now it is a rename")
    running.settle()
    same_without_memory(running)
    for name in ENVIRONMENTS:
        assert objects(running, name, BASKET) == before[name] and running.record(name) == NEVER_RAN
    assert EventKind.REMOVED not in [event.kind for event in running.events("prod", BASKET)]


def test_a_new_agent_of_the_old_name_inherits_nothing(running: World) -> None:
    running.push("other")
    before = {name: objects(running, name, CART) for name in ENVIRONMENTS}
    move(running, BASKET, CART)
    running.commit("Both at once", {"projects/shop/agents/cart/agent.yaml": AGENT.format(name="other")})
    running.settle()
    same_without_memory(running)
    for name in ENVIRONMENTS:
        assert objects(running, name, CART) == before[name], "nobody can tell whose past it is: all of it waits"
    assert running.record("dev").hold is not None and running.record("dev", BASKET).hold is not None
    running.git("rm", "-r", "--quiet", "projects/shop/agents/cart")
    running.commit("One after the other")
    running.settle()
    running.commit("The old name again", {"projects/shop/agents/cart/agent.yaml": AGENT.format(name="other")})
    running.settle()
    same_without_memory(running)
    record = running.record("dev")
    assert record.served is None and record.hold is not None and "HP312" in record.hold.message
    assert all(objects(running, name, BASKET) == before[name] for name in ENVIRONMENTS)
