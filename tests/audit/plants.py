"""Illegal transitions, one a function: each spoils a legal past in one way, and says what audit has to find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from headpin.audit import Finding
from headpin.controller.past import back_number, number_of
from headpin.git import TreeRef
from headpin.releases import Event, EventKind, Ran, Record, Release, Scale, SourceVersion
from headpin.releases.codec import format_event, format_ran, format_release
from headpin.releases.record import Removed
from headpin.types import Revision, TreeId
from headpin.yaml import dump
from tests.audit.scene import ANN, CART, MAIL, MALLORY, Scene, person
from tests.world import git

HEADPIN = ("headpin", "headpin@localhost")
PIPELINE = "pipelines/standard.yaml"
STAGING_V2 = SourceVersion("staging", 2)


@dataclass(frozen=True)
class Expected:
    """A finding: `main` and `commit` are compared where they are said."""

    code: str
    environment: str = ""
    agent: str = ""
    who: tuple[str, str] = MALLORY
    main: str = ""
    commit: str = ""

    def is_told_by(self, finding: Finding) -> bool:
        """Whether the finding says so."""
        same = (finding.code, finding.environment, finding.agent) == (self.code, self.environment, self.agent)
        places = (not self.main or self.main == finding.main) and (not self.commit or self.commit == finding.commit)
        return same and places and finding.person == person(self.who)


Plant = Callable[[Scene], list[Expected]]
PLANTS: dict[str, Plant] = {}


def plant(function: Plant) -> Plant:
    """Puts the function on the list, under its name."""
    PLANTS[function.__name__.strip("_")] = function
    return function


def in_prod(code: str, commit: Revision, who: tuple[str, str] = ANN) -> list[Expected]:
    """One finding about cart in prod."""
    return [Expected(code, "prod", "shop/cart", who, commit=commit)]


def gated(scene: Scene, gates: str, **files: str) -> None:
    """Prod's stage has gates."""
    stages = f"stages:\n  - environment: dev\n  - environment: staging\n  - environment: prod\n    gates: {gates}\n"
    scene.commit({PIPELINE: stages, **files}, "Ask more of prod")
    scene.reconcile()


def about(kind: str, release: Release, **more: object) -> str:
    """A document about cart's release in prod."""
    named = {"agent": "shop/cart"} if kind == "approval" else {"agents": ["shop/cart"]}
    return dump({"environment": "prod", **named, "release": release.as_mapping(), **more})


# ── pins on main ─────────────────────────────────────────────────────────────────────────────────────


@plant
def a_pin_with_an_edited_image_that_is_held(scene: Scene) -> list[Expected]:
    edited = replace(scene.served("staging").release, image="registry.example.com/cart:evil")
    made = scene.pin("prod", edited, who=MALLORY)
    scene.reconcile()
    return [Expected("HP401", "prod", "shop/cart", main=made)]


@plant
def a_pin_with_settings_that_never_ran(scene: Scene) -> list[Expected]:
    made = scene.pin("staging", replace(scene.served("staging").release, settings="b" * 40), who=MALLORY)
    scene.reconcile()
    return [Expected("HP401", "staging", "shop/cart", main=made)]


@plant
def a_pin_of_a_revision_that_never_ran(scene: Scene) -> list[Expected]:
    made = scene.pin("prod", replace(scene.served("dev").release, revision="a" * 40), who=MALLORY)
    return [Expected("HP401", "prod", "shop/cart", main=made)]


@plant
def a_pin_that_a_merge_put_together(scene: Scene) -> list[Expected]:
    head, served, new = scene.head(), scene.served("prod").release, scene.served("staging").release
    path = "pins/prod/shop/cart.yaml"
    side = scene.commit({path: format_release(new)}, "Pin on a branch", parents=[head], move=False)
    mixed = format_release(replace(new, image=served.image))
    made = scene.commit({path: mixed}, "Merge the branch", MALLORY, [head, side])
    scene.reconcile()
    return [Expected("HP402", "prod", "shop/cart", main=made)]


@plant
def a_pin_that_a_squash_put_together(scene: Scene) -> list[Expected]:
    mixed = replace(scene.served("staging").release, revision=scene.served("prod").release.revision)
    made = scene.pin("staging", mixed, who=MALLORY)
    scene.reconcile()
    return [Expected("HP402", "staging", "shop/cart", main=made)]


