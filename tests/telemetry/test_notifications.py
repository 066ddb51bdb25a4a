"""Notifications to a receiver on loopback that fails, is slow, refuses, or comes back later."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from headpin.errors import UsageError
from headpin.telemetry import Metrics, Notifier, Patience, Redaction, Telemetry, read_targets
from tests.inprocess import headpin
from tests.loopback import Handler, listening
from tests.telemetry.lines import Lines, logged
from tests.telemetry.test_logs import CANARY, HOSTILE
from tests.telemetry.test_telemetry import values
from tests.world import CART, Clock, World, git


@dataclass
class Receiver:
    """`answers` has a status, and headers, for each request that comes; 200 after the last."""

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    delay: float = 0.0
    got: list[dict[str, Any]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    port: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook/{CANARY}?a=b"

    @property
    def ids(self) -> list[str]:
        """Which notifications came, however often each did."""
        return list(dict.fromkeys(head["X-Headpin-Notification"] for head in self.heads))


class _Handler(Handler):
    def respond(self) -> None:
        said: Receiver = self.server.said
        said.at.append(time.monotonic())
        said.paths.append(self.path)
        said.heads.append(dict(self.headers.items()))
        said.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        status, headers = said.answers.pop(0) if said.answers else (200, {})
        said.stopped.wait(said.delay)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> World:
    """cart at v1 in staging and prod; to copy, never to change."""
    world = World.small(tmp_path_factory.mktemp("made") / "world")
    for source, target in ((None, "dev"), ("dev", "staging"), ("staging", "prod")):
        if source is not None:
            world.promote(source, target)
        world.reconcile()
    return world


@pytest.fixture
def running(_made: World, tmp_path: Path) -> World:
    """A copy of it."""
    shutil.copytree(_made.folder, tmp_path / "world", symlinks=True)
    world = World.__new__(World)
    world.folder, world.clock = tmp_path / "world", Clock()
    world.clock.now = _made.clock.now
    world.config, world.sources = world.folder / "config", world.folder / "sources"
    world.controller = world.fresh()
    return world


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    said = Receiver()
    with listening(_Handler, said):
        yield said


@pytest.fixture
def lines() -> Iterator[Lines]:
    with logged() as found:
        yield found


def wait_for(what: Callable[[], object], seconds: float = 10.0) -> None:
    """Until it is so."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def notify_file(folder: Path, text: str) -> Path:
    file = folder / "notify.yaml"
    file.write_text(text)
    return file


def endpoint(receiver: Receiver, name: str = "ops", **more: str) -> str:
    """One endpoint's lines."""
    keys = "".join(f"    {key}: {value}\n" for key, value in more.items())
    return f"  - name: {name}\n    url: {receiver.url}\n{keys}"


PATIENCE = Patience(first=0.02, longest=0.1, look=0.2)


@contextmanager
def notifying(world: World, text: str, metrics: Metrics | None = None, **how: Any) -> Iterator[Notifier]:
    """Notifies while the block lasts."""
    redaction = Redaction()
    targets = read_targets(notify_file(world.folder, f"endpoints:\n{text}"), redaction)
    folder = world.config / ".git" / "headpin" / "notify"
    how = {"patience": PATIENCE, "redaction": redaction, **how}
    notifier = Notifier(world.config, targets, folder, metrics or Metrics(), **how)
    notifier.start()
    try:
        yield notifier
    finally:
        notifier.stop()
        assert not [thread for thread in threading.enumerate() if thread.name == "notifications"]


def scale(world: World, number: int, environment: str = "prod") -> str:
    """One transition: cart gets so many pods. Gives the commit that tells it."""
    path = f"projects/shop/agents/cart/{environment}.yaml"
    text = f"scaling:\n  minReplicas: {number}\n  maxReplicas: {number}\n"
    world.commit(f"Scale to {number}", {path: text}, author="Robin <robin@example.com>")
    world.reconcile()
    return world.revision(f"env/{environment}")


