"""Trees that no checkout makes: links, submodules, odd modes, odd names, trees that never end, forged objects."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Mapping
from hashlib import sha1
from pathlib import Path

import pygit2
import pytest
from pygit2.enums import ObjectType

from headpin.errors import PermanentError
from headpin.git import Repository
from headpin.problems import Problem, errors
from headpin.tree import DiskTree, Kind, MemoryTree, Tree, changed_paths
from headpin.tree import changes as changes_module
from headpin.workspace import DocumentReader, Workspace, check
from tests.hostile import TILL
from tests.hostile.test_documents import AGENT_PATH
from tests.world import SMALL, World

Raw = list[tuple[bytes, bytes, str]]
PIN_PATH = "pins/prod/shop/cart.yaml"


class Objects:
    """Writes git objects as they are, past every check that git and libgit2 make."""

    def __init__(self, place: Path) -> None:
        self.repository = pygit2.Repository(str(place))

    def blob(self, data: bytes) -> str:
        """A blob."""
        return str(self.repository.create_blob(data))

    def tree(self, entries: Raw) -> str:
        """A tree of (mode, name, id), in this very order."""
        data = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(identity) for mode, name, identity in entries)
        return str(self.repository.write(ObjectType.TREE, data))

    def entries(self, tree: str) -> Raw:
        """What a tree object says."""
        data: bytes = self.repository[tree].read_raw()
        found: Raw = []
        while data:
            head, _, rest = data.partition(b"\0")
            mode, _, name = head.partition(b" ")
            found.append((mode, name, rest[:20].hex()))
            data = rest[20:]
        return found

    def replaced(self, tree: str, path: str, mode: bytes, identity: str) -> str:
        """`tree` with another entry at `path`, or a new one."""
        name, _, rest = path.partition("/")
        entries = {entry[1]: entry for entry in self.entries(tree)}
        known = entries.get(name.encode(), (b"40000", b"", self.tree([])))
        if rest:
            entries[name.encode()] = (b"40000", name.encode(), self.replaced(known[2], rest, mode, identity))
        else:
            entries[name.encode()] = (mode, name.encode(), identity)
        return self.tree(sorted(entries.values(), key=lambda e: e[1] + (b"/" if e[0] == b"40000" else b"")))

    def claim(self, kind: str, size: int) -> str:
        """A loose object whose header claims `size` bytes, with next to nothing behind it."""
        header = f"{kind} {size}\0".encode()
        identity = sha1(header + b"forged", usedforsecurity=False).hexdigest()
        place = Path(self.repository.path) / "objects" / identity[:2]
        place.mkdir(exist_ok=True)
        (place / identity[2:]).write_bytes(zlib.compress(header + b"a: 1\n"))
        return identity

    def commit(self, tree: str, message: str = "Hostile") -> str:
        """Puts a tree on main."""
        person = pygit2.Signature("Test Person", "test.person@example.com", 1_767_610_000, 0)
        parent = self.repository.references["refs/heads/main"].target
        return str(self.repository.create_commit("refs/heads/main", person, person, message, tree, [parent]))

    def head(self) -> str:
        """The tree of main."""
        return str(self.repository.references["refs/heads/main"].peel(pygit2.Commit).tree_id)


def found_by_validate(world: World) -> tuple[Problem, ...]:
    """What `headpin validate` finds at main's head."""
    repository = Repository.open(world.config)
    revision = repository.ref("refs/heads/main")
    assert revision is not None
    return check(Workspace(repository.tree(revision), DocumentReader()))


@pytest.fixture
def objects(served: World) -> Objects:
    """Writes into that world's repository."""
    return Objects(served.config)


NOT_A_FILE: dict[str, Callable[[Objects, str], tuple[bytes, str]]] = {
    "symbolic link": lambda objects, _: (b"120000", objects.blob(b"/etc/passwd")),
    "link to the file it was": lambda objects, path: (b"120000", objects.blob(b"../" * 4 + path.encode())),
    "link to itself": lambda objects, path: (b"120000", objects.blob(path.rpartition("/")[2].encode())),
    "submodule": lambda _, __: (b"160000", "1" * 40),
    "submodule of this very repository": lambda objects, _: (
        b"160000",
        str(objects.repository.references["refs/heads/main"].target),
    ),
    "executable file": lambda objects, path: (b"100755", _id_at(objects, path)),
    "folder": lambda objects, _: (b"40000", objects.tree([(b"100644", b"x", objects.blob(b""))])),
}


