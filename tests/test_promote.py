"""What people do all day, by headpin's own commands on real repositories: promote, roll back, stop, start, scale."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from headpin.releases import EventKind, Status
from headpin.types import AgentName
from tests.inprocess import Ran, headpin
from tests.programs import program
from tests.world import AGENT, CART, World, git

PIN = "pins/prod/shop/cart.yaml"
LAYER = "projects/shop/agents/cart/prod.yaml"
SEARCH = AgentName("shop", "search")
REFUSED, USED_WRONGLY, WORLD_FAILED = 1, 2, 3


def run(world: World, *arguments: str, code: int = 0) -> Ran:
    done = headpin(*arguments, cwd=world.config)
    assert done.code == code, f"{arguments}: {done.code}\n{done.out}{done.err}"
    return done


def promote(world: World, target: str, *more: str, code: int = 0) -> Ran:
    return run(world, "promote", "shop/cart", "--to", target, "--yes", *more, code=code)


def served(world: World, environment: str, agent: AgentName = CART) -> int:
    found = world.record(environment, agent).served
    return found.version if found else 0


@pytest.fixture
def ahead(running: World) -> World:
    """cart at v1 in staging and prod, and a newer release in dev."""
    running.push("cart")
    running.settle()
    return running


def with_search(world: World) -> None:
    world.push("search")
    world.commit("Search", {"projects/shop/agents/search/agent.yaml": AGENT.format(name="search")})
    world.settle()


# ── promote ──────────────────────────────────────────────────────────────────────────────────────


def test_a_promotion_is_the_commit_that_a_person_could_have_made(ahead: World) -> None:
    promote(ahead, "staging", "--note", "The queue is faster now.")
    subject, _, body = ahead.git("log", "-1", "--format=%B").partition("\n")
    short = ahead.record("dev").served.release.revision[:7]  # type: ignore[union-attr]
    assert subject == f"Promote shop/cart to staging: v2 ({short})"
    assert body.strip() == "The queue is faster now.\n\nHeadpin-Move: shop/cart staging v2 from dev"
    assert ahead.git("log", "-1", "--format=%an <%ae>") == "Test Person <test.person@example.com>"
    assert ahead.git("show", "--stat", "--format=", "HEAD").splitlines()[0].split()[0] == "pins/staging/shop/cart.yaml"
    assert ahead.git("status", "--porcelain") == ""
    ahead.settle()
    promote(ahead, "prod")
    ahead.settle()
    assert (served(ahead, "staging"), served(ahead, "prod")) == (2, 2)
    assert [event.note for event in ahead.events("staging")][-1] == "The queue is faster now."
    assert ahead.events("prod")[-1].source.environment == "staging"  # type: ignore[union-attr]


def test_comments_quotes_and_line_endings_of_a_pin_stay(ahead: World) -> None:
    text = ahead.pin_text("prod").replace('"', "'").replace("\n", "\r\n")
    ahead.commit("Words", {PIN: f"# owned by Ann\r\n{text}# the end"})
    promote(ahead, "staging")
    ahead.settle()
    promote(ahead, "prod")
    after = (ahead.config / PIN).read_bytes()
    release = ahead.record("staging").served.release  # type: ignore[union-attr]
    assert after.startswith(b"# owned by Ann\r\nrevision: '" + release.revision.encode())
    assert after.endswith(b"'\r\n# the end") and b"\n" not in after.replace(b"\r\n", b"")


def test_typing_it_again_does_nothing(ahead: World) -> None:
    promote(ahead, "staging")
    head = ahead.revision()
    assert "nothing to do" in promote(ahead, "staging").out
    assert ahead.revision() == head


def test_a_dry_run_shows_gates_and_rendering_and_writes_nothing(ahead: World) -> None:
    objects = ahead.git("count-objects", "-v")
    found = promote(ahead, "staging", "--dry-run").out
    assert "ran-before is open: ran in dev as HEAD since" in found
    assert '+    "headpin.dev/version": "v2"' in found and "dry run: nothing was written" in found
    assert ahead.git("count-objects", "-v") == objects
    machine = json.loads(promote(ahead, "staging", "--dry-run", "--json").out)
    assert (machine["kind"], machine["dryRun"], machine["commit"]) == ("Promotion", True, None)
    assert machine["deployments"][0]["gates"][0]["gate"] == "ran-before"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("shop/cart", "--to", "dev"), USED_WRONGLY, "follows branches"),
        (("shop/cart", "--to", "prod", "--from", "prod"), USED_WRONGLY, "cannot be promoted into itself"),
        (("shop/cart", "--to", "staging", "--from", "prod"), USED_WRONGLY, "comes after"),
        (("shop/cart", "--to", "prod", "--from", "dev"), REFUSED, "cannot skip a stage"),
        (("shop/crt", "--to", "prod"), USED_WRONGLY, "did you mean shop/cart?"),
        (("shop/cart", "--to", "production"), USED_WRONGLY, "did you mean prod?"),
        (("nowhere/*", "--to", "prod"), USED_WRONGLY, "there is no project"),
        (("shop/cart", "--to", "prod", "--release", "v7"), REFUSED, "never ran"),
        (("shop/cart", "--to", "prod", "--release", "main"), USED_WRONGLY, "is no release"),
        (("shop/cart", "--to", "prod", "--set", "A"), USED_WRONGLY, "NAME=VALUE"),
        (("shop/cart", "--to", "prod", "--set", "9=x"), USED_WRONGLY, "cannot be the name of a variable"),
        (("shop/cart", "--to", "prod", "--author", "Ann"), USED_WRONGLY, "nobody's name and address"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    ahead: World, arguments: tuple[str, ...], code: int, said: str
) -> None:
    head, tips = ahead.revision(), ahead.tips()
    found = run(ahead, "promote", *arguments, "--yes", code=code)
    assert said in found.err, found.err
    assert (ahead.revision(), ahead.tips()) == (head, tips) and ahead.git("status", "--porcelain") == ""


def test_nothing_is_promoted_into_an_environment_that_is_held_as_a_whole(ahead: World) -> None:
    ahead.commit("Broken", {"environments/staging.yaml": "colour: blue\n"})
    ahead.settle()
    ahead.commit("Mended", {"environments/staging.yaml": "description: back\n"})
    found = promote(ahead, "staging", code=REFUSED)
    assert "the whole environment is held" in found.err
    ahead.settle()
    promote(ahead, "staging")


def test_a_stopped_source_supplies_nothing(ahead: World) -> None:
    promote(ahead, "staging")
    ahead.settle()
    run(ahead, "stop", "shop/cart", "--env", "staging")
    ahead.settle()
    assert "is Stopped in staging" in promote(ahead, "prod", code=REFUSED).err


def test_what_was_only_ever_stopped_has_not_run(ahead: World) -> None:
    run(ahead, "stop", "shop/cart", "--env", "staging")
    ahead.settle()
    promote(ahead, "staging", "--keep-stopped")
    ahead.settle()
    ahead.push("cart")
    ahead.settle()
    promote(ahead, "staging")
    ahead.settle()
    assert (served(ahead, "staging"), ahead.record("staging").served.status) == (3, Status.DEPLOYED)  # type: ignore[union-attr]
    assert "v2 never ran" in promote(ahead, "prod", "--release", "v2", code=REFUSED).err
    run(ahead, "rollback", "shop/cart", "--env", "staging", "--to", "v2")
    ahead.settle()
    assert served(ahead, "staging") == 2
    promote(ahead, "prod")
    ahead.settle()
    assert served(ahead, "prod") == 2


def test_production_demands_yes_where_nobody_can_be_asked(ahead: World) -> None:
    promote(ahead, "staging")
    ahead.settle()
    found = run(ahead, "promote", "shop/cart", "--to", "prod", code=USED_WRONGLY)
    assert "production" in found.err and "--yes" in found.err
    promote(ahead, "prod")


def test_a_release_train_is_one_commit_and_all_or_nothing(ahead: World) -> None:
    with_search(ahead)
    run(ahead, "promote", "shop/*", "--to", "staging")
    assert ahead.git("log", "-1", "--format=%s") == "Promote 2 agents to staging"
    assert len(ahead.git("show", "--format=", "--name-only", "HEAD").splitlines()) == 2
    ahead.settle()
    assert (served(ahead, "staging"), served(ahead, "staging", SEARCH)) == (2, 1)
    ahead.commit("Broken", {"projects/shop/agents/search/prod.yaml": "colour: blue\n"})
    ahead.settle()
    head = ahead.revision()
    found = run(ahead, "promote", "shop/*", "--to", "prod", "--yes", code=REFUSED)
    assert "shop/search in prod" in found.err and ahead.revision() == head


def test_a_train_is_taken_back_by_one_revert(ahead: World) -> None:
    with_search(ahead)
    run(ahead, "promote", "shop/*", "--to", "staging")
    ahead.settle()
    ahead.git("revert", "--no-edit", "HEAD")
    ahead.settle()
    assert (served(ahead, "staging"), served(ahead, "staging", SEARCH)) == (1, 0)
    assert ahead.events("staging")[-1].kind is EventKind.ROLLED_BACK


def test_a_pinned_first_stage_takes_what_the_branch_has_now(ahead: World) -> None:
    ahead.commit(
        "Without dev",
        {"pipelines/standard.yaml": "stages:\n  - environment: staging\n  - environment: prod\n"},
    )
    revision = ahead.push("cart")
    ahead.settle()
    promote(ahead, "staging")
    ahead.settle()
    assert ahead.record("staging").served.release.revision == revision  # type: ignore[union-attr]
    promote(ahead, "prod")
    ahead.settle()
    assert served(ahead, "prod") == 2
    (ahead.sources / "cart").rename(ahead.sources / "gone")
    found = promote(ahead, "staging", code=WORLD_FAILED)
    assert "sources/cart" in found.err


def test_a_pattern_leaves_out_what_nobody_serves(ahead: World) -> None:
    with_search(ahead)
    promote(ahead, "staging")
    ahead.settle()
    run(ahead, "promote", "shop/*", "--to", "prod", "--yes")
    assert ahead.git("show", "--format=", "--name-only", "HEAD").split() == [PIN]


def test_a_release_that_ran_earlier_in_the_source_can_be_named(ahead: World) -> None:
    promote(ahead, "staging")
    ahead.settle()
    promote(ahead, "prod")
    ahead.settle()
    ahead.push("cart")
    ahead.settle()
    promote(ahead, "staging")
    ahead.settle()
    run(ahead, "rollback", "shop/cart", "--env", "prod", "--yes")
    ahead.settle()
    assert served(ahead, "prod") == 1
    promote(ahead, "prod", "--release", "v2")
    ahead.settle()
    assert served(ahead, "prod") == 2
    assert ahead.events("prod")[-1].kind is EventKind.ROLLED_FORWARD


def test_a_promotion_sets_variables_files_and_pods_in_the_same_commit(ahead: World, tmp_path: Path) -> None:
    (tmp_path / "app.conf").write_text("a = 1\n")
    ahead.commit("Own", {LAYER: "# careful\nvariables:\n  LOG_LEVEL: debug  # for now\n"})
    promote(ahead, "staging")
    ahead.settle()
    promote(
        ahead, "prod", "--set", "LOG_LEVEL=warning", "--set", "NEW=a=b", "--set-file",
        f"/etc/app.conf={tmp_path}/app.conf", "--min-replicas", "2", "--max-replicas", "5",
    )  # fmt: skip
    text = (ahead.config / LAYER).read_text()
    assert text.startswith("# careful\nvariables:\n  LOG_LEVEL: warning  # for now\n")
    ahead.settle()
    files = ahead.files("prod")
    deployment = files["manifests/shop/cart/deployment.yaml"]
    assert 'value: "warning"' in deployment and 'value: "a=b"' in deployment
    assert "a = 1" in files["manifests/shop/cart/configmap.yaml"]
    assert "maxReplicas: 5" in files["manifests/shop/cart/horizontalpodautoscaler.yaml"]


def test_the_sources_configuration_can_be_taken_along(ahead: World) -> None:
    ahead.commit(
        "Own",
        {
            "projects/shop/agents/cart/staging.yaml": "variables: {MODE: careful, LOG_LEVEL: debug}\n"
            "secrets: {TOKEN: {name: cart, key: token}}\nfiles: {/etc/x: {text: staging}}\n",
            LAYER: "variables: {TOKEN: plain, ONLY_HERE: kept}\n",
        },
    )
    promote(ahead, "staging")
    ahead.settle()
    promote(ahead, "prod", "--use-source-config")
    ahead.settle()
    explained = json.loads(run(ahead, "explain", "shop/cart", "--env", "prod", "--json").out)
    values = {item["key"]: item["value"] for item in explained["settings"]}
    assert values["variables.MODE"] == "careful" and values["variables.LOG_LEVEL"] == "debug"
    assert values["variables.TOKEN"] == "secret cart, key token" and values["variables.ONLY_HERE"] == "kept"
    assert values["files./etc/x"].startswith("7 bytes")


def test_a_promotion_into_a_stopped_deployment_starts_it_unless_told_otherwise(ahead: World) -> None:
    run(ahead, "stop", "shop/cart", "--env", "prod", "--yes")
    ahead.settle()
    promote(ahead, "staging")
    ahead.settle()
    promote(ahead, "prod", "--keep-stopped")
    ahead.settle()
    assert ahead.record("prod").served.status is Status.STOPPED  # type: ignore[union-attr]
    ahead.push("cart")
    ahead.settle()
    promote(ahead, "staging")
    ahead.settle()
    promote(ahead, "prod")
    ahead.settle()
    assert ahead.record("prod").served.status is Status.DEPLOYED  # type: ignore[union-attr]
    assert not (ahead.config / LAYER).exists()


# ── rollback ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def walked(ahead: World) -> World:
    """prod: v1, v2, back to v1, then v3."""
    for back in (True, False):
        promote(ahead, "staging")
        ahead.settle()
        promote(ahead, "prod")
        ahead.settle()
        if back:
            run(ahead, "rollback", "shop/cart", "--env", "prod", "--yes")
            ahead.settle()
            ahead.push("cart")
            ahead.settle()
    return ahead


def test_a_rollback_goes_to_what_was_served_before_and_never_forward(walked: World) -> None:
    assert served(walked, "prod") == 3
    run(walked, "rollback", "shop/cart", "--env", "prod", "--yes")
    assert walked.git("log", "-1", "--format=%s").startswith("Roll back shop/cart in prod: v1 (")
    walked.settle()
    assert served(walked, "prod") == 1  # v3 came after v1; v2 had been rolled away from
    found = run(walked, "rollback", "shop/cart", "--env", "prod", "--yes", code=REFUSED)
    assert "first release" in found.err


def test_a_rollback_goes_to_a_version_or_to_a_time(walked: World) -> None:
    second = next(event.at for event in walked.events("prod") if event.version == 2)
    run(walked, "rollback", "shop/cart", "--env", "prod", "--to-time", second.isoformat(), "--yes")
    walked.settle()
    assert served(walked, "prod") == 2
    found = run(walked, "rollback", "shop/cart", "--env", "prod", "--to", "v3", "--yes", code=REFUSED)
    assert "v3 is newer: that is no rollback" in found.err
    run(walked, "rollback", "shop/cart", "--env", "prod", "--to", "v1", "--yes")
    walked.settle()
    assert served(walked, "prod") == 1


def test_a_pin_that_is_held_is_taken_back_to_what_is_served(walked: World) -> None:
    pin = walked.pin_text("prod")
    walked.commit("By hand", {PIN: pin.replace(pin[11:15], "0000", 1)})
    walked.settle()
    assert walked.record("prod").hold is not None
    run(walked, "rollback", "shop/cart", "--env", "prod", "--yes")
    assert walked.pin_text("prod") == (walked.config / PIN).read_text() == pin
    walked.settle()
    assert served(walked, "prod") == 3 and walked.record("prod").hold is None


def test_a_rollback_is_what_git_revert_would_write(ahead: World) -> None:
    promote(ahead, "staging")
    ahead.settle()
    promote(ahead, "prod")
    ahead.settle()
    ahead.git("revert", "--no-edit", "HEAD")
    reverted = ahead.git("rev-parse", "HEAD^{tree}")
    ahead.git("reset", "--quiet", "--hard", "HEAD^")
    run(ahead, "rollback", "shop/cart", "--env", "prod", "--yes")
    assert ahead.git("rev-parse", "HEAD^{tree}") == reverted


def test_a_revert_of_moved_pins_asks_instead_of_guessing_and_rollback_still_works(walked: World) -> None:
    walked.commit("Ask", {".gitattributes": "pins/** -merge\n"})
    second = walked.git("log", "--format=%H", "--grep", r"to prod: v2", "-1")
    with pytest.raises(AssertionError, match="CONFLICT"):
        walked.git("revert", "--no-edit", second)
    walked.git("revert", "--abort")
    run(walked, "rollback", "shop/cart", "--env", "prod", "--to", "v2", "--yes")
    walked.settle()
    assert served(walked, "prod") == 2


# ── stop, start, scale ───────────────────────────────────────────────────────────────────────────


def test_a_stopped_deployment_has_no_pods_and_keeps_its_record(running: World) -> None:
    running.commit("Pods", {LAYER: "scaling: {minReplicas: 2, maxReplicas: 4}\n"})
    running.settle()
    run(running, "stop", "shop/cart", "--env", "prod", "--yes", "--note", "quiet night")
    running.settle()
    files = running.files("prod")
    assert "replicas: 0" in files["manifests/shop/cart/deployment.yaml"]
    assert not {name for name in files if "autoscaler" in name or "budget" in name}
    assert (served(running, "prod"), running.record("prod").served.status) == (1, Status.STOPPED)  # type: ignore[union-attr]
    assert "Stopped" in run(running, "status").out
    run(running, "start", "shop/cart", "--env", "prod", "--yes")
    running.settle()
    assert (running.config / LAYER).read_text() == "scaling: {minReplicas: 2, maxReplicas: 4}\n"
    assert "manifests/shop/cart/horizontalpodautoscaler.yaml" in running.files("prod")
    kinds = [event.kind for event in running.events("prod")][-2:]
    assert kinds == [EventKind.STOPPED, EventKind.RESUMED]


def test_what_a_project_stops_an_agent_can_start_for_itself(running: World) -> None:
    running.commit("Stop all", {"projects/shop/prod.yaml": "stopped: true\n"})
    running.settle()
    assert running.record("prod").served.status is Status.STOPPED  # type: ignore[union-attr]
    run(running, "start", "shop/cart", "--env", "prod", "--yes")
    running.settle()
    assert running.record("prod").served.status is Status.DEPLOYED  # type: ignore[union-attr]


def test_scaling_goes_through_while_a_promotion_is_blocked(running: World) -> None:
    pin = running.pin_text("prod")
    running.commit("By hand", {PIN: pin.replace(pin[11:15], "0000", 1)})
    running.settle()
    assert running.record("prod").hold is not None
    run(running, "scale", "shop/cart", "--env", "prod", "--min", "3", "--max", "3", "--yes")
    running.settle()
    assert "replicas: 3" in running.files("prod")["manifests/shop/cart/deployment.yaml"]
    assert [event.kind for event in running.events("prod")][-1] is EventKind.SCALED
    run(running, "stop", "shop/cart", "--env", "prod", "--yes")
    running.settle()
    assert "replicas: 0" in running.files("prod")["manifests/shop/cart/deployment.yaml"]


# ── where the commit goes ────────────────────────────────────────────────────────────────────────


def test_a_branch_for_a_pull_request_leaves_main_alone_and_a_retry_finds_it_again(ahead: World) -> None:
    head = ahead.revision()
    promote(ahead, "staging", "--branch")
    branches = ahead.git("for-each-ref", "--format=%(refname:short)", "refs/heads/headpin").split()
    assert len(branches) == 1 and branches[0].startswith("headpin/promote/staging/shop-cart-")
    promote(ahead, "staging", "--branch")
    assert ahead.git("for-each-ref", "--format=%(refname:short)", "refs/heads/headpin").split() == branches
    assert ahead.revision("main") == head
    ahead.git("merge", "--quiet", "--no-ff", "-m", "Merge it", branches[0])
    ahead.settle()
    assert served(ahead, "staging") == 2
    run(ahead, "rollback", "shop/cart", "--env", "staging")
    ahead.settle()
    promote(ahead, "staging", "--branch")
    again = ahead.git("for-each-ref", "--format=%(refname:short)", "refs/heads/headpin").split()
    assert len(again) == 2, "the same promotion at another time is another branch"


def test_files_on_disk_follow_and_local_edits_are_never_overwritten(ahead: World) -> None:
    ahead.write({"README.md": "my notes\n"})
    promote(ahead, "staging")
    assert ahead.git("status", "--porcelain") == "?? README.md"
    ahead.settle()
    (ahead.config / PIN).write_text("# being edited\n")
    head = ahead.revision()
    found = promote(ahead, "prod", code=WORLD_FAILED)
    assert "uncommitted changes" in found.err and PIN in found.err
    assert (ahead.config / PIN).read_text() == "# being edited\n" and ahead.revision() == head


def clones(world: World) -> tuple[Path, Path]:
    """A bare repository that `world` pushes to, and a clone of it."""
    bare, clone = world.folder / "bare.git", world.folder / "clone"
    git("clone", "--quiet", "--bare", str(world.config), str(bare), cwd=world.folder)
    git("clone", "--quiet", str(bare), str(clone), cwd=world.folder)
    return bare, clone


def test_a_promotion_in_a_clone_is_pushed_and_decided_on_what_is_there_by_then(ahead: World) -> None:
    bare, clone = clones(ahead)
    other = ahead.folder / "other"
    git("clone", "--quiet", str(bare), str(other), cwd=ahead.folder)
    (other / "notes.md").write_text("x\n")
    git("add", ".", cwd=other)
    git("commit", "--quiet", "-m", "Notes", cwd=other)
    git("push", "--quiet", cwd=other)
    done = headpin("promote", "shop/cart", "--to", "staging", cwd=clone)
    assert done.code == 0, done.err
    assert "to main at origin" in done.out
    assert git("log", "--format=%s", "-2", "main", cwd=bare).splitlines()[1] == "Notes"
    assert git("rev-parse", "main", cwd=clone) == git("rev-parse", "main", cwd=bare)
    assert git("status", "--porcelain", cwd=clone) == "" and (clone / "notes.md").exists()


def test_a_refused_push_says_what_the_server_said_and_changes_nothing_here(ahead: World) -> None:
    bare, clone = clones(ahead)
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'main is protected' >&2\nexit 1\n")
    hook.chmod(0o755)
    head = git("rev-parse", "main", cwd=clone)
    done = headpin("promote", "shop/cart", "--to", "staging", cwd=clone)
    assert done.code == WORLD_FAILED and "main is protected" in done.err and "--branch" in done.err
    assert git("rev-parse", "main", cwd=clone) == head and git("status", "--porcelain", cwd=clone) == ""


def test_a_clone_that_diverged_is_told_to_pull(ahead: World) -> None:
    bare, clone = clones(ahead)
    for place, name in ((clone, "a"), (ahead.folder / "other", "b")):
        if not place.exists():
            git("clone", "--quiet", str(bare), str(place), cwd=ahead.folder)
        (place / name).write_text("x\n")
        git("add", ".", cwd=place)
        git("commit", "--quiet", "-m", name, cwd=place)
    git("push", "--quiet", cwd=ahead.folder / "other")
    done = headpin("promote", "shop/cart", "--to", "staging", cwd=clone)
    assert done.code == REFUSED and "diverged" in done.err
    assert headpin("promote", "shop/cart", "--to", "staging", "--no-push", cwd=clone).code == 0


def test_a_person_who_signs_commits_signs_these_too(ahead: World) -> None:
    keygen = program("ssh-keygen")
    key = ahead.folder / "key"
    subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (ahead.folder / "signers").write_text(f"test.person@example.com {key.with_suffix('.pub').read_text()}")
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingKey", str(key)),
        ("commit.gpgSign", "true"),
        ("gpg.ssh.allowedSignersFile", str(ahead.folder / "signers")),
    ):
        ahead.git("config", name, value)
    promote(ahead, "staging")
    assert ahead.git("log", "-1", "--format=%G? %an") == "G Test Person"
    ahead.git("config", "user.signingKey", str(ahead.folder / "nowhere"))
    ahead.settle()
    assert "cannot sign" in promote(ahead, "prod", code=WORLD_FAILED).err


def test_the_author_can_be_a_bot(ahead: World) -> None:
    promote(ahead, "staging", "--author", "Release Bot <release-bot@example.com>")
    assert ahead.git("log", "-1", "--format=%an <%ae>, %cn") == "Release Bot <release-bot@example.com>, Test Person"


# ── approvals ────────────────────────────────────────────────────────────────────────────────────


def test_somebody_else_approves_and_then_the_promotion_goes_through(ahead: World) -> None:
    ahead.commit(
        "Four eyes",
        {
            "pipelines/standard.yaml": "stages:\n  - environment: dev\n  - environment: staging\n"
            "    gates: {approvals: 1}\n  - environment: prod\n"
        },
    )
    ahead.settle()
    assert "0 of 1 approved" in promote(ahead, "staging", code=REFUSED).err
    approve = ("approve", "shop/cart", "--env", "staging", "--reason", "looked at it")
    run(ahead, *approve)
    assert "0 of 1 approved" in promote(ahead, "staging", code=REFUSED).err, "nobody approves of their own promotion"
    run(ahead, *approve, "--author", "Ann <ann@example.com>")
    assert "nothing to do" in run(ahead, *approve, "--author", "Ann <ann@example.com>").out
    promote(ahead, "staging")
    ahead.settle()
    assert served(ahead, "staging") == 2
    gates = {gate.gate: gate.evidence for gate in ahead.events("staging")[-1].gates}
    assert "ann@example.com" in gates["approvals"]
    assert "already" in run(ahead, *approve, code=REFUSED).err
