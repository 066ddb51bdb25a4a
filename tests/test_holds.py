"""What holds what: the held keep their manifests byte for byte, everything else moves on."""

from __future__ import annotations

import pytest

from headpin.controller.in_use import snapshots_in_use
from headpin.releases import EventKind, HoldReason
from headpin.tree import DiskTree
from headpin.types import AgentName
from headpin.workspace import DocumentReader, Workspace, check
from tests.world import AGENT, CART, World

BROKEN = "this is: [not yaml\n"
OTHER = AgentName("shop", "search")
ELSEWHERE = AgentName("desk", "mail")
AGENT_PATH = "projects/shop/agents/cart/agent.yaml"
SEARCH_PATH = "projects/shop/agents/search/agent.yaml"


@pytest.fixture
def running(world: World) -> World:
    """cart, search and mail at v1 in staging and prod."""
    for name in ("search", "mail"):
        world.push(name)
    world.commit(
        "Two more agents",
        {
            SEARCH_PATH: AGENT.format(name="search"),
            "projects/desk/project.yaml": "pipeline: standard\n",
            "projects/desk/agents/mail/agent.yaml": AGENT.format(name="mail"),
            "projects/shop/defaults.yaml": "variables: {TEAM: shop}\n",
            "defaults.yaml": "variables: {REGION: north}\n",
        },
    )
    world.settle()
    for source, target in (("dev", "staging"), ("staging", "prod")):
        for agent in (CART, OTHER, ELSEWHERE):
            world.promote(source, target, agent)
        world.settle()
    return world


def agents_of(files: dict[str, str], agent: AgentName) -> dict[str, str]:
    return {path: text for path, text in files.items() if path.startswith(f"manifests/{agent}/")}


def hold_of(world: World, environment: str, agent: AgentName = CART) -> HoldReason | None:
    hold = world.record(environment, agent).hold
    return hold.reason if hold else None


def variable(world: World, environment: str, agent: AgentName, name: str) -> str:
    lines = world.files(environment)[f"manifests/{agent}/deployment.yaml"].splitlines()
    return lines[lines.index(f'            - name: "{name}"') + 1].partition(": ")[2].strip('"')


def test_a_broken_agent_holds_dev_alone_and_a_promotion_still_goes_through(running: World) -> None:
    running.push("cart")
    running.settle()
    before = running.files("dev")
    running.write({AGENT_PATH: BROKEN})
    running.promote("dev", "staging")
    running.push("cart")
    running.push("search")
    running.settle()

    assert hold_of(running, "dev") is HoldReason.INVALID
    assert agents_of(running.files("dev"), CART) == agents_of(before, CART)
    assert agents_of(running.files("dev"), OTHER) != agents_of(before, OTHER)
    served = running.record("staging").served
    assert served is not None and served.version == 2
    assert hold_of(running, "staging") is None and hold_of(running, "prod") is None


@pytest.mark.parametrize(
    ("path", "held", "free"),
    [("projects/shop/defaults.yaml", [CART, OTHER], [ELSEWHERE]), ("defaults.yaml", [CART, OTHER, ELSEWHERE], [])],
)
def test_broken_defaults_hold_dev_of_their_agents(
    running: World, path: str, held: list[AgentName], free: list[AgentName]
) -> None:
    running.commit("Break", {path: BROKEN})
    for name in ("cart", "search", "mail"):
        running.push(name)
    before = running.files("dev")
    running.settle()
    assert all(hold_of(running, "dev", agent) is HoldReason.INVALID for agent in held)
    assert all(agents_of(running.files("dev"), agent) == agents_of(before, agent) for agent in held)
    assert all(hold_of(running, "dev", agent) is None for agent in free)
    assert all(agents_of(running.files("dev"), agent) != agents_of(before, agent) for agent in free)
    assert all(hold_of(running, name, agent) is None for name in ("staging", "prod") for agent in held)


