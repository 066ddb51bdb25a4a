"""Logins for registries: from the environment, a docker configuration file, or the helper program it names.

Owns which login is for which registry. A login is asked for only after a registry has demanded one, and goes to no
other. What is malformed is a trouble of the images that need it. Secrets must never be in a message or a repr, nor
hang on an exception as the text that could not be read.

    HEADPIN_REGISTRY_USER, _PASSWORD, _HOST   one login, and the registry that it is for
    HEADPIN_REGISTRY_CONFIG                   the path of a file; otherwise $DOCKER_CONFIG/config.json,
                                              otherwise ~/.docker/config.json

The file is docker's (https://docs.docker.com/reference/cli/docker/login/), which is also a Kubernetes Secret's
`.dockerconfigjson`. A key with a path is for the repositories below it only, as Kubernetes and Podman read it.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headpin.errors import PermanentError, SourceTrouble
from headpin.git.program import run_program
from headpin.images import ImageName, registry_key

_USER, _PASSWORD, _HOST = (f"HEADPIN_REGISTRY_{part}" for part in ("USER", "PASSWORD", "HOST"))
_CONFIG = "HEADPIN_REGISTRY_CONFIG"
_MAX_FILE = 1024 * 1024
_HELPER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HUB_SERVER = "https://index.docker.io/v1/"
"""What docker calls Docker Hub when it talks to a helper."""

_NO_USER = "<token>"
"""What a helper says instead of a user's name when it gives an identity token."""

_NOT_FOUND = "credentials not found"


@dataclass(frozen=True, slots=True)
class Login:
    """A user and a password, or an identity token that is exchanged for others."""

    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of an `Authorization` header (RFC 7617)."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class Helper:
    """A program that knows the login for `server`."""

    program: str
    server: str

    @property
    def shown(self) -> str:
        """The program's name."""
        return Path(self.program).name


@dataclass(frozen=True, slots=True)
class _Config:
    auths: Mapping[str, object] = field(repr=False)
    helpers: Mapping[str, object]
    store: object


class Logins:
    """What is configured. The file is read when it is needed, and again when it changed."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        """`variables` is the environment; without it, the process's own at the time of each question."""
        self._variables = variables if variables is not None else os.environ
        self._stamp: tuple[object, ...] = ()
        self._config: _Config | str | None = None

    def find(self, name: ImageName) -> Login | Helper | None:
        """The login for `name`'s registry, the helper to ask for it, or None. Raises PermanentError."""
        login = self._of_environment(name)
        if login is not None:
            return login
        config = self._read()
        if config is None:
            return None
        return self._named_helper(config, name) or _inline(config, name) or self._store(config, name)

    def ask(self, helper: Helper, seconds: float) -> Login | None:
        """Asks `helper`, for at most `seconds`; None when it knows no login.

        The protocol: https://github.com/docker/docker-credential-helpers. Raises SourceTrouble, PermanentError.
        """
        command = [helper.program, "get"]
        try:
            said = run_program(command, seconds=seconds, variables=self._variables, told=helper.server.encode())
        except SourceTrouble as error:
            raise SourceTrouble(f"{helper.shown}: {error}") from error
        except OSError as error:
            raise PermanentError(f"{helper.shown} cannot be started: {error.strerror}") from error
        if said.code != 0:
            if _NOT_FOUND in said.out + said.err:
                return None
            raise SourceTrouble(f"{helper.shown} failed with exit code {said.code}")
        found = _json_mapping(said.out)
        user, secret = (found.get(key) for key in ("Username", "Secret")) if found else (None, None)
        if not isinstance(user, str) or not isinstance(secret, str):
            raise SourceTrouble(f"{helper.shown} answered something that is no login")
        return Login(identity_token=secret) if user == _NO_USER else Login(user, secret)

    def _of_environment(self, name: ImageName) -> Login | None:
        values = {key: self._variables.get(key, "") for key in (_USER, _PASSWORD, _HOST)}
        if not any(values.values()):
            return None
        absent = [key for key, value in values.items() if not value]
        if absent:
            raise PermanentError(f"a registry's login in the environment needs {' and '.join(absent)} too")
        if _key(values[_HOST])[0] != registry_key(name.registry):
            return None
        return Login(values[_USER], values[_PASSWORD])

    def _read(self) -> _Config | None:
        place, demanded = self._place()
        if place is None:
            return None
        try:
            status = place.stat()
        except (FileNotFoundError, NotADirectoryError):
            if demanded:
                raise PermanentError(f"{_CONFIG} names {place}, which is not there") from None
            return None
        except OSError as error:
            raise PermanentError(f"{place} cannot be read: {error.strerror}") from error
        stamp = (place, status.st_ino, status.st_size, status.st_mtime_ns)
        if stamp != self._stamp:
            self._config = _load(place, status)
            self._stamp = stamp
        if isinstance(self._config, str):
            raise PermanentError(self._config)
        return self._config

    def _place(self) -> tuple[Path | None, bool]:
        """Where the file is, and whether it has to be there."""
        if self._variables.get(_CONFIG):
            return Path(self._variables[_CONFIG]), True
        if self._variables.get("DOCKER_CONFIG"):
            return Path(self._variables["DOCKER_CONFIG"], "config.json"), False
        home = self._variables.get("HOME")
        return (Path(home, ".docker", "config.json"), False) if home else (None, False)

    def _named_helper(self, config: _Config, name: ImageName) -> Helper | None:
        for key, program in _entries(config.helpers, name):
            helper = self._helper(program, key)
            if helper is None:
                raise PermanentError(f"docker-credential-{program}, which is to know the login, is not on PATH")
            return helper
        return None

    def _store(self, config: _Config, name: ImageName) -> Helper | None:
        """The one helper for everything. Where it is missing, only what was put into it is out of reach."""
        if not config.store:
            return None
        kept = [key for key, _ in _entries(config.auths, name)]
        helper = self._helper(config.store, kept[0] if kept else name.registry)
        if helper is None and kept:
            raise PermanentError(f"docker-credential-{config.store}, which is to know the login, is not on PATH")
        return helper

    def _helper(self, program: object, key: str) -> Helper | None:
        if not isinstance(program, str) or _HELPER_NAME.fullmatch(program) is None:
            raise PermanentError("the docker configuration file names a credential helper that is no program's name")
        found = shutil.which(f"docker-credential-{program}", path=self._variables.get("PATH", os.defpath))
        return Helper(found, _HUB_SERVER if _key(key)[0] == "docker.io" else key) if found else None


