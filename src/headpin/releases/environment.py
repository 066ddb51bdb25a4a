"""`environment.yaml` on an environment's branch: what all its deployments share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from headpin.errors import ObjectDamaged
from headpin.releases.codec import hold_mapping, parse_hold
from headpin.releases.record import Hold
from headpin.types import AgentName, Revision
from headpin.yaml import dump, load

FILE = "environment.yaml"


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """The environment as its branch tells it.

    `config`: the revision of main that the last commit was made from. `folded`: up to which revision pin
    moves are in the records (behind `config` only while the whole environment is held). `unsettled`: the
    deployments that are held or wait, so that a pass finds them without reading every record. `renamed`: the
    deployments that have or had another name, so that a pass finds those that names belong to. `branches`:
    in the head environment, every environment that has a branch.
    """

    environment: str
    tracks_head: bool
    config: Revision | None = None
    folded: Revision | None = None
    hold: Hold | None = None
    unsettled: tuple[AgentName, ...] = ()
    branches: tuple[str, ...] = ()
    renamed: tuple[AgentName, ...] = ()


def format_environment(state: EnvironmentState) -> str:
    """The file's text."""
    hold = state.hold
    value: dict[str, Any] = {
        "environment": state.environment,
        "tracks": "head" if state.tracks_head else "pins",
        "config": state.config,
        "folded": state.folded if state.folded != state.config else None,
        "hold": hold_mapping(hold) if hold else None,
        "unsettled": [str(agent) for agent in sorted(state.unsettled)] or None,
        "renamed": [str(agent) for agent in sorted(state.renamed)] or None,
        "branches": sorted(state.branches) or None,
    }
    return dump({key: item for key, item in value.items() if item is not None})


def parse_environment(data: bytes) -> EnvironmentState:
    """The state in a file. Raises ObjectDamaged for what headpin did not write."""
    loaded = load(data)
    try:
        if loaded.issues:
            raise ValueError(loaded.issues[0].message)
        return _state(loaded.value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ObjectDamaged(
            f"{FILE} is not as headpin writes it: {error}",
            remedy="put the environment branch back to the last commit that headpin made",
        ) from error


def _state(value: dict[str, Any]) -> EnvironmentState:
    hold = value.get("hold")
    config = value.get("config")
    return EnvironmentState(
        value["environment"],
        value["tracks"] == "head",
        config,
        value.get("folded", config),
        parse_hold(hold) if hold else None,
        _agents(value.get("unsettled", ())),
        tuple(value.get("branches", ())),
        _agents(value.get("renamed", ())),
    )


def _agents(names: Iterable[str]) -> tuple[AgentName, ...]:
    found = (AgentName.parse(name) for name in names)
    return tuple(agent for agent in found if agent is not None)
