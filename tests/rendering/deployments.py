"""Deployments to render: documents in memory, read, linked and resolved as a pass does it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import yaml

from headpin.controller.templates import built_in_templates
from headpin.problems import Problem
from headpin.rendering import KUSTOMIZATION, MountedContent, RenderInput, render_files
from headpin.tree import MemoryTree, Tree
from headpin.types import AgentName, TreeId
from headpin.workspace import DocumentReader, Workspace, resolve
from headpin.workspace.layout import agent_layer_path, agent_path
from headpin.yaml import dump

REVISION = "7f3c9a2d0c5be0f3a1f6f2b1f2a7c7f0a4d1e9b3"
PLAIN: dict[str, Any] = {
    "source": {"repository": "../sources/cart"},
    "image": {"pattern": "registry.example.com/shop/cart:{revision}"},
}
CART = AgentName("shop", "cart")


class Refused(Exception):
    """headpin has problems with these documents; `problems` are what it would tell."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True)
class Rendered:
    """What a deployment renders: `files` as text, `objects` by kind as another YAML parser reads them."""

    render: RenderInput
    files: Mapping[str, str]
    objects: Mapping[str, Any] = field(repr=False)

    @property
    def pod(self) -> Any:
        """The pod template's spec."""
        return self.objects["Deployment"]["spec"]["template"]["spec"]

    @property
    def container(self) -> Any:
        """The agent's container."""
        return self.pod["containers"][0]

    @property
    def content_maps(self) -> list[Any]:
        """The ConfigMaps of the content, in order."""
        return [found for key, found in sorted(self.objects.items()) if key.startswith("ConfigMap content")]


@cache
def templates() -> Any:
    """The built-in set."""
    return built_in_templates()[1]


def deploy(
    agent: Mapping[str, Any] | None = None,
    own: Mapping[str, Any] | None = None,
    *,
    environment: Mapping[str, Any] | None = None,
    name: AgentName = CART,
    version: int = 3,
    delivery: Mapping[str, Any] | None = None,
    content: Mapping[str, bytes] | None = None,
    more: Mapping[str, str] | None = None,
) -> Rendered:
    """The agent of these documents in `prod`, with `more` files, rendered; `content` is what its release has.

    Raises Refused.
    """
    files = {
        **(more or {}),
        "headpin.yaml": dump({"apiVersion": "headpin/v1", **({"delivery": dict(delivery)} if delivery else {})}),
        "environments/prod.yaml": dump(dict(environment or {"namespace": "acme"})),
        agent_path(name): dump({**PLAIN, **(agent or {})}),
    }
    if own is not None:
        files[agent_layer_path(name, "prod")] = dump(dict(own))
    return deploy_from(MemoryTree(files), "prod", name, version=version, content=content)


def deploy_from(
    tree: Tree, environment: str, name: AgentName, *, version: int = 3, content: Mapping[str, bytes] | None = None
) -> Rendered:
    """The agent `name` of a whole config repository, rendered. Raises Refused."""
    render = render_input(tree, environment, name, version)
    if content is not None:
        render = with_content(render, content, Workspace(tree, DocumentReader()))
    files = render_files(render, templates())
    return Rendered(render, files, {} if render.engine == "helm" else read(files))


def with_content(render: RenderInput, content: Mapping[str, bytes], workspace: Workspace) -> RenderInput:
    """`render` for a release that has this content, mounted as its agent says."""
    said = render.agent.content
    assert said is not None
    identity = TreeId(hashlib.sha1(repr(sorted(content.items())).encode()).hexdigest())
    sizes = {path: len(data) for path, data in content.items()}
    is_init = said.mount == "init"
    mounted = MountedContent(
        identity, said.mount, said.path, workspace.delivery if is_init else None, sizes, None if is_init else content
    )
    return replace(render, content=mounted)


def render_input(tree: Tree, environment: str, name: AgentName, version: int = 3) -> RenderInput:
    """What rendering takes, from documents in `tree`. Raises Refused."""
    workspace = Workspace(tree, DocumentReader())
    snapshot, own = workspace.snapshot(name), workspace.own_layers(environment, name)
    assert snapshot is not None and own is not None
    layers = (own.environment, own.project, own.agent)
    problems = (*snapshot.problems, *(problem for layer in layers if layer for problem in layer.problems))
    if problems:
        raise Refused(problems)
    agent, model = snapshot.agent.model, own.environment.model
    assert agent is not None and model is not None
    effective, misfits = resolve(snapshot, own)
    if misfits:
        raise Refused(tuple(misfits))
    engine = agent.engine or model.engine
    return RenderInput(
        environment,
        model.namespace or environment,
        name,
        engine,
        model.templates,
        version,
        model.tracks == "head",
        REVISION,
        agent.image_of(REVISION),
        agent,
        effective,
        snapshot.chart if engine == "helm" else None,
    )


def read(files: Mapping[str, str]) -> dict[str, Any]:
    """Every object by its kind (``ConfigMap content 1`` and so on for content), read by PyYAML, which like kubectl
    follows YAML 1.1."""
    objects = {}
    for name, text in files.items():
        if name != KUSTOMIZATION:
            found = yaml.load(text, yaml.CSafeLoader)
            number = name.removeprefix("configmap-content-").removesuffix(".yaml")
            key = found["kind"] if number == name.removesuffix(".yaml") else f"{found['kind']} content {number}"
            assert key not in objects
            objects[key] = found
    return objects