def _load(place: Path, status: os.stat_result) -> _Config | str:
    """The file at `place`, or what is wrong with it."""
    if not stat.S_ISREG(status.st_mode):
        return f"{place} is no file"
    try:
        with place.open("rb") as file:
            data = file.read(_MAX_FILE + 1)
    except OSError as error:
        return f"{place} cannot be read: {error.strerror}"
    if len(data) > _MAX_FILE:
        return f"{place} is larger than {_MAX_FILE:,} bytes"
    found = _json_mapping(data.decode("utf-8", "replace"))
    if found is None:
        return f"{place} is no JSON object"
    auths, helpers = (found.get(key) or {} for key in ("auths", "credHelpers"))
    if not isinstance(auths, dict) or not isinstance(helpers, dict):
        return f"{place} has no mapping under auths or credHelpers"
    return _Config(auths, helpers, found.get("credsStore"))


def _json_mapping(text: str) -> dict[str, object] | None:
    """`text` as a JSON object; None when it is none. The parser's own error would hold the text."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _key(text: str) -> tuple[str, str]:
    """Registry and path of a key, which may be an address with a scheme and the version of an API."""
    registry, _, path = (text.partition("://")[2] or text).partition("/")
    path = path.strip("/")
    return registry_key(registry), "" if path in ("v1", "v2") else path


def _entries(keyed: Mapping[str, object], name: ImageName) -> Iterator[tuple[str, object]]:
    """Those entries that are for `name`, the one with the longest path first."""
    registry = registry_key(name.registry)
    fitting = []
    for key, value in keyed.items():
        host, path = _key(key)
        if host == registry and (not path or f"{name.repository}/".startswith(f"{path}/")):
            fitting.append((len(path), key, value))
    for _, key, value in sorted(fitting, key=lambda entry: -entry[0]):
        yield key, value


def _inline(config: _Config, name: ImageName) -> Login | None:
    """The login that stands in the file itself."""
    for key, entry in _entries(config.auths, name):
        login = _login(entry)
        if isinstance(login, str):
            raise PermanentError(f"the docker configuration file's entry {key!r} {login}")
        if login is not None:
            return login
    return None


def _login(entry: object) -> Login | str | None:
    """The login of one entry, or what is wrong with it; None when it has none, because a helper keeps it."""
    if not isinstance(entry, dict):
        return "is no mapping"
    values = [entry.get(key) or "" for key in ("identitytoken", "auth", "username", "password")]
    if not all(isinstance(value, str) for value in values):
        return "has something else than text"
    token, auth, user, password = values
    if token:
        return Login(identity_token=token)
    if auth:
        joined = _decoded(auth)
        user, colon, password = joined.partition(":")
        return Login(user, password.rstrip("\0")) if colon else "has an auth that is not user:password in base64"
    if bool(user) != bool(password):
        return "has only one of username and password"
    return Login(user, password) if user else None


def _decoded(auth: str) -> str:
    """What base64 wraps; empty when it is no base64 or no text."""
    try:
        return base64.b64decode(auth, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
