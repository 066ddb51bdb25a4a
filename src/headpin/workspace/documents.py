"""One document: read from a tree, bounded, parsed once per blob, every problem with its place."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any, Generic, TypeVar, cast

from headpin import model as models
from headpin.model.document import Part
from headpin.model.faults import Fault
from headpin.problems import Problem
from headpin.tree import Entry, Kind, Tree, blob_id, in_the_way
from headpin.workspace.charts import ChartFolder, read_chart
from headpin.yaml import Loaded, Place, load
from headpin.yaml import Path as YamlPath

MAX_BYTES = 256 * 1024
_MAX_CACHED = 250_000
_MAX_SIZES = 1_000
_SPARE = 500
"""Documents of the past that a reader keeps: what changed last is compared with what it was."""

_MAX_CHARTS = 32

M = TypeVar("M", bound=Part)
_Parsed = tuple[Any, tuple[Problem, ...]]


@dataclass(frozen=True, slots=True)
class Document(Generic[M]):
    """A document that is there. `model` is None when it has errors.

    `path` is what people are told, `where` and `tree` are where the bytes are (a snapshot's are elsewhere).
    """

    path: str
    id: str
    model: M | None
    problems: tuple[Problem, ...]
    where: str
    tree: Tree

    def place(self, path: YamlPath) -> Place | None:
        """Where the value at `path` stands; of its nearest parent when it is not written here."""
        loaded = load(self.tree.read(self.where), places=True)
        return _nearest(loaded, path)

    def problem(self, code: str, path: YamlPath, message: str, remedy: str = "") -> Problem:
        """A problem about the value at `path` of this document."""
        place = self.place(path)
        line, column = (place.line, place.column) if place else (0, 0)
        return Problem.of(code, self.path, message, line=line, column=column, remedy=remedy)


class DocumentReader:
    """Reads documents and remembers them by blob id, so that the same bytes are parsed once.

    `parsed` counts the documents parsed since the reader was made: the measure that a pass is judged by.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, type[Part]], _Parsed] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._charts: dict[str, ChartFolder] = {}
        self.parsed = 0

    def read(self, tree: Tree, path: str, model: type[M], shown: str = "") -> Document[M] | None:
        """The document at `path`; None when nothing is there. `shown` is the path to tell people.

        Where a link or a file stands in the place of a folder on the way, the document is there and wrong:
        it was not deleted, it was put out of sight.
        """
        entry = tree.entry(path)
        if entry is None:
            way = in_the_way(tree, path)
            return None if way is None else _out_of_sight(tree, path, *way)
        told = shown or path
        if entry.kind is not Kind.FILE:
            said = f"a {entry.kind.value} stands where a document is read"
            return Document(told, entry.id, None, (Problem.of("HP101", told, said),), path, tree)
        key = (entry.id, model)
        known = self._known.pop(key, None) if entry.id else None
        if known is not None:
            self._known[key] = known  # the last one that was used
        else:
            identity, known = self._parse(tree, path, model, entry.id)
            key = (identity, model)
            if identity:
                self._remember(key, known)
        found, problems = known
        return Document(told, key[0], cast("M | None", found), tuple(p.at_path(told) for p in problems), path, tree)

    def size(self, tree: Tree, folder: str, depth: int) -> tuple[int, int]:
        """How many YAML files, and how many files and folders, are below `folder`, `depth` levels deep.

        Equal folders are counted once, so that neither a large workspace nor one that unfolds without end costs much.
        """
        documents = entries = 0
        for entry in tree.entries(folder):
            entries += 1
            if entry.kind is Kind.FILE:
                documents += entry.name.endswith(".yaml")
            elif entry.kind is Kind.FOLDER and depth > 1:
                key = f"{entry.id} {depth}"
                if key not in self._sizes or not entry.id:
                    self._sizes[key] = self.size(tree, f"{folder}/{entry.name}", depth - 1)
                documents += self._sizes[key][0]
                entries += self._sizes[key][1]
        return documents, entries

    def read_chart(self, tree: Tree, path: str, shown: str = "") -> ChartFolder:
        """The chart in the folder `path`, as `headpin.workspace.charts.read_chart`."""
        entry = tree.entry(path)
        known = self._charts.get(entry.id) if entry else None
        if known is None:
            known = read_chart(tree, path, shown)
            if entry and entry.id:
                while len(self._charts) >= _MAX_CHARTS:
                    del self._charts[next(iter(self._charts))]
                self._charts[entry.id] = known
        return known.told_at(shown or path)

    def trim(self, documents: int) -> None:
        """Forgets what was not used for longest, where it is more than a workspace of so many documents needs."""
        more = len(self._known) - 2 * documents - _SPARE
        for key in list(islice(self._known, max(more, 0))):
            del self._known[key]
        if len(self._sizes) > max(documents, _MAX_SIZES):
            self._sizes.clear()

    def _remember(self, key: tuple[str, type[Part]], parsed: _Parsed) -> None:
        if len(self._known) >= _MAX_CACHED:
            for old in list(self._known)[: _MAX_CACHED // 2]:
                del self._known[old]
        self._known[key] = parsed

    def _parse(self, tree: Tree, path: str, model: type[M], identity: str) -> tuple[str, _Parsed]:
        size = tree.size(path)
        if size > MAX_BYTES:
            said = f"the file has {size:,} bytes, and a document at most {MAX_BYTES:,}"
            return identity, (None, (Problem.of("HP102", path, said),))
        data = tree.read(path)
        self.parsed += 1
        return identity or blob_id(data), parse_bytes(data, path, model)


def _out_of_sight(tree: Tree, path: str, way: str, entry: Entry) -> Document[Any]:
    problem = Problem.of("HP101", way, f"a {entry.kind.value} stands where headpin has a folder")
    return Document(way, entry.id, None, (problem,), path, tree)


def parse_bytes(data: bytes, path: str, model: type[Part]) -> _Parsed:
    """`data` as a `model`, or None, with all its problems."""
    loaded = load(data)
    found, faults = (None, ()) if loaded.issues else models.parse(model, loaded.value)
    if not loaded.issues and not faults:
        return found, ()
    loaded = load(data, places=True)
    if loaded.issues and loaded.value:
        _, faults = models.parse(model, loaded.value)
    return None, _problems(path, loaded, faults)


def _problems(path: str, loaded: Loaded, faults: tuple[Fault, ...]) -> tuple[Problem, ...]:
    issues = tuple(
        Problem.of(
            issue.code,
            path,
            models.conceal(issue.message),
            line=issue.line,
            column=issue.column,
            remedy=models.conceal(issue.remedy),
        )
        for issue in loaded.issues
    )
    told = {(problem.line, problem.column) for problem in issues}
    found = (_located(path, loaded, fault) for fault in faults)
    return tuple(sorted({*issues, *(problem for problem in found if (problem.line, problem.column) not in told)}))


def _located(path: str, loaded: Loaded, fault: Fault) -> Problem:
    place = _nearest(loaded, fault.path)
    if place is None:
        return Problem.of(fault.code, path, fault.message, line=1, column=1, remedy=fault.remedy)
    line, column = (place.key_line, place.key_column) if fault.at_key else (place.line, place.column)
    return Problem.of(fault.code, path, fault.message, line=line, column=column, remedy=fault.remedy)


def _nearest(loaded: Loaded, path: YamlPath) -> Place | None:
    while path and path not in loaded.places:
        path = path[:-1]
    return loaded.places.get(path)
