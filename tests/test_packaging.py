"""The wheel: it has every file that the checkout has, and it works in an empty folder."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA = ("schemas", "templates", "example-config-repo")
_NO_INDEX = ("No matching distribution found", "Could not find a version", "No module named pip", "Connection")


def _run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout, built as an installer would build it."""
    place = tmp_path_factory.mktemp("wheel")
    home = pwd.getpwuid(os.getuid()).pw_dir  # the user's own settings say where packages come from
    settings = {name: value for name, value in os.environ.items() if name != "XDG_CONFIG_HOME"} | {"HOME": home}
    try:
        _run(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", place, ROOT, cwd=place, env=settings)
    except AssertionError as error:
        if os.environ.get("CI") != "true" and any(sign in str(error) for sign in _NO_INDEX):
            pytest.skip(f"the build backend cannot be had here: {str(error).splitlines()[-1]}")
        raise
    (found,) = place.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a virtual environment that has the wheel.

    Its dependencies are those of this run, appended to the search path, so that nothing is fetched.
    """
    place = tmp_path_factory.mktemp("installed")
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    (libraries,) = place.glob("lib/python*/site-packages")
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (libraries / "dependencies.pth").write_text("".join(f"{path}\n" for path in sorted(paths)))
    install = ("install", "--quiet", "--no-deps", "--no-index", "--ignore-installed")
    _run(sys.executable, "-m", "pip", "--python", python, *install, wheel, cwd=place)
    return place / "bin"


def test_the_wheel_has_every_file_of_the_checkout_that_headpin_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    for folder in DATA:
        place = ROOT / folder
        there = {f"headpin/_data/{folder}/{p.relative_to(place)}": p for p in place.rglob("*") if p.is_file()}
        assert {name for name in packed if name.startswith(f"headpin/_data/{folder}/")} == set(there)
        assert all(packed[name] == path.read_bytes() for name, path in there.items())
    assert "headpin/_data/example-config-repo/.gitattributes" in packed
    assert "headpin/_data/example-config-repo/.schemas/agent.json" in packed
    assert "headpin/py.typed" in packed


def test_the_wheel_has_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"headpin"}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]
    assert [name for name in names if name.endswith("/licenses/LICENSE")]


def test_headpin_works_from_the_wheel_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def headpin(*arguments: str) -> str:
        return _run(installed / "headpin", *arguments, cwd=tmp_path, env=env)

    place = _run(installed / "python", "-c", "import headpin; print(headpin.__file__)", cwd=tmp_path, env=env)
    assert Path(place).is_relative_to(installed.parent)
    assert headpin("version").startswith("headpin ")
    assert headpin("schema", "agent") == (ROOT / "schemas" / "agent.json").read_text()
    headpin("init", "x", "--environments", "dev,prod")
    assert headpin("-C", "x", "validate").startswith("valid")
    assert "sample/hello" in headpin("-C", "x", "reconcile")
    assert "Deployed" in headpin("-C", "x", "status")


def test_headpin_works_where_it_can_write_its_state_alone(installed: Path, tmp_path: Path) -> None:
    """As in its image and in its unit: no rights, nothing of its own to write to, and one folder for what it makes."""
    state = tmp_path / "state"
    state.mkdir()
    env = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    env |= {"HOME": "/nowhere", "XDG_CONFIG_HOME": "/nowhere", "TMPDIR": str(state)}

    def run(program: str, *arguments: str) -> str:
        return _run(*_without_rights(), installed / program, *arguments, cwd=tmp_path, env=env)

    with _read_only(installed.parent), _read_only(tmp_path, but=state):
        with pytest.raises(AssertionError, match="PermissionError"):
            run("python", "-c", f"open({str(installed / 'more')!r}, 'w')")
        assert run("headpin", "schema", "agent") == (ROOT / "schemas" / "agent.json").read_text()
        run("headpin", "init", "state/x", "--environments", "dev,prod")
        assert "sample/hello" in run("headpin", "-C", "state/x", "reconcile")
        assert "Deployed" in run("headpin", "-C", "state/x", "status")


def _without_rights() -> list[str]:
    """What a command has to start with, for root to be bound by the modes of files as everybody is."""
    if os.geteuid() != 0:
        return []
    found = shutil.which("setpriv")
    if found is None:
        pytest.skip("root has no setpriv to give up its rights with")
    return [found, "--bounding-set=-all", "--inh-caps=-all"]


@contextmanager
def _read_only(top: Path, *, but: Path | None = None) -> Iterator[None]:
    """Nobody may write to anything below `top`, except below `but`; afterwards it is as before."""
    places = [top, *(place for place in top.rglob("*") if not place.is_symlink())]
    modes = {place: place.stat().st_mode for place in places if but is None or not place.is_relative_to(but)}
    for place, mode in modes.items():
        place.chmod(mode & ~0o222)
    try:
        yield
    finally:
        for place, mode in modes.items():
            place.chmod(mode)