def test_a_broken_own_layer_of_an_agent_holds_that_deployment(running: World) -> None:
    before = running.files("prod")
    running.commit(
        "Break one, change the other",
        {
            "projects/shop/agents/cart/prod.yaml": "variables: {A: 1}\n",
            "projects/shop/agents/search/prod.yaml": "variables: {A: b}\n",
        },
    )
    running.settle()
    assert hold_of(running, "prod") is HoldReason.INVALID
    assert agents_of(running.files("prod"), CART) == agents_of(before, CART)
    assert variable(running, "prod", OTHER, "A") == "b"
    assert hold_of(running, "staging") is None and hold_of(running, "dev") is None


def test_a_broken_own_layer_of_a_project_holds_its_deployments_there(running: World) -> None:
    running.commit("Break", {"projects/shop/prod.yaml": "variables:\n  - list\n"})
    running.settle()
    assert hold_of(running, "prod", CART) is HoldReason.INVALID
    assert hold_of(running, "prod", OTHER) is HoldReason.INVALID
    assert hold_of(running, "prod", ELSEWHERE) is None
    assert hold_of(running, "staging", CART) is None


def test_a_broken_project_holds_dev_and_new_releases_but_no_rollback(running: World) -> None:
    running.push("cart")
    running.settle()
    running.promote("dev", "staging")
    running.settle()
    running.write({"projects/shop/project.yaml": "pipelin: standard\n"})
    moved = running.promote("staging", "prod")
    running.push("cart")
    running.settle()
    assert hold_of(running, "dev") is HoldReason.INVALID
    assert hold_of(running, "prod") is HoldReason.INVALID
    held = running.record("prod").wanted
    assert held is not None and held.config == moved
    assert hold_of(running, "staging") is None

    running.git("revert", "--no-edit", "HEAD~0", "--no-commit")
    running.commit("Only the pin back", {"projects/shop/project.yaml": "pipelin: standard\n"})
    old = running.git("show", "HEAD~3:pins/staging/shop/cart.yaml")
    running.commit("Roll staging back", {"pins/staging/shop/cart.yaml": f"{old}\n"})
    running.settle()
    served = running.record("staging").served
    assert served is not None and served.version == 1, "a rollback does not need project.yaml"
    assert hold_of(running, "prod") is None

    running.commit("Mend", {"projects/shop/project.yaml": "pipeline: standard\n"})
    running.settle()
    assert hold_of(running, "dev") is None


def test_a_broken_environment_holds_itself(running: World) -> None:
    before = running.files("prod")
    running.commit(
        "Break prod and change things",
        {
            "environments/prod.yaml": "production: yes\n",
            "projects/shop/prod.yaml": "variables: {A: b}\n",
            "projects/shop/staging.yaml": "variables: {A: b}\n",
        },
    )
    report = running.settle()
    held = {environment.environment for environment in report.environments if environment.hold}
    assert held == {"prod"}
    assert running.files("prod") == before
    assert variable(running, "staging", CART, "A") == "b"
    state = running.branch("prod").state
    assert state is not None and state.hold is not None and "environments/prod.yaml:1:13" in state.hold.message

    running.commit("Mend", {"environments/prod.yaml": "production: true\n"})
    running.settle()
    assert variable(running, "prod", CART, "A") == "b"


def test_pin_moves_during_an_environment_hold_are_all_in_history(running: World) -> None:
    running.push("cart")
    running.settle()
    running.promote("dev", "staging")
    running.settle()
    running.commit("Break prod", {"environments/prod.yaml": BROKEN})
    running.settle()
    running.promote("staging", "prod")
    running.settle()
    running.git("revert", "--no-edit", "HEAD")
    running.settle()
    running.commit("Mend prod", {"environments/prod.yaml": "production: true\n"})
    running.settle()
    told = [(event.kind, event.version) for event in running.events("prod")]
    assert told == [(EventKind.PROMOTED, 1), (EventKind.SUPERSEDED, None), (EventKind.ROLLED_BACK, 1)]