@pytest.mark.parametrize("make", NOT_A_FILE.values(), ids=NOT_A_FILE)
@pytest.mark.parametrize("path", [AGENT_PATH, PIN_PATH, "projects/shop/agents/cart/prod.yaml"])
def test_what_is_no_plain_file_is_never_followed_and_holds_its_deployment(
    served: World, objects: Objects, path: str, make: Callable[[Objects, str], tuple[bytes, str]]
) -> None:
    served.commit("An own layer", {"projects/shop/agents/cart/prod.yaml": "variables: {A: b}\n"})
    served.settle()
    before = {name: served.files(name) for name in ("dev", "prod")}
    objects.commit(objects.replaced(objects.head(), path, *make(objects, path)))

    assert ("HP101", path) in {(problem.code, problem.path) for problem in found_by_validate(served)}
    report = served.settle()
    assert not report.failed
    environment = "dev" if path == AGENT_PATH else "prod"
    hold = served.record(environment).hold
    assert hold is not None and path in hold.message
    assert served.record(environment, TILL).hold is None
    assert {name: served.files(name) for name in ("dev", "prod")} == before


@pytest.mark.parametrize("kind", ["symbolic link", "submodule", "submodule of this very repository", "plain file"])
@pytest.mark.parametrize(
    "path",
    (
        *("projects/shop", "projects/shop/agents", "projects/shop/agents/cart", "pins/prod", "pins/prod/shop"),
        *("environments", "pipelines", "projects", "pins"),
    ),
)
def test_what_hides_a_folder_holds_what_was_in_it_and_removes_nothing(
    served: World, objects: Objects, path: str, kind: str
) -> None:
    before = {name: served.files(name) for name in ("dev", "staging", "prod")}
    make = NOT_A_FILE.get(kind, lambda objects, _: (b"100644", objects.blob(b"once a folder\n")))
    objects.commit(objects.replaced(objects.head(), path, *make(objects, path)))

    assert path in {problem.path for problem in errors(found_by_validate(served)) if problem.code == "HP101"}
    report = served.settle()
    assert {name: served.files(name) for name in ("dev", "staging", "prod")} == before
    held = [r for r in report.environments if r.hold or any(item.record.hold for item in r.deployments)]
    assert held, "somebody has to be told"
    served.fresh().reconcile(full=True)
    assert {name: served.files(name) for name in ("dev", "staging", "prod")} == before


ODD_NAMES = {
    "not UTF-8": b"pr\xffod.yaml",
    "newline": b"pr\nod.yaml",
    "escape sequence": b"\x1b[31m.yaml",
    "option": b"-rf.yaml",
    "zero-width": "pro\u200bd.yaml".encode(),
    "trailing space": b"prod.yaml ",
    "upper case": b"Prod.yaml",
    "upper case ending": b"prod.YAML",
    "full-width": "\uff50rod.yaml".encode(),
    "slash": b"eu/prod.yaml",
    "only an ending": b".yaml",
    "very long": b"a" * 5000 + b".yaml",
}


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
@pytest.mark.parametrize("folder", ["environments", "pins/prod/shop", "projects/shop/agents/cart"])
def test_an_odd_file_name_is_a_problem_that_can_be_printed_and_moves_nothing(
    served: World, objects: Objects, folder: str, name: bytes
) -> None:
    tips = served.tips()
    entry = (b"100644", name, objects.blob(b"[broken"))
    objects.commit(_with_entry(objects, objects.head(), folder, entry))
    found = [problem for problem in found_by_validate(served) if problem.code in ("HP110", "HP111")]
    assert found and all(str(problem).isprintable() and str(problem).encode() for problem in found)
    report = served.settle()
    assert not report.failed and not report.holds and served.tips() == tips


