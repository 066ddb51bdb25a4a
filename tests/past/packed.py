"""A config repository with long environment branches, written as one pack: thousands of commits in a second."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headpin.controller.past import back_number
from headpin.releases import Event, EventKind, Ran, Record, Release, Scale, Served, Status
from headpin.releases.codec import SEAL_AT, format_event, format_ran, format_record
from headpin.releases.environment import EnvironmentState, format_environment
from headpin.types import Revision, TreeId
from tests.world import SMALL, git

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
ANN = "Ann Person <ann@example.com>"
_KINDS = {"commit": 1, "tree": 2, "blob": 3}


class Pack:
    """Objects to be written at once."""

    def __init__(self) -> None:
        self._objects: dict[str, bytes] = {}

    def add(self, kind: str, data: bytes) -> str:
        """An object; gives its id."""
        identity = hashlib.sha1(f"{kind} {len(data)}\0".encode() + data, usedforsecurity=False).hexdigest()
        if identity not in self._objects:
            size, head = len(data) >> 4, (_KINDS[kind] << 4) | (len(data) & 15)
            coded = bytearray()
            while size:
                coded.append(head | 0x80)
                head, size = size & 0x7F, size >> 7
            coded.append(head)
            self._objects[identity] = bytes(coded) + zlib.compress(data, 1)
        return identity

    def tree(self, files: Mapping[str, str]) -> str:
        """A tree of path to blob id."""
        below: dict[str, dict[str, str]] = {}
        entries: list[tuple[str, str, str]] = []
        for path, identity in files.items():
            name, slash, rest = path.partition("/")
            if slash:
                below.setdefault(name, {})[rest] = identity
            else:
                entries.append((name, "100644", identity))
        entries += [(name, "40000", self.tree(inside)) for name, inside in below.items()]
        entries.sort(key=lambda entry: entry[0] + ("/" if entry[1] == "40000" else ""))
        return self.add("tree", b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(i) for name, mode, i in entries))

    def commit(self, tree: str, parent: str | None, person: str, at: datetime, message: str) -> str:
        """A commit; gives its id."""
        when = f"{int(at.timestamp())} +0000"
        parents = f"parent {parent}\n" if parent else ""
        text = f"tree {tree}\n{parents}author {person} {when}\ncommitter {person} {when}\n\n{message}"
        return self.add("commit", text.encode())

    def write(self, folder: Path) -> None:
        """Writes everything into the repository."""
        data = b"PACK" + struct.pack(">II", 2, len(self._objects)) + b"".join(self._objects.values())
        data += hashlib.sha1(data, usedforsecurity=False).digest()
        subprocess.run(["git", "index-pack", "--stdin"], cwd=folder, input=data, capture_output=True, check=True)


def release_number(number: int) -> Release:
    """Made-up releases, each with a revision of its own."""
    revision = Revision(f"{number:040x}")
    return Release(revision, f"registry.example.com/cart:{revision}", TreeId(f"{number + 1:040x}"))


class _Files:
    """The files of one environment's deployments, by path to blob id."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._lines: dict[str, list[str]] = {}
        self._sealed: dict[str, int] = {}
        self.blobs: dict[str, str] = {}

    def put(self, path: str, text: str) -> None:
        self.blobs[path] = self._pack.add("blob", text.encode())

    def append(self, path: str, line: str) -> None:
        """As `Branch.changes` does it."""
        lines = self._lines.setdefault(path, [])
        lines.append(line)
        if len(lines) > SEAL_AT:
            number = self._sealed[path] = self._sealed.get(path, 0) + 1
            self.put(f"{path}.{number:04}", "".join(lines[: len(lines) // 2]))
            del lines[: len(lines) // 2]
        self.put(path, "".join(lines))


def packed_world(folder: Path, own: int, on_main: int, agents: int = 10) -> Path:
    """main with so many commits; in prod so many own commits, one a minute, the agents by turns; in dev a third.

    Commit n promotes release n of shop/agent-(n mod agents) and is made from main's commit n * on_main / own.
    """
    folder.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    pack = Pack()
    names = [f"agent-{number}" for number in range(agents)]
    documents = {path: text for path, text in SMALL.items() if "/agents/" not in path}
    agent = SMALL["projects/shop/agents/cart/agent.yaml"]
    documents |= {f"projects/shop/agents/{name}/agent.yaml": agent for name in names}
    blobs = {path: pack.add("blob", text.encode()) for path, text in documents.items()}
    main: list[str] = []
    for number in range(on_main):
        tree = pack.tree({**blobs, "README.md": pack.add("blob", f"{number}\n".encode())})
        at = START + timedelta(minutes=number * own / on_main)
        main.append(pack.commit(tree, main[-1] if main else None, ANN, at, f"Edit {number}\n"))
    tips = {"dev": _branch(pack, "dev", own // 3, 3, main, names), "prod": _branch(pack, "prod", own, 1, main, names)}
    pack.write(folder)
    for name, tip in tips.items():
        git("update-ref", f"refs/heads/env/{name}", tip, cwd=folder)
    git("update-ref", "refs/heads/main", main[-1], cwd=folder)
    return folder


def _branch(pack: Pack, environment: str, own: int, every: int, main: list[str], names: list[str]) -> str:
    files, made = _Files(pack), [""]
    for number in range(1, own + 1):
        config = Revision(main[(number - 1) * len(main) // own])
        at, name = START + timedelta(minutes=number * every - 1), names[number % len(names)]
        release, version = release_number(number), 0 if environment == "dev" else number
        served = Served(release, version, Status.DEPLOYED, at, config, "0" * 64, Scale(1, 1, 80))
        files.put(f"deployments/shop/{name}.yaml", format_record(Record(served, version)))
        files.append(f"deployments/shop/{name}.ran", format_ran(Ran(version, release, at, True, f"Subject {number}")))
        if environment != "dev":
            event = Event(EventKind.PROMOTED, at, config, number, release, person=ANN, moved=at, note=f"Note {number}")
            files.append(f"deployments/shop/{name}.events", format_event(event))
        state = EnvironmentState(environment, environment == "dev", config, config)
        files.put("environment.yaml", format_environment(state))
        tree = pack.tree(files.blobs)
        links = f"Headpin-Number: {number}\n" + (f"Headpin-Back: {made[back_number(number)]}\n" if number > 1 else "")
        message = f"Promote\n\nHeadpin-Config: {config}\n{links}Headpin-Tree: {tree}\n"
        parent = made[-1] if number > 1 else None
        made.append(pack.commit(tree, parent, "headpin <headpin@localhost>", at, message))
    return made[-1]
