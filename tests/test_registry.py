"""Digests of images, asked of a real registry."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from headpin.sources import ImageAnswer, ImageLookups
from headpin.sources.logins import Logins
from headpin.sources.registry import resolve_images
from tests.registry import PASSWORD, USER, docker_registry, push, push_index

SECONDS = 20


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that anybody may read."""
    with docker_registry(tmp_path_factory.mktemp("registry") / "open") as place:
        yield place


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry that demands a password, with acme/triage:v1 in it."""
    with docker_registry(tmp_path_factory.mktemp("registry") / "closed", login=True) as place:
        push(place, "acme/triage", "v1", login=True)
        yield place


def ask(image: str, **variables: str) -> ImageAnswer:
    """The answer for `image` in an environment of `variables`."""
    (answer,) = resolve_images([image], Logins(variables), SECONDS).values()
    return answer


def test_a_tag_is_resolved_to_the_digest_that_was_pushed(registry: str) -> None:
    digest = push(registry, "acme/triage", "v1")
    assert ask(f"{registry}/acme/triage:v1") == ImageAnswer(digest)


def test_localhost_is_a_registry_too(registry: str) -> None:
    digest = push(registry, "acme/triage", "v1")
    assert ask(f"localhost:{registry.rpartition(':')[2]}/acme/triage:v1") == ImageAnswer(digest)


def test_a_tag_that_moves_is_resolved_anew(registry: str) -> None:
    lookups = ImageLookups(Logins({}))
    image = f"{registry}/acme/moving:main"
    digests = []
    for text in ("one", "two"):
        digests.append(push(registry, "acme/moving", "main", text))
        assert lookups.resolve([image], SECONDS) == {image: ImageAnswer(digests[-1])}
    assert digests[0] != digests[1]


def test_an_image_for_several_platforms_is_its_index(registry: str) -> None:
    digest = push_index(registry, "acme/many", "v1", ("one", "two"))
    assert ask(f"{registry}/acme/many:v1") == ImageAnswer(digest)


def test_a_tag_or_a_repository_that_is_not_there_is_missing(registry: str) -> None:
    push(registry, "acme/triage", "v1")
    tag = ask(f"{registry}/acme/triage:v2")
    assert tag == ImageAnswer(missing=True, problem=f"{registry} has no tag v2 in acme/triage")
    repository = ask(f"{registry}/acme/nothing:v1")
    assert repository.missing and repository.digest is None and "acme/nothing" in repository.problem


def test_an_image_that_appears_is_found_by_the_pass_that_may_ask_again(registry: str) -> None:
    now = [0.0]
    lookups = ImageLookups(Logins({}), clock=lambda: now[0])
    image = f"{registry}/acme/late:v1"
    assert lookups.resolve([image], SECONDS)[image].missing
    digest = push(registry, "acme/late", "v1")
    assert lookups.resolve([image], SECONDS)[image].missing, "too early to ask again"
    now[0] += 5
    assert lookups.resolve([image], SECONDS) == {image: ImageAnswer(digest)}


def test_many_images_are_answered_at_once_and_each_by_itself(registry: str) -> None:
    pushed = {
        f"{registry}/acme/agent{number}:v1": push(registry, f"acme/agent{number}", "v1", str(number))
        for number in range(20)
    }
    absent = f"{registry}/acme/absent:v1"
    refused = "169.254.169.254/acme/triage:v1"
    named = f"{registry}/acme/absent@sha256:{'1' * 64}"
    answers = resolve_images([*pushed, absent, refused, named, "No Image", *pushed], Logins({}), SECONDS)
    assert {image: answers[image].digest for image in pushed} == pushed
    assert answers[absent].missing
    assert answers[refused].problem == "refused: 169.254.169.254 is a link-local or metadata address"
    assert answers[named] == ImageAnswer(f"sha256:{'1' * 64}")
    assert answers["No Image"].problem.startswith("refused: ")
    assert len(answers) == len(pushed) + 4


def test_a_registry_with_a_password_wants_the_one_that_is_configured_for_it(closed: str, tmp_path: Path) -> None:
    image = f"{closed}/acme/triage:v1"
    assert "demands a login, and none is configured" in ask(image).problem
    environment = {"HEADPIN_REGISTRY_USER": USER, "HEADPIN_REGISTRY_PASSWORD": PASSWORD}
    assert ask(image, **environment, HEADPIN_REGISTRY_HOST=closed).digest
    assert "none is configured" in ask(image, **environment, HEADPIN_REGISTRY_HOST="127.0.0.1").problem
    wrong = ask(image, HEADPIN_REGISTRY_USER=USER, HEADPIN_REGISTRY_PASSWORD="wr0ng", HEADPIN_REGISTRY_HOST=closed)
    assert "refuses the login" in wrong.problem and not wrong.missing and "wr0ng" not in repr(wrong)
    auth = b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {f"http://{closed}": {"auth": auth}}}))
    assert ask(image, DOCKER_CONFIG=str(tmp_path)).digest
    assert ask(image, HEADPIN_REGISTRY_CONFIG=str(tmp_path / "config.json")).digest


def test_a_login_says_nothing_of_other_tags(closed: str) -> None:
    environment = {"HEADPIN_REGISTRY_USER": USER, "HEADPIN_REGISTRY_PASSWORD": PASSWORD}
    answer = ask(f"{closed}/acme/triage:v2", **environment, HEADPIN_REGISTRY_HOST=closed)
    assert answer.missing


def test_a_registry_that_stopped_is_a_trouble_and_no_missing_image(tmp_path: Path) -> None:
    with docker_registry(tmp_path / "stopping") as place:
        push(place, "acme/triage", "v1")
    answer = ask(f"{place}/acme/triage:v1")
    assert answer.digest is None and not answer.missing and place in answer.problem
