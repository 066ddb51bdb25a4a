"""An agent that gets another name loses nothing: no outage, no number, no history, and nothing is redeployed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from headpin.releases import NEVER_RAN, Action, EventKind, HoldReason
from headpin.types import AgentName
from tests.inprocess import headpin
from tests.world import AGENT, CART, World

BASKET = AgentName("shop", "basket")
TROLLEY = AgentName("shop", "trolley")
ENVIRONMENTS = ("dev", "staging", "prod")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> World:
    """cart at v1 in staging and prod, made once; each test gets a copy."""
    world = World.small(tmp_path_factory.mktemp("template") / "world")
    world.settle()
    for source, target in (("dev", "staging"), ("staging", "prod")):
        world.promote(source, target)
        world.settle()
    return world


@pytest.fixture
def running(template: World, tmp_path: Path) -> World:
    """A copy of `template`."""
    shutil.copytree(template.folder, tmp_path / "world")
    return World.of(tmp_path / "world", template.clock)


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
    assert Action.REMOVE not in [item.decision.action for found in report.environments for item in found.deployments]
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


def test_taken_back_and_renamed_to_something_else_at_once(running: World) -> None:
    before = {name: objects(running, name, CART) for name in ENVIRONMENTS}
    rename(running)
    running.settle()
    running.git("revert", "--no-edit", "HEAD")
    rename(running, TROLLEY)
    running.settle()
    same_without_memory(running)
    for name in ENVIRONMENTS:
        assert objects(running, name, TROLLEY) == before[name]
        assert running.record(name, BASKET) == NEVER_RAN
    assert running.record("prod", TROLLEY).served is not None
    assert EventKind.SUPERSEDED not in [event.kind for event in running.events("prod", TROLLEY)]


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
        assert record.formerly == (CART, BASKET)
    assert [event.kind for event in running.events("prod", TROLLEY)].count(EventKind.SUPERSEDED) == 0
    running.git("revert", "--no-edit", "HEAD")  # back to a name that no pass may have seen
    running.settle()
    same_without_memory(running)
    for name in ENVIRONMENTS:
        assert objects(running, name, BASKET) == before[name] and running.record(name, BASKET).objects == CART


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


# ── the command ──────────────────────────────────────────────────────────────────────────────────────


def test_the_command_moves_everything_in_one_commit(running: World) -> None:
    before = {name: objects(running, name, CART) for name in ENVIRONMENTS}
    pin = running.pin_text("staging").replace("\n", "\n  ")
    release = f"release:\n  {pin.strip()}\n"
    running.commit(
        "Layers and exceptions",
        {
            "projects/shop/agents/cart/prod.yaml": "variables:\n  LOG_LEVEL: debug # for now\n",
            "projects/shop/agents/cart/README.md": "Ask the shop team.\n",
            "approvals/one.yaml": f"environment: prod\nagent: shop/cart\nby: a@example.com\nreason: seen\n{release}",
            "overrides/one.yaml": "allow: prune\nenvironment: prod\nagents:\n- shop/cart # gone soon\nreason: over\n",
        },
    )
    running.settle()
    before["prod"] = objects(running, "prod", CART)
    tip = running.revision()
    seen = headpin("agent", "rename", "shop/cart", "shop/basket", "--dry-run", "-o", "json", cwd=running.config)
    value = json.loads(seen.out)
    assert seen.code == 0 and running.revision() == tip
    assert [(found["environment"], found["diff"]) for found in value["deployments"]] == [
        ("dev", None),
        ("prod", None),
        ("staging", None),
    ]
    assert value["warnings"] == ["the Kubernetes objects keep their names: shop-cart"]
    unasked = headpin("agent", "rename", "shop/cart", "shop/basket", cwd=running.config)
    assert unasked.code == 2 and "production" in unasked.err, "prod is not touched unasked"
    done = headpin("agent", "rename", "shop/cart", "shop/basket", "--yes", "--note", "Clearer", cwd=running.config)
    assert done.code == 0 and "nothing is redeployed" in done.out
    assert not (running.config / "projects/shop/agents/cart").exists() and not running.git("status", "--porcelain")
    assert running.git("log", "-1", "--format=%B").startswith("Rename shop/cart to shop/basket\n\nClearer")
    text = running.git("show", "HEAD:projects/shop/agents/basket/agent.yaml")
    assert text.splitlines()[:-1] == AGENT.format(name="cart").splitlines() and 'formerly: "shop/cart"' in text
    assert "debug # for now" in running.git("show", "HEAD:projects/shop/agents/basket/prod.yaml")
    assert "agent: shop/basket" in running.git("show", "HEAD:approvals/one.yaml")
    assert "- shop/basket # gone soon" in running.git("show", "HEAD:overrides/one.yaml")
    shown = headpin("status", "--no-headers", cwd=running.config)
    assert "shop/basket" in shown.out and "shop/cart" not in shown.out, "before any pass, too"
    again = headpin("agent", "rename", "shop/cart", "shop/basket", "--yes", cwd=running.config)
    assert again.code == 0 and "nothing to do" in again.out
    running.settle()
    same_without_memory(running)
    assert {name: objects(running, name, BASKET) for name in ENVIRONMENTS} == before
    history = headpin("history", "shop/basket", "--env", "prod", "--json", cwd=running.config)
    kinds = [event["kind"] for event in json.loads(history.out)["events"]]
    assert kinds == ["renamed", "reconfigured", "promoted"]
    old = headpin("history", "shop/cart", cwd=running.config)
    assert old.code == 2 and "shop/cart was renamed to shop/basket" in old.err


def test_the_command_refuses_what_would_lose_something(running: World) -> None:
    running.push("other")
    running.commit(
        "More",
        {
            "projects/shop/agents/other/agent.yaml": AGENT.format(name="other"),
            "projects/aside/project.yaml": "pipeline: aside\n",
            "pipelines/aside.yaml": "stages:\n- environment: staging\n- environment: prod\n",
        },
    )
    running.settle()
    running.git("rm", "-r", "--quiet", "projects/shop/agents/other")
    running.commit("Gone again")
    running.settle()
    running.push("more")
    running.commit("Another", {"projects/shop/agents/more/agent.yaml": AGENT.format(name="more")})
    running.settle()
    tip = running.revision()
    for new, code, said in (
        ("shop/more", 1, "is there already"),
        ("shop/other", 1, "ran in dev before"),
        ("nowhere/cart", 1, "headpin project create nowhere"),
        ("aside/cart", 1, "does not reach dev"),
        ("shop/Cart", 2, "is no agent's name"),
        ("shop/cart", 2, "has that name already"),
    ):
        found = headpin("agent", "rename", "shop/cart", new, "--yes", cwd=running.config)
        assert found.code == code and said in found.err, (new, found)
    unknown = headpin("agent", "rename", "shop/carts", "shop/basket", "--yes", cwd=running.config)
    assert unknown.code == 2 and "did you mean shop/cart?" in unknown.err
    running.commit("Break it", {"projects/shop/agents/cart/agent.yaml": "source: 1\n"})
    broken = headpin("agent", "rename", "shop/cart", "shop/basket", "--yes", cwd=running.config)
    assert broken.code == 1 and "HP" in broken.err
    assert running.revision("HEAD^") == tip


def test_into_another_project_its_settings_apply_and_the_objects_stay(running: World) -> None:
    running.commit(
        "Another project",
        {
            "projects/store/project.yaml": "pipeline: longer\n",
            "projects/store/prod.yaml": "variables:\n  REGION: eu\n",
            "projects/store/defaults.yaml": "variables:\n  TEAM: store\n",
            "environments/eu.yaml": "{}\n",
            "pipelines/longer.yaml": "stages:\n- environment: dev\n- environment: staging\n- environment: prod\n"
            "- environment: eu\n",
        },
    )
    running.settle()
    new = AgentName("store", "basket")
    done = headpin("agent", "rename", "shop/cart", "store/basket", "--yes", cwd=running.config)
    assert done.code == 0, done
    assert "store's pipeline reaches eu too" in done.out and "the shared settings of store apply" in done.out
    before = running.files("staging", "manifests/shop/cart")
    running.settle()
    same_without_memory(running)
    assert list(objects(running, "staging", new).values()) == list(before.values())
    for name in ENVIRONMENTS:
        found = objects(running, name, new)["deployment.yaml"]
        assert '"shop-cart"' in found and "basket" not in found and "store-" not in found
        assert "manifests/shop/kustomization.yaml" not in running.files(name)
        assert "basket" in running.files(name)["manifests/store/kustomization.yaml"]
    assert "REGION" in objects(running, "prod", new)["deployment.yaml"], "own settings apply at merge"
    assert "TEAM" not in objects(running, "prod", new)["deployment.yaml"], "shared ones with the next release"
    assert "TEAM" in objects(running, "dev", new)["deployment.yaml"]


def test_evidence_under_the_old_name_opens_gates_under_the_new_one(running: World) -> None:
    gates = "stages:\n- environment: dev\n- environment: staging\n- environment: prod\n  gates:\n    checks: [evals]\n"
    running.commit("Ask for checks", {"pipelines/standard.yaml": gates})
    running.push("cart")
    running.settle()
    running.promote("dev", "staging")
    running.settle()
    told = headpin("check", "set", "shop/cart", "--env", "staging", "--name", "evals", "--passed", cwd=running.config)
    assert told.code == 0, told
    rename(running)
    for _ in range(2):  # before the pass that moves the record, and after it
        listed = headpin("check", "list", "shop/basket", "--env", "staging", cwd=running.config)
        assert listed.code == 0 and "evals" in listed.out
        running.settle()
    done = headpin("promote", "shop/basket", "--to", "prod", "--yes", cwd=running.config)
    assert done.code == 0, done
    running.settle()
    served = running.record("prod", BASKET).served
    assert served is not None and served.version == 2


def test_validate_tells_two_agents_with_one_past(running: World) -> None:
    former = AGENT.format(name="cart") + "formerly: shop/cart\n"
    running.commit("Both", {"projects/shop/agents/basket/agent.yaml": former})
    told = headpin("validate", cwd=running.config)
    assert told.code == 1 and "HP360 shop/cart is still there" in told.out + told.err
    running.git("rm", "-r", "--quiet", "projects/shop/agents/cart", "pins")
    running.commit("Two heirs", {"projects/shop/agents/trolley/agent.yaml": former})
    told = headpin("validate", cwd=running.config)
    assert told.code == 1 and "HP360 shop/basket says that it was shop/cart too" in told.out + told.err
    before = running.files("dev", "manifests")
    running.settle()
    same_without_memory(running)
    assert running.files("dev", "manifests") == before, "neither gets it, and nothing goes"
    running.git("rm", "-r", "--quiet", "projects/shop/agents/trolley")
    running.commit("One heir")
    running.settle()
    assert running.record("dev", BASKET).formerly == (CART,)
    running.commit("Itself", {"projects/shop/agents/basket/agent.yaml": former.replace("shop/cart", "shop/basket")})
    told = headpin("validate", cwd=running.config)
    assert told.code == 1 and "HP362" in told.out + told.err


# ── what else a rename meets ─────────────────────────────────────────────────────────────────────────


def test_an_environment_that_was_held_meanwhile_follows_both_renames(running: World) -> None:
    before = objects(running, "prod", CART)
    running.commit("Break prod", {"environments/prod.yaml": "production: maybe\n"})
    running.settle()
    rename(running)
    running.settle()
    rename(running, TROLLEY, BASKET, formerly="[shop/cart, shop/basket]")
    running.settle()
    assert objects(running, "prod", CART) == before and running.record("staging", TROLLEY).served is not None
    running.commit("Mend it", {"environments/prod.yaml": "production: true\n"})
    running.settle()
    same_without_memory(running)
    assert objects(running, "prod", TROLLEY) == before
    assert [event.kind for event in running.events("prod", TROLLEY)] == [EventKind.PROMOTED, EventKind.RENAMED]


def test_a_chart_moves_as_a_whole(running: World) -> None:
    running.commit("With Helm", {"environments/staging.yaml": "engine: helm\n"})
    running.settle()
    before = objects(running, "staging", CART)
    assert "templates/deployment.yaml" in before
    done = headpin("agent", "rename", "shop/cart", "shop/basket", "--yes", cwd=running.config)
    assert done.code == 0, done
    running.settle()
    same_without_memory(running)
    assert objects(running, "staging", BASKET) == before


def test_sealed_segments_move_along(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headpin.controller.branches.SEAL_AT", 4)
    for number in range(7):
        running.commit("Reconfigure", {"projects/shop/agents/cart/prod.yaml": f"variables:\n  A: '{number}'\n"})
        running.reconcile()
    told = running.events("prod")
    assert any(path.endswith(".0001") for path in running.files("prod", "deployments"))
    rename(running)
    running.settle()
    assert running.events("prod", BASKET)[:-1] == told
    assert not any("/cart" in path for path in running.files("prod", "deployments"))


def test_the_work_is_that_of_one_agent(tmp_path: Path) -> None:
    """Whether a project has two agents or twelve, renaming one of them costs the same."""
    found = []
    for count in (2, 12):
        world = World.small(tmp_path / str(count))
        others = [AgentName("shop", f"other-{number}") for number in range(count)]
        text = AGENT.format(name="cart")
        world.commit("Others", {f"projects/shop/agents/{name.agent}/agent.yaml": text for name in others})
        world.settle()
        for source, target in (("dev", "staging"), ("staging", "prod")):
            served = world.pin_text(source)
            world.commit("All", {f"pins/{target}/shop/{name.agent}.yaml": served for name in (CART, *others)})
            world.settle()
        rename(world)
        found.append(world.settle().work)
    assert found[0] == found[1]


def test_a_rename_waits_for_a_branch_that_another_controller_moved(running: World) -> None:
    """Two controllers at once: the loser looks again, and finds nothing left to do."""
    other = running.fresh()
    rename(running)
    running.reconcile()
    assert not other.reconcile().commits
    assert running.record("prod", BASKET).formerly == (CART,)
