"""`projects/<project>/agents/<agent>/agent.yaml`: a deployable."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from headpin.model.chart import ChartRule
from headpin.model.content import ContentRule
from headpin.model.document import IMAGE_PATTERN, Branch, Described, Engine, Part, RepositoryPath
from headpin.model.formerly import Formerly
from headpin.model.settings import MountPath, Settings, process_text
from headpin.types import AgentName

PortName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$")]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[int, Field(ge=1, le=3600)]
Argument = Annotated[str, StringConstraints(max_length=4096), AfterValidator(process_text)]
Address = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


def _image_pattern(text: str) -> str:
    filled = text.replace("{revision}", "0" * 40).replace("{short}", "0" * 7)
    if "{" in filled or "}" in filled:
        raise ValueError("the placeholders are {revision} and {short}")
    if re.fullmatch(IMAGE_PATTERN, filled) is None:
        raise ValueError(f"{text!r} is not the name of a container image with a tag or digest")
    return text


ImagePattern = Annotated[str, StringConstraints(min_length=1, max_length=400), AfterValidator(_image_pattern)]


class Source(Part):
    """Where the code is, and which branch of it the head environment follows."""

    repository: Address = Field(
        repr=False,  # it may hold a credential
        description="https://…, ssh://…, file://…, user@host:path, a path (relative to this repository), "
        "or '.' for this repository itself.",
    )
    branch: Branch = Field("main", description="The branch that the head environment follows.")
    path: RepositoryPath | None = Field(
        None,
        description="The folder in the repository that is this agent's; the head environment follows the commits "
        "that change it. Default: the whole repository.",
    )


class Image(Part):
    """Which container image a revision of the source is built as."""

    pattern: ImagePattern = Field(
        description="The image, with {revision} (40 digits) or {short} (7 digits) where the source's revision goes."
    )
    resolve: Literal["tag", "digest"] = Field(
        "tag",
        description="'tag': the pattern as it is; 'digest': looked up in its registry before the head environment "
        "deploys it, and written with its digest from then on.",
    )


class Port(Part):
    """A port that the container listens on."""

    name: PortName = Field(description="Its name, unique in the agent.")
    port: PortNumber = Field(description="The number in the container. TCP or UDP port.")
    service_port: PortNumber | None = Field(
        None, description="The number that the Service offers. Port, default the same number."
    )
    protocol: Literal["TCP", "UDP"] = Field("TCP", description="The transport protocol.")

    @model_validator(mode="after")
    def _letter(self) -> Self:
        if not any(letter.isalpha() for letter in self.name) or "--" in self.name:
            raise ValueError("a port's name has a letter, and no two hyphens in a row")
        return self


class HttpCheck(Part):
    """A GET request; any answer from 200 to 399 is fine."""

    port: PortName = Field(description="The name of one of the agent's ports.")
    path: Annotated[str, StringConstraints(pattern=r"^/[\x21-\x7e]*$", max_length=512)] = Field(
        "/", description="The path of the request."
    )


class TcpCheck(Part):
    """Opening a connection."""

    port: PortName = Field(description="The name of one of the agent's ports.")


class ExecCheck(Part):
    """Running a command in the container; exit code 0 is fine."""

    command: Annotated[tuple[Argument, ...], Field(min_length=1)] = Field(description="The command and its arguments.")


class Probe(Part):
    """How Kubernetes finds out. Exactly one of http, tcp and exec."""

    http: HttpCheck | None = Field(None, description="Ask over HTTP.")
    tcp: TcpCheck | None = Field(None, description="Open a TCP connection.")
    exec: ExecCheck | None = Field(None, description="Run a command.")
    initial_delay: Annotated[int, Field(ge=0, le=3600)] = Field(0, description="Wait before the first check. Seconds.")
    period: Seconds = Field(10, description="From one check to the next. Seconds.")
    timeout: Seconds = Field(2, description="A check that takes longer has failed. Seconds.")
    failures: Annotated[int, Field(ge=1, le=1000)] = Field(3, description="So many failures in a row count. Failures.")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if sum(check is not None for check in (self.http, self.tcp, self.exec)) != 1:
            raise ValueError("a probe has exactly one of http, tcp and exec")
        return self

    @property
    def port(self) -> str | None:
        """The name of the port that is asked, if one is."""
        check = self.http or self.tcp
        return check.port if check else None


class Probes(Part):
    """What Kubernetes asks a container while it runs."""

    startup: Probe | None = Field(None, description="Until this has succeeded, the other two wait. Default: none.")
    readiness: Probe | None = Field(None, description="While this fails, the Service sends nothing. Default: none.")
    liveness: Probe | None = Field(None, description="When this fails, the container restarts. Default: none.")


class Security(Part):
    """How far the container is locked in. The defaults meet Kubernetes' restricted profile."""

    run_as_user: Annotated[int, Field(ge=1, le=2_147_483_647)] | None = Field(
        None, description="User id of the process, never 0. Default: what the image says, which may not be root."
    )
    read_only_root: bool = Field(True, description="Whether the image's own file system is read-only.")
    writable: tuple[MountPath, ...] = Field(("/tmp",), description="Empty scratch folders to write to.")  # noqa: S108

    @model_validator(mode="after")
    def _folders(self) -> Self:
        twice = [path for path, count in Counter(self.writable).items() if count > 1]
        if twice:
            raise ValueError(f"{twice[0]} stands under writable twice")
        return self


