"""Questions to other servers over HTTP: which servers are asked, and that every question has an end.

An address comes from a document or from another server, so it is judged before it is used, as it is written and
by where it leads; what was judged is what is connected to, so that a name cannot lead elsewhere in between. Plain
http goes to this machine only; everywhere else certificates are verified. Must never follow a redirect by itself,
and never show what a server says.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
import threading
import urllib.request
from collections.abc import Awaitable, Callable, Hashable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Generic, Self, TypeVar
from urllib.parse import urlsplit

import httpx

import headpin
from headpin.addresses import is_host, is_loopback, is_metadata, may_be_loopback
from headpin.errors import PermanentError, SourceTrouble
from headpin.problems import printable

MAX_WAIT = 3600.0
"""For how many seconds a server can ask not to be asked again."""

_PORTS = {"https": 443, "http": 80}
_URL = re.compile(r"[!-\[\]-~]{1,4096}")
"""Printable ASCII without spaces and backslashes."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_WAIT = re.compile(r"[0-9]{1,9}")
_MAX_ADDRESSES = 4
_MAX_CONNECTIONS = 16
_NOT_HTTP = "did not answer as HTTP demands"

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that may be asked: nothing in its address forbids it."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, host: str, port: int | None) -> Endpoint:
        """The server at `host`. Raises PermanentError when it is none that headpin asks."""
        if is_metadata(host):
            raise PermanentError(f"refused: {host} is a link-local or metadata address")
        scheme = "http" if is_loopback(host) else "https"
        return cls(scheme, host, port or _PORTS[scheme])

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"{self.scheme}://{self.authority}"


def endpoint_of_url(url: str) -> tuple[Endpoint, str]:
    """The server of an address that another server named, and what is asked there (path and query).

    Raises PermanentError when headpin does not go there.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise PermanentError("refused: the server names an address that is none") from None
    if _URL.fullmatch(url) is None or parts.scheme not in _PORTS or not is_host(host) or "@" in parts.netloc:
        raise PermanentError("refused: the server names an address that is not of the form https://host/path")
    endpoint = Endpoint.of(host, port)
    if parts.scheme != endpoint.scheme:
        raise PermanentError(f"refused: the server sends headpin to {host} over {parts.scheme}")
    return endpoint, f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered. `body` is cut when it is longer than allowed, and then `complete` is False."""

    status: int
    headers: httpx.Headers
    body: bytes
    complete: bool

    @property
    def is_redirect(self) -> bool:
        """Whether what was asked for is said to be elsewhere."""
        return self.status in _REDIRECTS and "Location" in self.headers

    @property
    def wait(self) -> float:
        """The seconds after which the server wants to be asked again, at most MAX_WAIT; 0 when it does not say."""
        said = self.headers.get("Retry-After", "").strip()
        if _WAIT.fullmatch(said):
            return min(float(said), MAX_WAIT)
        try:
            until = parsedate_to_datetime(said)
        except (ValueError, OverflowError):
            return 0.0
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return min(max((until - datetime.now(UTC)).total_seconds(), 0.0), MAX_WAIT)


class Once(Generic[Key, Value]):
    """Makes something for each key once, however many ask for it at the same time."""

    def __init__(self, make: Callable[[Key], Awaitable[Value]]) -> None:
        self._make = make
        self._tasks: dict[Key, asyncio.Future[Value]] = {}

    async def of(self, key: Key) -> Value:
        """What was made for `key`; who stops waiting does not stop it for others."""
        if key not in self._tasks:
            self._tasks[key] = asyncio.ensure_future(self._make(key))
        return await asyncio.shield(self._tasks[key])


class Line:
    """A server during one pass: the addresses that it was found at, and the connections to it."""

    def __init__(self, endpoint: Endpoint, addresses: tuple[str, ...], client: httpx.AsyncClient) -> None:
        """Without `addresses` a proxy is asked, which looks the name up."""
        self.endpoint = endpoint
        self._client = client
        self._bases = [Endpoint(endpoint.scheme, address, endpoint.port).url for address in addresses]
        self._trouble = ""
        self.is_here = bool(addresses) and all(may_be_loopback(address) for address in addresses)

    async def ask(
        self, method: str, target: str, headers: Mapping[str, str], *, limit: int, content: bytes | None = None
    ) -> Reply:
        """The answer with at most `limit` bytes of its body. Raises SourceTrouble.

        A server that could not be connected to is not tried again in this pass.
        """
        if self._trouble:
            raise SourceTrouble(self._trouble)
        reason = ""
        for base in self._bases or [self.endpoint.url]:
            try:
                return await self._send(method, base + target, headers, content, limit)
            except httpx.ConnectTimeout:
                reason = "no connection in time"
            except httpx.ConnectError as error:
                reason = printable(str(error)) or "no connection"
            except httpx.TimeoutException:
                raise SourceTrouble(f"{self.endpoint.authority} did not answer in time") from None
            except httpx.ProxyError:
                raise SourceTrouble(f"{self.endpoint.authority}: the proxy refuses to connect to it") from None
            except (httpx.HTTPError, httpx.InvalidURL, ValueError):  # whose text may hold what the server said
                raise SourceTrouble(f"{self.endpoint.authority} {_NOT_HTTP}") from None
        self._trouble = f"{self.endpoint.authority} cannot be reached: {reason}"
        raise SourceTrouble(self._trouble)

    async def _send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None, limit: int
    ) -> Reply:
        named = {**headers, "Host": self.endpoint.authority}
        extensions = {"sni_hostname": self.endpoint.host}  # what the certificate has to be for
        request = self._client.build_request(method, url, headers=named, content=content, extensions=extensions)
        response = await self._client.send(request, stream=True)
        body = bytearray()
        try:
            if method != "HEAD":
                async for part in response.aiter_raw():
                    body += part
                    if len(body) > limit:
                        break
        finally:
            await response.aclose()
        return Reply(response.status_code, response.headers, bytes(body[:limit]), len(body) <= limit)


