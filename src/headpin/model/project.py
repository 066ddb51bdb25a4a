"""`projects/<project>/project.yaml`: a set of agents that go one way."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from headpin.model.document import Described, Name, Reason

Owner = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\s\x00-\x1f]+$")]


class Project(Described):
    """A set of agents that is assigned one pipeline."""

    pipeline: Name = Field(description="The pipeline that this project's agents are promoted along.")
    suspended: Reason | None = Field(
        None,
        description="Why nothing is promoted and nothing changes in this project, for the time being. "
        "Rollbacks, stop and scale go through.",
    )
    owners: tuple[Owner, ...] = Field((), description="Who answers for it: user names, teams or addresses.")
