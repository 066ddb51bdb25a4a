"""`pipelines/<pipeline>.yaml`: one linear promotion path over environments."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from headpin.model.document import Described, Name, Part


class Promotion(Part):
    """Where a stage takes releases from."""

    source: Literal["previous", "earlier"] = Field(
        "previous",
        alias="from",
        description="'previous': the stage before, or the nearest earlier one that has a release; "
        "'earlier': any earlier stage.",
    )


class Stage(Part):
    """One step of the path."""

    environment: Name = Field(description="The environment of this stage.")
    required: bool | None = Field(
        None,
        description="Whether a release must run here before it goes on, even where nothing is pinned here. "
        "Default: true for the stage before a production one, else false.",
    )
    promotion: Promotion = Field(Promotion(), description="Where this stage takes releases from.")


class Pipeline(Described):
    """The order in which a release goes through environments."""

    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=100)] = Field(
        description="The stages, first to last."
    )
