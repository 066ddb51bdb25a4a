"""The pages are true: generated ones are current, commands run and print what is shown, links lead somewhere."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from headpin.cli.reference import commands_page, examples
from headpin.model import KINDS, config_reference, json_schema
from headpin.problem_kinds import KINDS as PROBLEMS
from headpin.problem_kinds import problems_page
from tests.console import Shell, is_alike, play, read_commands
from tests.fortnight import NOW, Fortnight

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
PLAYED = [page for page in PAGES if "```console" in page.read_text("utf-8")]
IN = {"README.md": "demo", "architecture.md": "demo", "json.md": "demo", "questions.md": "fortnight"}
"""Pages whose commands are not typed in an empty folder, and the fixture that makes where they are."""
USED_WRONGLY, OUR_FAULT = 2, 70

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"\bHP[0-9]{3}\b")


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    """A shell in an empty folder."""
    return Shell(tmp_path)


@pytest.fixture(scope="session")
def played_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the demo leaves behind; to copy, never to change."""
    place = tmp_path_factory.mktemp("demo")
    shell = Shell(place)
    printed = shell.run("headpin demo headpin-demo")
    assert shell.code == 0, printed
    return place / "headpin-demo"


@pytest.fixture
def demo(empty: Shell, played_demo: Path) -> Shell:
    """A shell in a workspace as the demo leaves it behind."""
    shutil.copytree(played_demo, empty.folder / "headpin-demo", symlinks=True)
    empty.run("cd headpin-demo/config")
    return empty


@pytest.fixture
def fortnight(tmp_path: Path) -> Shell:
    """A shell in a workspace in which people worked for two weeks, on the Friday at their end."""
    Fortnight(tmp_path).live()
    shell = Shell(tmp_path, NOW)
    shell.run("cd config")
    return shell


@pytest.mark.parametrize(
    ("page", "generate"),
    [("problems.md", problems_page), ("config-reference.md", config_reference), ("commands.md", commands_page)],
)
def test_a_generated_page_is_current(page: str, generate: Callable[[], str]) -> None:
    assert (ROOT / "docs" / page).read_text("utf-8") == generate()


@pytest.mark.parametrize("folder", ["schemas", "example-config-repo/.schemas"])
def test_the_schemas_are_current(folder: str) -> None:
    there = {file.name: file.read_text("utf-8") for file in (ROOT / folder).iterdir()}
    assert there == {f"{kind}.json": json_schema(kind) for kind in KINDS}


def test_every_code_that_is_used_is_a_known_problem_and_every_known_problem_is_used() -> None:
    registry = ROOT / "src" / "headpin" / "problem_kinds"
    sources = [file for file in ROOT.glob("src/**/*.py") if registry not in file.parents]
    used = {code for file in sources for code in _CODE.findall(file.read_text("utf-8"))}
    told = {code for page in PAGES for code in _CODE.findall(page.read_text("utf-8"))}
    assert used == set(PROBLEMS)
    assert told <= set(PROBLEMS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_are_there(page: Path) -> None:
    broken = []
    for link in _LINK.findall(page.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert not broken


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert not [page.name for page in ROOT.glob("docs/*.md") if f"(docs/{page.name})" not in readme]


@pytest.mark.slow
@pytest.mark.parametrize("page", PLAYED, ids=lambda page: page.name)
def test_the_commands_of_a_page_print_what_it_shows(page: Path, request: pytest.FixtureRequest) -> None:
    shell = request.getfixturevalue(IN.get(page.name, "empty"))
    assert not play(page, shell), "UPDATE_DOCS=1 writes what is printed into the page"


@pytest.mark.slow
def test_the_example_in_every_help_runs(demo: Shell) -> None:
    demo.run("ln -s . config")  # some examples name the folder that the workspace is in
    assert set(examples()) >= {"init", "status", "demo"}
    for name, example in examples().items():
        shown = demo.run(f"mkdir -p try && cd try && {example}" if name in ("init", "demo") else example)
        assert demo.code not in (USED_WRONGLY, OUR_FAULT), f"{example}\n{shown}"
        if name in ("init", "demo"):
            demo.run("cd ..")


def test_commands_are_read_from_console_blocks_only() -> None:
    page = "$ no\n```sh\n$ no\n```\n```console\n$ one\nprinted\n$ two\n```\nprinted\n$ no\n"
    assert [(command.text, command.told) for command in read_commands(page)] == [("one", ("printed",)), ("two", ())]


@pytest.mark.parametrize(
    ("told", "printed", "alike"),
    [
        (("v1 0abfd23 Deployed 5s",), ("v1 1234567  Deployed 12m",), True),
        (("v1 Deployed",), ("v2 Deployed",), False),
        (("first", "…", "last"), ("first", "and", "more", "last"), True),
        (("first", "…"), ("other", "more"), False),
        ((), ("something",), False),
        (("…",), (), True),
    ],
)
def test_only_what_differs_from_run_to_run_is_not_compared(
    told: tuple[str, ...], printed: tuple[str, ...], alike: bool
) -> None:
    assert is_alike(told, printed) is alike