@pytest.mark.parametrize("name", [b"sh\xffop", b"sh\nop", b"-rf", b".git", b"..", b".", b"GIT~1", b"Shop", b"sh.yaml"])
@pytest.mark.parametrize("folder", ["projects", "pins/prod"])
def test_an_odd_folder_name_is_a_problem_and_moves_nothing(
    served: World, objects: Objects, folder: str, name: bytes
) -> None:
    tips = served.tips()
    files = {"projects": [b"project.yaml"], "pins/prod": [b"cart.yaml"]}[folder]
    below = objects.tree([(b"100644", file, objects.blob(b"pipeline: standard\n")) for file in files])
    objects.commit(_with_entry(objects, objects.head(), folder, (b"40000", name, below)))
    found = [problem for problem in found_by_validate(served) if problem.code in ("HP110", "HP111")]
    assert found and all(str(problem).isprintable() for problem in found)
    report = served.settle()
    assert not report.failed and not report.holds and served.tips() == tips


@pytest.mark.parametrize(
    "name", ["Pins", "PROJECTS", "environments\u200b", "headpin.yml", "Headpin.yaml", "defaults.yml"]
)
def test_what_only_looks_like_headpins_own_at_the_top_is_told(name: str) -> None:
    path = name if "." in name else f"{name}/prod/shop/cart.yaml"
    found = check(Workspace(MemoryTree({**SMALL, path: "x: 1\n"}), DocumentReader()))
    assert [problem.code for problem in found] == ["HP111"] and "name it" in found[0].remedy


def test_a_blob_of_a_gigabyte_is_refused_by_its_header_and_never_read(served: World, objects: Objects) -> None:
    before = served.files("prod")
    huge = objects.claim("blob", 1 << 30)
    tree = objects.head()
    for path in ("projects/shop/agents/cart/prod.yaml", "defaults.yaml"):
        tree = objects.replaced(tree, path, b"100644", huge)
    objects.commit(tree)
    found = {problem.path: problem for problem in found_by_validate(served) if problem.code == "HP102"}
    assert {"projects/shop/agents/cart/prod.yaml", "defaults.yaml"} <= found.keys()
    assert all("1,073,741,824" in problem.message for problem in found.values())
    report = served.settle()
    assert not report.failed
    hold = served.record("prod").hold
    assert hold is not None and "HP102" in hold.message
    assert served.record("prod", TILL).hold is None and served.files("prod") == before


def test_a_real_large_blob_is_refused_without_inflating_it(served: World, objects: Objects) -> None:
    large = objects.blob(bytes(64 << 20))
    objects.commit(objects.replaced(objects.head(), "projects/shop/agents/cart/prod.yaml", b"100644", large))
    tree = Repository.open(served.config).tree(served.controller.main_head().id)
    started = time.process_time()
    assert tree.size("projects/shop/agents/cart/prod.yaml") == 64 << 20
    assert time.process_time() - started < 0.1
    assert "HP102" in {problem.code for problem in found_by_validate(served)}


def _bomb(objects: Objects, width: int, depth: int, leaf: bytes) -> str:
    below = objects.tree([(b"100644", leaf, objects.blob(b""))])
    for _ in range(depth):
        below = objects.tree([(b"40000", b"d%04d" % number, below) for number in range(width)])
    return below


@pytest.mark.parametrize("leaf", [b"x.yaml", b"README.md"])
def test_a_folder_that_names_itself_without_end_is_counted_and_refused(
    served: World, objects: Objects, leaf: bytes
) -> None:
    served.commit("A limit", {"headpin.yaml": "apiVersion: headpin/v1\nlimits:\n  documents: 1000\n"})
    objects.commit(objects.replaced(objects.head(), "projects/bomb", b"40000", _bomb(objects, 50, 12, leaf)))
    started = time.process_time()
    assert [problem.code for problem in found_by_validate(served)] == ["HP112"]
    assert time.process_time() - started < 5


def test_comparing_trees_stops_at_its_bound(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes_module, "MAX_ENTRIES", 10_000)
    repository = Repository.open(Path(objects.repository.path))
    old = _git_tree(repository, objects.tree([]))
    new = _git_tree(repository, objects.replaced(objects.head(), "vendor", b"40000", _bomb(objects, 50, 12, b"x")))
    with pytest.raises(PermanentError, match="10,000"):
        list(changed_paths(old, new))


