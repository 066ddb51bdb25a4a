"""Names, paths, branches and revisions: an allow-list of our own, whatever libgit2 would let through."""

from __future__ import annotations

from pathlib import Path

import pytest

from headpin.errors import PermanentError
from headpin.git import Repository
from headpin.model import Agent, Pin, parse
from headpin.problems import Problem, printable
from headpin.types import AgentName, branch_fault, is_revision, name_fault, path_fault
from headpin.workspace.layout import Place, classify
from tests.world import World

BAD_NAMES = {
    "empty": "",
    "one letter": "a",
    "41 characters": "a" * 41,
    "dot": ".",
    "dots": "..",
    "absolute": "/etc",
    "upper case": "Prod",
    "capital i that lowers to two letters": "\u0130n",
    "cyrillic lookalike": "pr\u043ed",
    "full-width letters": "\uff50rod",
    "digits in another script": "prod\u0661",
    "leading hyphen": "-rf",
    "trailing hyphen": "prod-",
    "leading digit": "1prod",
    "trailing newline": "prod\n",
    "newline inside": "pr\nod",
    "NUL": "prod\0",
    "trailing space": "prod ",
    "trailing dot": "prod.",
    "zero-width space": "pr\u200bod",
    "zero-width joiner at the end": "prod\u200d",
    "right-to-left mark": "prod\u200f",
    "byte that is not UTF-8": "prod\udcff",
    "git's own": ".git",
    "reserved": "agents",
    "reserved file": "defaults",
}


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_name_outside_the_allow_list_is_refused_everywhere(name: str) -> None:
    assert name_fault(name)
    assert AgentName.parse(f"{name}/cart") is None
    assert AgentName.parse(f"shop/{name}") is None
    if "/" not in name:
        for path in (
            f"environments/{name}.yaml",
            f"pins/{name}/shop/cart.yaml",
            f"pins/prod/{name}/cart.yaml",
            f"pins/prod/shop/{name}.yaml",
            f"projects/{name}/project.yaml",
        ):
            assert not isinstance(classify(path), Place), path


@pytest.mark.parametrize("name", ["ab", "a1", "a-b", "a" * 40, "prod-eu-1"])
def test_an_ordinary_name_is_taken(name: str) -> None:
    assert name_fault(name) is None


BAD_PATHS = {
    "empty": "",
    "up": "..",
    "up inside": "a/../b",
    "here": ".",
    "here inside": "a/./b",
    "absolute": "/a",
    "empty part": "a//b",
    "trailing slash": "a/",
    "git's own": ".git",
    "git's own, case": ".GiT/config",
    "git's own below": "a/.git/hooks",
    "NTFS short name": "git~1/config",
    "NTFS short name, case": "GIT~1",
    "NTFS short name, other number": "git~2",
    "NTFS stream": ".git::$INDEX_ALLOCATION",
    "trailing dot": ".git.",
    "trailing spaces": ".git  ",
    "trailing dots and spaces": ".git . .",
    "HFS ignores zero-width": ".g\u200cit",
    "HFS ignores byte-order marks": ".git\ufeff",
    "HFS ignores direction marks": "\u200e.git",
    "backslash": "a\\..\\b",
    "drive": "C:",
    "leading hyphen": "-rf",
    "leading hyphen below": "a/--upload-pack=x",
    "newline": "a\nb",
    "trailing newline": "a\n",
    "NUL": "a\0",
    "escape sequence": "\x1b[31m",
    "not UTF-8": "a\udcff",
    "leading space": " a",
    "three dots": "...",
    "very long": "a/" * 600 + "a",
}


@pytest.mark.parametrize("path", BAD_PATHS.values(), ids=BAD_PATHS)
def test_a_path_outside_the_allow_list_is_refused_when_reading_and_when_writing(path: str, tmp_path: Path) -> None:
    assert path_fault(path)
    _, faults = parse(Agent, _agent(source={"repository": ".", "path": path}))
    assert {fault.path for fault in faults} == {("source", "path")}
    repository = Repository.create(tmp_path / "r")
    with pytest.raises(PermanentError, match="refuses to write"):
        repository.writer.apply(None, {path: b"x"})


@pytest.mark.parametrize("path", ["a", "agents/triage", "a.b/c_d/e+f", "src/c#", "v1.2", "a~b", "with space/x"])
def test_an_ordinary_path_is_taken(path: str) -> None:
    assert path_fault(path) is None


@pytest.mark.parametrize("path", ["relative", "/", "//a", "/a/../b", "/a/", "/a:b", "/a\n", "/.", "/a\u200b", "/a\0"])
def test_a_path_in_the_container_that_is_not_plain_is_refused(path: str) -> None:
    _, faults = parse(Agent, _agent(files={path: {"text": "x"}}))
    assert faults and all(fault.code == "HP204" for fault in faults)


BAD_BRANCHES = {
    "option": "-x",
    "long option": "--upload-pack=touch",
    "commit by message": ":/msg",
    "upstream": "@{u}",
    "reflog": "main@{1}",
    "range": "a..b",
    "symmetric range": "a...b",
    "lock": "x.lock",
    "lock inside": "x.lock/y",
    "parent": "main^",
    "ancestor": "main~1",
    "peeled": "main^{tree}",
    "path": "main:headpin.yaml",
    "glob": "feature/*",
    "question": "mai?",
    "bracket": "[a]",
    "empty": "",
    "empty part": "a//b",
    "absolute": "/main",
    "trailing slash": "main/",
    "leading dot": ".hidden",
    "dot part": "a/./b",
    "trailing dot": "main.",
    "space": "a b",
    "newline": "main\n",
    "NUL": "main\0x",
    "control": "main\x7f",
    "backslash": "a\\b",
    "part that is an option": "a/-x",
    "zero-width": "ma\u200bin",
    "not ASCII": "\uff4dain",
    "very long": "a" * 201,
}


