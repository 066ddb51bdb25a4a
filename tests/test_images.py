"""Names of images: what they mean, and digests behind tags."""

from __future__ import annotations

import re

import pytest

from headpin.images import DOCKER_HUB, ImageName, digest_of, image_name, with_digest, without_digest
from headpin.model.document import IMAGE_PATTERN

ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64

MEANT = {
    "nginx": (DOCKER_HUB, "library/nginx", "latest", None),
    "nginx:1.27": (DOCKER_HUB, "library/nginx", "1.27", None),
    "acme/triage:v1": (DOCKER_HUB, "acme/triage", "v1", None),
    "docker.io/nginx:1": (DOCKER_HUB, "library/nginx", "1", None),
    "docker.io/acme/triage:1": (DOCKER_HUB, "acme/triage", "1", None),
    "index.docker.io/acme/triage:1": (DOCKER_HUB, "acme/triage", "1", None),
    "registry-1.docker.io/nginx:1": (DOCKER_HUB, "library/nginx", "1", None),
    "localhost/triage:1": ("localhost", "triage", "1", None),
    "localhost:5000/a/b/c:v_1.2-x": ("localhost:5000", "a/b/c", "v_1.2-x", None),
    "example.com/a:1": ("example.com", "a", "1", None),
    "registry.example.com:8443/a/b:1": ("registry.example.com:8443", "a/b", "1", None),
    "[::1]:5000/a:1": ("[::1]:5000", "a", "1", None),
    "[::1]/a:1": ("[::1]", "a", "1", None),
    f"example.com/a@{ONE}": ("example.com", "a", "latest", ONE),
    f"example.com/a:v1@{ONE}": ("example.com", "a", "v1", ONE),
}


@pytest.mark.parametrize("text", MEANT)
def test_a_name_is_taken_apart_as_docker_does(text: str) -> None:
    assert image_name(text) == ImageName(*MEANT[text])


@pytest.mark.parametrize(("text", "host", "port"), [
    ("example.com/a", "example.com", None), ("localhost:5000/a", "localhost", 5000), ("[::1]:5000/a", "::1", 5000),
    ("[::1]/a", "::1", None), ("nginx", DOCKER_HUB, None),
])  # fmt: skip
def test_host_and_port_of_a_registry(text: str, host: str, port: int | None) -> None:
    name = image_name(text)
    assert isinstance(name, ImageName)
    assert (name.host, name.port) == (host, port)


REFUSED = {
    "empty": "",
    "empty tag": "nginx:",
    "empty repository": "example.com/",
    "empty component": "example.com/a//b",
    "parent": "example.com/../b:1",
    "upper case": "example.com/Acme:1",
    "space": "example.com/a b",
    "newline": "example.com/a:1\n",
    "newline in the host": "example.com\n/a:1",
    "url": "https://example.com/a:1",
    "user": "user:secret@example.com/a:1",
    "query": "example.com/a?x=1",
    "encoded": "example.com/%2e%2e/a",
    "huge port": "example.com:65536/a",
    "port zero": "example.com:0/a",
    "no port": "example.com:/a",
    "port of letters": "example.com:http/a",
    "unclosed bracket": "[::1:5000/a",
    "something behind a bracket": "[::1]x/a",
    "host in another script": "ex\u0430mple.com/a",
    "digits in another script": "example.com:\u0665\u0665/a",
    "tag starts with a dot": "example.com/a:.1",
    "tag too long": "example.com/a:" + "x" * 129,
    "short digest": "example.com/a@sha256:1234",
    "upper-case digest": f"example.com/a@{ONE.replace('1', 'A')}",
    "other digest": f"example.com/a@sha512:{'1' * 128}",
    "two digests": f"example.com/a@{ONE}@{ONE}",
    "digest with a newline": f"example.com/a@{ONE}\n",
    "repository too long": "example.com/" + "a" * 256,
    "far too long": "example.com/" + "a/" * 100_000,
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_is_no_name_is_refused_with_a_reason(text: str) -> None:
    assert isinstance(image_name(text), str)


@pytest.mark.parametrize("image", ["nginx", "nginx:1", "localhost:5000/a", "localhost:5000/a/b:v1"])
def test_a_digest_stands_behind_the_tag_and_comes_off_again(image: str) -> None:
    resolved = with_digest(image, ONE)
    assert resolved == f"{image}@{ONE}" and re.fullmatch(IMAGE_PATTERN, resolved)
    assert (digest_of(image), digest_of(resolved)) == (None, ONE)
    assert without_digest(resolved) == image == without_digest(image)
    assert with_digest(resolved, TWO) == f"{image}@{TWO}"


@pytest.mark.parametrize("digest", ["", "sha256:", ONE + "1", ONE + "\n", "sha512:" + "1" * 128])
def test_only_a_digest_is_written_behind_a_tag(digest: str) -> None:
    with pytest.raises(ValueError, match="no digest"):
        with_digest("nginx:1", digest)
    assert digest_of(f"nginx:1@{digest}") is None
