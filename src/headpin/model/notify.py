"""The file given to `headpin run --notify`: who is told of which transitions, and in which form.

It is no document of the workspace: it lies where headpin runs, and names files that hold secrets there.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from headpin.model.document import Name, Part
from headpin.model.moments import duration

Transition = Literal[
    "deployed",
    "adopted",
    "promoted",
    "rolled-back",
    "rolled-forward",
    "reconfigured",
    "superseded",
    "held",
    "released",
    "failed",
    "stopped",
    "resumed",
    "scaled",
    "removed",
    "renamed",
]
"""Every kind of event; `deployed` is what the head environment does, where nothing is promoted to, and `released` the
end of a hold of a whole environment."""

_NEVER = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "user-agent"})

Glob = Annotated[str, StringConstraints(pattern=r"^[a-z0-9*?-]{1,80}$")]
EnvironmentVariable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
FilePath = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


def _header(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9-]{1,100}", text) is None or text.lower() in _NEVER:
        raise ValueError(f"{text!r} is no header that can be set here")
    return text


def _length(text: str) -> str:
    duration(text)
    return text


class Header(Part):
    """One header that goes along with each notification."""

    name: Annotated[str, AfterValidator(_header)] = Field(description="The header's name.")
    value: Annotated[str, StringConstraints(pattern=r"^[ -~]{0,4000}$")] | None = Field(
        None, description="Its value, where that is no secret."
    )
    value_file: FilePath | None = Field(None, description="A file that holds the value; read again when it changes.")
    value_environment: EnvironmentVariable | None = Field(
        None, description="The environment variable that holds the value."
    )

    @model_validator(mode="after")
    def _one_value(self) -> Self:
        _refuse_not_one(self, "value", "valueFile", "valueEnvironment")
        return self


class NotifyEndpoint(Part):
    """One receiver of notifications."""

    name: Name = Field(description="What logs and metrics call it.")
    url: Annotated[str, StringConstraints(min_length=1, max_length=4096)] | None = Field(
        None, description="Where to: https, or http to this machine."
    )
    url_file: FilePath | None = Field(None, description="A file that holds the address; for one that is a secret.")
    url_environment: EnvironmentVariable | None = Field(
        None, description="The environment variable that holds the address."
    )
    form: Literal["json", "cloudevents", "slack", "teams", "template"] = Field(
        "json", description="What is sent: headpin's own JSON, a CloudEvent, a message for Slack or Teams, or your own."
    )
    template: FilePath | None = Field(None, description="With form: template, the file with the Jinja template.")
    events: tuple[Transition, ...] = Field((), description="Which transitions; all of them where none are named.")
    environments: tuple[Glob, ...] = Field(
        (), description="Of which environments, with * and ?; of every pinned one where none are named."
    )
    headers: Annotated[tuple[Header, ...], Field(max_length=16)] = Field((), description="What else goes along.")
    timeout_seconds: Annotated[int, Field(ge=1, le=120)] = Field(10, description="How long one attempt may take.")
    give_up_after: Annotated[str, AfterValidator(_length)] = Field(
        "1d", description="How long a notification that cannot be delivered is tried, before the next one's turn."
    )

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        _refuse_not_one(self, "url", "urlFile", "urlEnvironment")
        if (self.template is not None) != (self.form == "template"):
            raise ValueError("form: template and template go together")
        return self


class Notify(Part):
    """The whole file."""

    endpoints: Annotated[tuple[NotifyEndpoint, ...], Field(min_length=1, max_length=32)] = Field(
        description="Everybody who is told."
    )

    @model_validator(mode="after")
    def _named_apart(self) -> Self:
        names = [endpoint.name for endpoint in self.endpoints]
        if len(set(names)) < len(names):
            raise ValueError("every endpoint has a name of its own")
        return self


def _refuse_not_one(part: Part, *keys: str) -> None:
    fields = type(part).model_fields
    given = [name for name, field in fields.items() if field.alias in keys and getattr(part, name) is not None]
    if len(given) != 1:
        raise ValueError(f"exactly one of {', '.join(keys)} is needed")