class Lines:
    """All lines of one pass. `seconds` bounds each step: looking up, connecting, each part of an answer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._opened = Once(self._open)
        self._clients = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._clients.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._clients.aclose()

    async def to(self, endpoint: Endpoint) -> Line:
        """The line to `endpoint`. Raises SourceTrouble, PermanentError."""
        return await self._opened.of(endpoint)

    async def onward(self, line: Line, endpoint: Endpoint) -> Line:
        """The line to `endpoint`, which the server of `line` names. Raises SourceTrouble, PermanentError.

        A server elsewhere cannot make headpin ask this machine: what listens here may trust whoever is here too.
        """
        if endpoint == line.endpoint:
            return line
        other = await self.to(endpoint)
        if other.is_here and not line.is_here:
            raise PermanentError(f"refused: {line.endpoint.authority} sends headpin to this machine")
        return other

    async def _open(self, endpoint: Endpoint) -> Line:
        proxy = _proxy(endpoint)
        addresses = () if proxy else await _addresses(endpoint, self._seconds)
        timeout = httpx.Timeout(self._seconds, connect=self._seconds / 2 / max(len(addresses), 1))
        try:
            client = httpx.AsyncClient(
                verify=self._certificates,
                proxy=proxy,
                trust_env=False,
                timeout=timeout,
                limits=httpx.Limits(max_connections=_MAX_CONNECTIONS),
                headers={"User-Agent": f"headpin/{headpin.__version__}", "Accept-Encoding": "identity"},
            )
        except (ImportError, ValueError, httpx.InvalidURL):  # whose text may hold the proxy's password
            raise PermanentError("the proxy that the environment names is none that headpin can use") from None
        return Line(endpoint, addresses, await self._clients.enter_async_context(client))

    @cached_property
    def _certificates(self) -> ssl.SSLContext:
        """Whom headpin trusts: what SSL_CERT_FILE or SSL_CERT_DIR names, otherwise this system and certifi."""
        try:
            context = httpx.create_ssl_context()
            if not any(os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")):
                context.load_default_certs()
        except (OSError, ValueError) as error:
            raise PermanentError(f"the certificates that the environment names cannot be read: {error}") from error
        return context


def _proxy(endpoint: Endpoint) -> str | None:
    """The proxy that the environment names for `endpoint`; never for this machine itself."""
    if endpoint.scheme == "http" or urllib.request.proxy_bypass(f"{endpoint.host}:{endpoint.port}"):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(endpoint.scheme) or proxies.get("all") or None


async def _addresses(endpoint: Endpoint, seconds: float) -> tuple[str, ...]:
    """Where `endpoint` is. Raises SourceTrouble when nobody knows, PermanentError where headpin does not go."""
    try:
        async with asyncio.timeout(seconds):
            found = await _looked_up(endpoint.host, endpoint.port)
    except TimeoutError:
        raise SourceTrouble(f"{endpoint.host} was not found in time") from None
    if not found:
        raise SourceTrouble(f"{endpoint.host} is not known here")
    if any(is_metadata(address) for address in found):
        raise PermanentError(f"refused: {endpoint.host} leads to a link-local or metadata address")
    if endpoint.scheme == "http" and not all(is_loopback(address) for address in found):
        raise PermanentError(f"refused: {endpoint.host} is not this machine")
    return found[:_MAX_ADDRESSES]


def _looked_up(host: str, port: int) -> asyncio.Future[tuple[str, ...]]:
    """The addresses of `host`, looked up in a thread that nobody has to wait for: a resolver has no time limit."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[tuple[str, ...]] = loop.create_future()

    def tell(found: tuple[str, ...]) -> None:
        if not answer.done():
            answer.set_result(found)

    def look() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            found = []
        with suppress(RuntimeError):  # the pass is over: its loop is closed, and nobody waits
            loop.call_soon_threadsafe(tell, tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))

    threading.Thread(target=look, name="registry-name", daemon=True).start()
    return answer