@plant
def a_stage_skipped_and_held(scene: Scene) -> list[Expected]:
    made = scene.pin("prod", scene.served("dev").release, who=MALLORY)
    scene.reconcile()
    return [Expected("HP403", "prod", "shop/cart", main=made)]


@plant
def a_pin_for_the_head_environment(scene: Scene) -> list[Expected]:
    made = scene.pin("dev", scene.served("dev").release, who=MALLORY)
    scene.reconcile()
    return [Expected("HP405", "dev", "shop/cart", main=made)]


@plant
def a_pin_moved_in_the_name_of_headpin(scene: Scene) -> list[Expected]:
    made = scene.pin("prod", scene.served("staging").release, who=HEADPIN)
    scene.reconcile()
    return [Expected("HP416", "prod", "shop/cart", HEADPIN, main=made)]


# ── documents on main ────────────────────────────────────────────────────────────────────────────────


@plant
def an_override_used(scene: Scene) -> list[Expected]:
    release = scene.served("staging").release
    gated(scene, "{note: required, overridable: [note]}")
    text = about("override", release, allow="gates", gates=["note"], reason="at night")
    added = scene.commit({"overrides/night.yaml": text}, "Allow it", MALLORY)
    scene.pin("prod", release)
    scene.reconcile()
    used = Expected("HP407", "prod", "shop/cart", ANN, commit=scene.tip("prod"))
    return [Expected("HP406", "prod", "shop/cart", main=added), used]


@plant
def an_override_edited_after_use(scene: Scene) -> list[Expected]:
    found = an_override_used(scene)
    text = about("override", scene.served("prod").release, allow="gates", gates=["note"], reason="by daylight")
    made = scene.commit({"overrides/night.yaml": text}, "Say it better", MALLORY)
    return [*found, Expected("HP408", "prod", "shop/cart", main=made)]


@plant
def main_forced_back(scene: Scene) -> list[Expected]:
    before = scene.head()
    lost = scene.commit({"projects/shop/agents/cart/prod.yaml": "variables:\n  LOG_LEVEL: debug\n"}, who=MALLORY)
    scene.reconcile()
    commit = scene.tip("prod")
    scene.force_main(before)
    scene.commit({"README.md": "Nothing happened.\n"})
    return [Expected("HP409", "prod", main=lost, commit=commit)]


@plant
def main_forced_back_and_that_accepted(scene: Scene) -> list[Expected]:
    found = main_forced_back(scene)
    scene.reconcile()
    text = dump({"allow": "history", "lost": found[0].main, "reason": "a secret was in it"})
    made = scene.commit({"overrides/lost.yaml": text}, "Accept it")
    scene.reconcile()
    return [replace(found[0], code="HP411"), Expected("HP406", who=ANN, main=made)]


@plant
def main_merged_backwards(scene: Scene) -> list[Expected]:
    before = scene.head()
    left = scene.commit({"projects/shop/agents/cart/prod.yaml": "variables:\n  LOG_LEVEL: debug\n"}, who=MALLORY)
    scene.reconcile()
    commit = scene.tip("prod")
    side = scene.commit({"README.md": "A side.\n"}, parents=[before], move=False)
    layer = "variables:\n  LOG_LEVEL: debug\n"
    scene.force_main(side)
    merged = {"projects/shop/agents/cart/prod.yaml": layer}
    scene.commit(merged, "Merge main into side", parents=[side, left])
    scene.reconcile()
    return [Expected("HP410", "prod", main=left, commit=commit)]


@plant
def an_environment_deleted_that_a_pipeline_names(scene: Scene) -> list[Expected]:
    made = scene.commit({"environments/prod.yaml": None}, "Delete prod", MALLORY)
    scene.reconcile()
    return [Expected("HP412", main=made)]


@plant
def a_pipeline_deleted_that_a_project_uses(scene: Scene) -> list[Expected]:
    made = scene.commit({PIPELINE: None}, "Delete the pipeline", MALLORY)
    scene.reconcile()
    return [Expected("HP413", main=made)]