def test_what_lies_outside_headpins_folders_is_never_walked(served: World, objects: Objects) -> None:
    tips = served.tips()
    objects.commit(objects.replaced(objects.head(), "vendor", b"40000", _bomb(objects, 50, 12, b"x")))
    started = time.process_time()
    assert not served.settle().failed and not found_by_validate(served)
    assert time.process_time() - started < 5 and served.tips() == tips


def test_a_folder_of_thousands_of_levels_is_no_obstacle(served: World, objects: Objects) -> None:
    below = objects.tree([(b"100644", b"x.yaml", objects.blob(b"a: 1\n"))])
    for _ in range(5000):
        below = objects.tree([(b"40000", b"d", below)])
    tree = objects.replaced(objects.head(), "vendor", b"40000", below)
    objects.commit(objects.replaced(tree, "projects/deep", b"40000", below))
    moved = served.push("cart")
    started = time.process_time()
    report = served.settle()
    assert not report.failed and not report.holds
    record = served.record("dev").served
    assert record is not None and record.release.revision == moved
    assert "HP113" in {problem.code for problem in found_by_validate(served)} or not found_by_validate(served)
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    "encoding", ["rot13", "no-such-encoding", "utf-16", "hex", "idna", "punycode", "utf-7", "undefined", "\xff"]
)
def test_a_commit_that_claims_any_encoding_is_read(served: World, encoding: str) -> None:
    repository = pygit2.Repository(str(served.config))
    before = repository.references["refs/heads/main"].peel(pygit2.Commit)
    head, _, _ = before.read_raw().partition(b"\n\n")
    lines = [line for line in head.split(b"\n") if not line.startswith(b"parent")]
    lines.insert(1, b"parent " + str(before.id).encode())
    lines.append(b"encoding " + encoding.encode("latin-1"))
    raw = b"\n".join(lines) + b"\n\nP\xf4p \x1b[31m\xff\n"
    identity = repository.write(ObjectType.COMMIT, raw)
    repository.references["refs/heads/main"].set_target(identity)
    served.push("cart")
    report = served.settle()
    assert not report.failed and served.record("dev").hold is None


def test_an_author_who_is_not_utf8_and_full_of_tricks_is_recorded_harmlessly(served: World, objects: Objects) -> None:
    old = served.pin_text("staging")
    served.push("cart")
    served.settle()
    served.promote("dev", "staging")
    served.settle()
    tree = objects.replaced(objects.head(), "pins/staging/shop/cart.yaml", b"100644", objects.blob(old.encode()))
    parent = str(objects.repository.references["refs/heads/main"].target)
    raw = (
        f"tree {tree}\nparent {parent}\n".encode()
        + b"author \xff\xfe\x1b[31m<script>\xe2\x80\xae <a\xff@bc> 1767610000 +0000\n"
        + b"committer C <c@d> 99999999999999 +9999\n\nBack\n\nHeadpin-Config: "
        + b"a" * 40
        + b"\n"
    )
    objects.repository.references["refs/heads/main"].set_target(objects.repository.write(ObjectType.COMMIT, raw))
    report = served.settle()
    assert not report.failed
    assert served.events("staging")[-1].kind == "rolled-back"
    log = served.git("log", "--format=%an %ae %s%n%b", "env/staging")
    assert "\x1b" not in log and "\u202e" not in log and "Headpin-Config: " + "a" * 40 not in log


# ── on disk, for validate ────────────────────────────────────────────────────────────────────────────


def _on_disk(folder: Path, files: Mapping[str, str]) -> Tree:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return DiskTree(folder)