def test_a_transition_of_a_pinned_environment_is_told_once_and_of_the_head_environment_where_it_is_named(
    world: World, receiver: Receiver, lines: Lines
) -> None:
    world.settle()
    everything = endpoint(receiver) + endpoint(receiver, "all", environments="['*']")
    with notifying(world, everything) as notifier:
        world.push("cart")
        world.reconcile()
        world.promote("dev", "staging", author="Robin <robin@example.com>")
        telemetry = Telemetry(notifier=notifier)
        telemetry.pass_finished("one", world.reconcile(), 0.1)
        wait_for(lambda: len(receiver.got) == 3)
        notifier.wake()
        time.sleep(0.1)
    assert sorted(each["kind"] for each in receiver.got) == ["deployed", "promoted", "promoted"]
    told = next(each for each in receiver.got if each["kind"] == "promoted")
    assert told["id"] == f"staging/shop/cart/{world.revision('env/staging')}/promoted"
    assert (told["agent"], told["environment"], told["version"]) == ("shop/cart", "staging", 1)
    assert told["person"] == "Robin <robin@example.com>"
    assert told["source"] == {"environment": "dev", "version": 0}
    assert told["text"] == f"shop/cart in staging: promoted to v1 ({told['release']['revision'][:7]})"
    assert receiver.paths == [f"/hook/{CANARY}?a=b"] * 3


def test_only_the_events_and_environments_that_are_named_are_told(running: World, receiver: Receiver) -> None:
    text = endpoint(receiver, environments="[pr*]", events="[stopped]")
    with notifying(running, text) as notifier:
        scale(running, 3)
        scale(running, 3, "staging")
        running.commit(
            "Stop", {f"projects/shop/agents/cart/{name}.yaml": "stopped: true\n" for name in ("prod", "staging")}
        )
        running.reconcile()
        notifier.wake()
        wait_for(lambda: receiver.got)
        time.sleep(0.1)
    assert [(each["kind"], each["environment"]) for each in receiver.got] == [("stopped", "prod")]


def test_a_hold_of_a_whole_environment_is_told_and_its_end(running: World, receiver: Receiver) -> None:
    everything = endpoint(receiver) + endpoint(receiver, "cloud", form="cloudevents", events="[released]")
    with notifying(running, everything) as notifier:
        for text in ("production: 3\n", "production: true\n"):
            running.commit("Document", {"environments/prod.yaml": text})
            running.reconcile()
        notifier.wake()
        wait_for(lambda: len(receiver.got) == 3)
        time.sleep(0.05)
    held, released = (each for each in receiver.got if "specversion" not in each)
    assert (held["kind"], held["agent"], held["hold"]) == ("held", None, "Invalid")
    assert held["text"].startswith("everything in prod is held: environments/prod.yaml:1:")
    assert (released["kind"], released["text"]) == ("released", "prod is no longer held")
    cloud = next(each for each in receiver.got if "specversion" in each)
    assert (cloud["type"], cloud["subject"]) == ("headpin.environment.released", "prod")
    assert cloud["id"] == released["id"] != held["id"]


def test_what_happened_before_the_first_start_is_not_told(running: World, receiver: Receiver) -> None:
    with notifying(running, endpoint(receiver)) as notifier:
        notifier.wake()
        time.sleep(0.1)
    assert not receiver.got


def test_a_shard_that_gets_other_environments_tells_of_them_from_now_on(running: World, receiver: Receiver) -> None:
    file = notify_file(running.folder, f"endpoints:\n{endpoint(receiver)}")

    def once(*patterns: str) -> None:
        said = [part for pattern in patterns for part in ("--environments", pattern)]
        ran = headpin("run", "--once", "--notify", str(file), *said, cwd=running.config)
        assert ran.code == 0, ran.err

    once("staging")
    once("staging", "prod")
    assert not receiver.got
    running.commit("Stop", {"projects/shop/agents/cart/prod.yaml": "stopped: true\n"})
    once("prod", "staging")
    assert [got["kind"] for got in receiver.got] == ["stopped"]