class Agent(Described, Settings):
    """A deployable: where its code is, its image, how it runs, and its shared settings."""

    source: Source = Field(description="Where the code is.")
    image: Image = Field(description="The image of a revision.")
    content: ContentRule = Field(
        None, description="Files of the source that are promoted with the release, as a list of patterns or a mapping."
    )
    formerly: Formerly = Field(
        (),
        description="The name that this agent had before, as project/agent, or all of them, oldest first. Where "
        "nothing of that agent is left, its deployments go on under this name: records, numbers and history move, and "
        "the Kubernetes objects keep their names.",
    )
    engine: Engine | None = Field(
        None, description="How settings become what is delivered. Default: as the environment says."
    )
    chart: ChartRule = Field(
        None, description="A Helm chart of the workspace instead of headpin's own, as a path or a mapping; for 'helm'."
    )
    command: tuple[Argument, ...] | None = Field(
        None, description="Instead of the image's entry point. Kubernetes replaces $(NAME) by variables here."
    )
    args: tuple[Argument, ...] | None = Field(
        None, description="Instead of the image's arguments. Kubernetes replaces $(NAME) by variables here."
    )
    ports: tuple[Port, ...] = Field((), description="Ports; with at least one there is a Service.")
    probes: Probes = Field(Probes(), description="What Kubernetes asks the container while it runs.")
    security: Security = Field(Security(), description="How far the container is locked in.")
    grace_period: Annotated[int, Field(ge=0, le=86_400)] = Field(
        30, description="From the request to stop until the process is killed. Seconds."
    )

    @model_validator(mode="after")
    def _charted(self) -> Self:
        if self.chart is not None and self.engine == "manifests":
            raise ValueError("a chart is for the engine helm, and engine says manifests")
        return self

    @model_validator(mode="after")
    def _ports(self) -> Self:
        names = [port.name for port in self.ports]
        if len(set(names)) < len(names):
            raise ValueError("two ports have the same name")
        numbers = [(port.port, port.protocol) for port in self.ports]
        offered = [(port.service_port or port.port, port.protocol) for port in self.ports]
        if len(set(numbers)) < len(numbers) or len(set(offered)) < len(offered):
            raise ValueError("two ports have the same number")
        return self

    @model_validator(mode="after")
    def _probed_ports(self) -> Self:
        protocols = {port.name: port.protocol for port in self.ports}
        for kind in ("startup", "readiness", "liveness"):
            probe: Probe | None = getattr(self.probes, kind)
            if probe is None or probe.port is None:
                continue
            if probe.port not in protocols:
                raise ValueError(f"the {kind} probe names the port {probe.port}, which is not among ports")
            if protocols[probe.port] != "TCP":
                raise ValueError(f"the {kind} probe asks the port {probe.port}, which is not TCP")
        return self

    @property
    def former_names(self) -> tuple[AgentName, ...]:
        """The names that it had before, oldest first."""
        return tuple(name for text in self.formerly if (name := AgentName.parse(text)) is not None)

    def image_of(self, revision: str) -> str:
        """The image of a revision of the source."""
        return self.image.pattern.replace("{revision}", revision).replace("{short}", revision[:7])