@pytest.mark.parametrize(
    "path",
    (
        *(AGENT_PATH, "projects/shop/project.yaml", "projects/shop/agents/cart", "projects/shop/agents"),
        *("projects/shop", "environments/prod.yaml", "pipelines", "projects", "environments", "headpin.yaml"),
    ),
)
def test_a_link_on_disk_is_never_followed(tmp_path: Path, path: str) -> None:
    tree = _on_disk(tmp_path / "config", SMALL)
    outside = tmp_path / "outside"
    (tmp_path / "config" / path).rename(outside)
    (tmp_path / "config" / path).symlink_to(outside)
    entry = tree.entry(path)
    assert entry is not None and entry.kind is Kind.LINK and tree.entries(path) == ()
    with pytest.raises(FileNotFoundError):
        tree.read(path)
    found = errors(check(Workspace(tree, DocumentReader())))
    assert ("HP101", path) in {(problem.code, problem.path) for problem in found}
    if (outside).is_dir():
        inside = next(iter(sorted(item.name for item in outside.iterdir())))
        assert tree.entry(f"{path}/{inside}") is None and tree.entries(f"{path}/{inside}") == ()


def test_a_loop_of_links_and_a_named_pipe_on_disk_end(tmp_path: Path) -> None:
    import os

    tree = _on_disk(tmp_path, SMALL)
    (tmp_path / "projects/loop").symlink_to(tmp_path / "projects")
    os.mkfifo(tmp_path / "environments/pipe.yaml")
    (tmp_path / "environments/prod.yaml").chmod(0o755)
    found = {(problem.code, problem.path) for problem in errors(check(Workspace(tree, DocumentReader())))}
    assert {("HP101", "projects/loop"), ("HP101", "environments/prod.yaml")} <= found


def test_a_file_name_on_disk_that_is_not_utf8_is_a_problem_that_can_be_printed(tmp_path: Path) -> None:
    tree = _on_disk(tmp_path, SMALL)
    (tmp_path / "environments" / "pr\udcffod.yaml").write_text("production: true\n")
    found = check(Workspace(tree, DocumentReader()))
    assert [problem.code for problem in found] == ["HP110"] and str(found[0]).encode()


def test_the_folder_of_git_is_no_part_of_the_tree_on_disk(tmp_path: Path) -> None:
    tree = _on_disk(tmp_path, {**SMALL, ".git/config": "x", "projects/.git/HEAD": "x"})
    assert ".git" not in {entry.name for entry in (*tree.entries(), *tree.entries("projects"))}


def _id_at(objects: Objects, path: str) -> str:
    found = objects.repository[objects.head()]
    assert isinstance(found, pygit2.Tree)
    return str(found[path].id)


def _with_entry(objects: Objects, tree: str, folder: str, entry: tuple[bytes, bytes, str]) -> str:
    below = objects.repository[tree]
    assert isinstance(below, pygit2.Tree)
    known = [(mode, name, identity) for mode, name, identity in objects.entries(str(below[folder].id))]
    ordered = sorted([*known, entry], key=lambda e: e[1] + (b"/" if e[0] == b"40000" else b""))
    return objects.replaced(tree, folder, b"40000", objects.tree(ordered))


def _git_tree(repository: Repository, identity: str) -> Tree:
    from headpin.types import TreeId

    return repository.tree_at(TreeId(identity))


@pytest.mark.parametrize("odd", ["blob", "commit", "tree without an agent", "tree of links", "missing", "zero"])
def test_a_pin_whose_settings_are_any_object_at_all_is_held(served: World, objects: Objects, odd: str) -> None:
    link = objects.blob(b"/etc/passwd")
    settings = {
        "blob": objects.blob(b"headpin/v1\n"),
        "commit": str(objects.repository.references["refs/heads/main"].target),
        "tree without an agent": objects.tree([]),
        "tree of links": objects.tree([(b"120000", b"agent.yaml", link), (b"120000", b"apiVersion", link)]),
        "missing": "1" * 40,
        "zero": "0" * 40,
    }[odd]
    before = served.files("prod")
    lines = served.pin_text("prod").splitlines()
    pin = "\n".join(f'settings: "{settings}"' if line.startswith("settings:") else line for line in lines)
    served.commit("A pin by hand", {PIN_PATH: f"{pin}\n"})
    report = served.settle()
    assert not report.failed and served.files("prod") == before
    hold = served.record("prod").hold
    assert hold is not None and served.record("prod", TILL).hold is None