@pytest.mark.parametrize("how", [("--bare",), ("--no-checkout",)])
def test_the_past_of_a_clone_that_is_new_is_not_told_and_what_comes_after_it_is(
    running: World, receiver: Receiver, tmp_path: Path, how: tuple[str, ...]
) -> None:
    place = tmp_path / "clone"
    is_mirror = "--bare" in how
    if is_mirror:  # as `headpin run --state` has it: nothing is there at first, then everything is
        git("init", "--quiet", "--bare", str(place), cwd=tmp_path)
    else:
        git("clone", "--quiet", *how, str(running.config), str(place), cwd=tmp_path)
    targets = read_targets(notify_file(tmp_path, f"endpoints:\n{endpoint(receiver)}"), Redaction())
    notifier = Notifier(place, targets, tmp_path / "notify", Metrics(), patience=PATIENCE)
    telemetry = Telemetry(Metrics(), None, notifier)
    notifier.start()
    notifier.wake()

    def fetch() -> None:
        git("fetch", "--quiet", str(running.config), "+refs/heads/env/*:refs/heads/env/*", cwd=place)

    telemetry.pass_started("early", ())  # nothing is there yet
    fetch()
    telemetry.pass_started("first", ())
    notifier.wake()
    commit = scale(running, 3)
    fetch()
    notifier.wake()
    wait_for(lambda: receiver.got)
    assert notifier.finish(5)
    assert receiver.ids == [f"prod/shop/cart/{commit}/scaled"]


def test_what_was_committed_while_nobody_ran_is_told_after_the_next_start_in_order(
    running: World, receiver: Receiver
) -> None:
    with notifying(running, endpoint(receiver)):
        pass
    commits = [scale(running, number) for number in (3, 4, 5)]
    with notifying(running, endpoint(receiver)):
        wait_for(lambda: len(receiver.got) == 3)
    assert receiver.ids == [f"prod/shop/cart/{commit}/scaled" for commit in commits]


def test_an_environment_that_is_new_is_told_from_its_beginning(world: World, receiver: Receiver) -> None:
    with notifying(world, endpoint(receiver)) as notifier:
        world.reconcile()
        world.promote("dev", "staging")
        world.reconcile()
        notifier.wake()
        wait_for(lambda: receiver.got)
    assert receiver.got[0]["kind"] == "promoted"


def test_a_receiver_that_fails_first_is_told_everything_in_order(
    running: World, receiver: Receiver, lines: Lines
) -> None:
    receiver.answers = [(500, {}), (503, {}), (429, {}), (408, {}), (200, {}), (502, {})]
    metrics = Metrics()
    with notifying(running, endpoint(receiver), metrics) as notifier:
        commits = [scale(running, number) for number in (3, 4, 5)]
        notifier.wake()
        wait_for(lambda: len(receiver.got) == 8)
        wait_for(lambda: values(Telemetry(metrics))["headpin_notifications_total", "ops", "delivered"] == 3)
    assert receiver.ids == [f"prod/shop/cart/{commit}/scaled" for commit in commits]
    assert values(Telemetry(metrics))["headpin_notifications_total", "ops", "failed"] == 5
    events = [event for event in lines.events() if event.startswith("notification.")]
    assert events[0] == "notification.failed"
    assert events.count("notification.recovered") == 2
    assert len(events) <= 6  # once for each trouble, and not for each attempt: 500, 503 and 502 are one


def test_a_receiver_that_says_when_is_not_asked_before(running: World, receiver: Receiver) -> None:
    receiver.answers = [(503, {"Retry-After": "1"})]
    with notifying(running, endpoint(receiver)) as notifier:
        scale(running, 3)
        notifier.wake()
        wait_for(lambda: len(receiver.got) == 2)
    assert receiver.at[1] - receiver.at[0] >= 1.0


