"""`formerly` of `agent.yaml`: the names that an agent had before."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from headpin.model.document import AgentRef

MAX_FORMER = 20


def _from_one(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _one_too(schema: dict[str, Any]) -> None:
    """Tells editors that a single name is fine too."""
    names = {key: schema.pop(key) for key in ("type", "items", "maxItems") if key in schema}
    schema["anyOf"] = [names["items"], names]


Formerly = Annotated[
    tuple[AgentRef, ...],
    Field(max_length=MAX_FORMER),
    BeforeValidator(_from_one),
    Field(json_schema_extra=_one_too),
]