@plant
def the_head_environment_changed(scene: Scene) -> list[Expected]:
    files = {"environments/dev.yaml": "description: no longer\n", "environments/next.yaml": "tracks: head\n"}
    made = scene.commit(files, "Follow elsewhere", MALLORY)
    scene.reconcile()
    return [Expected("HP414", "dev", main=made)]


@plant
def trailers_that_are_not_true(scene: Scene) -> list[Expected]:
    said = "Tidy up\n\nHeadpin-Move: shop/cart prod v2 from staging"
    made = scene.commit({"README.md": "tidy\n"}, said, MALLORY)
    return [Expected("HP415", "prod", "shop/cart", main=made)]


# ── commits on environment branches ──────────────────────────────────────────────────────────────────


@plant
def a_foreign_commit_that_nothing_undid(scene: Scene) -> list[Expected]:
    made = scene.foreign("prod", {"manifests/shop/cart/deployment.yaml": b"kind: Deployment\n"})
    return [Expected("HP420", "prod", commit=made)]


@plant
def a_foreign_commit_undone(scene: Scene) -> list[Expected]:
    found = a_foreign_commit_that_nothing_undid(scene)
    scene.reconcile()
    return found


@plant
def a_commit_amended_with_its_trailers(scene: Scene) -> list[Expected]:
    message = scene.repository.commit(scene.tip("prod")).message
    made = scene.foreign("prod", {"manifests/shop/cart/deployment.yaml": b"kind: Deployment\n"}, message)
    scene.reconcile()
    return [Expected("HP421", "prod", commit=made)]


@plant
def a_commit_dated_before_its_parent(scene: Scene) -> list[Expected]:
    made = scene.forge("prod", {}, at=scene.now - timedelta(days=1))
    return [Expected("HP437", "prod", commit=made)]


@plant
def a_commit_made_from_an_older_main(scene: Scene) -> list[Expected]:
    scene.commit({"README.md": "new\n"})
    scene.forge("prod", {})
    parent = scene.repository.commit(scene.head()).parents[0]
    return [Expected("HP428", "prod", commit=scene.forge("prod", {}, config=parent))]


@plant
def a_branch_that_is_listed_and_gone(scene: Scene) -> list[Expected]:
    git("update-ref", "-d", "refs/heads/env/prod", cwd=scene.folder / "config")
    return [Expected("HP438", "prod", who=HEADPIN, commit=scene.tip("dev"))]


def _next_number(scene: Scene) -> int:
    """The number that headpin's next commit on prod's branch has."""
    return number_of(scene.repository.commit(scene.tip("prod"))) + 1


@plant
def a_number_out_of_line(scene: Scene) -> list[Expected]:
    number = _next_number(scene)
    scene.forge("prod", {}, trailers=f"Headpin-Number: {number}\n")
    made = scene.forge("prod", {}, trailers=f"Headpin-Number: {number + 2}\n")
    return [Expected("HP439", "prod", commit=made)]


@plant
def a_pointer_to_a_commit_elsewhere(scene: Scene) -> list[Expected]:
    return _pointing(scene, scene.head())


@plant
def a_pointer_to_another_number_of_the_branch(scene: Scene) -> list[Expected]:
    number = _next_number(scene)
    below = scene.repository.commit(scene.tip("prod"))
    wrong = below.id if back_number(number) != number - 1 else below.parents[0]
    return _pointing(scene, wrong)


@plant
def a_pointer_to_the_same_number_of_another_branch(scene: Scene) -> list[Expected]:
    wanted = back_number(_next_number(scene))
    other = next(c for c in scene.repository.first_parents(scene.tip("staging")) if number_of(c) == wanted)
    return _pointing(scene, other.id)


def _pointing(scene: Scene, back: Revision) -> list[Expected]:
    trailers = f"Headpin-Number: {_next_number(scene)}\nHeadpin-Back: {back}\n"
    return [Expected("HP439", "prod", commit=scene.forge("prod", {}, trailers=trailers))]


@plant
def a_number_that_is_none(scene: Scene) -> list[Expected]:
    return [Expected("HP439", "prod", commit=scene.forge("prod", {}, trailers="Headpin-Number: many\n"))]


@plant
def a_file_that_headpin_never_writes(scene: Scene) -> list[Expected]:
    return [Expected("HP445", "prod", commit=scene.forge("prod", {"manifests/extra.yaml": b"kind: ClusterRole\n"}))]


