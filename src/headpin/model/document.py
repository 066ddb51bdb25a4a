"""What every authored document has in common.

Values are immutable, unknown keys are refused, and no scalar is converted: a revision that YAML reads as a
number is a problem, not a string. Keys are camelCase in YAML and snake_case in Python.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from headpin.types import NAME_PATTERN, REVISION_PATTERN, branch_fault, name_fault, path_fault

Engine = Literal["manifests", "helm"]
"""How settings become what is delivered: Kubernetes objects as files, or a Helm chart."""


class Part(BaseModel):
    """A mapping inside a document."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_camel, use_attribute_docstrings=False
    )


class Described(Part):
    """What people call a thing, and what it is for."""

    display_name: Annotated[str, StringConstraints(min_length=1, max_length=80)] | None = Field(
        None, description="What people call it; shown instead of the name where there is room."
    )
    description: Annotated[str, StringConstraints(max_length=2000)] | None = Field(
        None, description="What it is for, in a sentence or two."
    )


def _name(text: str) -> str:
    fault = name_fault(text)
    if fault:
        raise ValueError(fault)
    return text


def _branch(text: str) -> str:
    fault = branch_fault(text)
    if fault:
        raise ValueError(fault)
    return text


def _path(text: str) -> str:
    fault = path_fault(text)
    if fault:
        raise ValueError(fault)
    return text


Name = Annotated[str, AfterValidator(_name), Field(json_schema_extra={"pattern": NAME_PATTERN})]
"""The name of an environment, pipeline, project or agent."""

AgentRef = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]/[a-z][a-z0-9-]{0,38}[a-z0-9]$")]
"""An agent as ``project/agent``."""

Reason = Annotated[str, StringConstraints(min_length=3, max_length=2000)]
"""Why, in the words of a person."""

ObjectId = Annotated[str, StringConstraints(pattern=REVISION_PATTERN)]
"""A full git object id."""

Branch = Annotated[str, AfterValidator(_branch), Field(json_schema_extra={"maxLength": 200})]
"""A branch name, without ``refs/heads/``."""

RepositoryPath = Annotated[str, AfterValidator(_path)]
"""A path inside a repository."""

_COMPONENT = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
IMAGE_PATTERN = (
    r"^([a-z0-9][a-z0-9.-]*(:[0-9]{1,5})?/)?"
    rf"{_COMPONENT}(/{_COMPONENT})*(:[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(@sha256:[0-9a-f]{{64}})?$"
)

ImageReference = Annotated[str, StringConstraints(pattern=IMAGE_PATTERN, max_length=512)]
"""A container image with its tag or digest."""

DnsLabel = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""A name of up to 63 characters as Kubernetes takes for namespaces (RFC 1123 label)."""

DnsName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$", max_length=253)
]
"""A name of up to 253 characters as Kubernetes takes for most objects (RFC 1123 subdomain)."""
