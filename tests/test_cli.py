"""The command line as a person meets it: real commands, in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

from headpin.cli.app import COMMANDS, app
from tests.world import World, git


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str


def headpin(*arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> Ran:
    done = subprocess.run(
        [sys.executable, "-m", "headpin", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_init_validate_and_reconcile_work_in_an_empty_folder(tmp_path: Path) -> None:
    made = headpin("init", "x", cwd=tmp_path)
    assert made.code == 0, made.err
    valid = headpin("-C", "x", "validate", "--strict", cwd=tmp_path)
    assert (valid.code, valid.out.split(":")[0]) == (0, "valid")
    first = headpin("-C", "x", "reconcile", cwd=tmp_path)
    assert first.code == 0 and "+ sample/hello" in first.out
    second = headpin("-C", "x", "reconcile", cwd=tmp_path)
    assert second.code == 0 and second.out.startswith("nothing to do at ")


def test_init_with_environments_makes_a_pipeline_over_them(tmp_path: Path) -> None:
    assert headpin("init", "x", "--environments", "dev,staging,prod", cwd=tmp_path).code == 0
    assert headpin("-C", "x", "validate", "--strict", cwd=tmp_path).code == 0
    assert headpin("-C", "x", "reconcile", cwd=tmp_path).code == 0
    status = headpin("-C", "x", "status", cwd=tmp_path)
    assert status.code == 0
    head, row = (line.split() for line in status.out.splitlines() if "─" not in line)
    assert head == ["AGENT", "DEV", "(head)", "STAGING", "PROD", "(production)"]
    assert row[0] == "sample/hello" and row[3] == "Deployed" and row[-2:] == ["NoPin", "NoPin"]


def test_a_folder_may_be_named_like_a_command(tmp_path: Path) -> None:
    assert headpin("init", "demo", cwd=tmp_path).code == 0
    assert headpin("-C", "demo", "validate", cwd=tmp_path).code == 0


def test_without_a_headpin_yaml_every_command_says_so(tmp_path: Path) -> None:
    git("init", "--quiet", str(tmp_path / "x"), cwd=tmp_path)
    git("commit", "--quiet", "--allow-empty", "-m", "Nothing", cwd=tmp_path / "x")
    for command in ("validate", "plan", "reconcile"):
        found = headpin(command, cwd=tmp_path / "x")
        assert found.code == 1 and "HP113" in found.out, (command, found)


def test_a_world_that_fails_is_no_fault_of_headpin(world: World, tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    for arguments in (("init", blocker / "x"), ("render", "dev", "--output-dir", blocker)):
        found = headpin(*arguments, cwd=world.config)
        assert found.code == 3 and "fault of headpin" not in found.err, found
    ascii_only = headpin("status", cwd=world.config, env={"PYTHONIOENCODING": "ascii"})
    assert ascii_only.code == 0, ascii_only.err


def test_init_needs_no_git_identity(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    env = {"HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"), "EMAIL": ""}
    made = headpin("init", "x", cwd=tmp_path, env=env)
    assert made.code == 0, made.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("init", "."), "is not an empty folder"),
        (("init", "y", "--environments", "Dev"), "is no environment's name"),
        (("init", "y", "--environments", "dev,dev"), "named twice"),
        (("status", "--env", "prd"), "did you mean prod?"),
        (("status", "shop/crt"), "did you mean shop/cart?"),
        (("status", "cart"), "agents are named project/agent"),
        (("pin", "shop/cart", "--env", "nowhere"), "the environments are: dev, staging, prod"),
        (("render", "nowhere"), "there is no environment nowhere"),
        (("render", "prod", "--revision", "HEAD~1"), "there is no commit HEAD~1"),
        (("schema", "agnt"), "there is no kind agnt"),
        (("nonsense",), "No such command"),
        (("status", "--nonsense"), "No such option"),
        (("pin", "shop/cart"), "Missing option"),
    ],
)
def test_a_command_used_wrongly_exits_with_2_and_says_what_to_do(
    world: World, arguments: tuple[str, ...], said: str
) -> None:
    found = headpin(*arguments, cwd=world.config)
    assert found.code == 2, found
    assert said in " ".join((found.out + found.err).split())
    assert "Traceback" not in found.err


def test_outside_a_repository_it_says_so_and_exits_with_3(tmp_path: Path) -> None:
    found = headpin("status", cwd=tmp_path)
    assert found.code == 3 and "is not in a git repository" in found.err and "headpin init DIR" in found.err


def test_validate_tells_every_problem_of_every_file(world: World) -> None:
    world.write(
        {
            "environments/prod.yaml": "production: yes\nnamespce: x\n",
            "projects/shop/agents/cart/agent.yaml": "source:\n  repository: .\nimage:\n  pattern: UPPER CASE\n",
            "pins/prod/shop/crt.yaml": "revision: 1234567\n",
        }
    )
    found = headpin("validate", cwd=world.config)
    assert found.code == 1
    for place in (
        "environments/prod.yaml:1:13: error HP107",
        "environments/prod.yaml:2:1: error HP201 unknown key namespce",
        "projects/shop/agents/cart/agent.yaml:4:12: error HP204",
        "pins/prod/shop/crt.yaml:1:11: error HP203",
        "pins/prod/shop/crt.yaml:1:1: error HP303",
    ):
        assert place in found.out, found.out
    assert "did you mean namespace?" in found.out and "did you mean shop/cart?" in found.out
    assert headpin("validate", "--revision", "main", cwd=world.config).code == 0, "uncommitted edits are not in main"
    told = json.loads(headpin("validate", "--json", cwd=world.config).out)
    assert told["kind"] == "Validation"
    assert set(told["problems"][0]) == {"path", "line", "column", "severity", "code", "message", "remedy"}


def test_a_bare_repository_is_validated_and_reconciled_from_its_main_branch(world: World) -> None:
    bare = world.folder / "bare.git"
    world.git("clone", "--quiet", "--bare", ".", str(bare))
    assert headpin("-C", bare, "validate").code == 0
    assert headpin("-C", bare, "reconcile").code == 0


def test_plan_says_what_reconcile_then_does_and_writes_nothing(world: World) -> None:
    before = world.git("count-objects")
    planned = headpin("plan", cwd=world.config)
    assert planned.code == 0 and "+ shop/cart  first deployment of" in planned.out
    assert "1 deployment would change" in planned.out
    assert world.tips() == {} and world.git("count-objects") == before
    done = headpin("reconcile", cwd=world.config)
    assert [line for line in planned.out.splitlines() if "+" in line] == [
        line for line in done.out.splitlines() if "+" in line
    ]


def test_the_printed_pin_is_the_promotion(running: World) -> None:
    running.push("cart")
    running.reconcile()
    pin = headpin("pin", "shop/cart", "--env", "dev", cwd=running.config)
    assert pin.code == 0 and pin.out.startswith('revision: "')
    running.commit("Promote", {"pins/staging/shop/cart.yaml": pin.out})
    assert "promote to v2" in headpin("reconcile", cwd=running.config).out


def test_status_tells_a_hold_with_its_reason_and_exits_with_1(running: World) -> None:
    running.push("cart")
    running.reconcile()
    running.promote("dev", "prod")
    waiting = headpin("status", "shop/cart", "--env", "prod", cwd=running.config)
    assert waiting.code == 0 and "InProgress" in waiting.out
    held = headpin("reconcile", cwd=running.config)
    assert held.code == 1 and "! shop/cart  Blocked: ran-before:" in held.out
    found = headpin("status", cwd=running.config)
    assert found.code == 1 and "Blocked" in found.out and "never ran in staging" in found.out
    told = headpin("explain", "shop/cart", "--env", "prod", cwd=running.config)
    assert "ran-before is closed" in told.out and "never ran in staging" in told.out


def test_status_says_when_a_source_is_silent(running: World) -> None:
    shutil.move(running.sources / "cart", running.sources / "gone")
    found = headpin("status", cwd=running.config)
    assert "SourceUnreachable" in found.out
    assert "SourceUnreachable" not in headpin("status", "--offline", cwd=running.config).out
    assert headpin("reconcile", cwd=running.config).code == 3


def test_every_read_command_has_a_machine_form(running: World) -> None:
    status = json.loads(headpin("status", "--json", cwd=running.config).out)
    assert (status["apiVersion"], status["kind"]) == ("headpin/v1", "Status")
    assert set(status["deployments"][0]) == {
        "agent", "environment", "status", "message", "since", "version", "release", "replicas", "hold", "wanted",
    }  # fmt: skip
    history = json.loads(headpin("history", "shop/cart", "--json", cwd=running.config).out)
    assert history["kind"] == "History"
    assert [event["kind"] for event in history["events"]] == ["promoted", "promoted", "promoted"]
    assert set(history["events"][0]) == {
        "agent", "environment", "kind", "at", "version", "release", "source", "person", "moved", "note", "hold",
        "message", "config", "steps", "gates", "subject", "pinCommit",
    }  # fmt: skip
    log = json.loads(headpin("log", "--json", cwd=running.config).out)
    assert set(log) == {"apiVersion", "kind", "events", "more", "incomplete"} and log["kind"] == "Log"
    assert log["events"][0].keys() == history["events"][0].keys()
    then = json.loads(headpin("at", "now", "--json", cwd=running.config).out)
    assert set(then) == {
        "apiVersion", "kind", "time", "revision", "environments", "deployments", "incomplete",
    }  # fmt: skip
    assert set(then["environments"][0]) == {
        "name", "displayName", "tracksHead", "production", "hold", "trouble", "existed", "commit", "time", "config",
    }  # fmt: skip
    assert set(then["deployments"][0]) == {
        "agent", "environment", "status", "message", "since", "version", "release", "replicas", "hold", "subject",
        "event",
    }  # fmt: skip
    explained = json.loads(headpin("explain", "shop/cart", "-e", "prod", "--json", cwd=running.config).out)
    assert explained["kind"] == "Explanation"
    origins = {value["key"]: value["origin"] for value in explained["settings"]}
    assert origins["variables.LOG_LEVEL"] == "projects/shop/agents/cart/agent.yaml:9:3"
    plan = json.loads(headpin("plan", "--json", cwd=running.config).out)
    assert plan["kind"] == "Plan" and set(plan) == {
        "apiVersion", "kind", "config", "environments", "promotions", "trouble", "silentSources", "work",
    }  # fmt: skip
    assert json.loads(headpin("version", "--json").out)["kind"] == "Version"
    as_yaml = headpin("status", "-o", "yaml", cwd=running.config).out
    assert as_yaml.startswith('apiVersion: "headpin/v1"\nkind: "Status"\n')


def test_history_tells_the_story_newest_first(running: World) -> None:
    running.push("cart")
    running.reconcile()
    running.promote("dev", "staging")
    running.reconcile()
    running.promote("staging", "prod", author="Ann <ann@example.com>")
    running.reconcile()
    running.git("revert", "--no-edit", "HEAD")
    running.reconcile()
    found = headpin("history", "shop/cart", "--env", "prod", "--no-headers", cwd=running.config)
    words = [line.split()[2:4] for line in found.out.splitlines()]
    assert words == [["rolled-back", "v1"], ["promoted", "v2"], ["promoted", "v1"]]
    assert "Ann" in found.out.splitlines()[1]


def test_render_prints_what_the_branch_holds(running: World, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = headpin("render", "prod", "--output-dir", out, cwd=running.config)
    assert found.code == 0, found.err
    rendered = {f"manifests/{path.relative_to(out)}": path.read_text().strip() for path in out.rglob("*.yaml")}
    assert rendered == running.files("prod")
    stream = headpin("render", "dev", "shop/cart", cwd=running.config).out
    assert stream.count("\n---\n") + 1 == 3 and "kind: Deployment" in stream


def test_render_at_an_older_revision_takes_its_documents(running: World) -> None:
    old = running.revision()
    running.commit("Own", {"projects/shop/prod.yaml": "variables: {NEW: here}\n"})
    assert "NEW" in headpin("render", "prod", cwd=running.config).out
    assert "NEW" not in headpin("render", "prod", "--revision", old, cwd=running.config).out


def test_what_people_wrote_is_inert_on_the_terminal(running: World) -> None:
    running.push("cart")
    running.reconcile()
    running.promote("dev", "staging", author="\x1b[31mEve\u202e <eve@example.com>")
    running.reconcile()
    found = headpin("--color", "always", "history", "shop/cart", cwd=running.config)
    assert "Eve" in found.out
    assert "\x1b[31mEve" not in found.out and "\u202e" not in found.out
    assert "[bold]" not in found.out


def test_colours_obey_no_color_and_the_option(running: World) -> None:
    assert "\x1b[" not in headpin("status", cwd=running.config, env={"NO_COLOR": "1"}).out
    assert "\x1b[" not in headpin("status", cwd=running.config, env={"NO_COLOR": ""}).out
    assert "\x1b[" in headpin("--color", "always", "status", cwd=running.config, env={"NO_COLOR": ""}).out


def test_a_fault_of_ours_makes_a_report_and_no_traceback(running: World, tmp_path: Path) -> None:
    code = (
        "import sys, headpin.controller.reconcile as r\n"
        "def boom(*a, **k): raise ZeroDivisionError('planted')\n"
        "r.Controller.reconcile = boom\n"
        "from headpin.cli import main\n"
        f"sys.argv = ['headpin', '-C', {str(running.config)!r}, 'reconcile']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 70
    assert "fault of headpin" in done.stderr and "Traceback" not in done.stderr
    (report,) = tmp_path.glob("headpin-crash-*.txt")
    assert "ZeroDivisionError: planted" in report.read_text()


def test_every_command_has_help_with_an_example_and_exit_codes() -> None:
    top = headpin("--help")
    assert top.code == 0 and "Exit codes:" in top.out
    for name in COMMANDS:
        import_module(f"headpin.cli.{name}")
        assert f" {name} " in top.out
    groups: Any = typer.main.get_command(app)
    leaves = list(_leaves(groups))
    assert len(leaves) > len(COMMANDS)
    for command in leaves:
        assert (command.epilog or "").startswith("Example: headpin "), command.name
        for parameter in command.params:
            words = getattr(parameter, "help", None) or ""
            assert "[" not in words, f"{command.name}: what is in brackets is taken for markup, and not shown"
    told = headpin("run", "--help")
    assert told.code == 0 and "Example: headpin" in told.out and "agent's)" in told.out


def _leaves(command: Any) -> Iterator[Any]:
    below = getattr(command, "commands", {})
    if not below:
        yield command
    for each in below.values():
        yield from _leaves(each)


def test_completion_names_agents_and_environments(running: World) -> None:
    env = {"_HEADPIN_COMPLETE": "complete_bash", "COMP_CWORD": "2"}
    agents = headpin(cwd=running.config, env={**env, "COMP_WORDS": "headpin status sh"})
    assert "shop/cart" in agents.out
    environments = headpin(cwd=running.config, env={**env, "COMP_WORDS": "headpin render pr"})
    assert "prod" in environments.out
    words = {"COMP_CWORD": "6", "COMP_WORDS": "headpin rollback shop/cart --env prod --to "}
    assert "v1" in headpin(cwd=running.config, env={**env, **words}).out


def test_explain_shows_what_a_blocked_deployment_runs_with_and_status_what_waits(running: World) -> None:
    running.push("cart")
    running.reconcile()
    running.promote("dev", "prod")
    running.commit("Own", {"projects/shop/agents/cart/prod.yaml": "variables: {LOG_LEVEL: debug}\n"})
    running.reconcile()
    explained = json.loads(headpin("explain", "shop/cart", "-e", "prod", "--json", cwd=running.config).out)
    values = {value["key"]: value["value"] for value in explained["settings"]}
    assert values["variables.LOG_LEVEL"] == "info"
    assert "edits of its own settings wait" in explained["message"]


def test_explain_says_that_a_held_environment_does_nothing_next(running: World) -> None:
    running.commit("Break", {"headpin.yaml": "x: [\n"})
    running.reconcile()
    explained = json.loads(headpin("explain", "shop/cart", "-e", "prod", "--json", cwd=running.config).out)
    assert explained["next"]["action"] == "hold" and explained["status"] == "Invalid"
