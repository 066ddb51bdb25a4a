"""Documents with hostile content: bounded, reported with place, code and remedy, and their own trouble only."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from headpin.model import KINDS, Agent, Environment, OwnLayer, parse
from headpin.problem_kinds import KINDS as PROBLEMS
from headpin.problems import Problem, errors
from headpin.tree import DiskTree, MemoryTree
from headpin.workspace import DocumentReader, Workspace, check
from headpin.workspace.documents import MAX_BYTES, parse_bytes
from tests.hostile import TILL
from tests.world import AGENT, SMALL, World

CANARY = "ghp_c4N4ryc4N4ryc4N4ryc4N4ryc4N4ryc4N4ry"
AGENT_PATH = "projects/shop/agents/cart/agent.yaml"


def problems_of(files: Mapping[str, str | bytes]) -> tuple[Problem, ...]:
    """What `headpin validate` finds in the small workspace with `files` over it."""
    return check(Workspace(MemoryTree({**SMALL, **files}), DocumentReader()))


EVERY_PLACE = {
    "headpin.yaml": "workspace",
    "defaults.yaml": "defaults",
    "environments/prod.yaml": "environment",
    "pipelines/standard.yaml": "pipeline",
    "projects/shop/project.yaml": "project",
    "projects/shop/defaults.yaml": "defaults",
    "projects/shop/prod.yaml": "own-layer",
    AGENT_PATH: "agent",
    "projects/shop/agents/cart/prod.yaml": "own-layer",
    "pins/prod/shop/cart.yaml": "pin",
    "overrides/once.yaml": "override",
}


@pytest.mark.parametrize(("path", "kind"), EVERY_PLACE.items())
@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"a: &x [*x]\n", "HP106", 1),
        (b"\n- a\n", "HP109", 1),
        (b"", "HP109", 1),
        (b"a: 1\r\n\xff\r\n", "HP103", 2),
        (b"\n\nno_such_key: x\n", "HP201", 3),
        (b"x" * (MAX_BYTES + 1), "HP102", 0),
    ],
    ids=["recursive alias", "list", "empty", "not UTF-8", "unknown key", "too large"],
)
def test_every_kind_of_document_is_read_as_strictly(path: str, kind: str, content: bytes, code: str, line: int) -> None:
    assert kind in KINDS
    for found in (problems_of({path: content}), problems_of({path: content, "defaults.yaml": b"["})):
        told = [problem for problem in found if problem.path == path]
        assert (code, line) in {(problem.code, problem.line) for problem in told} or path == "defaults.yaml"
        assert all(problem.remedy and problem.code in PROBLEMS for problem in found)


def test_the_problems_of_all_files_are_reported_together_with_their_places() -> None:
    found = problems_of(
        {
            "defaults.yaml": "variables:\n  A: no\n  B: 017\n",
            "environments/prod.yaml": "production: maybe\nnamespce: x\n",
            "projects/shop/prod.yaml": "scaling:\n  minReplicas: -1\n",
            AGENT_PATH: AGENT.format(name="cart") + "probes:\n  readiness:\n    http: {port: nope}\nports: []\n",
            "pins/prod/shop/cart.yaml": "revision: 1234567\nimage: r/x:1\nsettings: '12'\n",
        }
    )
    assert [(p.path, p.line, p.column, p.code) for p in errors(found)] == [
        ("defaults.yaml", 2, 6, "HP107"),
        ("defaults.yaml", 3, 6, "HP107"),
        ("environments/prod.yaml", 1, 13, "HP203"),
        ("environments/prod.yaml", 2, 1, "HP201"),
        ("pins/prod/shop/cart.yaml", 1, 11, "HP203"),
        ("pins/prod/shop/cart.yaml", 3, 11, "HP204"),
        (AGENT_PATH, 1, 1, "HP204"),
        (AGENT_PATH, 13, 1, "HP105"),
        ("projects/shop/prod.yaml", 2, 16, "HP204"),
    ]
    assert all(problem.remedy for problem in found)
    assert any("did you mean namespace?" in problem.remedy for problem in found)


@pytest.mark.parametrize(
    "revision", ["no", "017", "12:30:45", "1e3", "123e4567", "1" * 40, "0" * 40, "1234567", "1" * 200_000]
)
def test_a_revision_that_yaml_takes_for_something_else_has_to_be_quoted(revision: str) -> None:
    pin = f'revision: {{}}\nimage: r/x:1\nsettings: "{"a" * 40}"\n'
    first = errors(problems_of({"pins/prod/shop/cart.yaml": pin.format(revision)}))[0]
    assert (first.code, first.line, first.column) in {("HP107", 1, 11), ("HP203", 1, 11)}
    assert first.remedy.startswith("quote it")
    is_full = len(revision) == 40
    again = errors(problems_of({"pins/prod/shop/cart.yaml": pin.format(f'"{revision}"')}))
    assert (not again) is is_full


@pytest.mark.parametrize("breaks", ["\r\n", "\r"], ids=["CRLF", "CR"])
def test_documents_of_other_systems_line_endings_mean_the_same(breaks: str) -> None:
    text = AGENT.format(name="cart") + "files:\n  /etc/x:\n    text: |\n      one\n      two\n"
    plain, _ = parse_bytes(text.encode(), "x", Agent)
    other, problems = parse_bytes(text.replace("\n", breaks).encode(), "x", Agent)
    assert not problems and plain == other


# ── credentials ──────────────────────────────────────────────────────────────────────────────────────

SECRETS = {
    "GitHub": CANARY,
    "GitHub, fine-grained": "github_pat_" + "c4N4ry_" * 8,
    "GitLab": "glpat-c4N4ryc4N4ryc4N4ry12",
    "AWS": "AKIAC4N4RYC4N4RYC4N4",
    "Slack": "xoxb-123456789012-c4N4ryc4N4ry",
    "Google": "AIza" + "c4N4ryX" * 5,
    "OpenAI": "sk-proj-" + "c4N4ry" * 8,
    "Anthropic": "sk-ant-api03-" + "c4N4ry" * 8,
    "Stripe": "sk_live_" + "c4N4ry" * 5,
    "JSON Web Token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjNE40cnkifQ.c4N4ryc4N4ryc4N4ry",
    "private key": "-----BEGIN OPENSSH PRIVATE KEY-----\nc4N4ry\n-----END OPENSSH PRIVATE KEY-----",
    "URL": "postgres://app:c4N4ry-c4N4ry@db/x",
}

DOCUMENTS_WITH_A_SECRET = {
    "a variable": ("agent", {"variables": {"A": "{}"}}),
    "a file": ("agent", {"files": {"/etc/x": {"text": "before\n{}\nafter"}}}),
    "an argument": ("agent", {"args": ["--token={}"]}),
    "a command": ("agent", {"command": ["sh", "-c", "curl -H '{}'"]}),
    "a probe": ("agent", {"probes": {"liveness": {"exec": {"command": ["check", "{}"]}}}}),
    "a description": ("agent", {"description": "use {}"}),
    "an annotation": ("own-layer", {"serviceAccount": {"annotations": {"a.b/c": "{}"}}}),
    "an owner": ("project", {"pipeline": "standard", "owners": ["{}"]}),
    "an unknown key's value": ("agent", {"token": "{}"}),
    "a reason": ("override", {"allow": "history", "lost": "a" * 40, "reason": "use {}"}),
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize(("kind", "shape"), DOCUMENTS_WITH_A_SECRET.values(), ids=DOCUMENTS_WITH_A_SECRET)
def test_what_looks_like_a_credential_is_refused_wherever_it_stands(
    kind: str, shape: dict[str, object], secret: str
) -> None:
    start = {"source": {"repository": "../x"}, "image": {"pattern": "r/x:{revision}"}} if kind == "agent" else {}
    found, faults = parse(KINDS[kind].model, {**start, **_filled(shape, secret)})
    assert found is None and "HP205" in {fault.code for fault in faults}
    assert not any("c4N4ry" in f"{fault}" or "C4N4RY" in f"{fault}" for fault in faults)


REJECTED_WITH_A_SECRET = {
    "wrong branch": f"source:\n  repository: ../x\n  branch: '{CANARY}/..'\n",
    "address too long": f"source:\n  repository: https://u:{CANARY}@example.com/{'x' * 2000}\n",
    "address of the wrong type": f"source:\n  repository: [https://u:{CANARY}@example.com]\n",
    "wrong image": f"image:\n  pattern: https://{CANARY}@example.com/x:{{revision}}\n",
    "wrong image, another token": "image:\n  pattern: https://u:c4N4ry@example.com/x:{revision}\n",
    "wrong port": f"ports:\n  - name: {CANARY}\n    port: 1\n",
    "wrong literal": f"image:\n  pattern: r/x:1\n  resolve: {CANARY}\n",
    "unknown key": f"{CANARY}: x\n",
    "variable with a bad name": f"variables:\n  '{CANARY}-': x\n",
    "variable named like one": f"variables:\n  {CANARY}: {CANARY}\n",
    "duplicate key": f"{CANARY}: x\n{CANARY}: x\n",
    "anchor": f"a: &{CANARY} x\n",
    "tag": f"a: !{CANARY} x\n",
    "long text before it": f"variables:\n  '{'x' * 40}{CANARY}': x\n",
}


@pytest.mark.parametrize("text", REJECTED_WITH_A_SECRET.values(), ids=REJECTED_WITH_A_SECRET)
def test_a_credential_in_a_document_that_is_wrong_anyway_is_never_echoed(text: str) -> None:
    found, problems = parse_bytes(text.encode(), AGENT_PATH, Agent)
    assert found is None and problems
    told = "\n".join(str(problem) + repr(problem) for problem in problems)
    assert "c4N4ry" not in told and "c4N" not in told


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/a:b@c",
        "see https://example.com and mail me@example.com",
        "$(DATABASE_URL)",
        "postgres://$(USER):$(PASSWORD)@db/x",
        "a BEGIN PUBLIC KEY line",
        "sk-learn",
        "task-force-of-seven",
        "eyJust",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "7f3c9a2d0c5be0f3a1f6f2b1f2a7c7f0a4d1e9b3",
    ],
)
def test_ordinary_text_is_not_suspected(text: str) -> None:
    found, faults = parse(OwnLayer, {"variables": {"A": text}})
    assert found is not None and not faults


@pytest.mark.parametrize(
    "text",
    (
        *("a." * 60_000, "a-" * 60_000 + "://", "eyJ-" * 30_000, "eyJaaaaaaaaaa." * 9_000, "://" * 40_000),
        *("-----BEGIN " * 11_000, "-----BEGIN " + "PRIVATE KEY" * 11_000, "sk-" * 40_000, "sk-" + "-" * 120_000),
        *("ghp_" * 30_000, "xoxb-" * 24_000, "glpat-" * 20_000, "https://" + "a" * 120_000, "x://a:" + "b" * 120_000),
        "://a:" * 24_000,
    ),
    ids=lambda text: text[:14],
)
def test_looking_for_credentials_takes_linear_time(text: str) -> None:
    started = time.process_time()
    parse(OwnLayer, {"files": {"/x": {"text": text + " AKIA"}}})
    assert time.process_time() - started < 1


@pytest.mark.parametrize("letter", [0, 0x7F, 0x80, 0x85, 0x9F, 0xFFFE, 0xFFFF], ids=hex)
def test_a_letter_that_does_not_reach_a_process_is_refused_however_it_is_written(letter: int) -> None:
    text = f'variables:\n  A: "x\\u{letter:04x}"\nfiles:\n  /a:\n    text: "\\u{letter:04x}\\n"\nargs: 1\n'
    found, problems = parse_bytes(text.encode(), AGENT_PATH, OwnLayer)
    assert found is None
    assert [(problem.code, problem.line) for problem in problems] == [("HP103", 2), ("HP103", 5), ("HP201", 6)]
    assert f"U+{letter:04X}" in problems[0].message


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [MAX_BYTES + 1, 1 << 30], ids=["one byte too many", "1 GB"])
def test_a_large_file_on_disk_is_refused_by_its_size_without_being_read(tmp_path: Path, size: int) -> None:
    for path, text in SMALL.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    large = [AGENT_PATH, "defaults.yaml", "projects/shop/defaults.yaml", "environments/prod.yaml"]
    for path in large:
        with (tmp_path / path).open("wb") as file:
            file.truncate(size)
    started = time.process_time()
    found = check(Workspace(_Unread(tmp_path, large), DocumentReader()))
    assert time.process_time() - started < 2
    assert {problem.path for problem in found if problem.code == "HP102"} == set(large)
    assert all(f"{size:,} bytes" in problem.message for problem in found if problem.code == "HP102")


def test_a_file_of_just_the_size_allowed_is_read() -> None:
    text = SMALL["environments/prod.yaml"]
    assert not errors(problems_of({"environments/prod.yaml": text + "#" * (MAX_BYTES - len(text))}))


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"k{number}: x\n" for number in range(20_000)),
        "".join(f"variablez{number}: x\n" for number in range(14_000)),
        "variables:\n" + "".join(f"  '-{number}': 1\n" for number in range(14_000)),
        "variables: {}\n" * 15_000,
        "args:\n" + "  - {}\n" * 20_000,
        f"? {'k' * 200_000}\n: x\n",
        f"variables:\n  A: '{'x' * 200_000}'\n  ? '{'k' * 20_000}'\n  : x\n",
    ],
    ids=["unknown keys", "nearly known keys", "bad names", "duplicates", "wrong items", "huge key", "huge value"],
)
def test_a_document_of_nothing_but_problems_is_judged_in_bounded_time(text: str) -> None:
    started = time.process_time()
    found, problems = parse_bytes(text.encode(), AGENT_PATH, Agent)
    assert found is None and problems
    assert all(len(str(problem)) < 1500 for problem in problems)
    assert time.process_time() - started < 5


def test_more_documents_than_the_limit_are_not_read_at_all() -> None:
    layers = {f"projects/shop/agents/cart/env-{number}.yaml": b"[" for number in range(60)}
    reader = DocumentReader()
    tree = MemoryTree({**SMALL, "headpin.yaml": "apiVersion: headpin/v1\nlimits:\n  documents: 50\n", **layers})
    found = check(Workspace(tree, reader))
    assert [problem.code for problem in found] == ["HP112"]
    assert "50" in found[0].message and reader.parsed <= 1


def test_as_many_documents_as_the_limit_are_read() -> None:
    files = {**SMALL, "headpin.yaml": f"apiVersion: headpin/v1\nlimits:\n  documents: {len(SMALL)}\n"}
    assert not check(Workspace(MemoryTree(files), DocumentReader()))


@pytest.mark.slow
def test_two_hundred_thousand_files_are_counted_and_refused_in_seconds() -> None:
    pin = f'revision: "{"a" * 40}"\nimage: r/x:1\nsettings: "{"a" * 40}"\n'.encode()
    files = {f"pins/prod/project-{number // 100}/agent-{number % 100}.yaml": pin for number in range(200_000)}
    tree, reader = MemoryTree({**SMALL, **files}), DocumentReader()
    started = time.process_time()
    found = check(Workspace(tree, reader))
    assert time.process_time() - started < 10
    assert [problem.code for problem in found] == ["HP112"] and reader.parsed <= 1


# ── what it holds ────────────────────────────────────────────────────────────────────────────────────

BROKEN = {
    "not UTF-8": b"variables:\n  A: caf\xe9\n",
    "NUL": b"variables:\n  A: \0\n",
    "byte-order mark": b"\xef\xbb\xbfvariables:\n  A: b\n",
    "alias bomb": b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
    "deep": b"a: " + b"[" * 5000,
    "tag": b"variables: !!python/object:os.system {A: b}\n",
    "several documents": b"variables: {A: b}\n---\nvariables: {A: c}\n",
    "number for a text": b"variables:\n  A: 1\n",
    "huge number": b"scaling:\n  minReplicas: " + b"9" * 200_000 + b"\n",
    "negative number": b"scaling:\n  minReplicas: -1\n",
    "too large": b"#" * (MAX_BYTES + 1),
    "empty": b"",
    "list": b"- a\n",
    "credential": f"variables:\n  A: {CANARY}\n".encode(),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_broken_document_holds_its_own_deployment_and_no_other(served: World, content: bytes) -> None:
    world, other = served, TILL
    before = world.files("prod")
    world.push("cart")
    moved = world.push("till")
    world.commit(
        "Break one, change the other",
        {
            "projects/shop/agents/cart/prod.yaml": content,
            "projects/shop/agents/cart/dev.yaml": content,
            "projects/shop/agents/till/prod.yaml": "variables:\n  A: new\n",
        },
    )
    report = world.settle()
    assert not report.failed
    for environment in ("dev", "prod"):
        hold = world.record(environment).hold
        assert hold is not None and hold.reason == "Invalid"
        assert f"projects/shop/agents/cart/{environment}.yaml" in hold.message and CANARY not in hold.message
        assert world.record(environment, other).hold is None
    after = world.files("prod")
    assert {path: text for path, text in after.items() if "/cart/" in path} == {
        path: text for path, text in before.items() if "/cart/" in path
    }
    assert '"new"' in after["manifests/shop/till/deployment.yaml"]
    now = world.record("dev", other).served
    assert now is not None and now.release.revision == moved
    assert world.record("staging").hold is None

    world.commit("Mend it", {f"projects/shop/agents/cart/{name}.yaml": None for name in ("dev", "prod")})
    world.settle()
    assert world.record("prod").hold is None and world.record("dev").hold is None


@pytest.mark.parametrize(
    "document",
    [
        "apiVersion: headpin/v1\nlimits:\n  sourceSeconds: 15s\n",
        "apiVersion: headpin/v1\nlimits:\n  prune: 1e3\n",
        "apiVersion: headpin/v2\n",
        "apiVersion: headpin/v1\nname: other\n",
    ],
)
def test_a_broken_workspace_document_holds_everything_and_changes_nothing(served: World, document: str) -> None:
    world = served
    before = {name: world.files(name) for name in ("dev", "prod")}
    world.push("cart")
    world.commit("Break it", {"headpin.yaml": document, "pins/prod/shop/till.yaml": None})
    report = world.settle()
    assert all(environment.hold is not None for environment in report.environments)
    assert {name: world.files(name) for name in ("dev", "prod")} == before


class _Unread(DiskTree):
    """A folder in which some files must not be read."""

    def __init__(self, top: Path, large: list[str]) -> None:
        super().__init__(top)
        self._large = frozenset(large)

    def read(self, path: str) -> bytes:
        assert path not in self._large
        return super().read(path)


def _filled(shape: object, secret: str) -> dict[str, object]:
    def fill(node: object) -> object:
        if isinstance(node, dict):
            return {key: fill(value) for key, value in node.items()}
        if isinstance(node, list):
            return tuple(fill(item) for item in node)
        return node.replace("{}", secret) if isinstance(node, str) else node

    filled = fill(shape)
    assert isinstance(filled, dict)
    return filled


def test_an_environment_document_with_a_wrong_number_holds_that_environment_only(served: World) -> None:
    world = served
    tip = world.tips()["env/prod"]
    world.push("cart")
    world.commit("Break prod", {"environments/prod.yaml": "production: true\ntemplates: 1e3\n"})
    report = world.settle()
    holds = {environment.environment: environment.hold for environment in report.environments}
    assert holds["prod"] is not None and "environments/prod.yaml:2:12" in holds["prod"].message
    assert holds["dev"] is None and holds["staging"] is None
    assert world.revision("env/prod~1") == tip
    assert parse(Environment, {"production": True, "templates": "1"})[0] is None
