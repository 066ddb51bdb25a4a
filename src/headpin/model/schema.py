"""JSON Schemas (draft 2020-12) of the kinds, for editors: `schemas/<kind>.json`."""

from __future__ import annotations

import json
from typing import Any

from headpin.model.kinds import KINDS


def json_schema(kind: str) -> str:
    """The schema of `kind` as JSON text that ends with a newline. Raises KeyError for no kind."""
    model = KINDS[kind].model
    schema = model.model_json_schema(by_alias=True)
    _tidy(schema)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"headpin {kind}",
        "description": f"{' or '.join(KINDS[kind].places)}. {schema.get('description', '')}".strip(),
    }
    return json.dumps(head | {key: schema[key] for key in schema if key not in head}, indent=2) + "\n"


def _tidy(node: Any) -> None:
    """Leaves out what says nothing to an editor: generated titles, and null where a key is just absent."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    if not isinstance(node, dict):
        return
    if isinstance(node.get("title"), str):
        del node["title"]
    if node.get("default", "") is None:
        del node["default"]
    _without_null(node)
    for value in node.values():
        _tidy(value)


def _without_null(node: dict[str, Any]) -> None:
    for value in node.get("properties", {}).values():
        choices = value.get("anyOf")
        if not isinstance(choices, list) or {"type": "null"} not in choices:
            continue
        left = [choice for choice in choices if choice != {"type": "null"}]
        if len(left) == 1 and "$ref" not in left[0]:
            del value["anyOf"]
            value.update(left[0])
        else:
            value["anyOf"] = left
