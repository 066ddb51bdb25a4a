"""Why a deployment is what it is: what is served and wanted, what the gates say, and where each value is from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from headpin.controller import Controller
from headpin.controller.content import content_sizes
from headpin.controller.heads import sources_of
from headpin.controller.realise import Realiser
from headpin.controller.situations import Surroundings, situation_of
from headpin.errors import HeadpinError, UsageError
from headpin.model import FileContent, SecretKey
from headpin.releases import Action, Decision, GateResult, Layers, Release, Situation, Wanted, decide
from headpin.releases.codec import gate_mapping
from headpin.status.matrix import DeploymentStatus, read_status
from headpin.status.values import BUILT_IN, dotted, effective_values, is_default, origin_of
from headpin.types import AgentName, TreeId
from headpin.workspace import Effective, OwnLayers, resolve


@dataclass(frozen=True, slots=True)
class Value:
    """One effective value: its key, what it is, and ``path:line:column`` of where it is written."""

    key: str
    value: str
    origin: str

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {"key": self.key, "value": self.value, "origin": self.origin}


@dataclass(frozen=True, slots=True)
class ContentShown:
    """The content of a release: how many files of how many bytes, and how they are mounted where."""

    id: TreeId
    files: int
    size: int
    mount: str
    path: str

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {"id": self.id, "files": self.files, "bytes": self.size, "mount": self.mount, "path": self.path}


@dataclass(frozen=True, slots=True)
class Explanation:
    """`decision` is what the next pass would do, `settings` what `release` runs with under main's own layers."""

    status: DeploymentStatus
    decision: Decision
    release: Release | None
    settings: tuple[Value, ...]
    trouble: str
    content: ContentShown | None = None

    @property
    def gates(self) -> tuple[GateResult, ...]:
        """What the gates say of the release that is wanted, or of the own settings that wait."""
        return self.decision.told

    def as_json(self) -> dict[str, Any]:
        """The form in `--json`."""
        return {
            **self.status.as_json(),
            "next": {"action": self.decision.action.value, "reason": self.decision.reason},
            "gates": [gate_mapping(gate) for gate in self.gates],
            "explained": self.release.as_mapping() if self.release else None,
            "settings": [value.as_json() for value in self.settings],
            "content": self.content.as_json() if self.content else None,
            "trouble": self.trouble or None,
        }


def explain(controller: Controller, agent: AgentName, environment: str) -> Explanation:
    """The explanation of one deployment. Raises UsageError for one that does not exist."""
    report = read_status(controller, agents=[agent], environment=environment)
    if not report.deployments:
        raise UsageError(f"the pipeline of {agent.project} does not reach {environment}", remedy="see 'headpin status'")
    head = controller.main_head()
    workspace = controller.workspace()
    is_head = environment == workspace.head_environment
    sources = sources_of(workspace, (agent,) if is_head else ())
    around = controller.surroundings(head, sources)
    situation = situation_of(around, environment, agent, ())
    realiser = controller.realiser(around)
    decision = decide(situation)
    if decision.closed:  # only what would be rendered tells whether own settings wait
        decision = realiser.realise(situation, decision).decision
    decision = _next(around, decision, environment)
    release = _explained(situation, decision)
    settings: tuple[Value, ...] = ()
    content: ContentShown | None = None
    trouble = ""
    if release is not None:
        try:
            own, scaling_from = realiser.layers(situation, decision.layers)
            settings = _settings(realiser, agent, release, own, scaling_from)
            content = _content(realiser, agent, release)
        except HeadpinError as error:
            trouble = str(error)
    return Explanation(report.deployments[0], decision, release, settings, trouble, content)


def _next(around: Surroundings, decision: Decision, environment: str) -> Decision:
    """What the next pass does: nothing at all where the whole environment is held."""
    state = around.branches[environment].state
    if state is None or state.hold is None:
        return decision
    return replace(decision, action=Action.HOLD, reason=f"the whole environment is held: {state.hold.message}")


def _explained(situation: Situation, decision: Decision) -> Release | None:
    """The release whose settings are shown: what is wanted, or what stays while that is blocked."""
    if isinstance(situation.desired, Wanted) and decision.layers is not Layers.APPLIED:
        return situation.desired.release
    return situation.record.served.release if situation.record.served else None


def _settings(
    realiser: Realiser, agent: AgentName, release: Release, own: OwnLayers, scaling_from: OwnLayers | None
) -> tuple[Value, ...]:
    effective, _ = resolve(realiser.snapshot(agent, release), own, scaling_from)
    return tuple(
        Value(dotted(key), _told(value), _origin(effective, key)) for key, value in effective_values(effective)
    )


def _content(realiser: Realiser, agent: AgentName, release: Release) -> ContentShown | None:
    snapshot = realiser.snapshot(agent, release)
    said = snapshot.agent.model.content if snapshot.agent.model else None
    tree = realiser.content(release, snapshot)
    if release.content is None or tree is None or said is None:
        return None
    sizes = content_sizes(tree)
    return ContentShown(release.content, len(sizes), sum(sizes.values()), said.mount, said.path)


def _told(value: object) -> str:
    if isinstance(value, SecretKey):
        return f"secret {value.name}, key {value.key}"
    if isinstance(value, FileContent):
        return _file(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _file(content: FileContent) -> str:
    if content.secret is not None:
        return f"secret {content.secret.name}, key {content.secret.key}"
    lines = (content.text or "").count("\n")
    return f"{len((content.text or '').encode()):,} bytes, {lines} lines"


def _origin(effective: Effective, key: tuple[str, ...]) -> str:
    found = origin_of(effective, key)
    if found is None:
        return BUILT_IN if is_default(key) else "unknown"
    written, layer = found
    place = layer.place(written)
    return f"{layer.path}:{place.key_line}:{place.key_column}" if place else layer.path
