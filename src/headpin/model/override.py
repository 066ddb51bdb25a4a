"""`overrides/<name>.yaml`: an exception, as a reviewed file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from headpin.model.document import AgentRef, Name, ObjectId, Part


class Override(Part):
    """Allows once what headpin would refuse."""

    allow: Literal["prune", "history"] = Field(
        description="'prune': more removals in an environment than limits.prune; "
        "'history': go on from a main branch whose history was rewritten."
    )
    environment: Name | None = Field(None, description="With 'prune': the environment.")
    agents: tuple[AgentRef, ...] = Field((), description="With 'prune': every agent that may be removed there.")
    lost: ObjectId | None = Field(
        None, description="With 'history': the revision of main that is no longer in its history."
    )
    reason: Annotated[str, StringConstraints(min_length=3, max_length=2000)] = Field(
        description="Why, for those who read this in a year."
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.allow == "prune" and (self.environment is None or not self.agents):
            raise ValueError("'allow: prune' needs environment and agents")
        if self.allow == "history" and self.lost is None:
            raise ValueError("'allow: history' needs lost")
        return self
