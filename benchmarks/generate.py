"""A workspace of any size, quickly: `python -m benchmarks.generate FOLDER --agents 2000`.

Every agent has a document of its own, settings of its own in the last environment, and a pin in every pinned
environment; all of it is valid, and the first pass deploys everything everywhere. One `git fast-import` makes
the repository, so that 10,000 agents take seconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headpin.tree import MemoryTree
from headpin.types import AgentName
from headpin.workspace import DocumentReader, Workspace

ENVIRONMENTS = ("dev", "staging", "prod")
FIVE_ENVIRONMENTS = ("dev", "test", "staging", "prod-eu", "prod-us")
PER_PROJECT = 100
_BEGINNING = 1_767_225_600  # 2026-01-01, so that equal workspaces have equal ids

_AGENT = """\
source:
  repository: {repository}
image:
  pattern: registry.example.com/{project}/{agent}:{{revision}}
ports:
  - name: http
    port: 8080
probes:
  readiness:
    http:
      port: http
      path: /ready
variables:
  AGENT: {project}-{agent}
  ROUND: "{round}"
secrets:
  API_KEY:
    name: {project}-keys
    key: {agent}
files:
  /etc/{agent}/config.yaml:
    text: |
      agent: {agent}
      project: {project}
"""
_PROJECT_DEFAULTS = "variables:\n  PROJECT: {project}\n"
_OWN_LAYER = "scaling:\n  minReplicas: 2\n  maxReplicas: {most}\n"
_PIN = 'revision: "{revision}"\nimage: "registry.example.com/{agent}:{revision}"\nsettings: "{settings}"\n'


@dataclass(frozen=True)
class Generated:
    """A workspace on disk: `config` is its repository, `agents` are all of its agents, by name."""

    config: Path
    source: Path
    revision: str
    environments: tuple[str, ...]
    agents: tuple[AgentName, ...]
    repository: str

    def agent_text(self, agent: AgentName, number: int) -> str:
        """The agent's document; another `number` is another release."""
        return _agent(agent, self.repository, number)

    def commit(self, files: Mapping[str, str | None], message: str) -> None:
        """A commit on main that changes `files`; None deletes one."""
        _import(self.config, files, message)


def generate(
    folder: Path,
    agents: int,
    environments: Sequence[str] = ENVIRONMENTS,
    *,
    per_project: int = PER_PROJECT,
    own_source: bool = False,
) -> Generated:
    """A workspace of `agents` below `folder`, committed, not yet reconciled.

    The first of `environments` tracks head, those that start with "prod" are production. All agents have one
    local source repository; with `own_source` each has a folder of the config repository instead, and no pins
    (their revision would be the commit that they are in).
    """
    names = tuple(
        AgentName(f"project-{number // per_project:03}", f"agent-{number % per_project:03}") for number in range(agents)
    )
    config, source = folder / "config", folder / "source"
    for place in (config, source):
        _git("init", "--quiet", "--bare", "--initial-branch=main", str(place))
    _import(source, {"main.py": "print('hello')\n"}, "Start")
    revision = _git("rev-parse", "main", cwd=source).strip()
    repository = "." if own_source else "../source"
    files = _documents(names, environments, repository)
    if own_source:
        files |= {f"apps/{name}/main.py": f"print('{name}')\n" for name in names}
    else:
        files |= _pins(files, names, environments[1:], revision)
    _import(config, files, "Start")
    return Generated(config, source, revision, tuple(environments), names, repository)


def _documents(names: Sequence[AgentName], environments: Sequence[str], repository: str) -> dict[str, str]:
    files = {
        "README.md": "# A generated workspace\n",
        "headpin.yaml": "apiVersion: headpin/v1\n",
        "defaults.yaml": "variables:\n  LOG_LEVEL: info\n",
        "pipelines/standard.yaml": "stages:\n" + "".join(f"  - environment: {name}\n" for name in environments),
    }
    for number, name in enumerate(environments):
        said = "tracks: head\n" if number == 0 else f"production: {str(name.startswith('prod')).lower()}\n"
        files[f"environments/{name}.yaml"] = f"{said}variables:\n  ENVIRONMENT: {name}\n"
    for project in sorted({name.project for name in names}):
        files[f"projects/{project}/project.yaml"] = "pipeline: standard\n"
        files[f"projects/{project}/defaults.yaml"] = _PROJECT_DEFAULTS.format(project=project)
    for number, name in enumerate(names):
        folder = f"projects/{name.project}/agents/{name.agent}"
        files[f"{folder}/agent.yaml"] = _agent(name, repository, 0)
        files[f"{folder}/{environments[-1]}.yaml"] = _OWN_LAYER.format(most=3 + number % 5)
    return files


def _agent(name: AgentName, repository: str, number: int) -> str:
    text = _AGENT.format(repository=repository, project=name.project, agent=name.agent, round=number)
    path = f"  path: apps/{name}\n" if repository == "." else ""
    return text.replace("image:\n", f"{path}image:\n", 1)


def _pins(
    files: Mapping[str, str], names: Sequence[AgentName], environments: Sequence[str], revision: str
) -> dict[str, str]:
    """What the head environment will run, pinned everywhere."""
    workspace = Workspace(MemoryTree(files), DocumentReader())
    pins = {}
    for name in names:
        snapshot = workspace.snapshot(name)
        assert snapshot is not None
        text = _PIN.format(revision=revision, agent=name, settings=snapshot.id)
        pins |= {f"pins/{environment}/{name}.yaml": text for environment in environments}
    return pins


def _git(*arguments: str, cwd: Path | None = None, stdin: bytes | None = None) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", *arguments], cwd=cwd, env=env, input=stdin, capture_output=True, check=True)
    return done.stdout.decode()


def _import(repository: Path, files: Mapping[str, str | None], message: str) -> None:
    """A commit on main, by `git fast-import`."""
    has_main = bool(_git("for-each-ref", "refs/heads/main", cwd=repository))
    count = int(_git("rev-list", "--count", "main", cwd=repository)) if has_main else 0
    who = f"committer Generator <generator@example.com> {_BEGINNING + count} +0000\n"
    lines = [f"commit refs/heads/main\n{who}data {len(message.encode())}\n{message}\n".encode()]
    lines += [b"from refs/heads/main^0\n"] if has_main else []
    for path, text in files.items():
        if text is None:
            lines.append(f"D {path}\n".encode())
        else:
            data = text.encode()
            lines.append(f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n")
    _git("fast-import", "--quiet", cwd=repository, stdin=b"".join(lines))


def main() -> None:
    """Makes one and says where."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--agents", type=int, default=2000)
    parser.add_argument("--own-source", action="store_true", help="the agents' code is in the config repository")
    given = parser.parse_args()
    made = generate(given.folder, given.agents, own_source=given.own_source)
    print(f"{len(made.agents):,} agents in {len(made.environments)} environments: {made.config}")


if __name__ == "__main__":
    main()
