"""Which digest a tag stands for, asked of the registry.

The protocol: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests. Owns the
conversation about one image and that many are held side by side. What the outside does wrong is a value, never an
exception, and concerns its own image only. Importing this loads an HTTP library; `image_lookups` does so when there
is something to ask.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urljoin

from headpin.errors import HeadpinError, PermanentError, SourceTrouble
from headpin.images import ImageName, image_name, is_digest, registry_key
from headpin.problems import printable
from headpin.sources.http import Endpoint, Line, Lines, Once, Reply, endpoint_of_url
from headpin.sources.image_answer import ImageAnswer
from headpin.sources.logins import Helper, Login, Logins
from headpin.sources.registry_login import Busy, authorization, refuse_busy

_SIDE_BY_SIDE = 16
_MAX_MANIFEST = 4 * 1024 * 1024
_MAX_REDIRECTS = 3
_SCHEMA = 2
_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_UNKNOWN = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN"})
_ASK_AGAIN = frozenset(
    {
        HTTPStatus.OK,  # without a digest
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.NOT_ACCEPTABLE,
        HTTPStatus.NOT_IMPLEMENTED,
    }
)
"""What a registry says to HEAD that may be otherwise with GET, or needs the body to be understood."""


def resolve_images(images: Iterable[str], logins: Logins, seconds: float) -> dict[str, ImageAnswer]:
    """An answer for each of `images`; each is asked for once, and for at most `seconds`.

    An image that names a digest is its own answer. Never raises for what documents and registries say. Must not be
    called where an event loop runs.
    """
    names = {image: image_name(image) for image in images}
    asked = {name for name in names.values() if isinstance(name, ImageName) and name.digest is None}
    found = asyncio.run(_ask_all(asked, logins, seconds)) if asked else {}
    answers = {}
    for image, name in names.items():
        if isinstance(name, str):
            answers[image] = ImageAnswer(problem=printable(f"refused: {name}"))
        else:
            answers[image] = ImageAnswer(name.digest) if name.digest else found[name]
    return answers


async def _ask_all(names: Iterable[ImageName], logins: Logins, seconds: float) -> dict[ImageName, ImageAnswer]:
    ordered = sorted(names, key=lambda name: (name.registry, name.repository, name.tag))
    places = asyncio.Semaphore(_SIDE_BY_SIDE)
    async with Lines(seconds) as lines:
        conversations = _Conversations(lines, logins, seconds)

        async def one(name: ImageName) -> ImageAnswer:
            async with places:
                return await conversations.about(name)

        return dict(zip(ordered, await asyncio.gather(*map(one, ordered)), strict=True))


class _Conversations:
    """What the conversations of one pass share: lines, and what helpers answered."""

    def __init__(self, lines: Lines, logins: Logins, seconds: float) -> None:
        self._lines = lines
        self._logins = logins
        self._seconds = seconds
        self._helped = Once(self._ask_helper)

    async def about(self, name: ImageName) -> ImageAnswer:
        """The answer to the question for `name`, within the time limit."""
        registry = registry_key(name.registry)
        try:
            async with asyncio.timeout(self._seconds):
                line = await self._lines.to(Endpoint.of(name.host, name.port))
                return await _Conversation(name, line, self._lines, self).answer()
        except TimeoutError:
            return ImageAnswer(problem=f"{registry} did not answer within {self._seconds:g} seconds")
        except Busy as error:
            return ImageAnswer(problem=printable(str(error)), wait=error.wait)
        except HeadpinError as error:
            return ImageAnswer(problem=printable(str(error)))

    async def login(self, name: ImageName) -> Login | None:
        """The login that is configured for `name`."""
        found = self._logins.find(name)
        return await self._helped.of(found) if isinstance(found, Helper) else found

    async def _ask_helper(self, helper: Helper) -> Login | None:
        return await asyncio.to_thread(self._logins.ask, helper, self._seconds)


class _Conversation:
    """The questions about one image: without a login first, then with what the registry demands."""

    def __init__(self, name: ImageName, line: Line, lines: Lines, shared: _Conversations) -> None:
        self._name = name
        self._line = line
        self._lines = lines
        self._shared = shared
        self._authorization = ""
        self._registry = registry_key(name.registry)

    async def answer(self) -> ImageAnswer:
        """What the registry says. Raises SourceTrouble, PermanentError."""
        reply = await self._manifest("HEAD")
        digest = reply.headers.get("Docker-Content-Digest", "")
        if reply.status == HTTPStatus.OK and is_digest(digest):
            return ImageAnswer(digest)
        if reply.status in _ASK_AGAIN:
            reply = await self._manifest("GET")
        return self._read(reply)

    def _read(self, reply: Reply) -> ImageAnswer:
        refuse_busy(reply, self._registry)
        if reply.status == HTTPStatus.OK:
            return ImageAnswer(_digest(reply, self._registry))
        if reply.status == HTTPStatus.UNAUTHORIZED:
            raise SourceTrouble(f"{self._registry} refuses the login, or has no {self._name.repository}")
        codes = _codes(reply)
        if reply.status == HTTPStatus.NOT_FOUND or codes & _UNKNOWN:
            what = "no repository" if "NAME_UNKNOWN" in codes else f"no tag {self._name.tag} in"
            return ImageAnswer(missing=True, problem=f"{self._registry} has {what} {self._name.repository}")
        if reply.status == HTTPStatus.FORBIDDEN:
            raise SourceTrouble(f"{self._registry} forbids reading {self._name.repository}, or has none")
        raise SourceTrouble(f"{self._registry} answered with {reply.status}")

    async def _manifest(self, method: str) -> Reply:
        """The answer to `method`, after logging in where that is demanded."""
        reply = await self._follow(method)
        if reply.status == HTTPStatus.UNAUTHORIZED and not self._authorization:
            login = await self._shared.login(self._name)
            self._authorization = await authorization(reply, self._name, login, self._line, self._lines)
            reply = await self._follow(method)
        return reply

    async def _follow(self, method: str) -> Reply:
        """The answer to `method`, from where the registry says it is: a login never goes there with it."""
        line, target = self._line, f"/v2/{self._name.repository}/manifests/{self._name.tag}"
        for _ in range(_MAX_REDIRECTS + 1):
            headers = {"Accept": _ACCEPT}
            if self._authorization:
                headers["Authorization"] = self._authorization
            reply = await line.ask(method, target, headers, limit=_MAX_MANIFEST)
            if not reply.is_redirect:
                if line is not self._line and reply.status == HTTPStatus.UNAUTHORIZED:
                    raise SourceTrouble(f"{self._registry} redirects to a server that demands a login")
                return reply
            line, target = await self._elsewhere(line, target, reply)
        raise SourceTrouble(f"{self._registry} redirects without end")

    async def _elsewhere(self, line: Line, target: str, reply: Reply) -> tuple[Line, str]:
        """Where `reply` redirects to."""
        endpoint, there = endpoint_of_url(urljoin(line.endpoint.url + target, reply.headers["Location"]))
        if self._authorization and endpoint != line.endpoint:
            raise PermanentError(f"refused: {self._registry} redirects a login to another server")
        return await self._lines.onward(line, endpoint), there


def _digest(reply: Reply, registry: str) -> str:
    """The digest of a manifest, of its exact bytes. Raises SourceTrouble when it is none, or the registry lies."""
    if not reply.complete:
        raise SourceTrouble(f"{registry} answered more than {_MAX_MANIFEST:,} bytes")
    manifest = _json(reply)
    if not isinstance(manifest, dict) or manifest.get("schemaVersion") != _SCHEMA:
        raise SourceTrouble(f"{registry} answered something that is no manifest of an image")
    digest = f"sha256:{hashlib.sha256(reply.body).hexdigest()}"
    if reply.headers.get("Docker-Content-Digest", digest) != digest:
        raise SourceTrouble(f"{registry} names another digest than its answer has")
    return digest


def _codes(reply: Reply) -> frozenset[str]:
    """The codes of the errors that a registry tells."""
    found = _json(reply)
    errors = found.get("errors") if isinstance(found, dict) else None
    codes = (error.get("code") for error in (errors if isinstance(errors, list) else ()) if isinstance(error, dict))
    return frozenset(code for code in codes if isinstance(code, str))


def _json(reply: Reply) -> object:
    """The body as JSON; None when it is none."""
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
