"""Charts that agents bring themselves: folders below `charts/`, read as a whole and checked.

A chart is a part of the release that uses it, so its tree is the same object on main and in a snapshot.
Helm is never asked: whether the templates work is found out where the chart is delivered.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from headpin.model import credential_faults
from headpin.problems import Problem
from headpin.tree import Entry, Kind, Tree, blob_id, files_id
from headpin.types import TreeId, path_fault
from headpin.yaml import Issue, load

MAX_BYTES = 1024 * 1024
MAX_FILES = 200
MAX_DEPTH = 8
_MAX_ENTRIES = 2 * MAX_FILES
_ACTION = re.compile(r"\{\{[^}]*\}\}")
CHART_FILE = "Chart.yaml"
VALUES_FILE = "values.yaml"
CONTENT_FOLDER = "content"
"""In a chart that is delivered, where the files of the release's content are. Only headpin writes there."""

_WRITTEN_OUT = "write out what it stands for: headpin writes into this file, and leaves every other line as it is"


@dataclass(frozen=True, slots=True)
class ChartFolder:
    """A chart's files, path to text. `id` is its tree's, or "" where there is no such folder."""

    path: str
    id: TreeId
    files: Mapping[str, str]
    problems: tuple[Problem, ...]

    def told_at(self, path: str) -> ChartFolder:
        """The same chart, told of another folder."""
        if path == self.path:
            return self
        problems = tuple(found.at_path(path + found.path.removeprefix(self.path)) for found in self.problems)
        return replace(self, path=path, problems=problems)


def read_chart(tree: Tree, path: str, shown: str = "") -> ChartFolder:
    """The chart in the folder `path` with everything wrong in it. `shown` is the path to tell people."""
    told = shown or path
    entry = tree.entry(path)
    if entry is None or entry.kind is not Kind.FOLDER:
        said = f"there is no folder {told}" if entry is None else f"{told} is a {entry.kind.value}"
        return ChartFolder(told, TreeId(""), {}, (Problem.of("HP330", told, said),))
    found = list(itertools.islice(_everything(tree, path), _MAX_ENTRIES + 1))
    plain = [name for name, item in found if item.kind is Kind.FILE]
    if len(plain) > MAX_FILES or len(found) > _MAX_ENTRIES:
        said = f"more than {MAX_FILES} files, or {_MAX_ENTRIES} files and folders"
        return ChartFolder(told, TreeId(entry.id), {}, (Problem.of("HP332", told, said),))
    odd = tuple(problem for name, item in found if (problem := _oddity(name, item, told)))
    size = sum(tree.size(f"{path}/{name}") for name in plain)
    if size > MAX_BYTES:
        said = f"its files have {size:,} bytes together, and a chart at most {MAX_BYTES:,}"
        return ChartFolder(told, TreeId(entry.id), {}, (*odd, Problem.of("HP332", told, said)))
    data = {name: tree.read(f"{path}/{name}") for name in plain}
    identity = entry.id or files_id({name: blob_id(content) for name, content in data.items()})
    texts, no_texts = _texts(data, told)
    problems = (
        *odd,
        *no_texts,
        *_credentials(texts, told),
        *_chart_problems(texts, told),
        *_values_problems(texts, told),
    )
    return ChartFolder(told, TreeId(identity), texts, problems)


def _everything(tree: Tree, top: str, below: str = "", depth: int = 1) -> Iterator[tuple[str, Entry]]:
    """Everything in the chart, folders included, as deep as headpin looks."""
    for entry in tree.entries(f"{top}/{below}" if below else top):
        name = f"{below}/{entry.name}" if below else entry.name
        yield name, entry
        if entry.kind is Kind.FOLDER and depth < MAX_DEPTH:
            yield from _everything(tree, top, name, depth + 1)


def _oddity(name: str, entry: Entry, told: str) -> Problem | None:
    fault = path_fault(name)
    if fault:
        return Problem.of("HP331", f"{told}/{name}", fault)
    if entry.kind is Kind.FOLDER:
        deep = name.count("/") + 1 >= MAX_DEPTH
        return Problem.of("HP331", f"{told}/{name}", f"folders nest deeper than {MAX_DEPTH}") if deep else None
    if entry.kind is Kind.FILE:
        return None
    return Problem.of("HP331", f"{told}/{name}", f"a {entry.kind.value} cannot be in a chart")


def _texts(data: Mapping[str, bytes], told: str) -> tuple[dict[str, str], list[Problem]]:
    texts: dict[str, str] = {}
    problems = []
    for name, content in data.items():
        try:
            texts[name] = content.decode()
        except UnicodeDecodeError as error:
            problems.append(Problem.of("HP331", f"{told}/{name}", f"byte {content[error.start]:#04x} is not UTF-8"))
    return texts, problems


def _credentials(texts: Mapping[str, str], told: str) -> Iterator[Problem]:
    """As in documents; what a template puts in is not there yet."""
    plain = [((name,), _ACTION.sub("$", text)) for name, text in texts.items()]
    for fault in credential_faults(plain):
        yield Problem.of(fault.code, f"{told}/{fault.path[0]}", fault.message)


def _chart_problems(texts: Mapping[str, str], told: str) -> Iterator[Problem]:
    """What Helm would refuse, or would have to download first."""
    place = f"{told}/{CHART_FILE}"
    if CHART_FILE not in texts:
        yield Problem.of("HP333", place, f"the chart has no {CHART_FILE}")
        return
    loaded = load(texts[CHART_FILE].encode(), places=True)
    if loaded.issues:
        yield from _issues("HP333", place, loaded.issues)
        return
    for key in ("apiVersion", "name", "version"):
        if not isinstance(loaded.value.get(key), str):
            yield Problem.of("HP333", place, f"{key} is missing, or not a text")
    if loaded.value.get("apiVersion") == "v1":
        yield Problem.of("HP333", place, "apiVersion v1 is of Helm 2", remedy='write apiVersion: "v2"')
    dependencies = loaded.value.get("dependencies") or ()
    for number, dependency in enumerate(dependencies if isinstance(dependencies, tuple) else ()):
        name = dependency.get("name") if isinstance(dependency, dict) else None
        if f"charts/{name}/{CHART_FILE}" not in texts:
            at = loaded.places.get(("dependencies", number))
            said = f"the dependency {name} is not in the chart"
            line, column = (at.line, at.column) if at else (0, 0)
            yield Problem.of("HP334", place, said, line=line, column=column)


def _values_problems(texts: Mapping[str, str], told: str) -> Iterator[Problem]:
    """headpin's values are written into `values.yaml`, and so it has to be read beyond doubt."""
    if texts.get(VALUES_FILE, "").strip():
        loaded = load(texts[VALUES_FILE].encode(), places=True)
        is_empty = all(issue.code == "HP109" for issue in loaded.issues) and _only_comments(texts[VALUES_FILE])
        if not is_empty:
            yield from _issues("HP335", f"{told}/{VALUES_FILE}", loaded.issues)


def _only_comments(text: str) -> bool:
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.splitlines())


def _issues(code: str, place: str, issues: tuple[Issue, ...]) -> Iterator[Problem]:
    for issue in issues:
        remedy = issue.remedy or (_WRITTEN_OUT if issue.code == "HP106" else "mend what the message says")
        yield Problem.of(code, place, issue.message, line=issue.line, column=issue.column, remedy=remedy)
