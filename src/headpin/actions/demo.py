"""What the demo is made of: source repositories with some history, and the story that it tells.

A story is a list of steps; a step is a heading, why it happens, and the commands that a person would type
in the config repository.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

AGENT = "support/triage"
TOGETHER = ("support/triage", "support/answers", "support/mailroom")
STRAIGHT = "platform/status-page"

_CONTENT = {
    "mailroom": {
        "replies/received.txt": "We have your message, and will answer within a day.\n",
        "replies/too-large.txt": "Your attachment is too large for us. Please send a link.\n",
    }
}
"""Files that an agent of the example names as its content."""

_WORK = ("Read tickets from the queue", "Answer within a second", "Log what was decided")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the story. Each command is shown and run as it is, by a shell."""

    heading: str
    why: str
    commands: tuple[str, ...]


def source_commits(agent: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The history of an agent's source repository: message and files of each commit."""
    yield f"Start {agent}", {"README.md": f"# {agent}\n", **_CONTENT.get(agent, {})}
    program = f'"""{agent}."""\n'
    for number, message in enumerate(_WORK, 1):
        program += f"STEP_{number} = {message!r}\n"
        yield message, {"main.py": program}


STORY = (
    Step(
        "The workspace is valid",
        "A mistake would be told with file, line and remedy.",
        ("headpin validate",),
    ),
    Step(
        "dev follows the branches",
        "Nothing is pinned in dev: it runs the head of each agent's branch.",
        ("headpin reconcile",),
    ),
    Step(
        "A developer pushes, and dev follows",
        "The config repository does not change for that.",
        (
            "echo 'URGENT_FIRST = True' >> ../sources/triage/main.py",
            "git -C ../sources/triage commit --quiet -a -m 'Sort by urgency too'",
            "headpin reconcile",
        ),
    ),
    Step(
        "Promote to staging: commit what dev serves as a pin",
        "A pin is a file that names a release. In daily work this is a pull request.",
        (
            "mkdir -p pins/staging/support",
            *(f"headpin pin {agent} --env dev > pins/staging/{agent}.yaml" for agent in TOGETHER),
            "git add pins",
            "git commit --quiet -m 'Promote support to staging'",
            "headpin reconcile",
        ),
    ),
    Step(
        "Promote to prod: copy the pins",
        "Only what ran in the stage before is let through. The status page has no staging in its pipeline.",
        (
            "mkdir -p pins/prod/platform",
            "cp -r pins/staging/support pins/prod/support",
            f"headpin pin {STRAIGHT} --env dev > pins/prod/{STRAIGHT}.yaml",
            "git add pins",
            "git commit --quiet -m 'Promote support and the status page to prod'",
            "headpin reconcile",
        ),
    ),
    Step(
        "The next release, with headpin's own commands",
        "They check everything first, and write the commit that you could have written by hand.",
        (
            "echo 'ASK_AGAIN = True' >> ../sources/triage/main.py",
            "git -C ../sources/triage commit --quiet -a -m 'Ask again when unsure'",
            "headpin reconcile",
            f"headpin promote {AGENT} --to staging --note 'Fewer tickets come back.'",
            "headpin reconcile",
            f"headpin promote {AGENT} --to prod --yes",
            "headpin reconcile",
        ),
    ),
    Step(
        "At 3 a.m.: roll prod back",
        "A revert of the promotion; 'headpin rollback' writes the same. The old release has its old version number "
        "again, and staging keeps the new one.",
        ("git revert --no-edit HEAD", "headpin reconcile"),
    ),
    Step(
        "Change a shared setting: only dev takes it",
        "Shared settings are part of the release. staging and prod get this one when it is promoted.",
        (
            'sed -i.bak \'s/CONFIDENCE_MINIMUM: "0.8"/CONFIDENCE_MINIMUM: "0.9"/\' '
            "projects/support/agents/triage/agent.yaml && rm projects/support/agents/triage/agent.yaml.bak",
            "git commit --quiet -a -m 'Ask people more often'",
            "headpin reconcile",
            "git diff --stat env/dev~1 env/dev -- manifests",
        ),
    ),
    Step("What runs where", "", ("headpin status",)),
    Step("What happened, who did it, and why", "", (f"headpin history {AGENT}",)),
)

NEXT = (
    (f"headpin explain {AGENT} --env prod", "the file and line behind each setting"),
    (f"headpin promote {AGENT} --to staging --dry-run", "what a promotion would do, gates and diff"),
    ("headpin explain billing/invoices --env staging", "why nothing runs there"),
    ("git log --oneline --graph --all", "people's commits on main, headpin's on env/*"),
    ("git show env/prod:manifests/support/triage/deployment.yaml", "what the cluster gets"),
    ("diff -r pins/staging pins/prod", "what waits in staging"),
)
"""What to try next: a command, and what it shows."""
