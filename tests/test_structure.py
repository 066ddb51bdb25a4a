"""Environments, pipelines, projects and agents come and go by commands: what is written, refused, and taken back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headpin.actions import NewAgent
from headpin.controller.act import Actor, Done
from headpin.controller.structure import Ending, to_create_agent, to_delete_agent
from headpin.errors import Refused
from headpin.types import AgentName
from tests.inprocess import headpin
from tests.structure import CART, CHAIN, NAMED, PROBE, WEB, copy, everything, make, run, served
from tests.world import World, git

REFUSED, USED_WRONGLY = 1, 2
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
OF_CART = ("agent", "delete", "shop/cart", "--confirm", "shop/cart", "--yes")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("structure") / "template"
    make(folder)
    return folder


@pytest.fixture
def shop(template: Path, tmp_path: Path) -> World:
    """Two projects; see `tests.structure`."""
    return copy(template, tmp_path / "world")


def main_files(world: World, name: str) -> list[str]:
    """Files of main that have `name` in their path or their text."""
    paths = world.git("ls-tree", "-r", "--name-only", "main").splitlines()
    found = [path for path in paths if name in path]
    return found + [path for path in paths if path not in found and name in world.git("show", f"main:{path}")]


# ── what ends ────────────────────────────────────────────────────────────────────────────────────


def test_deleting_an_agent_takes_along_everything_that_names_it(shop: World) -> None:
    before = served(shop)
    shown = run(shop, *OF_CART, "--note", "replaced by web").out
    assert [line.split()[1:4] for line in shown.splitlines() if line.startswith("    removes")] == [
        ["shop/cart", "in", f"{environment}:"] for environment in ("dev", "staging", "prod")
    ]
    assert "in staging: v1 (" in shown and "in dev: HEAD (" in shown
    assert "CODEOWNERS still names it, in line 3" in shown
    assert "the records of shop/cart stay on env/dev, env/prod, env/staging" in shown
    assert "It does not bring back what is lost meanwhile: data of what ran, its tokens" in shown
    assert main_files(shop, "cart") == ["CODEOWNERS"], "which the command has told of"
    assert shop.git("show", f"main:{NAMED[2]}").splitlines()[3:5] == ["agents:", "  - shop/web # w"]
    assert shop.git("log", "-1", "--format=%B").split("\n\n")[:2] == ["Delete the agent shop/cart", "replaced by web"]
    assert run(shop, "validate").out.startswith("valid")
    shop.settle()
    assert served(shop) == {place: told for place, told in before.items() if "cart" not in place}
    for environment in ("dev", "staging", "prod"):
        assert shop.record(environment).removed is not None, "the record stays as a tombstone"


def test_a_revert_restores_the_documents_and_the_pass_what_was_served(shop: World) -> None:
    tree, before = shop.git("rev-parse", "main^{tree}"), served(shop)
    run(shop, *OF_CART)
    shop.settle()
    shop.git("revert", "--no-edit", "HEAD")
    assert shop.git("rev-parse", "main^{tree}") == tree
    shop.settle()
    assert served(shop) == before


def test_an_agent_that_is_added_again_goes_on_with_its_numbers(shop: World) -> None:
    run(shop, *OF_CART)
    shop.settle()
    create = ("agent", "create", "shop/cart", "--repository", "../sources/cart", "--port", "8080")
    made = run(shop, *create, "--image", "registry.example.com/cart:{revision}")
    assert "shop/cart ran in prod, staging before: its numbers go on there" in made.out
    shop.push("cart")
    shop.settle()
    run(shop, "promote", "shop/cart", "--to", "staging", "--note", "again")
    shop.settle()
    now = shop.record("staging").served
    assert now is not None and now.version == 2


def test_deleting_an_environment_takes_along_everything_that_names_it(shop: World) -> None:
    tree, before = shop.git("rev-parse", "main^{tree}"), served(shop)
    done = run(shop, "environment", "delete", "staging", "--confirm", "staging", code=REFUSED)
    assert "staging is a stage of the pipelines short, standard" in done.err
    assert "'headpin pipeline remove-stage short staging'" in done.err
    for pipeline in ("short", "standard"):
        run(shop, "pipeline", "remove-stage", pipeline, "staging")
    shop.settle()
    assert served(shop) == before, "what nothing reaches stays until its pin goes"
    shown = run(shop, "environment", "delete", "staging", "--confirm", "staging").out
    assert "removes  shop/cart in staging: v1 (" in shown and "removes  shop/web in staging: v1 (" in shown
    assert "the branch env/staging stays, with its history" in shown
    assert "CODEOWNERS still names it, in line 2" in shown
    assert "staging" in run(shop, "environment", "list", "--no-headers").out, "it serves until the next pass"
    assert "none: nothing reaches it" in run(shop, "environment", "show", "staging").out
    assert main_files(shop, "staging") == ["CODEOWNERS"]
    assert run(shop, "validate").out.startswith("valid")
    shop.settle()
    assert not shop.files("staging", "manifests") and shop.record("staging").removed is not None
    shop.git("revert", "--no-edit", "HEAD", "HEAD~1", "HEAD~2")
    assert shop.git("rev-parse", "main^{tree}") == tree
    shop.settle()
    assert served(shop) == before


def test_the_head_environment_cannot_be_deleted(shop: World) -> None:
    done = run(shop, "environment", "delete", "dev", "--confirm", "dev", code=REFUSED)
    assert "dev is the head environment, and cannot be deleted" in done.err


def test_deleting_a_project_takes_its_agents_along(shop: World) -> None:
    tree, before = shop.git("rev-parse", "main^{tree}"), served(shop)
    shown = run(shop, "project", "delete", "shop", "--confirm", "shop", "--yes").out
    assert shown.count("removes  ") == 5
    assert main_files(shop, "shop") == ["CODEOWNERS"]
    assert run(shop, "validate").out.startswith("valid")
    shop.settle()
    assert set(served(shop)) == {"lab/probe in dev", "lab/probe in staging"}
    shop.git("revert", "--no-edit", "HEAD")
    assert shop.git("rev-parse", "main^{tree}") == tree
    shop.settle()
    assert served(shop) == before


def test_a_pipeline_goes_when_no_project_uses_it(shop: World) -> None:
    done = run(shop, "pipeline", "delete", "short", "--confirm", "short", code=REFUSED)
    assert "the pipeline short is used by the project lab" in done.err
    assert "'headpin project set-pipeline lab PIPELINE'" in done.err
    run(shop, "project", "set-pipeline", "lab", "standard")
    run(shop, "pipeline", "delete", "short", "--confirm", "short")
    assert run(shop, "validate").out.startswith("valid")


def test_a_branch_that_cannot_be_read_is_told_of(shop: World) -> None:
    shop.git("branch", "-f", "env/prod", "main")
    shown = run(shop, *OF_CART).out
    assert "what prod serves is not known: the branch env/prod was not made by headpin" in shown
    run(shop, "pipeline", "remove-stage", "standard", "prod")
    shop.git("branch", "-D", "env/prod")
    shown = run(shop, "environment", "delete", "prod", "--confirm", "prod", "--yes").out
    assert "the branch env/prod is missing: nothing says what was served" in shown
    assert "env/prod was there before and is missing" in run(shop, "environment", "create", "prod").out


def test_a_deletion_is_pushed_to_where_main_comes_from(shop: World) -> None:
    git("clone", "--quiet", "--bare", str(shop.config), "up.git", cwd=shop.folder)
    git("clone", "--quiet", "up.git", "ann", cwd=shop.folder)
    done = headpin(*OF_CART, cwd=shop.folder / "ann")
    assert done.code == 0 and "committed" in done.out and "to main at origin" in done.out, done
    tree = git("ls-tree", "-r", "--name-only", "main", cwd=shop.folder / "up.git")
    assert "cart" not in tree and not (shop.folder / "ann/projects/shop/agents/cart").exists()


# ── what asks first ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("agent", "delete", "shop/cart", "--yes"), USED_WRONGLY, "repeat the command with --confirm shop/cart"),
        (("agent", "delete", "shop/cart", "--confirm", "cart"), USED_WRONGLY, "says 'cart', and not 'shop/cart'"),
        (("agent", "delete", "shop/cart", "--confirm", "Shop/cart"), USED_WRONGLY, "and not 'shop/cart'"),
        (("agent", "delete", "shop/cart", "--confirm", "shop/cart"), USED_WRONGLY, "prod is a production environment"),
        (("agent", "delete", "shop/crt", "--confirm", "shop/crt"), USED_WRONGLY, "did you mean shop/cart?"),
        (("project", "delete", "shp", "--confirm", "shp"), USED_WRONGLY, "did you mean shop?"),
        (("pipeline", "delete", "shrt", "--confirm", "shrt"), USED_WRONGLY, "did you mean short?"),
        (("environment", "delete", "prd", "--confirm", "prd"), USED_WRONGLY, "did you mean prod?"),
        ((*OF_CART, "--allow-prune"), USED_WRONGLY, "say why with --note"),
        ((*OF_CART, "--dry-run", "--branch"), USED_WRONGLY, "there is no branch to name"),
        (("environment", "create", "agents"), USED_WRONGLY, "'agents' is a reserved name"),
        (("environment", "create", "Qa"), USED_WRONGLY, "cannot be the name of an environment"),
        (("environment", "create", "qa", "--after", "dev"), USED_WRONGLY, "name it with --pipeline"),
        (
            ("pipeline", "add-stage", "short", "prod", "--after", "dev", "--before", "staging"),
            USED_WRONGLY,
            "--after and --before are two places",
        ),
        (("environment", "create", "prod"), REFUSED, "there is an environment prod already"),
        (("environment", "create", "qa", "--namespace", "prod"), REFUSED, "HP309 prod has the same cluster"),
        (("environment", "create", "qa", "--engine", "magic"), REFUSED, "environments/qa.yaml:3:9: HP20"),
        (
            ("environment", "create", "qa", "--pipeline", "short", "--after", "prod"),
            REFUSED,
            "prod is no stage of the pipeline short",
        ),
        (("pipeline", "create", "back", "--stage", "prod", "--stage", "staging"), REFUSED, "HP308"),
        (("pipeline", "create", "twice", "--stage", "dev", "--stage", "dev"), REFUSED, "HP311"),
        (("pipeline", "add-stage", "short", "prod", "--before", "dev"), REFUSED, "HP307 dev tracks head"),
        (("pipeline", "remove-stage", "short", "prod"), REFUSED, "prod is no stage of the pipeline short"),
        (("project", "create", "toys", "--pipeline", "shrt"), USED_WRONGLY, "did you mean short?"),
        (("project", "create", "shop", "--pipeline", "short"), REFUSED, "there is a project shop already"),
        (
            ("project", "create", "toys", "--pipeline", "short", "--owner", "two words"),
            REFUSED,
            "project.yaml:3:5: HP204 owners[0]",
        ),
        (("agent", "create", "toys/car", "--repository", ".", "--image", "x:{short}"), REFUSED, "no project toys"),
        (("agent", "create", "shop/a_b", "--repository", ".", "--image", "x:{short}"), USED_WRONGLY, "'a_b' cannot be"),
        (
            ("agent", "create", "lab/new", "--repository", ".", "--image", "Bad Image"),
            REFUSED,
            "projects/lab/agents/new/agent.yaml:4:12: HP204 image.pattern",
        ),
        (
            ("agent", "create", "lab/new", "--repository", "../x", "--image", "x:{short}", "--port", "none"),
            USED_WRONGLY,
            "'none' is no port",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_refused_says_why_and_writes_nothing(
    unchanged: World, arguments: tuple[str, ...], code: int, words: str
) -> None:
    before = everything(unchanged)
    done = run(unchanged, *arguments, code=code)
    assert words in " ".join(done.err.split()), done.err
    assert everything(unchanged) == before


@pytest.fixture(scope="module")
def unchanged(template: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """The same for tests that change nothing."""
    return copy(template, tmp_path_factory.mktemp("unchanged") / "world")


def test_a_dry_run_shows_everything_and_writes_nothing(unchanged: World) -> None:
    before = everything(unchanged)
    for arguments in (
        ("agent", "delete", "shop/cart"),
        ("project", "delete", "shop"),
        ("environment", "create", "qa", "--pipeline", "standard", "--before", "prod"),
        ("pipeline", "remove-stage", "standard", "dev"),
    ):
        assert "dry run: nothing was written" in run(unchanged, *arguments, "--dry-run").out
    told = json.loads(run(unchanged, "agent", "delete", "shop/cart", "--dry-run", "--json").out)
    assert (told["kind"], told["structure"], told["commit"]) == ("WorkspaceChange", "agent shop/cart", None)
    assert {item["action"] for item in told["deployments"]} == {"remove"}
    assert set(NAMED[:2]) < set(told["deletes"]) and NAMED[2] not in told["deletes"]
    assert everything(unchanged) == before


def test_the_name_is_typed_where_somebody_sits(shop: World) -> None:
    """On a terminal: a wrong name stops it, yes and the right one go on."""
    before = everything(shop)
    code, shown = typed(shop, "y\nshop/crt\n", "agent", "delete", "shop/cart")
    assert code == REFUSED and "not confirmed; nothing was written" in shown
    assert everything(shop) == before
    code, shown = typed(shop, "y\nshop/cart\n", "agent", "delete", "shop/cart")
    assert code == 0 and shown.index("removes shop/cart in prod") < shown.index("Type shop/cart to go on")
    assert main_files(shop, "cart") == ["CODEOWNERS"]


def typed(world: World, keys: str, *arguments: str) -> tuple[int, str]:
    """A command at a terminal on which `keys` are typed: its exit code, and what is shown."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "headpin", *arguments]
    with subprocess.Popen(command, cwd=world.config, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        os.write(ours, keys.encode())
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        process.wait(60)
    os.close(ours)
    return process.returncode, " ".join(_STYLE.sub("", shown.decode()).split())


# ── what begins ──────────────────────────────────────────────────────────────────────────────────


def test_a_new_environment_becomes_a_stage_and_all_else_of_the_pipeline_stays(shop: World) -> None:
    shown = run(
        *(shop, "environment", "create", "qa", "--display-name", "Quality", "--cluster", "east"),
        *("--pipeline", "standard", "--after", "staging"),
    ).out
    assert "reaches  qa, no pin yet, and prod gets nothing that did not run here: shop/cart, shop/web" in shown
    written = shop.git("show", "main:environments/qa.yaml")
    assert written == 'displayName: "Quality"\ncluster: "east"\nnamespace: "qa"'
    after = (shop.config / "pipelines/standard.yaml").read_bytes().decode()
    assert after == CHAIN.replace("      # deep\r\n", '      # deep\r\n  - environment: "qa"\r\n')
    shop.settle()
    listed = json.loads(run(shop, "environment", "list", "--json").out)
    assert [item["name"] for item in listed["environments"]] == ["dev", "staging", "qa", "prod"]
    assert listed["plan"] == {"name": "small", "used": 4, "allowed": 4}
    done = run(shop, "environment", "create", "eu", code=REFUSED)
    assert "headpin.yaml:4:17: HP310 5 environments, and the plan 'small' of this workspace allows 4" in done.err
    run(shop, "promote", "shop/cart", "--to", "qa")
    shop.settle()
    now = shop.record("qa").served
    assert now is not None and now.version == 1


def test_an_environment_that_is_there_still_becomes_a_stage_and_only_once(shop: World) -> None:
    run(shop, "environment", "create", "qa")
    wish = ("environment", "create", "qa", "--pipeline", "standard", "--after", "staging")
    run(shop, *wish)
    once = CHAIN.replace("      # deep\r\n", '      # deep\r\n  - environment: "qa"\r\n')
    tip = shop.revision()
    assert shop.git("cat-file", "-s", "main:pipelines/standard.yaml") == str(len(once))
    for again in (wish, ("pipeline", "add-stage", "standard", "qa", "--before", "prod")):
        assert "nothing to do" in run(shop, *again).out
    for place in (("--after", "prod"), ("--before", "staging"), ("--after", "qa")):
        elsewhere = run(shop, "pipeline", "add-stage", "standard", "qa", *place, code=REFUSED)
        assert "in another place: dev → staging → qa → prod" in elsewhere.err
        assert "headpin pipeline remove-stage standard qa" in elsewhere.err
    assert shop.revision() == tip


def test_the_schema_is_named_where_the_workspace_has_it(shop: World) -> None:
    shop.commit("Schemas", {".schemas/environment.json": "{}\n"})
    run(shop, "environment", "create", "qa")
    first = shop.git("show", "main:environments/qa.yaml").splitlines()[0]
    assert first == "# yaml-language-server: $schema=../.schemas/environment.json"


def test_fewer_environments_that_are_still_too_many_may_go(shop: World) -> None:
    shop.commit("Less", {"headpin.yaml": "apiVersion: headpin/v1\nplan: {environments: 1}\n"})
    for pipeline in ("short", "standard"):
        run(shop, "pipeline", "remove-stage", pipeline, "staging")
    run(shop, "environment", "delete", "staging", "--confirm", "staging")
    assert "HP310" in run(shop, "validate", code=REFUSED).out
    assert "HP310" in run(shop, "environment", "create", "qa", code=REFUSED).err


def test_a_new_agent_is_validated_and_followed(shop: World) -> None:
    shop.push("bell")
    create = ["agent", "create", "lab/bell", "--repository", "../sources/bell", "--display-name", "Bell"]
    create += ["--image", "registry.example.com/bell:{short}", "--port", "8080", "--port", "metrics=9090"]
    shown = run(shop, *create).out
    assert "reaches  dev, which follows the branch from the next pass on: lab/bell" in shown
    assert "reaches  staging, no pin yet: lab/bell" in shown
    assert "nothing to do" in run(shop, *create).out
    shop.settle()
    name = AgentName("lab", "bell")
    assert shop.record("dev", name).served is not None
    assert "service.yaml" in str(shop.files("dev", "manifests/lab/bell"))


def test_another_pipeline_tells_what_is_left_and_what_is_reached(shop: World) -> None:
    before = served(shop)
    document = (shop.config / "projects/shop/project.yaml").read_text()
    shown = run(shop, "project", "set-pipeline", "shop", "short", "--yes").out
    assert "leaves   prod, served until the pin goes: shop/cart v1" in shown
    assert "leaves   prod, nothing is served: shop/web" in shown
    assert "warning  pins/prod/shop/cart.yaml:1:1: HP321" in shown
    after = (shop.config / "projects/shop/project.yaml").read_text()
    assert after == document.replace("standard", "short")
    shop.settle()
    assert served(shop) == before
    assert "Unreachable" in run(shop, "status", "shop/cart", "--env", "prod").out
    shown = run(shop, "project", "set-pipeline", "lab", "standard").out
    assert "reaches  prod, no pin yet: lab/probe" in shown
    assert "nothing to do" in run(shop, "project", "set-pipeline", "lab", "standard").out


def test_a_pipeline_without_the_head_environment_ends_what_follows_there(shop: World) -> None:
    run(shop, "pipeline", "create", "late", "--stage", "staging", "--stage", "prod")
    shown = run(shop, "project", "set-pipeline", "lab", "late").out
    assert "removes  lab/probe in dev: HEAD (" in shown
    assert "leaves   dev, which ends with the next pass: lab/probe HEAD" in shown
    shop.settle()
    assert shop.record("dev", PROBE).served is None and shop.record("staging", PROBE).served is not None


# ── bounds, holds and races ──────────────────────────────────────────────────────────────────────


def test_more_removals_than_the_bound_are_told_and_allowed_in_the_same_commit(shop: World) -> None:
    shop.commit("Careful", {"headpin.yaml": "apiVersion: headpin/v1\nlimits: {prune: 1}\n"})
    shop.settle()
    delete = ("project", "delete", "shop", "--confirm", "shop", "--yes")
    done = run(shop, *delete, code=REFUSED)
    assert "limits.prune (1) would hold the removal of 2 deployments from dev" in done.err
    assert "--allow-prune with a --note" in done.err and "from prod" not in done.err
    run(shop, *delete, "--allow-prune", "--note", "the shop is closed")
    overrides = shop.git("ls-tree", "-r", "--name-only", "main", "overrides").splitlines()
    assert [path.rpartition("-")[0] for path in overrides] == ["overrides/prune-dev", "overrides/prune-staging"]
    assert 'reason: "the shop is closed"' in shop.git("show", f"main:{overrides[0]}")
    assert run(shop, "validate").out.startswith("valid")
    shop.settle()
    assert set(served(shop)) == {"lab/probe in dev", "lab/probe in staging"}


def test_what_the_next_pass_would_hold_is_refused(shop: World) -> None:
    shop.commit("Break", {"projects/shop/project.yaml": "pipeline: [\n"})
    before = everything(shop)
    done = run(shop, *OF_CART, code=REFUSED)
    assert "shop/cart in dev: projects/shop/project.yaml:2:1" in done.err
    assert everything(shop) == before
    shop.commit("Break more", {"headpin.yaml": "x: [\n"})
    assert "headpin.yaml" in run(shop, "environment", "create", "qa", code=REFUSED).err


def test_a_deletion_goes_to_a_branch_for_a_pull_request(shop: World) -> None:
    main = shop.revision("main")
    shown = run(shop, *OF_CART, "--branch").out
    branch = shop.git("for-each-ref", "--format=%(refname:short)", "refs/heads/headpin/delete")
    assert branch.startswith("headpin/delete/agent-shop-cart-") and branch in shown
    assert shop.revision("main") == main and shop.git("rev-parse", f"{branch}^") == main
    run(shop, *OF_CART, "--branch")
    assert shop.git("for-each-ref", "--format=%(refname:short)", "refs/heads/headpin/delete") == branch


def test_who_loses_the_race_decides_anew_on_what_is_there_by_then(shop: World) -> None:
    """While a person is asked, somebody gives the agent one more file: it goes as well."""
    late, asked = "projects/shop/agents/cart/prod.yaml", []

    def confirm(meant: Done) -> bool:
        asked.append(set(meant.proposal.change.files))
        if len(asked) == 1:
            shop.commit("Meanwhile", {late: "variables: {LATE: x}\n"})
        return True

    done = Actor(shop.controller, ("Ann", "ann@example.com"), confirm=confirm).act(to_delete_agent(CART, Ending()))
    assert len(asked) == 2 and asked[1] - asked[0] == {late}
    assert done.commit is not None and not main_files(shop, "LATE")


def test_what_somebody_else_deleted_or_made_meanwhile_is_refused(shop: World) -> None:
    run(shop, *OF_CART)
    actor = Actor(shop.controller, ("Ann", "ann@example.com"))
    with pytest.raises(Refused, match="no agent shop/cart any more"):
        actor.act(to_delete_agent(CART, Ending()))
    with pytest.raises(Refused, match="there is an agent shop/web already"):
        actor.act(to_create_agent(NewAgent(WEB, "../sources/else", "registry.example.com/else:{short}"), ""))
