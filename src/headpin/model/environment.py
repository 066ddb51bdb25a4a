"""`environments/<environment>.yaml`: a runtime context, and its own settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from headpin.model.document import Described, DnsLabel, DnsName, Engine, Reason
from headpin.model.settings import Settings


class Environment(Described, Settings):
    """A runtime context; its settings apply to everything that runs in it, at merge."""

    tracks: Literal["head"] | None = Field(
        None,
        description="'head': follow each agent's branch, without pins. Exactly one environment says so, "
        "for the workspace's lifetime. Default: pinned.",
    )
    production: bool = Field(
        False, description="Whether people depend on it: the stage before it is required, and commands ask twice."
    )
    health: Literal["none", "reports"] = Field(
        "none",
        description="How it is known whether what runs here is healthy. 'none': it is not, and what is served counts "
        "as healthy; 'reports': by 'headpin health report'.",
    )
    suspended: Reason | None = Field(
        None,
        description="Why nothing is promoted and nothing changes here, for the time being. "
        "Rollbacks, stop and scale go through.",
    )
    cluster: DnsName = Field("in-cluster", description="Which cluster it runs in; a name, for people and delivery.")
    namespace: DnsLabel | None = Field(
        None, description="The Kubernetes namespace of all its objects. Default: the environment's name."
    )
    engine: Engine = Field(
        "manifests",
        description="How settings become what is delivered: 'manifests', Kubernetes objects as files, or 'helm', "
        "a chart for each agent. An agent may say otherwise.",
    )
    templates: Annotated[int, Field(ge=1, le=1000)] = Field(
        1, description="The set of built-in templates; a new headpin never changes it by itself. Number of the set."
    )
