"""`overrides/<name>.yaml`: an exception, as a reviewed file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from headpin.model.document import AgentRef, Name, ObjectId, Part, Reason
from headpin.model.gates import Overridable
from headpin.model.pin import Pin


class Override(Part):
    """Allows once what headpin would refuse."""

    allow: Literal["prune", "history", "gates", "adopt"] = Field(
        description="'prune': more removals in an environment than limits.prune; "
        "'history': go on from a main branch whose history was rewritten; "
        "'gates': open gates that the stage calls overridable, for one promotion; "
        "'adopt': take over what runs already, as the first release of a deployment, without having run before."
    )
    environment: Name | None = Field(None, description="With 'prune', 'gates' and 'adopt': the environment.")
    agents: tuple[AgentRef, ...] = Field(
        (),
        description="With 'prune': every agent that may be removed there. With 'gates' and 'adopt': the agent, "
        "one a file.",
    )
    release: Pin | None = Field(
        None,
        description="With 'gates' and 'adopt': the release that is pinned, with the keys of a pin as 'headpin pin' "
        "prints.",
    )
    gates: Annotated[tuple[Overridable, ...], Field(max_length=6)] = Field(
        (), description="With 'gates': the gates that this opens."
    )
    lost: ObjectId | None = Field(
        None, description="With 'history': the revision of main that is no longer in its history."
    )
    reason: Reason = Field(description="Why, for those who read this in a year.")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.allow == "prune" and (self.environment is None or not self.agents):
            raise ValueError("'allow: prune' needs environment and agents")
        if self.allow == "history" and self.lost is None:
            raise ValueError("'allow: history' needs lost")
        if self.allow == "gates" and (self.environment is None or self.release is None or not self.gates):
            raise ValueError("'allow: gates' needs environment, agents, release and gates")
        if self.allow == "gates" and len(self.agents) != 1:
            raise ValueError("'allow: gates' names one agent: a release is one agent's")
        if self.allow == "adopt" and (self.environment is None or self.release is None or len(self.agents) != 1):
            raise ValueError("'allow: adopt' needs environment, one of agents, and release")
        return self
