"""What a genuine webhook says: which repository moved, by the addresses that it has. Pure.

It is a hint to look, and never a source of facts: nothing but addresses is taken from it, and whoever gets them
compares them with those that the workspace names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs

from headpin.server.signatures import Forge

_ADDRESS = re.compile(r"[!-~]{1,2048}")
_MAX_ADDRESSES = 64
_MAX_REPOSITORIES = 16

_MOVES = frozenset({"push", "create", "delete"})
_GITLAB_MOVES = frozenset({"Push Hook", "Tag Push Hook", "System Hook"})
_GITLAB_KINDS = frozenset({"push", "tag_push", "repository_update"})

_KEYS = ("clone_url", "ssh_url", "git_url", "html_url", "git_http_url", "git_ssh_url", "http_url", "url", "web_url")


class NotAPayload(Exception):
    """The body is not what this forge sends."""


def read_payload(body: bytes, *, is_form: bool) -> Mapping[str, Any]:
    """The object in a body: JSON, or a form whose `payload` is JSON. Raises NotAPayload."""
    try:
        if is_form:
            fields = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=8)
            value = json.loads("".join(fields.get("payload", [])))
        else:
            value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotAPayload("the body is not JSON") from error
    if not isinstance(value, dict):
        raise NotAPayload("the body is not an object")
    return value


def moved_addresses(forge: Forge, event: str, value: Mapping[str, Any]) -> frozenset[str] | None:
    """Every address of the repository that moved; None for an event that moves nothing. Raises NotAPayload."""
    if not _is_move(forge, event, value):
        return None
    found = list(_repositories(forge, value))
    addresses = {text for repository in found for text in _addresses(repository)}
    if not addresses or len(addresses) > _MAX_ADDRESSES:
        raise NotAPayload("the body names no repository")
    return frozenset(addresses)


def _is_move(forge: Forge, event: str, value: Mapping[str, Any]) -> bool:
    if forge is Forge.GENERIC:
        return True
    if not event:
        raise NotAPayload("there is no event")
    if forge is not Forge.GITLAB:
        return event in _MOVES
    kind = value.get("object_kind", value.get("event_name"))
    if not isinstance(kind, str):
        raise NotAPayload("the body has no kind")
    return event in _GITLAB_MOVES and kind in _GITLAB_KINDS


def _repositories(forge: Forge, value: Mapping[str, Any]) -> Iterator[Any]:
    if forge is Forge.GENERIC and "repositories" in value:
        several = value["repositories"]
        if not isinstance(several, list) or len(several) > _MAX_REPOSITORIES:
            raise NotAPayload("the repositories are no list of a few")
        yield from several
        return
    names = ("project", "repository") if forge is Forge.GITLAB else ("repository",)
    yield from (value[name] for name in names if name in value)


def _addresses(repository: Any) -> Iterator[str]:
    if isinstance(repository, str):
        found = [repository]
    elif isinstance(repository, dict):
        found = [repository[key] for key in _KEYS if repository.get(key) is not None]
    else:
        raise NotAPayload("a repository is neither an object nor an address")
    for text in found:
        if not isinstance(text, str) or _ADDRESS.fullmatch(text) is None:
            raise NotAPayload("a repository has an address that is none")
        yield text