@plant
def a_list_of_agents_with_one_more(scene: Scene) -> list[Expected]:
    path = "manifests/shop/kustomization.yaml"
    text = scene.branch("prod").tree.read(path) + b"# - https://example.com/more\n"
    return [Expected("HP445", "prod", commit=scene.forge("prod", {path: text}))]


# ── what is served ───────────────────────────────────────────────────────────────────────────────────


@plant
def a_stage_skipped_and_served(scene: Scene) -> list[Expected]:
    release = scene.served("dev").release
    asked = scene.pin("prod", release)
    return in_prod("HP404", scene.forge("prod", scene.serving("prod", release, 2, asked)))


@plant
def a_release_served_that_nobody_pinned(scene: Scene) -> list[Expected]:
    release = scene.served("staging").release
    files = scene.serving("prod", release, 2, scene.head(), source=STAGING_V2)
    return in_prod("HP422", scene.forge("prod", files))


@plant
def a_release_served_that_another_commit_pinned(scene: Scene) -> list[Expected]:
    release = scene.served("staging").release
    other = scene.commit({"README.md": "new\n"})
    scene.pin("prod", release)
    return in_prod("HP422", scene.forge("prod", scene.serving("prod", release, 2, other, source=STAGING_V2)))[:1]


@plant
def a_promotion_from_a_stopped_stage(scene: Scene) -> list[Expected]:
    release = scene.served("staging").release
    scene.commit({"projects/shop/agents/cart/staging.yaml": "stopped: true\n"}, "Stop")
    scene.reconcile()
    asked = scene.pin("prod", release)
    return in_prod("HP423", scene.forge("prod", scene.serving("prod", release, 2, asked)))


@plant
def a_number_for_two_releases(scene: Scene) -> list[Expected]:
    release = scene.served("staging").release
    asked = scene.pin("prod", release)
    made = scene.forge("prod", scene.serving("prod", release, 1, asked, source=STAGING_V2))
    return [*in_prod("HP424", made), *in_prod("HP425", made)]


@plant
def a_number_that_is_not_the_next(scene: Scene) -> list[Expected]:
    release = scene.served("staging").release
    asked = scene.pin("prod", release)
    return in_prod("HP425", scene.forge("prod", scene.serving("prod", release, 5, asked, source=STAGING_V2)))


@plant
def a_highest_number_that_goes_back(scene: Scene) -> list[Expected]:
    record = scene.branch("staging").record(CART)
    made = scene.forge("staging", scene.with_record("staging", replace(record, highest=1)))
    return [Expected("HP425", "staging", "shop/cart", commit=made)] * 2


@plant
def a_second_number_for_a_release(scene: Scene) -> list[Expected]:
    release = scene.served("prod").release
    asked = scene.pin("staging", release)
    files = scene.serving("staging", release, 3, asked, kind=EventKind.ROLLED_BACK)
    return [Expected("HP426", "staging", "shop/cart", ANN, commit=scene.forge("staging", files))]


@plant
def a_move_that_no_event_tells(scene: Scene) -> list[Expected]:
    before, release = scene.served("prod").release, scene.served("staging").release
    scene.pin("prod", release)
    scene.pin("prod", before)
    return [Expected("HP427", "prod", "shop/cart", commit=scene.forge("prod", {}))]


@plant
def a_last_move_that_no_event_tells(scene: Scene) -> list[Expected]:
    scene.pin("prod", scene.served("staging").release)
    return [Expected("HP427", "prod", "shop/cart", commit=scene.forge("prod", {}))]


@plant
def an_adoption_by_the_rules(scene: Scene) -> list[Expected]:
    release = scene.served("dev", MAIL).release
    said = {"allow": "adopt", "environment": "prod", "agents": ["shop/mail"], "release": release.as_mapping()}
    files = {
        "overrides/mail.yaml": dump({**said, "reason": "it runs already"}),
        "pins/prod/shop/mail.yaml": format_release(release),
    }
    made = scene.commit(files, "Adopt mail", MALLORY)
    scene.reconcile()
    told = Expected("HP440", "prod", "shop/mail", commit=scene.tip("prod"))
    return [Expected("HP406", "prod", "shop/mail", main=made), told]


