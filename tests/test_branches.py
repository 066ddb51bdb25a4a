"""Environment branches: what they hold, how they survive, and what becomes of those who interfere."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from headpin.controller import Controller
from headpin.errors import Conflict, HistoryMissing
from headpin.git import Repository
from headpin.releases import EventKind, HoldReason
from headpin.types import AgentName
from tests.world import AGENT, CART, World, git


def test_the_first_pass_makes_a_branch_for_every_environment(world: World) -> None:
    world.settle()
    assert set(world.tips()) == {"env/dev", "env/staging", "env/prod"}
    assert set(world.files("dev", "")) >= {
        "environment.yaml",
        "deployments/shop/cart.yaml",
        "deployments/shop/cart.ran",
        "manifests/shop/kustomization.yaml",
        "manifests/shop/cart/deployment.yaml",
        "settings/shop/cart/agent.yaml",
        "settings/shop/cart/apiVersion",
    }
    assert set(world.files("prod", "")) == {"environment.yaml"}


def test_a_readme_change_commits_nothing(running: World) -> None:
    tips = running.tips()
    running.commit("Words", {"README.md": "words\n", "docs/more.yaml": "x: 1\n"})
    report = running.settle()
    assert running.tips() == tips
    assert (report.work.rendered, report.work.written) == (0, 0)


def test_what_headpin_remembers_may_be_deleted(running: World) -> None:
    tips = running.tips()
    for ref in running.git("for-each-ref", "--format=%(refname)", "refs/headpin").splitlines():
        running.git("update-ref", "-d", ref)
    report = running.fresh().reconcile(full=True)
    assert not report.commits
    assert running.tips() == tips


def test_a_fresh_clone_with_all_branches_has_nothing_to_do(running: World) -> None:
    clone = running.folder / "clone"
    git("clone", "--quiet", str(running.config), str(clone), cwd=running.folder)
    report = Controller(Repository.open(clone), clock=running.clock).reconcile(full=True)
    assert not report.commits and not report.failed
    assert git("for-each-ref", "refs/heads/env", cwd=clone) == ""


def test_a_bare_mirror_reconciles_like_a_clone(running: World) -> None:
    mirror = running.folder / "mirror.git"
    git("clone", "--quiet", "--mirror", str(running.config), str(mirror), cwd=running.folder)
    controller = Controller(Repository.open(mirror), clock=running.clock)
    assert not controller.reconcile(full=True).commits


def test_a_clone_goes_on_from_the_upstream_branch(running: World) -> None:
    clone = running.folder / "clone"
    git("clone", "--quiet", str(running.config), str(clone), cwd=running.folder)
    running.push("cart")
    report = Controller(Repository.open(clone), clock=running.clock).reconcile()
    assert len(report.commits) == 1
    parent = git("rev-parse", "env/dev^", cwd=clone)
    assert parent == running.revision("env/dev")


def test_moves_that_landed_while_headpin_was_down_are_all_in_history(running: World) -> None:
    running.push("cart")
    running.settle()
    running.promote("dev", "staging")
    running.settle()
    running.promote("staging", "prod", author="Ann <ann@example.com>")
    running.git("revert", "--no-edit", "HEAD")
    report = running.settle()
    told = [(event.kind, event.version, event.person) for event in running.events("prod")]
    assert told == [
        (EventKind.PROMOTED, 1, "Test Person <test.person@example.com>"),
        (EventKind.SUPERSEDED, None, "Ann <ann@example.com>"),
        (EventKind.ROLLED_BACK, 1, "Test Person <test.person@example.com>"),
    ]
    assert report.work.rendered == 0
    assert running.record("prod").highest == 1, "a superseded promotion mints nothing"


def test_one_commit_carries_a_release_through_several_stages(running: World) -> None:
    running.push("cart")
    running.settle()
    pin = running.pin_text("dev")
    running.commit("Both", {"pins/staging/shop/cart.yaml": pin, "pins/prod/shop/cart.yaml": pin})
    running.settle()
    for environment in ("staging", "prod"):
        served = running.record(environment).served
        assert served is not None and served.version == 2


def test_the_author_is_who_caused_it_and_the_committer_is_headpin(running: World) -> None:
    running.push("cart")
    running.settle()
    running.promote("dev", "staging", author="Ann <ann@example.com>")
    running.settle()
    assert running.git("log", "-1", "--format=%an <%ae>|%cn|%s", "env/staging").startswith(
        "Ann <ann@example.com>|headpin|Promote shop/cart to staging: v2 ("
    )
    message = running.git("log", "-1", "--format=%B", "env/staging")
    assert f"Headpin-Config: {running.revision()}" in message
    assert "Headpin-Deployment: shop/cart v2" in message


def test_a_clock_that_jumps_back_does_not_reorder_history(running: World) -> None:
    before = running.branch("staging").tip
    assert before is not None
    running.clock.now = datetime(2020, 1, 1, tzinfo=UTC)
    running.push("cart")
    running.settle()
    running.promote("dev", "staging")
    running.settle()
    after = running.branch("staging").tip
    assert after is not None and after.committer.at >= before.committer.at
    events = running.events("staging")
    assert [event.at for event in events] == sorted(event.at for event in events)


def test_a_foreign_commit_on_an_environment_branch_is_undone_by_a_new_commit(running: World) -> None:
    good = running.git("rev-parse", "env/prod^{tree}")
    running.git("checkout", "--quiet", "env/prod")
    running.commit("By hand", {"manifests/shop/cart/deployment.yaml": "kind: Nonsense\n", "extra.txt": "x\n"})
    foreign = running.revision()
    running.git("checkout", "--quiet", "main")
    running.settle()
    assert running.git("rev-parse", "env/prod^") == foreign
    kept = running.git("diff", "--stat", good, "env/prod", "--", "manifests", "deployments", "settings")
    assert kept == ""


def test_a_branch_that_headpin_did_not_make_stops_that_environment_alone(world: World) -> None:
    world.git("branch", "env/prod", "main")
    report = world.reconcile()
    told = {environment.environment: environment.error for environment in report.environments}
    assert "was not made by headpin" in told["prod"]
    assert not told["dev"] and not told["staging"]


def test_a_branch_missing_everywhere_is_held_and_not_started_anew(running: World) -> None:
    running.git("branch", "-D", "env/prod")
    report = running.reconcile()
    told = {environment.environment: environment.error for environment in report.environments}
    assert "missing" in told["prod"] and not told["staging"]
    assert "env/prod" not in running.tips()
    again = running.fresh().reconcile()
    assert "missing" in next(found.error for found in again.environments if found.environment == "prod")
    running.commit("Break the head environment", {"environments/dev.yaml": "tracks: [\n"})
    running.fresh().reconcile()
    assert "env/prod" not in running.tips(), "it is never started anew"


def test_a_ref_without_its_object_is_damage_and_no_new_environment(running: World) -> None:
    ref = running.config / ".git/refs/heads/env/prod"
    ref.write_text("1" * 40 + "\n")
    for _ in range(2):
        report = running.fresh().reconcile()
        told = {found.environment: found.error for found in report.environments}
        assert told["prod"] and not told["staging"]
    assert ref.read_text().strip() == "1" * 40


def test_a_copied_environment_branch_is_nobodys_environment(running: World) -> None:
    running.git("branch", "env/prod-backup", "env/prod")
    running.git("branch", "env/canary", "env/prod")
    before = running.tips()
    running.commit("An environment of that name", {"environments/canary.yaml": "{}\n"})
    report = running.fresh().reconcile(full=True)
    told = {found.environment: found.error for found in report.environments}
    assert "copy of env/prod" in told["canary"] and "prod-backup" not in told
    after = running.tips()
    assert {name: after[name] for name in ("env/prod-backup", "env/canary")} == {
        name: before[name] for name in ("env/prod-backup", "env/canary")
    }


def test_nobody_decides_by_what_could_not_be_committed(running: World) -> None:
    running.push("cart")
    running.settle()
    pin = running.pin_text("dev")
    running.commit("Both", {"pins/staging/shop/cart.yaml": pin, "pins/prod/shop/cart.yaml": pin})
    lock = running.config / ".git/refs/heads/env/staging.lock"
    lock.write_text("")
    running.reconcile()
    served = running.record("prod").served
    assert served is not None and served.version == 1
    lock.unlink()
    running.settle()
    again = running.record("prod").served
    assert again is not None and again.version == 2


def test_a_main_that_is_behind_the_branches_is_told_and_nothing_is_held(running: World) -> None:
    clone = running.folder / "behind"
    git("clone", "--quiet", str(running.config), str(clone), cwd=running.folder)
    running.commit("Own", {"projects/shop/prod.yaml": "variables: {A: b}\n"})
    running.settle()
    git("fetch", "--quiet", cwd=clone)
    report = Controller(Repository.open(clone), clock=running.clock).reconcile()
    told = {found.environment: (found.remedy, found.hold) for found in report.environments}
    assert not report.commits
    assert "git pull" in told["prod"][0] and told["prod"][1] is None


@pytest.mark.parametrize("option", ["--depth=1", "--single-branch"])
def test_a_clone_without_the_branches_starts_none(running: World, option: str) -> None:
    clone = running.folder / "part"
    git("clone", "--quiet", option, f"file://{running.config}", str(clone), cwd=running.folder)
    with pytest.raises(HistoryMissing, match="no environment branches"):
        Controller(Repository.open(clone), clock=running.clock).reconcile()
    assert git("for-each-ref", "refs/heads/env", cwd=clone) == ""


def test_a_stage_without_an_environment_concerns_its_projects_moves_alone(running: World) -> None:
    running.push("cart")
    running.settle()
    running.promote("dev", "staging")
    running.settle()
    stages = "stages:\n- environment: dev\n- environment: stagin\n- environment: staging\n- environment: prod\n"
    running.write({"pipelines/standard.yaml": stages})
    running.promote("staging", "prod")
    running.settle()
    hold = running.record("prod").hold
    assert hold is not None and hold.reason is HoldReason.INVALID and "HP301" in hold.message


def test_a_newcomer_cannot_take_the_object_names_of_what_is_served(running: World) -> None:
    newcomer = AgentName("shop-cart", "x1")
    running.push("x1")
    running.commit(
        "Two names that come to one",
        {
            "projects/shop/agents/cart-x1/agent.yaml": AGENT.format(name="x1"),
        },
    )
    running.settle()
    text = AGENT.format(name="x1")
    running.git("mv", "projects/shop/agents/cart-x1/agent.yaml", "projects/shop/agents/cart-x1/dev.yaml")
    running.commit(
        "The old one is only half gone",
        {
            "projects/shop/agents/cart-x1/dev.yaml": "{}\n",
            "projects/shop-cart/project.yaml": "pipeline: standard\n",
            "projects/shop-cart/agents/x1/agent.yaml": text,
        },
    )
    running.settle()
    assert running.record("dev", AgentName("shop", "cart-x1")).served is not None
    record = running.record("dev", newcomer)
    assert record.served is None and record.hold is not None and "HP312" in record.hold.message


def test_a_foreign_commit_on_a_held_environment_is_undone_too(running: World) -> None:
    running.commit("Break prod", {"environments/prod.yaml": "tracks: [\n"})
    running.settle()
    good = running.git("rev-parse", "env/prod:manifests")
    running.git("checkout", "--quiet", "env/prod")
    running.commit("By hand", {"manifests/shop/cart/deployment.yaml": "kind: Nonsense\n"})
    running.git("checkout", "--quiet", "main")
    running.settle()
    assert running.git("rev-parse", "env/prod:manifests") == good


def test_two_controllers_converge(running: World) -> None:
    one, other = running.fresh(), running.fresh()
    one.reconcile(), other.reconcile()
    running.push("cart")
    first = one.reconcile()
    assert len(first.commits) == 1
    assert not other.reconcile().commits
    running.promote("dev", "staging")
    assert len(other.reconcile().commits) == 1
    assert not one.reconcile().commits


def test_the_loser_of_a_race_looks_again(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    running.push("cart")
    rival = running.fresh()
    move = Repository.move_ref
    raced: list[str] = []

    def racing(self: Repository, name: str, *arguments: object) -> None:
        if not raced:
            raced.append(name)
            rival.reconcile()
        move(self, name, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Repository, "move_ref", racing)
    report = running.controller.reconcile()
    assert raced == ["refs/heads/env/dev"]
    assert not report.commits, "the rival had done it already"
    assert len(running.branch("dev").ran(CART)) == 2


def test_a_race_that_never_ends_is_an_error(running: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise Conflict("always elsewhere")

    monkeypatch.setattr(Repository, "move_ref", refuse)
    monkeypatch.setattr("headpin.controller.reconcile.time.sleep", lambda _: None)
    running.push("cart")
    with pytest.raises(Conflict):
        running.controller.reconcile()


def test_a_locked_ref_concerns_its_environment_and_says_what_to_do(running: World) -> None:
    running.push("cart")
    lock = running.config / ".git/refs/heads/env/dev.lock"
    lock.write_text("")
    report = running.reconcile()
    told = next(environment for environment in report.environments if environment.environment == "dev")
    assert "locked" in told.error and "dev.lock" in told.remedy
    lock.unlink()
    assert len(running.reconcile().commits) == 1


def test_an_unreachable_source_keeps_its_revision_and_takes_shared_settings(running: World) -> None:
    before = running.record("dev").served
    shutil.move(running.sources / "cart", running.sources / "gone")
    running.commit("Shared", {"defaults.yaml": "variables: {REGION: south}\n"})
    report = running.reconcile()
    after = running.record("dev").served
    assert before is not None and after is not None
    assert after.release.revision == before.release.revision
    assert after.release.settings != before.release.settings
    assert list(report.sources) == [CART]
    assert not running.controller.reconcile(full=True).commits
    shutil.move(running.sources / "gone", running.sources / "cart")
    assert not running.reconcile().sources


def test_an_agent_of_this_repository_follows_its_folder(world: World) -> None:
    page = AgentName("shop", "page")
    text = AGENT.format(name="page").replace("../sources/page", ".\n  path: apps/page")
    made = world.commit(
        "Add a page", {"projects/shop/agents/page/agent.yaml": text, "apps/page/index.html": "<p>1</p>\n"}
    )
    world.settle()
    served = world.record("dev", page).served
    assert served is not None and served.release.revision == made
    world.commit("Elsewhere", {"apps/other.txt": "x\n"})
    world.settle()
    assert world.record("dev", page).served == served
    moved = world.commit("The page", {"apps/page/index.html": "<p>2</p>\n"})
    world.settle()
    again = world.record("dev", page).served
    assert again is not None and again.release.revision == moved


def test_a_nopin_stage_is_transparent_unless_it_is_required(world: World) -> None:
    world.commit(
        "Four stages",
        {
            "environments/canary.yaml": "{}\n",
            "pipelines/standard.yaml": (
                "stages:\n- environment: dev\n- environment: canary\n- environment: staging\n- environment: prod\n"
            ),
        },
    )
    world.settle()
    world.promote("dev", "staging")
    world.settle()
    assert world.record("staging").served is not None, "canary has no pin and is passed over"
    world.git("rm", "--quiet", "pins/staging/shop/cart.yaml")
    world.commit("Out of staging")
    world.push("cart")
    world.settle()
    world.promote("dev", "prod")
    world.settle()
    hold = world.record("prod").hold
    assert hold is not None and hold.reason is HoldReason.BLOCKED, "the stage before production is required"


def test_a_stage_may_take_from_any_earlier_one_by_policy(world: World) -> None:
    world.commit(
        "From earlier",
        {
            "pipelines/standard.yaml": (
                "stages:\n- environment: dev\n- environment: staging\n"
                "- environment: prod\n  promotion: {from: earlier}\n"
            )
        },
    )
    world.settle()
    world.promote("dev", "prod")
    world.settle()
    served = world.record("prod").served
    assert served is not None and served.version == 1
    source = world.events("prod")[0].source
    assert source is not None and source.environment == "dev"


def test_a_deployment_that_its_pipeline_left_stays_served(running: World) -> None:
    before = running.files("staging")
    running.commit(
        "Leave staging out", {"pipelines/standard.yaml": "stages:\n- environment: dev\n- environment: prod\n"}
    )
    running.settle()
    assert running.files("staging") == before
    assert running.record("staging").hold is None
    running.git("rm", "--quiet", "pins/staging/shop/cart.yaml")
    running.commit("Its pin goes")
    running.settle()
    assert running.record("staging").served is None


def test_a_rewritten_main_holds_everything_until_it_is_accepted(running: World) -> None:
    lost = running.revision()
    before = {name: running.files(name) for name in ("dev", "staging", "prod")}
    running.git("reset", "--quiet", "--hard", "HEAD~1")
    running.commit("Another history", {"environments/prod.yaml": "production: true\nvariables: {A: b}\n"})
    report = running.settle()
    prod = next(found for found in report.environments if found.environment == "prod")
    assert prod.hold is not None and "rewritten" in prod.hold.message and lost in prod.hold.message
    assert running.files("prod") == before["prod"]
    pin = running.pin_text("prod")
    running.commit(
        "Accept it",
        {
            "pins/prod/shop/cart.yaml": pin,
            "overrides/history.yaml": f'allow: history\nlost: "{lost}"\nreason: the last commit was a mistake\n',
        },
    )
    running.settle()
    state = running.branch("prod").state
    assert state is not None and state.hold is None
    assert '"A"' in running.files("prod")["manifests/shop/cart/deployment.yaml"]


def test_one_file_accepts_a_rewritten_main_for_environments_that_were_made_from_several_commits(running: World) -> None:
    older = running.revision()
    running.commit("More in dev", {"environments/dev.yaml": "tracks: head\nvariables: {A: b}\n"})
    running.settle()
    newer = running.revision()
    running.git("reset", "--quiet", "--soft", "HEAD~3")
    running.commit("Another history")
    report = running.settle()
    assert all(found.hold and newer in found.hold.message for found in report.environments)
    assert {running.branch(name).base for name in ("staging", "prod")} <= {older, running.revision(f"{older}~1")}
    running.commit("Accept it", {"overrides/history.yaml": f'allow: history\nlost: "{newer}"\nreason: a mistake\n'})
    running.settle()
    assert not any(running.branch(name).state.hold for name in ("dev", "staging", "prod"))  # type: ignore[union-attr]


def test_a_main_that_was_merged_backwards_is_folded_as_one_step(running: World) -> None:
    running.push("cart")
    running.settle()
    running.promote("dev", "staging")
    running.settle()
    observed = running.revision()
    running.git("checkout", "--quiet", "-b", "side", "HEAD~2")
    running.commit("On the side", {"README.md": "side\n"})
    running.git("merge", "--quiet", "--no-ff", "-m", "Merge main into side", observed)
    running.git("branch", "--force", "main", "side")
    running.git("checkout", "--quiet", "main")
    report = running.settle()
    assert not report.holds and not report.failed
    assert [event.version for event in running.events("staging")] == [1, 2]


def test_a_shallow_clone_says_so(running: World) -> None:
    running.commit("Later")
    running.commit("Latest", {"environments/prod.yaml": "production: true\nvariables: {A: b}\n"})
    clone = running.folder / "shallow"
    git(
        "clone",
        "--quiet",
        "--depth=1",
        "--no-single-branch",
        f"file://{running.config}",
        str(clone),
        cwd=running.folder,
    )
    report = Controller(Repository.open(clone), clock=running.clock).reconcile()
    assert not report.commits
    assert all("--unshallow" in found.remedy for found in report.environments)


def test_old_events_move_to_sealed_segments_and_nothing_is_lost(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headpin.controller.branches.SEAL_AT", 4)
    for number in range(9):
        running.commit("Own", {"projects/shop/agents/cart/prod.yaml": f'variables: {{A: "{number}"}}\n'})
        running.settle()
    sealed = [path for path in running.files("prod", "deployments") if ".events" in path]
    assert sealed == [f"deployments/shop/cart.events{end}" for end in ("", ".0001", ".0002", ".0003")]
    kinds = [event.kind for event in running.events("prod")]
    assert kinds == [EventKind.PROMOTED] + [EventKind.RECONFIGURED] * 9
    times = [event.at for event in running.events("prod")]
    assert times == sorted(times)


def test_a_rewrite_that_one_environment_saw_holds_all(running: World) -> None:
    running.commit("Shared", {"defaults.yaml": "variables: {REGION: south}\n"})
    running.settle()
    before = running.files("prod")
    running.git("reset", "--quiet", "--hard", "HEAD~1")
    running.commit("Elsewhere", {"projects/shop/prod.yaml": "variables: {A: b}\n"})
    report = running.settle()
    assert all(found.hold and "rewritten" in found.hold.message for found in report.environments)
    assert running.files("prod") == before


def test_an_accepted_rewrite_stays_accepted_without_its_override(running: World) -> None:
    lost = running.revision()
    pin = running.pin_text("prod")
    running.git("reset", "--quiet", "--hard", "HEAD~1")
    accept = f'allow: history\nlost: "{lost}"\nreason: a mistake\n'
    running.commit("The same again", {"pins/prod/shop/cart.yaml": pin, "overrides/history.yaml": accept})
    running.reconcile()
    for environment in ("staging", "dev"):
        state = running.branch(environment).state
        assert state is not None and state.hold is None
    running.commit("Tidy up", {"overrides/history.yaml": None})
    assert not running.fresh().reconcile().holds
    assert not running.fresh().reconcile(full=True).holds


def test_a_commit_of_headpin_that_somebody_amended_is_undone(running: World) -> None:
    """The trailers name headpin's own tree: what else is committed under them is somebody else's."""
    before, served = running.files("prod", ""), running.record("prod").served
    running.git("checkout", "--quiet", "env/prod")
    running.write({"manifests/shop/cart/deployment.yaml": "replicas: 100\n"})
    running.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    running.git("checkout", "--quiet", "main")
    report = running.settle()
    assert not report.failed and len(report.commits) == 1
    after = running.files("prod", "")
    assert after["manifests/shop/cart/deployment.yaml"] == before["manifests/shop/cart/deployment.yaml"]
    again = running.record("prod").served
    assert served is not None and again is not None
    assert (again.release, again.version) == (served.release, served.version)
    assert [(event.kind, event.version) for event in running.events("prod")] == [(EventKind.PROMOTED, 1)]


def test_a_commit_that_several_people_caused_names_them_all(running: World) -> None:
    for source in ("search", "mail"):
        running.push(source)
        agent = f"projects/shop/agents/{source}/agent.yaml"
        running.commit("Add", {agent: AGENT.format(name=source)})
    running.settle()
    running.promote("dev", "staging", AgentName("shop", "search"), author="Ann <ann@example.com>")
    running.promote("dev", "staging", AgentName("shop", "mail"), author="Bo <bo@example.com>")
    running.settle()
    message = running.git("log", "-1", "--format=%B", "env/staging")
    assert "Co-authored-by: Ann <ann@example.com>\nCo-authored-by: Bo <bo@example.com>\n" in message
    assert running.git("log", "-1", "--format=%an", "env/staging") == "headpin"


def test_more_documents_than_the_bound_hold_everything_until_it_is_raised(running: World) -> None:
    tips = running.tips()
    running.push("cart")
    running.commit("Bound", {"headpin.yaml": "apiVersion: headpin/v1\nlimits: {documents: 3}\n"})
    report = running.settle()
    assert all(environment.hold is not None for environment in report.environments)
    assert "HP112" in report.environments[0].hold.message  # type: ignore[union-attr]
    running.commit("Raise", {"headpin.yaml": "apiVersion: headpin/v1\nlimits: {documents: 30}\n"})
    running.settle()
    assert running.record("dev").served.release.revision != tips  # type: ignore[union-attr]
    assert not running.settle().holds
