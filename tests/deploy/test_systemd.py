"""The systemd unit: hardened, and read by systemd itself where it is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.chart import DEPLOY
from tests.programs import program

PLACE = DEPLOY / "systemd"
UNIT = PLACE / "headpin.service"
SETTINGS = PLACE / "headpin.env"
USED_WRONGLY = "2"
EXPOSURE = 15
"""How exposed the unit may be, in tenths, from 0 to 100. `systemd-analyze security` calls up to 20 "OK"."""


@pytest.fixture
def systemd_analyze() -> str:
    """systemd's own judge."""
    return program("systemd-analyze")


def _directives(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def _settings(text: str) -> dict[str, str]:
    """The variables, those that are commented out as well."""
    return dict(re.findall(r"(?m)^#?([A-Z_]+)=(.*)$", text))


@pytest.mark.parametrize(
    ("directive", "value"),
    [
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("AmbientCapabilities", ""),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("PrivateUsers", "yes"),
        ("ProtectClock", "yes"),
        ("ProtectControlGroups", "yes"),
        ("ProtectHostname", "yes"),
        ("ProtectKernelLogs", "yes"),
        ("ProtectKernelModules", "yes"),
        ("ProtectKernelTunables", "yes"),
        ("ProtectProc", "invisible"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("RestrictNamespaces", "yes"),
        ("RestrictRealtime", "yes"),
        ("RestrictSUIDSGID", "yes"),
        ("LockPersonality", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("SystemCallArchitectures", "native"),
        ("UMask", "0077"),
        ("LimitCORE", "0"),
        ("StateDirectoryMode", "0700"),
        ("User", "headpin"),
    ],
)
def test_the_unit_forbids(directive: str, value: str) -> None:
    assert _directives(UNIT.read_text("utf-8"))[directive] == [value]


def test_the_unit_goes_on_after_any_fault_except_wrong_use() -> None:
    found = _directives(UNIT.read_text("utf-8"))
    assert found["Restart"] == ["always"]
    assert found["StartLimitIntervalSec"] == ["0"], "it would stay down after five faults"
    assert found["RestartPreventExitStatus"] == [USED_WRONGLY]
    assert int(found["TimeoutStopSec"][0]) > 10
    assert not [line for line in found["ExecStart"] if "sh -c" in line or "secret" in line]


def test_a_copy_of_the_unit_is_a_process_of_its_own() -> None:
    found = _directives(UNIT.read_text("utf-8"))
    assert found["EnvironmentFile"] == ["/etc/headpin/%N.env"]
    assert found["StateDirectory"] == ["%N"]
    assert "HEADPIN_RUN_STATE=%S/%N" in found["Environment"][0]
    assert "headpin" not in found["ExecStart"][0].removeprefix("/opt/headpin/bin/headpin ")


def test_secrets_are_files_in_the_example_of_settings() -> None:
    settings = _settings(SETTINGS.read_text("utf-8"))
    secrets = [name for name in settings if re.search("KEY|TOKEN|SECRET|NOTIFY", name)]
    assert len(secrets) == 4
    assert all(settings[name].startswith("/etc/headpin/") for name in secrets)
    addresses = [value for name, value in settings.items() if name.endswith("_ADDRESS")]
    assert len(addresses) == 2
    assert all(address.startswith("127.0.0.1:") for address in addresses)


def _run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def test_systemd_takes_the_unit(systemd_analyze: str, tmp_path: Path) -> None:
    text = UNIT.read_text("utf-8").replace("/opt/headpin/bin/headpin", shutil.which("true") or "/bin/true")
    for name in ("headpin.service", "headpin-prod.service"):
        (tmp_path / name).write_text(text)
        judged = ("security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE}")
    done = _run(systemd_analyze, *judged, "./headpin.service", cwd=tmp_path)
    if "unrecognized option" in done.stderr and os.environ.get("CI") != "true":
        pytest.skip("this systemd-analyze rates running units only")
    assert done.returncode == 0, done.stdout + done.stderr
