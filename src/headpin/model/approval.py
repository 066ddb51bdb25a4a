"""`approvals/<name>.yaml`: a person's consent to one promotion, as a reviewed file."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from headpin.model.document import AgentRef, Name, Part, Reason
from headpin.model.pin import Pin

PersonAddress = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\s<>@]+@[^\s<>@]+$")]


class Approval(Part):
    """Somebody agrees that this release runs in this environment. The promotion's author does not count."""

    environment: Name = Field(description="The environment that the release is promoted to.")
    agent: AgentRef = Field(description="The agent, as project/agent.")
    release: Pin = Field(description="The release: the keys of a pin, as 'headpin pin' prints them.")
    by: PersonAddress = Field(description="Who approves: the address that the person's commits have.")
    reason: Reason = Field(description="What was looked at.")
