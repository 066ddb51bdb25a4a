"""Layered settings: six layers to one set of effective values, each with the layer it came from.

Narrower wins, and at equal breadth the environment's own wins: workspace defaults < environment < project
defaults < project in environment < agent < agent in environment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from headpin.model import Delivery, Environment, FileContent, OwnLayer, Quantities, SecretKey, Settings, amount
from headpin.problems import Problem
from headpin.workspace.documents import Document
from headpin.workspace.snapshot import Snapshot

DEFAULT_REQUESTS = {"cpu": "100m", "memory": "128Mi"}
DEFAULT_TARGET_CPU = 80
MAX_FILES_BYTES = 900_000
"""Text that one ConfigMap takes with room for its own keys (Kubernetes' bound is 1 MiB)."""

MAX_ANNOTATIONS_BYTES = 256 * 1024
"""What Kubernetes takes on one object, keys and values together."""

_PODS = frozenset({"scaling", "stopped"})
"""What decides about the number of pods: no gate keeps it."""

Key = tuple[str, ...]
AnyDocument = Document[Settings] | Document[Environment] | Document[OwnLayer]
Said = Mapping[Key, tuple[object, AnyDocument]]
"""What layers say, each value with the document that decides it."""


@dataclass(frozen=True, slots=True)
class OwnLayers:
    """What an environment says itself: applied at merge, never promoted. `delivery` is the workspace's."""

    environment: Document[Environment]
    project: Document[OwnLayer] | None
    agent: Document[OwnLayer] | None
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class EffectiveScaling:
    """Pods at least and at most, and the CPU use in percent that an autoscaler aims at; none at all when stopped."""

    min_replicas: int
    max_replicas: int
    target_cpu: int
    stopped: bool = False

    @property
    def replicas(self) -> int | None:
        """So many pods; None where an autoscaler decides."""
        if self.stopped:
            return 0
        return None if self.has_autoscaler else self.min_replicas

    @property
    def has_autoscaler(self) -> bool:
        """Whether the number of pods is decided between two bounds."""
        return not self.stopped and self.max_replicas > self.min_replicas

    @property
    def has_budget(self) -> bool:
        """Whether disruptions are bounded: with one pod a bound would stop every drain of a node."""
        return not self.stopped and self.min_replicas >= 2  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Effective:
    """What is rendered. Mappings are in the order of their keys.

    `origins` names the document behind each value, by the path of the value in it.
    """

    variables: Mapping[str, str | SecretKey]
    files: Mapping[str, FileContent]
    scaling: EffectiveScaling
    requests: Mapping[str, str]
    limits: Mapping[str, str]
    annotations: Mapping[str, str]
    image_pull_secrets: tuple[str, ...]
    origins: Mapping[Key, AnyDocument] = field(repr=False, compare=False, hash=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The Kubernetes Secrets that this needs."""
        keys = [value for value in self.variables.values() if isinstance(value, SecretKey)]
        keys += [content.secret for content in self.files.values() if content.secret is not None]
        return tuple(sorted({key.name for key in keys} | set(self.image_pull_secrets)))


def resolve(
    snapshot: Snapshot, own: OwnLayers, scaling_from: OwnLayers | None = None
) -> tuple[Effective, list[Problem]]:
    """Effective settings of a valid snapshot under valid own layers, and where they do not fit together.

    `scaling_from` takes only the number of pods, `stopped` included, from other own layers: what a blocked
    deployment does.
    """
    found = _merge(_layers(snapshot, own))
    if scaling_from is not None:
        scaling = _merge(_layers(snapshot, scaling_from))
        found.values = {key: value for key, value in found.values.items() if key[0] not in _PODS} | {
            key: value for key, value in scaling.values.items() if key[0] in _PODS
        }
        found.origins |= {key: layer for key, layer in scaling.origins.items() if key[0] in _PODS}
    effective = _effective(found)
    return effective, [*_misfits(snapshot, effective), *_content_misfits(snapshot, own, effective)]


def _layers(snapshot: Snapshot, own: OwnLayers) -> Sequence[AnyDocument]:
    ordered = (
        snapshot.workspace_defaults,
        own.environment,
        snapshot.project_defaults,
        own.project,
        snapshot.agent,
        own.agent,
    )
    return [layer for layer in ordered if layer is not None]  # type: ignore[misc]


def shared_values(snapshot: Snapshot) -> Said:
    """What the shared layers of a valid snapshot say together, and where; None takes a value away."""
    return _told(_merge([layer for layer in _shared(snapshot) if layer is not None]))


def own_values(own: OwnLayers) -> Said:
    """What valid own layers say together, and where; None takes a value of the shared layers away."""
    return _told(_merge([layer for layer in (own.environment, own.project, own.agent) if layer is not None]))


def _shared(snapshot: Snapshot) -> Sequence[AnyDocument | None]:
    return (snapshot.workspace_defaults, snapshot.project_defaults, snapshot.agent)  # type: ignore[return-value]


def _told(merged: _Merged) -> Said:
    return {key: (value, merged.origins[key]) for key, value in merged.values.items()}


@dataclass(slots=True)
class _Merged:
    values: dict[Key, object]
    origins: dict[Key, AnyDocument]


def _merge(layers: Sequence[AnyDocument]) -> _Merged:
    merged = _Merged({}, {})
    for layer in layers:
        settings = layer.model
        if settings is None:
            raise ValueError(f"{layer.path} is not valid and cannot be merged")
        for key, value in _said(settings):
            merged.values[key] = value
            merged.origins[key] = layer
            if key[0] in ("variables", "secrets"):  # one name, one meaning: the narrower layer decides which
                other = "secrets" if key[0] == "variables" else "variables"
                merged.values.pop((other, key[1]), None)
    return merged


def _said(settings: Settings) -> Iterator[tuple[Key, object]]:
    yield from ((("variables", name), value) for name, value in settings.variables.items())
    yield from ((("secrets", name), key) for name, key in settings.secrets.items())
    yield from ((("files", path), content) for path, content in settings.files.items())
    annotations = settings.service_account.annotations
    yield from ((("serviceAccount", "annotations", name), value) for name, value in annotations.items())
    if isinstance(settings, OwnLayer) and settings.stopped is not None:
        yield ("stopped",), settings.stopped
    if settings.image_pull_secrets is not None:
        yield ("imagePullSecrets",), settings.image_pull_secrets
    scaling = settings.scaling
    for name, number in (
        ("minReplicas", scaling.min_replicas),
        ("maxReplicas", scaling.max_replicas),
        ("targetCPU", scaling.target_cpu),
    ):
        if number is not None:
            yield ("scaling", name), number
    for part in ("requests", "limits"):
        quantities: Quantities = getattr(settings.resources, part)
        for name, quantity in (
            ("cpu", quantities.cpu),
            ("memory", quantities.memory),
            ("ephemeralStorage", quantities.ephemeral_storage),
        ):
            if quantity is not None:
                yield ("resources", part, name), quantity


def _effective(merged: _Merged) -> Effective:
    def under(*prefix: str) -> dict[str, object]:
        return {
            key[-1]: value
            for key, value in sorted(merged.values.items(), key=lambda item: item[0])
            if key[: len(prefix)] == prefix and value is not None
        }

    variables = under("variables") | under("secrets")
    scaling = under("scaling")
    minimum = int(str(scaling.get("minReplicas", 1)))
    limits = {name: str(value) for name, value in under("resources", "limits").items()}
    return Effective(
        variables={name: _variable(variables[name]) for name in sorted(variables)},
        files={path: value for path, value in under("files").items() if isinstance(value, FileContent)},
        scaling=EffectiveScaling(
            minimum,
            int(str(scaling.get("maxReplicas", minimum))),
            int(str(scaling.get("targetCPU", DEFAULT_TARGET_CPU))),
            merged.values.get(("stopped",)) is True,
        ),
        requests=_requests({name: str(value) for name, value in under("resources", "requests").items()}, limits),
        limits=limits,
        annotations={name: str(value) for name, value in under("serviceAccount", "annotations").items()},
        image_pull_secrets=_texts(merged.values.get(("imagePullSecrets",), ())),
        origins=merged.origins,
    )


def _variable(value: object) -> str | SecretKey:
    return value if isinstance(value, SecretKey) else str(value)


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, tuple) else ()


def _requests(said: dict[str, str], limits: Mapping[str, str]) -> dict[str, str]:
    """With headpin's defaults, which never exceed a limit that somebody set."""
    for name, default in DEFAULT_REQUESTS.items():
        limit = limits.get(name)
        said.setdefault(name, limit if limit and amount(limit) < amount(default) else default)
    return {name: said[name] for name in sorted(said)}


def _misfits(snapshot: Snapshot, effective: Effective) -> Iterator[Problem]:
    yield from _scaling_misfits(effective)
    size = sum(len(name) + len(value.encode()) for name, value in effective.annotations.items())
    if size > MAX_ANNOTATIONS_BYTES:
        yield _misfit(
            effective,
            ("serviceAccount", "annotations", next(iter(effective.annotations))),
            f"the annotations have {size:,} bytes, and an object takes {MAX_ANNOTATIONS_BYTES:,}",
        )
    for name, request in effective.requests.items():
        limit = effective.limits.get(name)
        if limit is not None and amount(request) > amount(limit):
            yield _misfit(
                effective, ("resources", "requests", name), f"the request of {name} {request} exceeds the limit {limit}"
            )
    yield from _file_misfits(snapshot, effective)


def _scaling_misfits(effective: Effective) -> Iterator[Problem]:
    scaling = effective.scaling
    if scaling.min_replicas > scaling.max_replicas:
        yield _misfit(
            effective,
            ("scaling", "minReplicas"),
            f"minReplicas {scaling.min_replicas} exceeds maxReplicas {scaling.max_replicas}",
        )
    elif scaling.min_replicas == 0 and scaling.max_replicas > 0:
        yield _misfit(
            effective,
            ("scaling", "minReplicas"),
            f"an autoscaler cannot start from 0 pods, and maxReplicas is {scaling.max_replicas}",
        )


def _file_misfits(snapshot: Snapshot, effective: Effective) -> Iterator[Problem]:
    agent = snapshot.agent.model
    folders = dict.fromkeys(agent.security.writable if agent else ())
    if agent and agent.content:
        folders[agent.content.path] = None
    paths = list(effective.files)
    for other in dict.fromkeys((*paths, *folders)):
        parts = other.split("/")
        above = ["/".join(parts[:count]) for count in range(2, len(parts))]
        for path in (*above, *([other] if other in folders else [])):
            if path in effective.files:
                yield _misfit(effective, ("files", path), f"the file {path} stands in the way of {other}")
    size = sum(len((content.text or "").encode()) for content in effective.files.values())
    if size > MAX_FILES_BYTES:
        yield _misfit(
            effective,
            ("files", paths[-1]),
            f"all files together have {size:,} bytes, and a ConfigMap takes {MAX_FILES_BYTES:,}",
        )


def _content_misfits(snapshot: Snapshot, own: OwnLayers, effective: Effective) -> Iterator[Problem]:
    agent = snapshot.agent.model
    if agent is None or agent.content is None:
        return
    if agent.content.mount == "init" and own.delivery.repository is None:
        said = "the content is fetched from this repository, and headpin.yaml does not say where that is"
        yield snapshot.agent.problem("HP345", ("content", "mount"), said)
    folder = agent.content.path
    for path in effective.files:
        if path.startswith(f"{folder}/"):
            yield _misfit(effective, ("files", path), f"the file {path} lies in the content's folder {folder}")
    for path in agent.security.writable:
        if f"{path}/".startswith(f"{folder}/"):
            said = f"the writable folder {path} lies in the content's folder {folder}, which is read-only"
            yield snapshot.agent.problem("HP315", ("content", "path"), said)


def _misfit(effective: Effective, key: Key, message: str) -> Problem:
    layer = effective.origins.get(key)
    if layer is None:
        near: Callable[[Key], bool] = lambda other: other[: len(key) - 1] == key[:-1]  # noqa: E731
        key = next((other for other in effective.origins if near(other)), key)
        layer = effective.origins.get(key)
    if layer is None:
        return Problem.of("HP315", "", message)
    return layer.problem("HP315", key, message)
