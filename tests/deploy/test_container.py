"""The Containerfile, read as a builder reads it: what it starts from, what it copies, and what it ends as."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.chart import DEPLOY, plain_values, pods, rendered

ROOT = DEPLOY.parent
TEXT = (DEPLOY / "container" / "Containerfile").read_text("utf-8")
STATE = "/var/lib/headpin"


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    whole = re.sub(r"\\\n\s*", "", lines)
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in whole.splitlines() if line]


INSTRUCTIONS = _instructions(TEXT)
LAST_STAGE = INSTRUCTIONS[max(i for i, (word, _) in enumerate(INSTRUCTIONS) if word == "FROM") :]


def _all(word: str, among: list[tuple[str, str]] = INSTRUCTIONS) -> list[str]:
    return [told for found, told in among if found == word]


def _variables() -> dict[str, str]:
    (told,) = _all("ENV", LAST_STAGE)
    return dict(pair.split("=", 1) for pair in told.split())


def test_the_bases_are_one_image_with_its_registry_and_a_tag() -> None:
    bases = [told.partition(" AS ")[0] for told in _all("FROM")]
    assert len(bases) == 2
    assert len(set(bases)) == 1, "the environment made in one stage needs the Python of the other"
    assert re.fullmatch(r"docker\.io/library/python:3\.[0-9]+-slim-[a-z]+", bases[0])


def test_its_python_is_one_that_headpin_runs_on() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    least = re.fullmatch(r">=3\.([0-9]+)", project["requires-python"])
    here = re.search(r"python:3\.([0-9]+)-", TEXT)
    assert least is not None
    assert here is not None
    assert int(here[1]) >= int(least[1])


def test_it_copies_what_the_wheel_is_made_of_and_nothing_else() -> None:
    about = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    wheel = about["tool"]["hatch"]["build"]["targets"]["wheel"]
    wanted = {"pyproject.toml", about["project"]["readme"], *about["project"]["license-files"], *wheel["force-include"]}
    wanted |= {Path(package).parts[0] for package in wheel["packages"]}
    copies = [told.split() for told in _all("COPY") if not told.startswith("--from=")]
    assert {source for copy in copies for source in copy[:-1]} == wanted
    assert all(copy[-1] in ("./", copy[0]) for copy in copies)
    assert all((ROOT / source).exists() for source in wanted)
    assert not _all("ADD")


def test_it_ends_as_a_user_without_rights_and_changes_nothing_as_that_user() -> None:
    words = [word for word, _ in LAST_STAGE]
    (user,) = _all("USER", LAST_STAGE)
    assert re.fullmatch(r"[1-9][0-9]{3,}:[1-9][0-9]{3,}", user), "a name proves nothing to runAsNonRoot"
    assert not {"RUN", "COPY"} & set(words[words.index("USER") :])
    assert f"useradd --uid {user.partition(':')[0]} " in TEXT, "ssh wants an entry in passwd"


def test_it_writes_to_its_volumes_alone() -> None:
    (volumes,) = _all("VOLUME")
    assert json.loads(volumes) == [STATE, "/tmp"]
    assert _all("WORKDIR", LAST_STAGE) == [STATE]
    variables = _variables()
    assert (variables["HOME"], variables["HEADPIN_RUN_STATE"]) == (STATE, STATE)
    assert variables["PYTHONDONTWRITEBYTECODE"] == "1"


def test_no_shell_stands_between_the_signal_and_headpin() -> None:
    (entrypoint,), (command,) = _all("ENTRYPOINT"), _all("CMD")
    assert [*json.loads(entrypoint), *json.loads(command)] == ["/opt/headpin/bin/headpin", "run"]
    assert _all("STOPSIGNAL") == ["SIGTERM"]


def test_it_has_the_programs_that_headpin_starts_and_no_others() -> None:
    (installed,) = re.findall(
        r"apt-get install --yes --no-install-recommends ([a-z -]+?) +&&", _all("RUN", LAST_STAGE)[0]
    )
    assert installed.split() == ["ca-certificates", "git", "openssh-client"]
    assert "rm -rf /var/lib/apt/lists/*" in _all("RUN", LAST_STAGE)[0]


def test_gits_housekeeping_leaves_no_process_behind() -> None:
    for setting in ("gc.autoDetach", "maintenance.autoDetach"):
        assert f"git config --system {setting} false" in TEXT


@pytest.mark.parametrize(
    "sign", ["index-url", "trusted-host", "http://", "https://", "curl", "wget", "chmod 777", "sudo"]
)
def test_it_fetches_from_where_the_builder_is_told_to(sign: str) -> None:
    assert sign not in TEXT


def test_it_has_no_secrets_and_says_what_it_is() -> None:
    assert [told.partition("=")[0] for told in _all("ARG")] == ["VERSION", "REVISION"]
    assert not re.search("(?i)token|password|secret", TEXT)
    (labels,) = _all("LABEL")
    names = set(re.findall(r"org\.opencontainers\.image\.([a-z]+)=", labels))
    assert names == {"title", "description", "licenses", "version", "revision"}


def test_the_chart_runs_it_as_it_is_made(tmp_path: Path) -> None:
    (pod,) = pods(rendered(tmp_path, plain_values()))
    spec: Any = pod["spec"]
    (user,) = _all("USER")
    assert user == f"{spec['securityContext']['runAsUser']}:{spec['securityContext']['runAsGroup']}"
    (container,) = spec["containers"]
    writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {STATE, "/tmp"}
    assert {str(port["containerPort"]) for port in container["ports"]} == set(_all("EXPOSE")[0].split())
    assert "command" not in container
    assert container["args"][0] == "run"
