"""A content snapshot as a pod gets it: packed into ConfigMaps, or fetched by an init container.

Owns what fits into ConfigMaps. Plain data comes out, so that every engine can use it; must never read a tree.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from headpin.model import Delivery
from headpin.model.texts import is_carried
from headpin.rendering.keys import file_keys
from headpin.types import TreeId
from headpin.yaml import quote

MAX_MAP_BYTES = 900_000
"""Content and keys of one ConfigMap (Kubernetes' bound is 1 MiB). Bytes."""

MAX_MAPS = 8
MAX_LISTED_BYTES = 200_000
"""Keys and paths of all files, which stand in the pod. Bytes."""

_LISTED = 24
"""What the pod holds for each file besides its key and path. Bytes."""

_MAX_NAME = 255
_DIGEST = 12
"""Digits in the name of a ConfigMap: two more than one of `files` has, so that no two agents' are ever the same."""

_WIDEST = 2
"""Letters of YAML for one byte: text that takes more is shorter, and no less readable, as base64."""

_MEBIBYTE = 1024 * 1024
_BLOCK = 4096
_USER = 65_534
"""The user id of `nobody`: ssh wants one that has a name in the image."""

_USERNAME_KEY, _PASSWORD_KEY = "username", "password"
"""The keys of a Secret of type kubernetes.io/basic-auth."""

_SSH_KEYS = ("ssh-privatekey", "known_hosts")
"""The key of a Secret of type kubernetes.io/ssh-auth, and where the server's own is looked up."""

_TARGET, _WORK, _KEYS = "/headpin/content", "/headpin/work", "/headpin/credentials"


@dataclass(frozen=True, slots=True)
class MountedContent:
    """A release's content, and how it comes into the container.

    `sizes` (bytes of each file) and, for ConfigMaps, `files` are read only when something is rendered: None before.
    `delivery` is where an init container fetches from; None for ConfigMaps.
    """

    id: TreeId
    mount: str
    path: str
    delivery: Delivery | None = None
    sizes: Mapping[str, int] | None = None
    files: Mapping[str, bytes] | None = None

    @property
    def secrets(self) -> tuple[str, ...]:
        """The Kubernetes Secrets that this needs."""
        credentials = self.delivery.credentials if self.delivery else None
        return (credentials.secret,) if credentials else ()

    def canonical(self) -> dict[str, Any]:
        """What decides about the rendered bytes: the id stands for all files."""
        fetched = {"delivery": self.delivery.model_dump(mode="json")} if self.delivery else {}
        return {"id": self.id, "mount": self.mount, "path": self.path, **fetched}


def size_fault(sizes: Mapping[str, int]) -> str | None:
    """Why files of these sizes in bytes do not fit into ConfigMaps; None when they do."""
    keys = file_keys(sorted(sizes))
    for path, size in sizes.items():
        if size + len(keys[path]) > MAX_MAP_BYTES:
            return f"the content's file {path} has {size:,} bytes, and a ConfigMap takes {MAX_MAP_BYTES:,}"
    total = sum(sizes.values())
    said = f"the content has {total:,} bytes in {len(sizes):,} files"
    if len(_packed(sizes, keys)) > MAX_MAPS:
        return f"{said}, and {MAX_MAPS} ConfigMaps of {MAX_MAP_BYTES:,} bytes are all that a deployment gets"
    listed = sum(len(path) + len(key) + _LISTED for path, key in keys.items())
    if listed > MAX_LISTED_BYTES:
        return f"{said}, whose names have {listed:,} bytes, and a pod lists at most {MAX_LISTED_BYTES:,}"
    return None


def name_fault(path: str) -> str | None:
    """Why a file at `path` below the content's folder cannot be mounted from a ConfigMap; None when it can."""
    if path.startswith(".."):
        return f"Kubernetes mounts no file of a ConfigMap at {path}"
    if any(len(part) > _MAX_NAME for part in path.split("/")):
        return f"a name in {path} has more than {_MAX_NAME} characters"
    return None


def content_maps(object_name: str, content: MountedContent | None) -> list[dict[str, Any]]:
    """Every ConfigMap of the content: name, data, binaryData, and which key goes to which path."""
    if content is None or content.mount != "configmap":
        return []
    if content.files is None:
        raise ValueError(f"the content {content.id} was not read")
    files = content.files
    keys = file_keys(sorted(files))
    packed = _packed({path: len(data) for path, data in files.items()}, keys)
    found = [_config_map(files, keys, paths) for paths in packed]
    name = f"{object_name}-content-{_digest(files, keys, packed)}"
    return [
        {"name": name if len(found) == 1 else f"{name}-{number}", **config_map}
        for number, config_map in enumerate(found, start=1)
    ]


def _packed(sizes: Mapping[str, int], keys: Mapping[str, str]) -> list[list[str]]:
    """The paths in each ConfigMap: in their order, each in the first that has room."""
    maps: list[list[str]] = []
    room: list[int] = []
    for path in sorted(sizes):
        needed = sizes[path] + len(keys[path])
        number = next((number for number, left in enumerate(room) if left >= needed), len(room))
        if number == len(room):
            maps.append([])
            room.append(MAX_MAP_BYTES)
        maps[number].append(path)
        room[number] -= needed
    return maps


def _config_map(files: Mapping[str, bytes], keys: Mapping[str, str], paths: Sequence[str]) -> dict[str, Any]:
    texts = {keys[path]: _text(files[path]) for path in paths}
    return {
        "data": {key: text for key, text in sorted(texts.items()) if text is not None},
        "binary_data": {
            keys[path]: base64.b64encode(files[path]).decode()
            for path in sorted(paths, key=keys.__getitem__)
            if texts[keys[path]] is None
        },
        "items": [{"key": keys[path], "path": path} for path in paths],
    }


def _text(data: bytes) -> str | None:
    """`data` as text, where YAML and everybody who reads it carry that unchanged; None where it goes as base64.

    Helm takes a byte-order mark off every file of a chart.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    is_carried_so = is_carried(text) and not text.startswith("\ufeff")
    return text if is_carried_so and len(quote(text)) <= _WIDEST * len(data) + 2 else None


def _digest(files: Mapping[str, bytes], keys: Mapping[str, str], packed: Sequence[Sequence[str]]) -> str:
    """Changes when any ConfigMap does, so that pods restart."""
    found = hashlib.sha256()
    for paths in packed:
        found.update(len(paths).to_bytes(8, "big"))
        for path in paths:
            for part in (keys[path].encode(), path.encode(), files[path]):
                found.update(len(part).to_bytes(8, "big") + part)
    return found.hexdigest()[:_DIGEST]


def init_container(environment: str, content: MountedContent | None) -> dict[str, Any] | None:
    """The container that fetches the content before the agent starts; None where ConfigMaps hold it, or nothing.

    The script (`fetch-content.sh`) gets every value by a variable of `env`.
    """
    if content is None or content.mount != "init":
        return None
    delivery = content.delivery
    if delivery is None or delivery.repository is None or content.sizes is None:
        raise ValueError(f"the content {content.id} has no address or was not measured")
    secret = delivery.credentials.secret if delivery.credentials else None
    is_ssh = delivery.scheme == "ssh"
    stored = sum(-(-size // _BLOCK) * _BLOCK + _BLOCK for size in content.sizes.values())
    env = [
        _value("GIT_ALLOW_PROTOCOL", str(delivery.scheme)),
        _value("GIT_CONFIG_NOSYSTEM", "1"),
        _value("GIT_TERMINAL_PROMPT", "0"),
        _value("HEADPIN_BRANCH", f"refs/heads/env/{environment}"),
        _value("HEADPIN_CONTENT", content.id),
        _value("HEADPIN_REPOSITORY", delivery.repository),
        _value("HEADPIN_TARGET", _TARGET),
        _value("HOME", _WORK),
        *([_value("HEADPIN_KEYS", _KEYS)] if secret and is_ssh else []),
        *(_login(secret) if secret and not is_ssh else []),
    ]
    return {
        "image": delivery.git_image,
        "user": _USER,
        "env": sorted(env, key=itemgetter("name")),
        "target": _TARGET,
        "work": _WORK,
        "keys": {"path": _KEYS, "secret": secret, "keys": list(_SSH_KEYS)} if secret and is_ssh else None,
        "content_limit": _mebibytes(stored + stored // 4, 16),
        "work_limit": _mebibytes(2 * stored, 1024),
        "requests": {"cpu": "100m", "memory": "128Mi"},
        "limits": {"memory": "512Mi"},
    }


def _value(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "value": value, "secret": None}


def _login(secret: str) -> list[dict[str, Any]]:
    keys = (("HEADPIN_PASSWORD", _PASSWORD_KEY, False), ("HEADPIN_USERNAME", _USERNAME_KEY, True))
    return [
        {"name": name, "value": None, "secret": secret, "key": key, "optional": optional}
        for name, key, optional in keys
    ]


def _mebibytes(size: int, more: int) -> str:
    return f"{-(-size // _MEBIBYTE) + more}Mi"