@pytest.mark.parametrize("status", [404, 307])
def test_what_is_refused_is_not_sent_again_and_the_next_one_is(
    running: World, receiver: Receiver, lines: Lines, status: int
) -> None:
    receiver.answers = [(status, {"Location": "http://127.0.0.1:9/"})]
    metrics = Metrics()
    with notifying(running, endpoint(receiver), metrics) as notifier:
        commits = [scale(running, number) for number in (3, 4)]
        notifier.wake()
        wait_for(lambda: len(receiver.got) == 2)
    assert receiver.ids == [f"prod/shop/cart/{commit}/scaled" for commit in commits]
    dropped = [line for line in lines.told() if line["event"] == "notification.dropped"]
    assert [line["id"] for line in dropped] == receiver.ids[:1]
    assert values(Telemetry(metrics))["headpin_notifications_total", "ops", "dropped"] == 1


def test_a_slow_receiver_delays_neither_a_pass_nor_another_receiver(running: World, receiver: Receiver) -> None:
    slow = Receiver(delay=60)
    with (
        listening(_Handler, slow),
        notifying(running, endpoint(slow, "slow") + endpoint(receiver, "quick")) as notifier,
    ):
        telemetry = Telemetry(notifier=notifier)
        scale(running, 3)
        began = time.monotonic()
        for number in range(20):
            telemetry.pass_finished(str(number), running.reconcile(), 0.1)
        assert time.monotonic() - began < 5
        wait_for(lambda: receiver.got and slow.got)
        began = time.monotonic()
        notifier.stop()
        assert time.monotonic() - began < 3


def test_a_receiver_that_never_answers_is_given_its_time_and_no_more(
    running: World, receiver: Receiver, lines: Lines
) -> None:
    receiver.delay = 1.5
    with notifying(running, endpoint(receiver, timeoutSeconds="1")) as notifier:
        scale(running, 3)
        notifier.wake()
        wait_for(lambda: len(receiver.got) == 2)
    assert 0.9 < receiver.at[1] - receiver.at[0] < 10
    assert "notification.failed" in lines.events()


def test_a_receiver_that_is_away_is_told_when_it_is_back(running: World, lines: Lines) -> None:
    gone = Receiver()
    with listening(_Handler, gone):
        pass  # nobody listens there any more; the port stays known
    with notifying(running, endpoint(gone)) as notifier:
        commits = [scale(running, number) for number in (3, 4)]
        notifier.wake()
        wait_for(lambda: "notification.failed" in lines.getvalue())
    assert lines.events().count("notification.failed") == 1
    back = Receiver()
    with listening(_Handler, back):
        file = world_file(running)
        assert file["environments"]["prod"]["commit"] != commits[0]
        text = endpoint(back)
        with notifying(running, text):
            wait_for(lambda: len(back.got) == 2)
    assert back.ids == [f"prod/shop/cart/{commit}/scaled" for commit in commits]


def world_file(world: World) -> dict[str, Any]:
    """Where the receiver stands, as it is on disk."""
    return json.loads((world.config / ".git" / "headpin" / "notify" / "ops.json").read_text())