@pytest.mark.parametrize("branch", BAD_BRANCHES.values(), ids=BAD_BRANCHES)
def test_a_branch_that_is_an_option_or_an_expression_is_refused(branch: str) -> None:
    assert branch_fault(branch)
    _, faults = parse(Agent, _agent(source={"repository": "../x", "branch": branch}))
    assert {fault.path for fault in faults} == {("source", "branch")}


@pytest.mark.parametrize("branch", ["main", "feature/x", "v1.2", "dependabot/npm/@types", "a@b", "JIRA-1#2", "c++"])
def test_an_ordinary_branch_is_taken(branch: str) -> None:
    expected = branch.rpartition("/")[2][0] != "@"  # git takes a leading @, headpin does not
    assert (branch_fault(branch) is None) is expected


@pytest.mark.parametrize(
    "revision",
    ["HEAD", "main", "-x", ":/msg", "a" * 39, "a" * 41, "A" * 40, "a" * 40 + "\n", "g" * 40, "a" * 38 + "^1", ""],
)
def test_a_revision_is_forty_lower_case_digits_and_nothing_else(revision: str) -> None:
    assert not is_revision(revision)
    _, faults = parse(Pin, {"revision": revision, "image": "r/x:1", "settings": "a" * 40})
    assert [fault.path for fault in faults] == [("revision",)]


@pytest.mark.parametrize(
    "image",
    (
        *("", "-x", "r/x:1\n", "r/x:1 y", "../x", "r/../x:1", "R/X:1", "r/x:{{ y }}", "r/x:$(Y)", "x" * 600, "r//x"),
        *("r/x@sha256:" + "a" * 63, "https://r/x:1", 'r/x:"1"', "r/x:1#y", "r/x:\u0661"),
    ),
)
def test_an_image_that_is_no_reference_is_refused(image: str) -> None:
    _, faults = parse(Pin, {"revision": "a" * 40, "image": image, "settings": "a" * 40})
    assert [fault.path for fault in faults] == [("image",)]


MISPLACED = {
    "environments/Prod.yaml": "HP110",
    "environments/prod.yml": "HP111",
    "environments/prod.YAML": "HP111",
    "environments/prod.yaml ": "HP111",
    "environments/prod.yaml\u200b": "HP111",
    "environments/.yaml": "HP110",
    "pins/prod/shop/.yaml": "HP110",
    "projects/shop/.yaml": "HP110",
    "projects/shop/agents/cart/.yaml": "HP110",
    "environments/eu/prod.yaml": "HP111",
    "environments/../headpin.yaml": "HP111",
    "projects/../agents/cart/agent.yaml": "HP110",
    "projects/./project.yaml": "HP110",
    "pins/prod/shop/-rf.yaml": "HP110",
    "pins/prod/shop/ca\nrt.yaml": "HP110",
    "pins/prod/sh\udcffop/cart.yaml": "HP110",
    "pins/prod/shop/cart.yaml.yaml": "HP110",
    "headpin.yml": "HP111",
    "Headpin.yaml": "HP111",
    "defaults.yml": "HP111",
    "DEFAULTS.YAML": "HP111",
}


@pytest.mark.parametrize(("path", "code"), MISPLACED.items(), ids=[ascii(path) for path in MISPLACED])
def test_a_file_that_is_nearly_a_document_is_told_and_not_silently_ignored(path: str, code: str) -> None:
    found = classify(path)
    assert isinstance(found, Problem) and found.code == code and found.remedy


@pytest.mark.parametrize(
    "path", ["README.md", "pins/README.md", "projects/shop/.gitkeep", "docs/x.yaml", "src/Prod.yml"]
)
def test_other_files_are_nobodys_business(path: str) -> None:
    assert classify(path) is None


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\nb: HP000 forged", r"a\nb: HP000 forged"),
        ("\x1b[31mred\x07", r"\x1b[31mred\x07"),
        ("evil\u202egnp.yaml", r"evil\u202egnp.yaml"),
        ("caf\u00e9 \U0001f600", "caf\u00e9 \U0001f600"),
        ("byte\udcff", r"byte\udcff"),
        ("line\u2028break", r"line\u2028break"),
        ("x" * 10_000, "x" * 499 + "…"),
    ],
)
def test_what_is_told_stays_on_its_line_and_can_be_encoded(hostile: str, shown: str) -> None:
    problem = Problem.of("HP110", hostile, f"{hostile} is odd", remedy=f"rename {hostile}")
    assert printable(hostile) == shown
    assert problem.path == shown and len(str(problem).splitlines()) == 1
    assert str(problem).encode()
    assert str(problem.at_path(hostile)).isprintable()


def test_an_odd_name_beside_the_others_holds_nobody(world: World) -> None:
    world.settle()
    world.promote("dev", "prod")
    world.promote("dev", "staging")
    world.settle()
    tips = world.tips()
    files = {
        "environments/Prod.yaml": "production: true\n",
        "pins/prod/shop/.yaml": world.pin_text("dev"),
        "projects/shop/agents/cart/.yaml": "variables: {A: b}\n",
        "projects/Shop/project.yaml": "pipeline: standard\n",
        "pins/prod/shop/cart.yml": "nonsense",
    }
    world.commit("Odd names", files)
    report = world.settle()
    assert not report.failed and not report.holds
    assert world.tips() == tips


def _agent(**keys: object) -> dict[str, object]:
    return {"source": {"repository": "../x"}, "image": {"pattern": "r/x:{revision}"}, **keys}