def test_an_unreadable_headpin_yaml_holds_everything(running: World) -> None:
    before = {name: running.files(name) for name in ("dev", "staging", "prod")}
    running.commit("Break", {"headpin.yaml": BROKEN, "projects/shop/prod.yaml": "variables: {A: b}\n"})
    running.push("cart")
    report = running.settle()
    assert all(environment.hold for environment in report.environments)
    assert {name: running.files(name) for name in before} == before


def test_a_rollback_works_while_the_agent_is_broken_at_head(running: World) -> None:
    first = running.record("prod").served
    running.push("cart")
    running.settle()
    running.promote("dev", "staging")
    running.settle()
    moved = running.promote("staging", "prod")
    running.settle()
    running.commit("Break", {AGENT_PATH: BROKEN, "projects/shop/defaults.yaml": BROKEN, "defaults.yaml": BROKEN})
    running.settle()
    running.git("revert", "--no-edit", moved)
    running.settle()
    served = running.record("prod").served
    assert served is not None and first is not None
    assert (served.version, served.release) == (1, first.release)
    assert hold_of(running, "prod") is None


def test_a_broken_pin_holds_its_deployment(running: World) -> None:
    before = running.files("prod")
    running.commit("Break", {"pins/prod/shop/cart.yaml": "revision: 1234567\n"})
    running.settle()
    hold = running.record("prod").hold
    assert hold is not None and hold.reason is HoldReason.INVALID
    assert "pins/prod/shop/cart.yaml:1:1" in hold.message
    assert agents_of(running.files("prod"), CART) == agents_of(before, CART)


def test_a_broken_pipeline_holds_like_a_broken_project(running: World) -> None:
    running.push("cart")
    running.commit("Break", {"pipelines/standard.yaml": BROKEN})
    running.settle()
    assert hold_of(running, "dev") is HoldReason.INVALID
    assert hold_of(running, "prod") is None


def test_a_release_that_never_ran_before_is_blocked(running: World) -> None:
    running.push("cart")
    running.settle()
    before = running.files("prod")
    running.promote("dev", "prod")
    running.settle()
    hold = running.record("prod").hold
    assert hold is not None and hold.reason is HoldReason.BLOCKED
    assert "never ran in staging" in hold.message
    assert running.files("prod") == before
    assert [event.kind for event in running.events("prod")] == [EventKind.PROMOTED, EventKind.HELD]


def test_a_pin_put_together_from_two_releases_is_blocked(running: World) -> None:
    old = running.pin_text("prod").splitlines()
    running.push("cart")
    running.commit("Shared setting", {"projects/shop/defaults.yaml": "variables: {TEAM: other}\n"})
    running.settle()
    running.promote("dev", "staging")
    running.settle()
    new = running.pin_text("staging").splitlines()
    running.commit("Merge-made", {"pins/prod/shop/cart.yaml": "\n".join([new[0], old[1], old[2]]) + "\n"})
    running.settle()
    hold = running.record("prod").hold
    assert hold is not None and hold.reason is HoldReason.BLOCKED
    assert "with this image and settings" in hold.message


def test_a_blocked_deployment_takes_the_number_of_pods_but_no_other_edit(running: World) -> None:
    running.push("cart")
    running.settle()
    running.promote("dev", "prod")
    running.settle()
    running.commit(
        "Scale, and change a variable",
        {"projects/shop/agents/cart/prod.yaml": "scaling: {minReplicas: 3}\nvariables: {LOG_LEVEL: debug}\n"},
    )
    running.settle()
    deployment = running.files("prod")["manifests/shop/cart/deployment.yaml"]
    assert "  replicas: 3" in deployment
    assert variable(running, "prod", CART, "LOG_LEVEL") == "info"
    assert hold_of(running, "prod") is HoldReason.BLOCKED

    running.promote("prod", "prod")
    running.settle()
    assert hold_of(running, "prod") is None
    assert variable(running, "prod", CART, "LOG_LEVEL") == "debug"
    kinds = [event.kind for event in running.events("prod")]
    assert kinds[-3:] == [EventKind.SCALED, EventKind.ROLLED_BACK, EventKind.RECONFIGURED]


