"""`pipelines/<pipeline>.yaml`: one linear promotion path over environments."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from headpin.model.document import Described, Name, Part, Reason
from headpin.model.gates import Gates

_MODES = ("manual", "automatic")


class Promotion(Part):
    """Where a stage takes releases from, and who promotes them. The mode alone can stand for the mapping."""

    source: Literal["previous", "earlier"] = Field(
        "previous",
        alias="from",
        description="'previous': the stage before, or the nearest earlier one that has a release; "
        "'earlier': any earlier stage.",
    )
    mode: Literal["manual", "automatic"] = Field(
        "manual",
        description="'manual': people promote; 'automatic': headpin does, as soon as every gate is open.",
    )

    @model_validator(mode="before")
    @classmethod
    def _mode_alone(cls, said: Any) -> Any:
        if isinstance(said, str):
            if said not in _MODES:
                raise ValueError(f"{said!r} is neither manual nor automatic, nor a mapping")
            return {"mode": said}
        return said

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        reference = handler(core)
        schema = handler.resolve_ref_schema(reference)
        mapping = dict(schema)
        schema.clear()
        schema["anyOf"] = [{"enum": list(_MODES)}, mapping]
        return reference


class Stage(Part):
    """One step of the path."""

    environment: Name = Field(description="The environment of this stage.")
    required: bool | None = Field(
        None,
        description="Whether a release must run here before it goes on, even where nothing is pinned here. "
        "Default: true for the stage before a production one, else false.",
    )
    promotion: Promotion = Field(
        Promotion(),
        description="Where this stage takes releases from, and who promotes them: 'manual', 'automatic', or a mapping.",
    )
    gates: Gates = Field(Gates(), description="What has to be true before a release is promoted into this stage.")


class Pipeline(Described):
    """The order in which a release goes through environments."""

    suspended: Reason | None = Field(
        None,
        description="Why nothing is promoted and nothing changes on the way along this pipeline, for the time being. "
        "Rollbacks, stop and scale go through.",
    )
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=100)] = Field(
        description="The stages, first to last."
    )
