"""Two weeks of a workspace, for docs/questions.md: what people did, when, and what headpin made of it.

The example workspace with real sources. Everything is typed as people type it, at the times that the page tells.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from headpin.actions.demo import source_commits
from headpin.resources import resource
from tests.clocked import clocked
from tests.inprocess import headpin
from tests.world import git

NOW: Final = "2026-11-13T16:00:00+00:00"
"""The Friday on which the questions are asked."""

ROBIN: Final = "Robin Reyes <robin@example.com>"
SAM: Final = "Sam Ito <sam@example.com>"
NOOR: Final = "Noor Haddad <noor@example.com>"
KIT: Final = "Kit Larsen <kit@example.com>"

TRIAGE: Final = "projects/support/agents/triage"
_GATES: Final = "soak: 1d\n      approvals: 1\n      overridable: [soak]"


class Fortnight:
    """The workspace at `folder`/config, and a clock that people and headpin share."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config"
        self.sources = folder / "sources"
        self.now = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    # ── what people do ───────────────────────────────────────────────────────────────────────────────

    def at(self, day: int, hour: int, minute: int = 0) -> None:
        """It is that day of November 2026."""
        self.now = datetime(2026, 11, day, hour, minute, tzinfo=UTC)

    def type(self, *command: str, by: str = "", fails: bool = False) -> None:
        """A command of headpin, and the pass of a controller that sees it a minute later."""
        author = ["--author", by] if by else []
        with clocked(self.now):
            ran = headpin(*command, *author, cwd=self.config)
        assert (ran.code != 0) is fails, f"{command}: {ran.out}{ran.err}"

    def reconcile(self, *, held: bool = False) -> None:
        """The controller's next pass, a minute later."""
        self.now = self.now.replace(minute=self.now.minute + 1)
        self.type("reconcile", fails=held)

    def act(self, *command: str, by: str) -> None:
        """A command that commits to main, and the pass after it."""
        self.type(*command, by=by)
        self.reconcile()

    def write(self, path: str, old: str, new: str) -> None:
        """An edit of a file of main; `old` is replaced by `new`."""
        file = self.config / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text("utf-8") if file.exists() else ""
        assert old in text, path
        file.write_text(text.replace(old, new, 1) if old else text + new, "utf-8")

    def commit(self, by: str, message: str, *, held: bool = False) -> None:
        """Commits all edits to main; the controller sees it a minute later."""
        self.git("add", "--all", by=by)
        self.git("commit", "--quiet", "--message", message, by=by)
        self.reconcile(held=held)

    def git(self, *command: str, by: str, cwd: Path | None = None) -> str:
        """A git command of a person."""
        name, _, address = by.removesuffix(">").partition(" <")
        moment = self.now.isoformat()
        who = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": address, "GIT_AUTHOR_DATE": moment}
        who |= {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": address, "GIT_COMMITTER_DATE": moment}
        return git(*command, cwd=cwd or self.config, env=who)

    def push(self, agent: str, message: str, files: dict[str, str], by: str) -> None:
        """A commit in an agent's source, which the controller follows."""
        place = self.sources / agent
        for path, text in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text, "utf-8")
        self.git("add", "--all", by=by, cwd=place)
        self.git("commit", "--quiet", "--message", message, by=by, cwd=place)

    # ── what happened ────────────────────────────────────────────────────────────────────────────────

    def live(self) -> None:
        """Both weeks."""
        self.start()
        self.first_week()
        self.second_week()
        self.last_days()

    def start(self) -> None:
        """Monday the 2nd: the workspace, and dev and staging."""
        shutil.copytree(resource("example-config-repo"), self.config)
        self.write("pipelines/standard.yaml", "overridable: [health]", _GATES)
        self.git("init", "--quiet", "--initial-branch=main", by=ROBIN)
        for agent in ("answers", "invoices", "mailroom", "reminders", "triage"):
            (self.sources / agent).mkdir(parents=True)
            self.git("init", "--quiet", "--initial-branch=main", by=NOOR, cwd=self.sources / agent)
            for message, files in source_commits(agent):
                self.push(agent, message, files, NOOR)
        self.commit(ROBIN, "Start with the example")
        self.at(2, 10)
        self.act("promote", "support/*", "--to", "staging", "--note", "Let us try it.", by=ROBIN)

    def first_week(self) -> None:
        """Production begins, triage gets worse, and is taken back."""
        for minute, agent in enumerate(("answers", "mailroom", "triage")):
            self.at(3, 14, minute)
            self.type("approve", f"support/{agent}", "--env", "prod", "--yes", "--reason", "Read and tried.", by=SAM)
        self.at(3, 15)
        self.act("promote", "support/*", "--to", "prod", "--yes", "--note", "Opening day.", by=ROBIN)
        self.at(3, 16)
        self.act("promote", "platform/status-page", "--to", "prod", "--yes", by=ROBIN)
        self.at(4, 11)
        self.push("triage", "Sort by urgency too", {"urgency.py": "URGENT_FIRST = True\n"}, NOOR)
        self.reconcile()
        self.at(4, 11, 30)
        self.act("promote", "support/triage", "--to", "staging", by=NOOR)
        self.at(4, 15)
        named = ("--display-name", "Trade fair", "--description", "A stand in Hanover, until Friday.")
        self.act("environment", "create", "fair", *named, "--pipeline", "standard", "--after", "prod", by=ROBIN)
        self.at(4, 16)
        self.act("promote", "support/answers", "support/mailroom", "--to", "fair", by=ROBIN)
        self.at(5, 10)
        self.write(f"{TRIAGE}/prod.yaml", "", "\nvariables:\n  LOG_LEVEL: info\n")
        self.commit(KIT, "See more of what triage does in prod")
        self.at(5, 14)
        self.type("approve", "support/triage", "--env", "prod", "--yes", "--reason", "Looks right.", by=SAM)
        self.at(5, 15)
        note = "Urgent tickets first."
        self.act("promote", "support/triage", "--to", "prod", "--yes", "--note", note, by=ROBIN)
        self.at(6, 10, 20)
        note = "Half of the refunds went to billing."
        self.act("rollback", "support/triage", "--env", "prod", "--yes", "--note", note, by=ROBIN)
        self.at(6, 14)
        self.write(f"{TRIAGE}/agent.yaml", 'CONFIDENCE_MINIMUM: "0.8"', 'CONFIDENCE_MINIMUM: "0.9"')
        self.commit(NOOR, "Ask people more often")

        self.at(6, 18)
        self.act("pipeline", "remove-stage", "standard", "fair", "--note", "The fair is over.", by=ROBIN)

    def second_week(self) -> None:
        """A repair in a hurry, a pin edited by hand, and somebody on headpin's branch."""
        self.at(9, 10)
        self.push("triage", "Keep refunds out of billing", {"refunds.py": "REFUNDS = 'returns'\n"}, NOOR)
        self.reconcile()
        self.at(9, 17)
        self.act("promote", "support/triage", "--to", "staging", "--note", "The refunds.", by=NOOR)
        self.at(10, 9, 30)
        self.type("approve", "support/triage", "--env", "prod", "--yes", "--reason", "It is what we need.", by=SAM)
        release = git("show", "HEAD:pins/staging/support/triage.yaml", cwd=self.config).replace("\n", "\n  ")
        self.write(
            "overrides/refunds.yaml",
            "",
            "allow: gates\nenvironment: prod\nagents: [support/triage]\ngates: [soak]\n"
            f"reason: Customers wait for their refunds.\nrelease:\n  {release}\n",
        )
        self.commit(SAM, "Let the refunds into prod early")
        self.at(10, 10)
        self.act("promote", "support/triage", "--to", "prod", "--yes", "--note", "Refunds work again.", by=ROBIN)
        self.at(11, 13)
        self.write("pins/prod/support/answers.yaml", "support/answers:", "support/answers-debug:")
        self.commit(KIT, "Debug answers", held=True)
        self.at(11, 15)
        self.git("revert", "--no-edit", "HEAD", by=ROBIN)
        self.reconcile()
        self.at(11, 18)
        self.act("stop", "support/answers", "--env", "staging", "--note", "Nobody tests with it.", by=SAM)

    def last_days(self) -> None:
        """More than prod has, and something that prod does not take."""
        self.at(12, 9)
        self.push("triage", "Answer in the customer's language", {"language.py": "LANGUAGE = None\n"}, NOOR)
        self.push("triage", "Log less", {"log.py": "QUIET = True\n"}, NOOR)
        self.reconcile()
        self.at(12, 10)
        self.act("promote", "support/triage", "--to", "staging", "--note", "Languages.", by=NOOR)
        self.at(12, 17)
        self.meddle()
        self.at(13, 8)
        self.push("mailroom", "Read attachments", {"attachments.py": "READ = True\n"}, NOOR)
        self.reconcile()
        self.at(13, 9)
        self.act("promote", "support/mailroom", "--to", "staging", by=NOOR)
        self.at(13, 9, 30)
        shutil.copy(self.config / "pins/staging/support/mailroom.yaml", self.config / "pins/prod/support/mailroom.yaml")
        self.commit(KIT, "Attachments for everybody", held=True)
        self.at(13, 15)
        self.git("switch", "--quiet", "--create", "tune", by=KIT)
        self.write(f"{TRIAGE}/prod.yaml", "LOG_LEVEL: info", "LOG_LEVEL: warning")
        self.git("commit", "--quiet", "--all", "--message", "Log less in prod", by=KIT)
        self.git("switch", "--quiet", "main", by=KIT)

    def meddle(self) -> None:
        """Somebody commits to an environment's branch by hand; the next pass undoes it."""
        place = self.config.parent / "hand"
        self.git("worktree", "add", "--quiet", str(place), "env/prod", by=KIT)
        file = place / "manifests/support/triage/horizontalpodautoscaler.yaml"
        file.write_text(file.read_text("utf-8").replace("12", "20"), "utf-8")
        self.git("commit", "--quiet", "--all", "--message", "More pods for triage", by=KIT, cwd=place)
        self.git("worktree", "remove", str(place), by=KIT)
        self.reconcile()
