"""When images are looked up again, by a clock that the test turns."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from headpin.sources import ImageAnswer, ImageLookups
from headpin.sources.logins import Logins
from tests.registry import Asked, Said, Server, server

DIGEST = "sha256:" + "1" * 64
FOUND = Said(headers={"Docker-Content-Digest": DIGEST})
MISSING = Said(404)


@dataclass
class Registry:
    """A registry, whose every answer is `said`, and lookups with a clock."""

    server: Server
    said: Said = MISSING
    now: float = 1000.0
    chance: float = 0.0
    lookups: ImageLookups = field(init=False)

    def __post_init__(self) -> None:
        self.lookups = ImageLookups(Logins({}), clock=lambda: self.now, chance=lambda: self.chance)

    def image(self, tag: str = "v1") -> str:
        """An image of this registry."""
        return f"{self.server.place}/acme/triage:{tag}"

    def ask(self, tag: str = "v1") -> ImageAnswer:
        """What a pass learns of the image."""
        return self.lookups.resolve([self.image(tag)], 10)[self.image(tag)]

    def questions(self, tag: str = "v1") -> int:
        """How often the registry was asked for the image."""
        return sum(asked.method == "HEAD" and asked.path.endswith(f"/{tag}") for asked in self.server.asked)

    def waits(self, times: int) -> list[float]:
        """Asks `times` times, as early as allowed; how long each wait was."""
        waits = []
        for _ in range(times):
            self.ask()
            due = self.lookups.due_in([self.image()])
            assert due is not None
            waits.append(due)
            self.now += due
        return waits


@pytest.fixture
def registry() -> Iterator[Registry]:
    """A registry that has nothing."""

    def answer(_: Asked) -> Said:
        return found.said

    with server(answer) as listening:
        found = Registry(listening)
        yield found


def test_a_missing_image_is_asked_for_after_5_seconds_and_twice_as_long_each_time(registry: Registry) -> None:
    assert registry.waits(9) == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert registry.questions() == 9


def test_a_registry_in_trouble_is_left_alone_alike(registry: Registry) -> None:
    registry.said = Said(500)
    assert registry.waits(3) == [5, 10, 20]


def test_chance_spreads_the_waits_and_makes_none_longer(registry: Registry) -> None:
    registry.chance = 1.0
    assert registry.waits(8) == [4, 8, 16, 32, 64, 128, 240, 240]


def test_what_a_registry_demands_is_kept_to_and_never_shortened_by_chance(registry: Registry) -> None:
    registry.said = Said(429, {"Retry-After": "100"})
    registry.chance = 1.0
    assert registry.waits(2) == [120, 120]
    registry.said = Said(429, {"Retry-After": "1"})
    assert registry.waits(1) == [16]


def test_too_early_the_last_answer_is_given_and_nobody_asked(registry: Registry) -> None:
    first = registry.ask()
    registry.said = FOUND
    registry.now += 4.9
    assert registry.ask() == first and first.missing
    assert registry.questions() == 1
    registry.now += 0.1
    assert registry.ask() == ImageAnswer(DIGEST)


def test_a_digest_is_not_remembered_and_ends_the_waiting(registry: Registry) -> None:
    registry.waits(3)
    registry.said = FOUND
    assert registry.ask() == registry.ask() == ImageAnswer(DIGEST)
    assert registry.questions() == 5, "every pass asks anew"
    assert registry.lookups.due_in([registry.image()]) is None
    registry.said = MISSING
    assert registry.waits(1) == [5], "from the start"


def test_each_image_waits_by_itself(registry: Registry) -> None:
    registry.ask("v1")
    registry.now += 3
    registry.ask("v2")
    assert registry.lookups.due_in([registry.image("v1"), registry.image("v2"), "other:v1"]) == 2
    registry.now += 2
    answers = registry.lookups.resolve([registry.image("v1"), registry.image("v2")], 10)
    assert all(answer.missing for answer in answers.values())
    assert (registry.questions("v1"), registry.questions("v2")) == (2, 1)


def test_what_is_forgotten_is_asked_for_at_once(registry: Registry) -> None:
    for tag in ("v1", "v2"):
        registry.ask(tag)
    registry.lookups.forget(registry.image("v1"))
    registry.lookups.forget("never/asked:v1")
    registry.ask("v1")
    registry.ask("v2")
    assert (registry.questions("v1"), registry.questions("v2")) == (2, 1)
    registry.lookups.forget()
    registry.ask("v1")
    registry.ask("v2")
    assert (registry.questions("v1"), registry.questions("v2")) == (3, 2)


def test_an_image_that_nobody_asks_for_any_more_is_forgotten(registry: Registry) -> None:
    registry.ask("v1")
    registry.now += 5 + 3 * 300
    registry.ask("v2")
    assert registry.lookups.due_in([registry.image("v1")]) is None


def test_a_clock_that_jumps_back_only_lengthens_a_wait(registry: Registry) -> None:
    registry.ask()
    registry.now -= 500
    assert registry.ask().missing
    assert registry.questions() == 1
    registry.now += 505
    registry.ask()
    assert registry.questions() == 2


def test_an_image_that_names_a_digest_and_one_that_is_none_need_no_registry() -> None:
    lookups = ImageLookups(Logins({}))
    answers = lookups.resolve([f"example.com/a:v1@{DIGEST}", "No Image"], 1)
    assert answers[f"example.com/a:v1@{DIGEST}"] == ImageAnswer(DIGEST)
    assert answers["No Image"].problem and lookups.resolve([], 1) == {}


def test_http_is_loaded_only_when_there_is_something_to_ask() -> None:
    code = "import sys, headpin.cli, headpin.sources; print('httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"
