"""`headpin.yaml`: the workspace."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from headpin.model.delivery import Delivery
from headpin.model.document import Described, Part, Reason

API_VERSION = "headpin/v1"


class Limits(Part):
    """Bounds that keep a mistake small."""

    prune: Annotated[int, Field(ge=0, le=100_000)] = Field(
        10, description="Deployments that one pass may remove from an environment without an override. Deployments."
    )
    documents: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        150_000, description="Documents that headpin reads in this workspace. Files."
    )
    source_seconds: Annotated[int, Field(ge=1, le=300)] = Field(
        15, description="Time for a source repository to say where its branches are. Seconds."
    )
    fetch_seconds: Annotated[int, Field(ge=1, le=3600)] = Field(
        120, description="Time to fetch what is new in a source repository. Seconds."
    )


class Plan(Part):
    """What the workspace is entitled to."""

    name: Annotated[str, Field(min_length=1, max_length=40)] = Field("default", description="What the plan is called.")
    environments: Annotated[int, Field(ge=1, le=10_000)] = Field(
        20, description="Environments that the workspace may have. Environments."
    )


class WorkspaceDocument(Described):
    """The workspace: one config repository and everything in it."""

    api_version: Literal["headpin/v1"] = Field(description="The version of the meaning of all documents here.")
    suspended: Reason | None = Field(
        None,
        description="Why nothing is promoted and nothing changes in the whole workspace, for the time being. "
        "Rollbacks, stop and scale go through.",
    )
    limits: Limits = Field(Limits(), description="Bounds that keep a mistake small.")
    plan: Plan = Field(Plan(), description="What the workspace is entitled to.")
    delivery: Delivery = Field(Delivery(), description="How pods reach this repository.")