def test_layers_that_do_not_fit_together_hold(running: World) -> None:
    before = running.files("prod")
    running.commit("Too few", {"projects/shop/agents/cart/prod.yaml": "scaling: {minReplicas: 5, maxReplicas: 2}\n"})
    running.settle()
    hold = running.record("prod").hold
    assert hold is not None and "HP315" in hold.message
    assert agents_of(running.files("prod"), CART) == agents_of(before, CART)


def test_shared_settings_are_promoted_and_own_settings_apply_at_merge(running: World) -> None:
    running.commit("Shared", {"projects/shop/defaults.yaml": "variables: {TEAM: changed}\n"})
    running.settle()
    assert [variable(running, name, CART, "TEAM") for name in ("dev", "staging", "prod")] == ["changed", "shop", "shop"]
    running.promote("dev", "staging")
    running.settle()
    assert [variable(running, name, CART, "TEAM") for name in ("dev", "staging", "prod")] == [
        "changed",
        "changed",
        "shop",
    ]
    running.git("revert", "--no-edit", "HEAD")
    running.settle()
    assert variable(running, "staging", CART, "TEAM") == "shop"

    running.commit("Own", {"environments/prod.yaml": "production: true\nvariables: {TEAM: own, NEW: here}\n"})
    running.settle()
    assert variable(running, "prod", CART, "NEW") == "here"
    assert variable(running, "prod", CART, "TEAM") == "shop", "project defaults are narrower than the environment"
    event = running.events("prod")[-1]
    assert (event.kind, event.version) == (EventKind.RECONFIGURED, 1)


def test_a_password_in_a_sources_address_is_a_warning_that_does_not_show_it(running: World) -> None:
    text = AGENT.format(name="cart").replace("../sources/cart", "https://robot:hunter2@git.example.com/cart.git")
    running.write({AGENT_PATH: text})
    found = check(Workspace(DiskTree(running.config), DocumentReader()))
    assert [(problem.code, problem.is_error) for problem in found] == [("HP324", False)]
    assert "hunter2" not in str(found[0])


def test_a_removal_that_is_held_and_taken_back_is_no_rollback(running: World) -> None:
    pin = running.pin_text("prod")
    running.commit("Two mistakes", {"pins/prod/shop/cart.yaml": None, "projects/shop/project.yaml": BROKEN})
    running.settle()
    assert hold_of(running, "prod") is HoldReason.INVALID
    running.commit("Back", {"pins/prod/shop/cart.yaml": pin, "projects/shop/project.yaml": "pipeline: standard\n"})
    running.settle()
    assert hold_of(running, "prod") is None
    assert [event.kind for event in running.events("prod")] == [EventKind.PROMOTED, EventKind.HELD]


def test_validate_checks_own_layers_against_what_is_served_and_pinned(running: World) -> None:
    """At head the file is gone, but prod's release still has it: the own layer stands in its way."""
    shared = AGENT.format(name="cart") + "files: {/etc/app: {text: shared}}\n"
    running.commit("File", {AGENT_PATH: shared})
    running.settle()
    running.promote("dev", "staging")
    running.settle()
    running.promote("staging", "prod")
    running.settle()
    running.commit("Gone", {AGENT_PATH: AGENT.format(name="cart")})
    running.settle()
    layer = "projects/shop/agents/cart/prod.yaml"
    running.write({layer: "files: {/etc/app/x.conf: {text: own}}\n"})
    workspace = Workspace(DiskTree(running.config), DocumentReader())
    controller = running.fresh()
    in_use = snapshots_in_use(controller.repository, workspace, controller.branches(workspace))
    found = check(workspace, {}, in_use)
    assert [(problem.code, problem.is_error) for problem in found] == [("HP315", True)]
    assert not check(workspace)
    running.commit("Own", {})
    running.settle()
    assert hold_of(running, "prod") is HoldReason.INVALID
