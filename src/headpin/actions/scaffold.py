"""A new workspace: what `headpin init` writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headpin.actions.documents import headed
from headpin.model import API_VERSION, KINDS, json_schema

PROJECT, AGENT, PIPELINE = "sample", "hello", "standard"
_PRODUCTION = frozenset({"prod", "production", "live"})

_WORKSPACE = f"""\
# The workspace: everything in this repository belongs to it.
apiVersion: {API_VERSION}
displayName: My workspace
"""

_PROJECT = f"""\
# A set of agents that go one way. Its agents are the folders in agents/.
displayName: Sample project
pipeline: {PIPELINE}
owners: []
"""

_AGENT = """\
# An agent: where its code is, the image of a revision, and its shared settings.
# Everything here reaches {head} at merge, and the other environments when it is promoted.
displayName: Hello
source:
  repository: .        # this repository itself; an agent of its own has https://… or ssh://… here
  path: apps/hello     # the folder that is this agent's
image:
  pattern: registry.example.com/hello:{{short}}
ports:
  - name: http
    port: 8080
variables:
  GREETING: hello
"""

_OWN_LAYER = """\
# Own settings of this agent in {environment}: they apply at merge, without a promotion.
scaling:
  minReplicas: 2
  maxReplicas: 4
"""

_APP = """\
# hello

The sample agent's source. A commit that changes this folder is a new revision, and {head} follows it.
"""

_ATTRIBUTES = """\
# Two sides that moved the same pin: git asks instead of putting together a release that nobody chose.
pins/** -merge
"""

_README = """\
# A headpin workspace

| path | what |
|---|---|
| `environments/` | {environments} |
| `pipelines/` | the order of promotion: {chain} |
| `projects/<project>/agents/<agent>/agent.yaml` | source, image and shared settings of an agent |
| `projects/<project>/agents/<agent>/<environment>.yaml` | its own settings in one environment |
| `pins/<environment>/<project>/<agent>.yaml` | the release that runs there |

    headpin validate         every problem, with its place and remedy
    headpin plan             what the next pass would do, and why
    headpin reconcile        one pass: commits manifests to the branches env/<environment>
    headpin status           what runs where
{promotion}"""

_PROMOTION = """
Promote what an environment serves to the next one, and take it back with `git revert` or `headpin rollback`:

    headpin promote {project}/{agent} --to {target}
"""


@dataclass(frozen=True, slots=True)
class Scaffold:
    """Files by path, and the message of the commit that adds them."""

    files: dict[str, str]
    message: str


def scaffold(environments: Sequence[str]) -> Scaffold:
    """A workspace of these environments (valid names, at least one); the first tracks head."""
    head, *pinned = environments
    production = [name for name in pinned if name in _PRODUCTION]
    files = {
        "headpin.yaml": headed("workspace", 0, _WORKSPACE),
        f"environments/{head}.yaml": headed("environment", 1, _environment(head, is_head=True, production=False)),
        f"pipelines/{PIPELINE}.yaml": headed("pipeline", 1, _pipeline(environments)),
        f"projects/{PROJECT}/project.yaml": headed("project", 2, _PROJECT),
        f"projects/{PROJECT}/agents/{AGENT}/agent.yaml": headed("agent", 4, _AGENT.format(head=head)),
        "apps/hello/README.md": _APP.format(head=head),
        ".gitattributes": _ATTRIBUTES,
        "README.md": _readme(environments),
    }
    for name in pinned:
        text = _environment(name, is_head=False, production=name in production)
        files[f"environments/{name}.yaml"] = headed("environment", 1, text)
    for name in production:
        files[f"projects/{PROJECT}/agents/{AGENT}/{name}.yaml"] = headed(
            "own-layer", 4, _OWN_LAYER.format(environment=name)
        )
    files |= schema_files()
    return Scaffold(files, f"Start a headpin workspace with {', '.join(environments)}")


def schema_files() -> dict[str, str]:
    """The JSON Schemas, where the first line of every document says they are."""
    return {f".schemas/{kind}.json": json_schema(kind) for kind in KINDS}


def _environment(name: str, *, is_head: bool, production: bool) -> str:
    lines = [f"displayName: {name.replace('-', ' ').capitalize()}"]
    if is_head:
        lines.append("tracks: head            # follows every agent's branch; has no pins")
    if production:
        lines.append("production: true        # the stage before it is required")
    lines.append(f"namespace: {name}")
    return "\n".join(lines) + "\n"


def _pipeline(environments: Sequence[str]) -> str:
    stages = "".join(f"  - environment: {name}\n" for name in environments)
    return f"# The order in which a release goes through environments.\nstages:\n{stages}"


def _readme(environments: Sequence[str]) -> str:
    promotion = ""
    if len(environments) > 1:
        promotion = _PROMOTION.format(target=environments[1], project=PROJECT, agent=AGENT)
    return _README.format(environments=", ".join(environments), chain=" → ".join(environments), promotion=promotion)
