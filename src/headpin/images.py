"""Names of container images: what they are made of, and the digest that headpin writes behind the tag.

A resolved image is ``name:tag@sha256:…``: the digest says what runs, the tag is for people and for records, which
tell by it what was looked up. Pure, and must never ask a registry. The grammar is that of the OCI distribution
specification; the rules for names without a host are Docker's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from headpin.addresses import is_host

DOCKER_HUB = "registry-1.docker.io"
"""The registry that a name without a host means."""

_HUB_NAMES = frozenset({"docker.io", "index.docker.io", DOCKER_HUB})
_COMPONENT = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REGISTRY = re.compile(r"(?:\[(?P<address>[0-9a-f:.]+)\]|(?P<name>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")
_MAX_NAME = 512
_MAX_REPOSITORY = 255
_MAX_PORT = 65535
_DEFAULT_TAG = "latest"


@dataclass(frozen=True, slots=True, order=True)
class ImageName:
    """Where an image is: `registry` is a host with a port where one is written, `repository` a path there."""

    registry: str
    repository: str
    tag: str
    digest: str | None = None

    @property
    def host(self) -> str:
        """The registry's host; an IPv6 address without brackets."""
        return _host_and_port(self.registry)[0]

    @property
    def port(self) -> int | None:
        """The registry's port, when one is written."""
        return _host_and_port(self.registry)[1]


def image_name(text: str) -> ImageName | str:
    """`text` taken apart, or why it is no image's name. Without tag and digest it means the tag latest."""
    if len(text) > _MAX_NAME:
        return f"an image's name has at most {_MAX_NAME} characters"
    rest, at, digest = text.partition("@")
    if at and not is_digest(digest):
        return "a digest is sha256: and 64 hexadecimal digits"
    first, slash, path = rest.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        registry = first.lower()
    else:
        registry, path = DOCKER_HUB, rest
    host, port = _host_and_port(registry)
    if not is_host(host) or (port is not None and not 0 < port <= _MAX_PORT):
        return f"{registry!r} is no registry"
    repository, colon, tag = path.partition(":")
    if colon and _TAG.fullmatch(tag) is None:
        return f"{tag!r} is no tag"
    if registry in _HUB_NAMES:
        registry = DOCKER_HUB
        repository = repository if "/" in repository else f"library/{repository}"
    if len(repository) > _MAX_REPOSITORY or any(not _COMPONENT.fullmatch(part) for part in repository.split("/")):
        return f"{repository!r} is no repository of images"
    return ImageName(registry, repository, tag or _DEFAULT_TAG, digest or None)


def is_digest(text: str) -> bool:
    """Whether `text` is a digest that headpin writes: ``sha256:`` and 64 lower-case hexadecimal digits."""
    return _DIGEST.fullmatch(text) is not None


def digest_of(image: str) -> str | None:
    """The digest that `image` names, if it names one."""
    digest = image.partition("@")[2]
    return digest if is_digest(digest) else None


def with_digest(image: str, digest: str) -> str:
    """`image` at `digest`: ``name:tag@sha256:…``. The tag stays; a digest that is there already is replaced."""
    if not is_digest(digest):
        raise ValueError(f"{digest!r} is no digest")
    return f"{without_digest(image)}@{digest}"


def without_digest(image: str) -> str:
    """`image` as it was looked up, with its tag alone."""
    return image.partition("@")[0]


def registry_key(text: str) -> str:
    """A registry as it is compared: every name of Docker Hub is ``docker.io``."""
    plain = text.lower()
    return "docker.io" if plain in _HUB_NAMES else plain


def _host_and_port(registry: str) -> tuple[str, int | None]:
    """Host and port as they are written; an empty host when they cannot be told apart."""
    found = _REGISTRY.fullmatch(registry)
    if found is None:
        return "", None
    return found["address"] or found["name"], int(found["port"]) if found["port"] else None
