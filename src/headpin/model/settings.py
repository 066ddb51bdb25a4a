"""Settings: what every layer may say, and what narrower layers override.

A mapping merges key by key over the layers (``null`` takes a key away again), a list or a scalar is
replaced as a whole.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from headpin.model.document import DnsName, Part, Reason
from headpin.model.quantity import Bytes, Cores
from headpin.types import path_fault

VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
SecretKeyName = Annotated[str, StringConstraints(pattern=r"^\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$", max_length=253)]
"""As Kubernetes has it: never ``.``, and never two dots at the start."""
MAX_PROCESS_TEXT = 65_536
"""Half of what Linux takes as one variable or argument (MAX_ARG_STRLEN, 128 KiB). Bytes."""
_MAX_MOUNT_PATH = 512

AnnotationKey = Annotated[
    str,
    StringConstraints(
        pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
        max_length=253,
    ),
]


def process_text(text: str) -> str:
    """Text that Linux gives to a process: not so long that the process cannot start. Raises ValueError."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_PROCESS_TEXT:
        raise ValueError(f"a process takes at most {MAX_PROCESS_TEXT:,} bytes in one text")
    return text


def mount_path(text: str) -> str:
    """A path in the container: absolute, plain, and not the root. Raises ValueError."""
    if not text.startswith("/") or len(text) > _MAX_MOUNT_PATH:
        raise ValueError(f"a path in the container is absolute and has at most {_MAX_MOUNT_PATH} characters")
    fault = path_fault(text[1:])
    if fault or ":" in text:
        raise ValueError(fault or "a path in the container has no colon")
    return text


ProcessText = Annotated[str, AfterValidator(process_text), Field(json_schema_extra={"maxLength": MAX_PROCESS_TEXT})]
MountPath = Annotated[str, AfterValidator(mount_path), Field(json_schema_extra={"pattern": "^/[^:]+$"})]
Replicas = Annotated[int, Field(ge=0, le=1000)]


class SecretKey(Part):
    """One key of a Kubernetes Secret that exists in the environment's namespace."""

    name: DnsName = Field(description="The Secret's name.")
    key: SecretKeyName = Field(description="The key in the Secret.")
    optional: bool = Field(False, description="Whether the pod may start when the Secret or key is not there.")


class FileContent(Part):
    """What a mounted file holds: either text written here, or one key of a Secret."""

    text: Annotated[str, StringConstraints(max_length=131_072)] | None = Field(
        None, description="The file's content, as it is. At most 128 KiB."
    )
    secret: SecretKey | None = Field(None, description="The Secret's key that holds the content.")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.text is None) == (self.secret is None):
            raise ValueError("a file has either text or secret")
        return self


class Scaling(Part):
    """How many pods. With a maximum above the minimum, an autoscaler decides in between."""

    min_replicas: Replicas | None = Field(
        None, description="Pods at least; 0 with maxReplicas 0 serves none. Pods, default 1."
    )
    max_replicas: Replicas | None = Field(None, description="Pods at most. Pods, default minReplicas.")
    target_cpu: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, alias="targetCPU", description="CPU use that the autoscaler aims at. Percent of the request, default 80."
    )


class Quantities(Part):
    """Amounts of compute resources, as Kubernetes quantities."""

    cpu: Cores | None = Field(None, description='Processor time. Cores ("0.5") or thousandths ("500m").')
    memory: Bytes | None = Field(None, description='Memory. Bytes, with a suffix ("256Mi", "1Gi").')
    ephemeral_storage: Bytes | None = Field(None, description='Scratch disk. Bytes, with a suffix ("1Gi").')


class Resources(Part):
    """What a pod asks for and what it may take."""

    requests: Quantities = Field(Quantities(), description='What is reserved. Default cpu "100m", memory "128Mi".')
    limits: Quantities = Field(Quantities(), description="What it may never exceed. Default: no limits.")


class ServiceAccount(Part):
    """The identity of the pods in the cluster."""

    annotations: dict[AnnotationKey, str | None] = Field(
        {}, description="Annotations, for example those that workload identity of a cloud needs."
    )


class Settings(Part):
    """What any layer may set."""

    variables: dict[VariableName, ProcessText | None] = Field(
        {},
        description="Environment variables, name to text as it is: $(NAME) is not replaced. Numbers are quoted. "
        "null removes a wider layer's.",
    )
    secrets: dict[VariableName, SecretKey | None] = Field(
        {}, description="Environment variables whose value is in a Kubernetes Secret. null removes a wider layer's."
    )
    files: dict[MountPath, FileContent | None] = Field(
        {}, description="Files in the container, absolute path to content. null removes a wider layer's."
    )
    scaling: Scaling = Field(Scaling(), description="How many pods.")
    resources: Resources = Field(Resources(), description="Processor, memory and scratch disk.")
    service_account: ServiceAccount = Field(ServiceAccount(), description="The pods' service account.")
    image_pull_secrets: tuple[DnsName, ...] | None = Field(
        None, description="Secrets of type kubernetes.io/dockerconfigjson to pull the image with. Default: none."
    )

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        both = sorted(self.variables.keys() & self.secrets.keys())
        if both:
            raise ValueError(f"{both[0]} stands under variables and under secrets")
        return self


class Defaults(Settings):
    """Shared settings of the workspace or of a project: they are promoted with the release."""


class OwnLayer(Settings):
    """Own settings of a project or an agent in one environment: they apply at merge."""

    stopped: bool | None = Field(
        None,
        description="true: no pods and no autoscaler; release, pin and manifests remain. "
        "false overrules the project. Default false.",
    )
    suspended: Reason | None = Field(
        None,
        description="Why nothing is promoted and nothing changes here, for the time being. "
        "Rollbacks, stop and scale go through.",
    )