@plant
def an_adoption_without_an_override(scene: Scene) -> list[Expected]:
    release = scene.served("dev", MAIL).release
    asked = scene.pin("staging", release, MAIL)
    files = scene.serving("staging", release, 1, asked, kind=EventKind.ADOPTED, agent=MAIL, like="dev")
    return [Expected("HP441", "staging", "shop/mail", ANN, commit=scene.forge("staging", files))]


# ── gates ────────────────────────────────────────────────────────────────────────────────────────────


def _closed(scene: Scene) -> list[Expected]:
    release = scene.served("staging").release
    asked = scene.pin("prod", release)
    return in_prod("HP435", scene.forge("prod", scene.serving("prod", release, 2, asked, source=STAGING_V2)))


_FREEZE = "{freeze: [{from: '2026-01-01T00:00:00Z', until: '2027-01-01T00:00:00Z', reason: holidays}]}"


@plant
def a_promotion_in_a_freeze(scene: Scene) -> list[Expected]:
    gated(scene, _FREEZE)
    return _closed(scene)


@plant
def a_promotion_without_the_note(scene: Scene) -> list[Expected]:
    gated(scene, "{note: required}")
    return _closed(scene)


@plant
def a_promotion_that_its_author_approved(scene: Scene) -> list[Expected]:
    gated(scene, "{approvals: 1}")
    text = about("approval", scene.served("staging").release, by=ANN[1], reason="looked")
    scene.commit({"approvals/mine.yaml": text}, "Approve")
    return _closed(scene)


@plant
def a_promotion_while_suspended(scene: Scene) -> list[Expected]:
    scene.commit({"projects/shop/project.yaml": "pipeline: standard\nsuspended: auditors\n"}, "Suspend")
    scene.reconcile()
    return _closed(scene)


@plant
def settings_changed_in_a_freeze(scene: Scene) -> list[Expected]:
    gated(scene, _FREEZE)
    served = scene.served("prod")
    scene.commit({"projects/shop/agents/cart/prod.yaml": "variables:\n  LOG_LEVEL: debug\n"}, "Debug")
    record = replace(scene.branch("prod").record(CART), served=replace(served, digest="e" * 64, config=scene.head()))
    event = Event(EventKind.RECONFIGURED, scene.now, scene.head(), served.version, served.release)
    files = scene.with_record("prod", record) | scene.appended("prod", "events", format_event(event))
    files |= {"manifests/shop/cart/deployment.yaml": b"kind: Deployment\n"}
    return in_prod("HP436", scene.forge("prod", files), MALLORY)


# ── records and files ────────────────────────────────────────────────────────────────────────────────


@plant
def an_event_edited(scene: Scene) -> list[Expected]:
    path = "deployments/shop/cart.events"
    text = scene.branch("prod").tree.read(path).replace(b"Test", b"Best").replace(b"Ann", b"Eve")
    return in_prod("HP429", scene.forge("prod", {path: text}), MALLORY)


@plant
def events_deleted(scene: Scene) -> list[Expected]:
    return in_prod("HP429", scene.forge("prod", {"deployments/shop/cart.events": None}), MALLORY)


@plant
def a_line_of_what_ran_edited(scene: Scene) -> list[Expected]:
    path = "deployments/shop/cart.ran"
    text = scene.branch("prod").tree.read(path).replace(b"2026", b"2025")
    return in_prod("HP430", scene.forge("prod", {path: text}), MALLORY)


@plant
def pods_changed_without_an_event(scene: Scene) -> list[Expected]:
    record = scene.branch("prod").record(CART)
    assert record.served is not None
    files = scene.with_record("prod", replace(record, served=replace(record.served, scale=Scale(9, 9, 80))))
    return in_prod("HP431", scene.forge("prod", files), MALLORY)


@plant
def something_in_the_list_that_never_ran(scene: Scene) -> list[Expected]:
    line = format_ran(Ran(2, scene.served("dev").release, scene.now))
    return in_prod("HP432", scene.forge("prod", scene.appended("prod", "ran", line)), MALLORY)