def test_who_is_tried_too_long_is_not_told_and_the_next_one_is(
    running: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headpin.telemetry.targets.Target.give_up_after", 0.1)
    receiver.answers = [(500, {})] * 8
    with notifying(running, endpoint(receiver)) as notifier:
        commits = [scale(running, number) for number in (3, 4, 5)]
        notifier.wake()
        wait_for(lambda: commits[-1] in "".join(receiver.ids) and len(receiver.ids) == 3)


@pytest.mark.parametrize("text", ["", '{"environments": {"prod": {"commit": "x", "told": 1}}}'])
def test_a_position_that_cannot_be_read_means_from_now_on(running: World, receiver: Receiver, text: str) -> None:
    with notifying(running, endpoint(receiver)):
        pass
    scale(running, 3)
    (running.config / ".git" / "headpin" / "notify" / "ops.json").write_text(text)
    with notifying(running, endpoint(receiver)) as notifier:
        commit = scale(running, 4)
        notifier.wake()
        wait_for(lambda: receiver.got)
        time.sleep(0.05)
    assert receiver.ids == [f"prod/shop/cart/{commit}/scaled"]


def test_a_crash_between_delivery_and_position_tells_again_with_the_same_id(running: World, receiver: Receiver) -> None:
    with notifying(running, endpoint(receiver)) as notifier:
        place = running.config / ".git" / "headpin" / "notify" / "ops.json"
        before = place.read_text()
        scale(running, 3)
        notifier.wake()
        wait_for(lambda: place.read_text() != before)
    place.write_text(before)
    with notifying(running, endpoint(receiver)):
        wait_for(lambda: len(receiver.got) == 2)
    assert receiver.got[0]["id"] == receiver.got[1]["id"]


def test_a_branch_that_was_rewritten_is_told_from_where_it_parted(running: World, receiver: Receiver) -> None:
    with notifying(running, endpoint(receiver)):
        pass
    fork = running.revision("env/prod")
    scale(running, 3)
    with notifying(running, endpoint(receiver)):
        wait_for(lambda: len(receiver.got) == 1)
    running.git("update-ref", "refs/heads/env/prod", fork)
    running.controller = running.fresh()
    commit = scale(running, 4)
    with notifying(running, endpoint(receiver)):
        wait_for(lambda: len(receiver.got) == 2)
        time.sleep(0.05)
    assert receiver.ids[1] == f"prod/shop/cart/{commit}/scaled"


def test_a_commit_of_somebody_else_tells_nothing(running: World, receiver: Receiver) -> None:
    with notifying(running, endpoint(receiver)) as notifier:
        running.git("checkout", "--quiet", "env/prod")
        events = running.config / "deployments/shop/cart.events"
        events.write_text(events.read_text() + events.read_text().splitlines()[-1] + "\n")
        running.git("commit", "--quiet", "--all", "--message", "By hand")
        running.git("checkout", "--quiet", "main")
        running.reconcile()
        commit = scale(running, 3)
        notifier.wake()
        wait_for(lambda: receiver.got)
        time.sleep(0.05)
    assert receiver.ids == [f"prod/shop/cart/{commit}/scaled"]


def test_every_event_is_told_although_its_file_was_sealed(
    running: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headpin.controller.branches.SEAL_AT", 3)
    with notifying(running, endpoint(receiver)) as notifier:
        for number in range(2, 10):
            scale(running, number)
        assert any(".events.0002" in path for path in running.files("prod", "deployments"))
        notifier.wake()
        wait_for(lambda: len(receiver.got) == 8)
    assert len(receiver.ids) == 8
    assert len(running.events("prod", CART)) == 9


def test_only_environments_that_this_process_answers_for_are_told(running: World, receiver: Receiver) -> None:
    with notifying(running, endpoint(receiver), covers=lambda name: name == "prod") as notifier:
        scale(running, 3, "staging")
        commit = scale(running, 3)
        notifier.wake()
        wait_for(lambda: receiver.got)
        time.sleep(0.05)
    assert receiver.ids == [f"prod/shop/cart/{commit}/scaled"]


# ── forms ────────────────────────────────────────────────────────────────────────────────────────────


NOTE = 'x", "admin": true, <!channel> *all* [click](https://x) <http://x|y> \u202eabc {{ 7 * 7 }}'


def test_each_form_holds_what_people_wrote_as_a_value(running: World, receiver: Receiver) -> None:
    names = "{% for name, item in release.items() %}{{ name }}, {% endfor %}"
    template = f'{{"who": {{{{ person }}}}, "note": {{{{ note }}}}, "all": [{names}0]}}'
    (running.folder / "mine.j2").write_text(template)
    forms = ("cloudevents", "slack", "teams", "template")
    text = "".join(
        endpoint(receiver, form, form=form, **({"template": "mine.j2"} if form == "template" else {})) for form in forms
    )
    with notifying(running, text) as notifier:
        running.push("cart")
        running.reconcile()
        running.write({"pins/staging/shop/cart.yaml": running.pin_text("dev")})
        running.git("add", "--all")
        running.git("commit", "--quiet", "-m", f"Promote\n\n{NOTE}", "--author", "*Eve* [x](y) <r@example.com>")
        running.reconcile()
        notifier.wake()
        wait_for(lambda: len(receiver.got) == 4)
    commit = running.revision("env/staging")
    assert receiver.ids == [f"staging/shop/cart/{commit}/promoted"]
    _is_cloud_event(next(each for each in receiver.got if "specversion" in each), receiver)
    _is_for_slack(next(each for each in receiver.got if "blocks" in each))
    _is_for_teams(next(each for each in receiver.got if "attachments" in each))
    mine = next(each for each in receiver.got if "who" in each)
    assert mine == {"who": "*Eve* [x](y) <r@example.com>", "note": NOTE, "all": ["revision", "image", "settings", 0]}


def _is_cloud_event(told: dict[str, Any], receiver: Receiver) -> None:
    """What CloudEvents 1.0 asks for."""
    assert (told["specversion"], told["type"], told["id"]) == ("1.0", "headpin.deployment.promoted", receiver.ids[0])
    assert (told["source"], told["subject"]) == ("/headpin/environments/staging", "shop/cart")
    assert (told["data"]["kind"], told["data"]["note"]) == ("promoted", NOTE)
    assert "application/cloudevents+json; charset=utf-8" in [head["Content-Type"] for head in receiver.heads]


def _is_for_slack(told: dict[str, Any]) -> None:
    """Nothing in it is read as markup."""
    section, context = told["blocks"]
    texts = [section["text"], *context["elements"]]
    assert {each["type"] for each in texts} == {"plain_text"}
    assert "<" not in told["text"]
    assert section["text"]["text"].startswith("shop/cart in staging: promoted to v2 (")
    assert all(each["text"].isprintable() for each in texts)
    assert "<!channel> *all*" in texts[-1]["text"]


def _is_for_teams(told: dict[str, Any]) -> None:
    """An Adaptive Card whose texts are not read as Markdown."""
    (attachment,) = told["attachments"]
    assert (told["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    body = attachment["content"]["body"]
    assert {block["type"] for block in body} == {"RichTextBlock"}
    assert all(run["text"].isprintable() for block in body for run in block["inlines"])


def test_headers_and_secrets_come_from_files_and_are_read_again(
    running: World, receiver: Receiver, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    (running.folder / "url").write_text(f"{receiver.url}\n")
    (running.folder / "token").write_text("Bearer first-token-1\n")
    monkeypatch.setenv("THEIR_KEY", "key-from-environment")
    text = (
        "  - name: ops\n    urlFile: url\n    headers:\n      - name: Authorization\n        valueFile: token\n"
        "      - name: X-Key\n        valueEnvironment: THEIR_KEY\n      - name: X-Plain\n        value: plain\n"
    )
    receiver.answers = [(500, {})]
    with notifying(running, text) as notifier:
        (running.folder / "token").write_text("Bearer second-token-2\n")
        scale(running, 3)
        notifier.wake()
        wait_for(lambda: len(receiver.got) == 2)
    head = receiver.heads[-1]
    assert (head["Authorization"], head["X-Key"], head["X-Plain"]) == (
        "Bearer second-token-2",
        "key-from-environment",
        "plain",
    )
    assert not [secret for secret in (CANARY, "second-token", "key-from") if secret in lines.getvalue()]


def test_no_log_line_tells_an_address_or_what_people_put_into_a_note(
    running: World, receiver: Receiver, lines: Lines
) -> None:
    receiver.answers = [(500, {}), (404, {})]
    note = f"see https://me:{CANARY}@git.example.com/x {HOSTILE[4:20]}"
    with notifying(running, endpoint(receiver)) as notifier:
        running.commit(f"Stop\n\n{note}", {"projects/shop/agents/cart/prod.yaml": "stopped: true\n"})
        running.reconcile()
        notifier.wake()
        wait_for(lambda: "notification.dropped" in lines.getvalue())
    assert CANARY not in lines.getvalue()
    assert all(CANARY not in json.dumps(each) for each in receiver.got)


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("endpoints: []\n", "endpoints"),
        ("endpoints:\n  - name: a-b\n", "exactly one of url, urlFile, urlEnvironment"),
        ("endpoints:\n  - name: a-b\n    url: https://x.example.com\n    urlFile: x\n", "exactly one"),
        ("endpoints:\n  - name: a-b\n    url: https://x.example.com\n    evnts: []\n", "unknown key"),
        ("endpoints:\n  - name: a-b\n    url: https://x.example.com\n    events: [exploded]\n", "exploded"),
        ("endpoints:\n  - name: a-b\n    url: https://x.example.com\n    form: template\n", "go together"),
        ("endpoints:\n  - name: a-b\n    url: https://x.example.com\n    giveUpAfter: soon\n", "duration"),
        ("endpoints:\n  - name: a-b\n    url: http://x.example.com/\n", "plain http"),
        ("endpoints:\n  - name: a-b\n    url: https://169.254.169.254/x\n", "metadata"),
        ("endpoints:\n  - name: a-b\n    url: https://metadata.google.internal/\n", "metadata"),
        ("endpoints:\n  - name: a-b\n    url: https://[fe80::1]/\n", "metadata"),
        ("endpoints:\n  - name: a-b\n    url: https://2852039166/\n", "metadata"),
        ("endpoints:\n  - name: a-b\n    url: file:///etc/passwd\n", "form https://"),
        ("endpoints:\n  - name: a-b\n    url: https://user@x.example.com/\n", "form https://"),
        ('endpoints:\n  - name: a-b\n    url: "https://x.example.com/a\\nb"\n', "form https://"),
        ("endpoints:\n  - name: a-b\n    urlFile: missing\n", "missing cannot be read"),
        ("endpoints:\n  - name: a-b\n    urlEnvironment: NOT_SET_ANYWHERE\n", "NOT_SET_ANYWHERE is empty"),
        (
            "endpoints:\n  - name: a-b\n    url: https://x.example.com\n    headers:\n      - {name: Host, value: x}\n",
            "no header",
        ),
        (
            "endpoints:\n  - name: a-b\n    url: https://x.example.com\n    form: template\n    template: bad.j2\n",
            "undefined",
        ),
        (
            "endpoints:\n  - name: a-b\n    url: https://x.example.com\n    form: template\n    template: text.j2\n",
            "not JSON",
        ),
        (
            "endpoints:\n  - name: a-b\n    url: https://x.example.com\n  - name: a-b\n    url: https://x.example.com\n",
            "a name of its own",
        ),
    ],
)
def test_a_file_that_is_wrong_is_refused_before_anything_runs(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.j2").write_text('{"a": {{ nothing }} }')
    (tmp_path / "text.j2").write_text("hello {{ agent }}")
    with pytest.raises(UsageError, match=said):
        read_targets(notify_file(tmp_path, text), Redaction())


def test_every_fault_of_the_file_is_told_with_its_line(tmp_path: Path) -> None:
    text = "endpoints:\n  - name: A\n    url: https://x.example.com\n    timeoutSeconds: soon\n"
    with pytest.raises(UsageError, match=r"notify.yaml:2:.*notify.yaml:4:"):
        read_targets(notify_file(tmp_path, text), Redaction())
    with pytest.raises(UsageError, match="cannot be read"):
        read_targets(tmp_path / "none.yaml", Redaction())
