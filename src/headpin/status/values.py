"""Settings as people are told them: one line of text for each value, and never a credential."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from headpin.git import redacted
from headpin.model import FileContent, SecretKey, Settings, conceal
from headpin.workspace import Effective, Snapshot
from headpin.workspace.settings import DEFAULT_REQUESTS, AnyDocument, Key

BUILT_IN = "built-in default"


def effective_values(effective: Effective) -> tuple[tuple[Key, object], ...]:
    """Every effective value by its key, in the order that people are shown."""
    scaling = effective.scaling
    stopped: tuple[tuple[Key, object], ...] = ((("stopped",), True),) if scaling.stopped else ()
    return (
        *((("variables", name), value) for name, value in effective.variables.items()),
        *((("files", path), content) for path, content in effective.files.items()),
        (("scaling", "minReplicas"), scaling.min_replicas),
        (("scaling", "maxReplicas"), scaling.max_replicas),
        (("scaling", "targetCPU"), scaling.target_cpu),
        *stopped,
        *((("resources", "requests", name), value) for name, value in effective.requests.items()),
        *((("resources", "limits", name), value) for name, value in effective.limits.items()),
        *((("serviceAccount", "annotations", name), value) for name, value in effective.annotations.items()),
        *((("imagePullSecrets",), name) for name in effective.image_pull_secrets),
    )


def origin_of(effective: Effective, key: Key) -> tuple[Key, AnyDocument] | None:
    """The document that decides an effective value, and the key that it has there; None for headpin's own."""
    if key[0] == "variables" and isinstance(effective.variables[key[1]], SecretKey):
        key = ("secrets", *key[1:])
    layer = effective.origins.get(key)
    return (key, layer) if layer is not None else None


def is_default(key: Key) -> bool:
    """Whether headpin has a value of its own for this key."""
    return key[0] == "scaling" or (key[:2] == ("resources", "requests") and key[-1] in DEFAULT_REQUESTS)


def dotted(key: Key) -> str:
    """A key as people write it."""
    return ".".join(key)


def text_of(value: object) -> str:
    """A value on one line: files by digest, secrets by reference, without what looks like a credential."""
    if value is None:
        return "taken away"
    if isinstance(value, SecretKey):
        return f"secret {value.name}, key {value.key}{', optional' if value.optional else ''}"
    if isinstance(value, FileContent):
        if value.secret is not None:
            return text_of(value.secret)
        data = (value.text or "").encode()
        return f"sha256:{hashlib.sha256(data).hexdigest()}, {len(data):,} bytes"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list) and all(isinstance(item, str) for item in value):
        return conceal(", ".join(value)) or "none"
    return conceal(value if isinstance(value, str) else json.dumps(value))


def document_values(snapshot: Snapshot) -> dict[Key, object]:
    """What agent.yaml says beside settings, and the chart that it brings: shared with the release as well."""
    model = snapshot.agent.model
    if model is None:
        return {}
    found: dict[Key, object] = {}
    said = model.model_dump(mode="json", by_alias=True, exclude=set(Settings.model_fields))
    _flatten((), said, found)
    found["source", "repository"] = redacted(model.source.repository)
    if snapshot.chart is not None:
        found["chart", "files"] = snapshot.chart.id
    return found


def _flatten(key: Key, value: Any, found: dict[Key, object]) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            _flatten((*key, name), item, found)
    elif value is not None:
        found[key] = value