@plant
def something_served_that_is_not_in_the_list(scene: Scene) -> list[Expected]:
    release = scene.served("staging").release
    asked = scene.pin("prod", release)
    files = scene.serving("prod", release, 2, asked, source=STAGING_V2, listed=False)
    return in_prod("HP432", scene.forge("prod", files))


@plant
def manifests_changed_alone(scene: Scene) -> list[Expected]:
    made = scene.forge("prod", {"manifests/shop/cart/deployment.yaml": b"kind: Deployment\n"})
    return in_prod("HP433", made, MALLORY)


@plant
def settings_of_another_release(scene: Scene) -> list[Expected]:
    other = scene.served("dev", MAIL).release.settings
    return in_prod("HP434", scene.forge("prod", {"settings/shop/cart": TreeRef(other)}), MALLORY)


@plant
def a_deployment_removed_that_is_pinned(scene: Scene) -> list[Expected]:
    return in_prod("HP442", scene.forge("prod", _removal(scene, scene.head())))


@plant
def more_removed_than_allowed(scene: Scene) -> list[Expected]:
    scene.commit({"headpin.yaml": "apiVersion: headpin/v1\nlimits:\n  prune: 0\n"})
    asked = scene.pin("prod", None)
    return [Expected("HP443", "prod", commit=scene.forge("prod", _removal(scene, asked)))]


def _removal(scene: Scene, asked: Revision) -> dict[str, bytes | TreeRef | None]:
    served = scene.served("prod")
    at = scene.now + timedelta(minutes=1)
    event = Event(EventKind.REMOVED, at, asked, served.version, served.release, person=person(ANN), moved=at)
    record = Record(highest=1, removed=Removed(served.release, served.version, at))
    files = scene.with_record("prod", record) | scene.appended("prod", "events", format_event(event))
    gone = ("manifests/shop/cart", "settings/shop/cart", "manifests/shop/kustomization.yaml")
    return files | dict.fromkeys(gone)


@plant
def a_record_deleted(scene: Scene) -> list[Expected]:
    asked = scene.pin("prod", None)
    files = {**_removal(scene, asked), "deployments/shop/cart.yaml": None}
    made = scene.forge("prod", files)
    return [*in_prod("HP425", made), *in_prod("HP442", made)]


@plant
def a_past_that_took_another_name(scene: Scene) -> list[Expected]:
    old, new = "shop/cart", "shop/mail"
    tree = scene.branch("prod").tree
    files: dict[str, bytes | TreeRef | None] = {}
    for kind in ("yaml", "ran", "events"):
        path = f"deployments/{old}.{kind}"
        files |= {path: None, f"deployments/{new}.{kind}": tree.read(path)}
    for top in ("manifests", "settings"):
        folder = tree.entry(f"{top}/{old}")
        assert folder is not None
        files |= {f"{top}/{old}": None, f"{top}/{new}": TreeRef(TreeId(folder.id))}
    listed = tree.read("manifests/shop/kustomization.yaml").replace(b"cart", b"mail")
    made = scene.forge("prod", {**files, "manifests/shop/kustomization.yaml": listed})
    return [Expected("HP444", "prod", "shop/mail", commit=made)]


@plant
def an_event_of_another_version(scene: Scene) -> list[Expected]:
    release = scene.served("staging").release
    asked = scene.pin("prod", release)
    files = scene.serving("prod", release, 2, asked, source=STAGING_V2, event_version=3)
    return in_prod("HP444", scene.forge("prod", files))


@plant
def an_event_from_another_source(scene: Scene) -> list[Expected]:
    release = scene.served("staging").release
    asked = scene.pin("prod", release)
    files = scene.serving("prod", release, 2, asked, source=SourceVersion("dev", 0))
    return in_prod("HP444", scene.forge("prod", files))


@plant
def other_settings_in_the_head_environment(scene: Scene) -> list[Expected]:
    release = replace(scene.served("dev").release, settings=scene.served("dev", MAIL).release.settings)
    files = scene.serving("dev", release, 0, scene.head())
    del files["deployments/shop/cart.events"]
    return [Expected("HP446", "dev", "shop/cart", commit=scene.forge("dev", files))]


@plant
def a_record_that_nobody_can_read(scene: Scene) -> list[Expected]:
    return in_prod("HP447", scene.forge("prod", {"deployments/shop/cart.yaml": b"status: fine\n"}), MALLORY)
