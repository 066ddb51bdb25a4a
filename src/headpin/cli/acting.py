"""What all commands that change main have in common: their options, what they show first, and how they ask.

A command gives an intent; here it is previewed, confirmed, carried out and told.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

import typer

from headpin.cli.app import Session
from headpin.cli.arguments import (
    AuthorOption,
    JsonOption,
    Output,
    OutputOption,
    PushOption,
    agent_named,
    author_named,
    closest,
    complete_agents,
    environment_named,
    machine_form,
    outside_of,
)
from headpin.cli.structural import Line, print_structural, structural_json
from headpin.cli.terminal import BAD, BUSY, DIM, GOOD, STRONG, counted, inert
from headpin.controller.act import Actor, Along, Done, Intent
from headpin.controller.intents import ALL, AgentPattern
from headpin.controller.proposal import Outcome, Proposal
from headpin.controller.reporting import person_of
from headpin.errors import UsageError
from headpin.git import Repository, remote_of
from headpin.releases import Release
from headpin.releases.codec import gate_mapping
from headpin.types import name_fault, short
from headpin.workspace import Workspace

_MAX_DIFF_LINES = 400
_MAX_ALONG = 20

AgentsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="AGENT...",
        help="Agents, as project/agent; 'project/*' stands for all of a project.",
        autocompletion=complete_agents,
    ),
]
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; the body of the commit message.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")]
YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask; needed for production where nobody can be asked.")
]
BranchOption = Annotated[
    str | None,
    typer.Option(
        "--branch",
        metavar="[=NAME]",
        help="Commit to a branch, for a pull request, instead of main. Without a name it gets one of its own.",
    ),
]


ConfirmOption = Annotated[
    str | None,
    typer.Option("--confirm", metavar="NAME", help="The name once more; needed where nobody can be asked to type it."),
]
PruneOption = Annotated[
    bool,
    typer.Option(
        "--allow-prune",
        help="Write the override file that more removals than limits.prune need; --note is its reason.",
    ),
]


@dataclass(frozen=True, slots=True)
class How:
    """The options of a command that changes main. `form` is the machine form asked for, if one is."""

    dry_run: bool = False
    yes: bool = False
    push: bool | None = None
    branch: str | None = None
    author: str | None = None
    form: str | None = None


_HOW: dict[str, tuple[Any, Any]] = {
    "dry_run": (DryRunOption, False),
    "branch": (BranchOption, None),
    "yes": (YesOption, False),
    "push": (PushOption, None),
    "author": (AuthorOption, None),
    "output": (OutputOption, Output.TABLE),
    "json": (JsonOption, False),
}


def acting(command: Callable[..., None]) -> Callable[..., None]:
    """Gives a command that takes `how` the options that `How` is made from, in the place of that parameter."""
    signature = inspect.signature(command, eval_str=True)
    kept = [parameter for name, parameter in signature.parameters.items() if name != "how"]
    added = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation)
        for name, (annotation, default) in _HOW.items()
    ]

    @wraps(command)
    def run(**given: Any) -> None:
        said = {name: given.pop(name) for name in _HOW}
        form = machine_form(said.pop("output"), said.pop("json"))
        command(**given, how=How(**said, form=form))

    run.__signature__ = signature.replace(parameters=[*kept, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*kept, *added)}
    return run


def deployments_named(session: Session, agents: Iterable[str], environment: str) -> tuple[list[AgentPattern], str]:
    """The agents and the environment that a person named. Raises UsageError where there are none such."""
    workspace = session.controller.workspace()
    name = environment_named(workspace.environment_order, environment)
    return [_pattern(workspace, text) for text in agents], name


def _pattern(workspace: Workspace, text: str) -> AgentPattern:
    project, slash, agent = text.partition("/")
    if not slash or agent != ALL or name_fault(project):
        named = agent_named(workspace, text)
        return AgentPattern(named.project, named.agent)
    if project not in workspace.projects:
        others = f"they are {', '.join(workspace.projects)}"
        raise UsageError(f"there is no project {project}", remedy=closest(project, workspace.projects, others, "/*"))
    return AgentPattern(project, ALL)


@dataclass(frozen=True, slots=True)
class Typed:
    """A name that has to be typed before what it names is deleted; `given` is what --confirm says."""

    name: str
    given: str | None


def perform(
    session: Session, intent: Intent, how: How, environment: str, kind: str, typed: Typed | None = None
) -> None:
    """Shows, asks, does and tells. `kind` names the machine form.

    `environment` is the one that is changed; "" where the change itself tells, because it is one of the workspace's
    structure. `typed` is what a person has to type.
    """
    if how.dry_run and how.branch is not None:
        raise UsageError("--dry-run writes nothing, so there is no branch to name")
    if typed is not None and not how.dry_run:
        refuse_untyped(session, typed)
    controller = session.controller
    asker = Asker(session, how, environment, typed)
    author = person_of(controller, author_named(how.author))
    actor = Actor(controller, (author.name, author.email), outside_of(how.push), how.branch, asker.confirm)
    if how.dry_run:
        with session.terminal.working("looking"):
            meant = actor.preview(intent)
        _tell(session, meant, how, kind)
        meant.proposal.refuse()
        return
    _tell(session, actor.act(intent), how, kind)


def refuse_untyped(session: Session, typed: Typed) -> None:
    """Raises UsageError where the name typed is another one, or where nobody can type it."""
    if typed.given is not None and typed.given != typed.name:
        raise UsageError(f"--confirm says {typed.given!r}, and not {typed.name!r}", remedy="nothing was written")
    if typed.given is None and not session.terminal.can_ask:
        raise UsageError(
            f"{typed.name} has to be typed once more, and nobody can be asked here",
            remedy=f"look with --dry-run, then repeat the command with --confirm {typed.name}",
        )


@dataclass(slots=True)
class Asker:
    """Asks the person, where there is one."""

    session: Session
    how: How
    environment: str
    typed: Typed | None = None

    def confirm(self, meant: Done) -> bool:
        """Whether to go on. A production environment asks twice, and what is deleted is typed."""
        terminal = self.session.terminal
        production = "" if self.how.yes else self._production(meant.proposal)
        untyped = self.typed.name if self.typed and self.typed.given is None else ""
        if not production and not untyped:
            return True
        if not terminal.can_ask:
            raise UsageError(
                f"{production} is a production environment, and nobody can be asked here",
                remedy="look with --dry-run, then repeat the command with --yes",
            )
        print_proposal(self.session, meant.proposal, meant.along, diff=True, to_errors=True)
        if production and not terminal.ask(f"{meant.proposal.change.subject}? [y/N] ").lower().startswith("y"):
            return False
        if untyped:
            return terminal.ask(f"Type {untyped} to go on: ") == untyped
        return terminal.ask(f"{production} is production. Type its name to go on: ") == production

    def _production(self, proposal: Proposal) -> str:
        """The production environment that changes, if one does."""
        concerned = {outcome.environment for outcome in proposal.outcomes}
        concerned |= {reach.environment for reach in proposal.effects.reaches if reach.served}
        names = [self.environment] if self.environment else sorted(concerned)
        environments = self.session.controller.workspace().environments
        documents = ((name, environments.get(name)) for name in names)
        return next((name for name, found in documents if found and found.model and found.model.production), "")


# ── telling ──────────────────────────────────────────────────────────────────────────────────────────


def _tell(session: Session, done: Done, how: How, kind: str) -> None:
    if how.form:
        session.terminal.machine(kind, as_json(done, dry_run=how.dry_run), how.form)
        return
    terminal = session.terminal
    proposal = done.proposal
    if not proposal.change.files:
        terminal.line("nothing to do: main says so already; 'headpin status' tells what became of it")
        _tell_behind(session, done)
        return
    print_proposal(session, proposal, done.along, diff=how.dry_run)
    if done.commit is None:
        terminal.line(("dry run", BUSY), ": nothing was written")
        return
    where = f"{done.branch} at {done.pushed_to}" if done.pushed_to else done.branch
    if done.was_there:
        terminal.line(("there already", GOOD), f": {short(done.commit.id)} is in {where}")
    else:
        terminal.line(("committed", GOOD), f" {short(done.commit.id)} to {where}")
    _tell_behind(session, done)
    for what, command in _next(done, session.controller.repository, session.controller.main):
        terminal.note((f"{what:9}", DIM), (command, STRONG))


def _tell_behind(session: Session, done: Done) -> None:
    if done.behind:
        session.terminal.note(("the files here did not follow: ", BAD), inert(done.behind))


def _next(done: Done, repository: Repository, main: str) -> list[tuple[str, str]]:
    if done.commit is None:
        return []
    if done.branch != main:
        push = f"git push {remote_of(repository, main)} {done.branch}"
        return [("next", "open a pull request and merge it" if done.pushed_to else push)]
    undo = f"git revert {short(done.commit.id)}"
    return [("next", "headpin reconcile, or wait for the controller"), ("to undo", undo)]


def print_proposal(
    session: Session, proposal: Proposal, along: Along = (), *, diff: bool, to_errors: bool = False
) -> None:
    """What a change does, deployment by deployment, and what else of main goes upstream with it."""
    line = session.terminal.note if to_errors else session.terminal.line
    line((inert(proposal.change.subject), STRONG))
    if proposal.change.structure:
        print_structural(line, proposal, diff=diff)
        print_along(line, along)
        return
    for outcome in proposal.outcomes:
        if len(proposal.outcomes) > 1:
            line("  ", (f"{outcome.agent} in {outcome.environment}", STRONG))
        for label, text, style in _facts(outcome):
            line(f"    {label:9}", (inert(text), style))
    told = [("note", inert(warning), BUSY) for warning in proposal.change.warnings]
    for label, text, style in (*told, *(("file", path, DIM) for path in proposal.change.files)):
        line((f"    {label:9}{text}", style))
    print_along(line, along)
    if diff:
        for outcome in proposal.outcomes:
            for text in _diff_lines(outcome):
                style = GOOD if text.startswith("+") else BAD if text.startswith("-") else DIM
                line((f"    {inert(text)}", style))


def print_along(line: Line, along: Along) -> None:
    """What else of main goes upstream."""
    for commit in along[:_MAX_ALONG]:
        line(("also pushes: ", BUSY), f"{short(commit.id)} {inert(commit.subject)}")
    if len(along) > _MAX_ALONG:
        line(("also pushes: ", BUSY), f"{len(along) - _MAX_ALONG} more; 'git log @{{upstream}}..' shows them")


def _facts(outcome: Outcome) -> Iterable[tuple[str, str, str]]:
    decision, served = outcome.decision, outcome.situation.record.served
    if outcome.is_rename:
        yield from _kept(outcome)
    elif decision.kind is not None and decision.release is not None:
        old = f"v{served.version} ({served.release})" if served else "nothing"
        source = f", from {decision.source.environment}" if decision.source else ""
        yield "serves", f"{old} → v{decision.version} ({decision.release}){source}", ""
        yield from _release_facts(served.release if served else None, decision.release)
    for gate in decision.gates:
        word = "open" if gate.is_open else "waiting" if gate.is_waiting else "closed"
        yield "gate", f"{gate.gate} is {word}: {gate.evidence}", GOOD if gate.is_open else BAD
    changed = [
        name for name in {*outcome.before, *outcome.after} if outcome.before.get(name) != outcome.after.get(name)
    ]
    if changed:
        lines = list(_diff_lines(outcome))
        added = sum(text.startswith("+") and not text.startswith("+++") for text in lines)
        removed = sum(text.startswith("-") and not text.startswith("---") for text in lines)
        manifests, more = counted(len(changed), "manifest"), counted(added, "line")
        yield "renders", f"{manifests}, {more} added, {removed} removed", ""


def _kept(outcome: Outcome) -> Iterable[tuple[str, str, str]]:
    """What a rename leaves as it is."""
    record = outcome.situation.record
    if record.served is not None:
        version = f"v{record.served.version} " if record.served.version else ""
        more = "; nothing is redeployed" if outcome.before == outcome.after else ""
        yield "keeps", f"{version}({record.served.release}){more}", ""
    if record.hold is not None:
        yield "held", f"still: {record.hold.message}", BAD


def _release_facts(old: Release | None, new: Release) -> Iterable[tuple[str, str, str]]:
    if old is None or old.image != new.image:
        yield "image", new.image, ""
    if old is not None and old.settings != new.settings:
        yield "settings", f"{short(old.settings)} → {short(new.settings)}", ""
    if old is not None and old.content != new.content:
        yield "content", f"{short(old.content or 'none')} → {short(new.content or 'none')}", ""


def _diff_lines(outcome: Outcome) -> Iterable[str]:
    """A unified diff of the manifests; a long one is cut, and says so."""
    count = 0
    for name in sorted({*outcome.before, *outcome.after}):
        old, new = outcome.before.get(name, ""), outcome.after.get(name, "")
        if old == new:
            continue
        path = f"{outcome.environment}/{outcome.agent}/{name}"
        for text in difflib.unified_diff(
            old.splitlines(), new.splitlines(), f"a/{path}" if old else "/dev/null", f"b/{path}", lineterm=""
        ):
            count += 1
            if count > _MAX_DIFF_LINES:
                yield f"… cut after {_MAX_DIFF_LINES} lines; 'headpin render' shows everything"
                return
            yield text


def as_json(done: Done, *, dry_run: bool) -> dict[str, Any]:
    """The machine form of a change."""
    change = done.proposal.change
    return {
        "dryRun": dry_run,
        "subject": change.subject,
        "note": change.note or None,
        "base": done.proposal.base.id,
        "commit": done.commit.id if done.commit else None,
        "branch": done.branch or None,
        "pushedTo": done.pushed_to or None,
        "alsoPushes": [{"commit": commit.id, "subject": commit.subject} for commit in done.along],
        "files": sorted(change.files),
        "deployments": [_outcome_json(outcome) for outcome in done.proposal.outcomes],
        **_more_json(done.proposal),
    }


def _more_json(proposal: Proposal) -> dict[str, Any]:
    change = proposal.change
    if change.structure:
        return structural_json(proposal)
    return {"warnings": list(change.warnings)} if change.warnings else {}


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    decision = outcome.decision
    return {
        "agent": str(outcome.agent),
        "environment": outcome.environment,
        "action": decision.action.value,
        "reason": decision.reason,
        "version": decision.version,
        "release": decision.release.as_mapping() if decision.release else None,
        "source": {"environment": decision.source.environment, "version": decision.source.version}
        if decision.source
        else None,
        "gates": [gate_mapping(gate) for gate in decision.gates],
        "diff": "\n".join(_diff_lines(outcome)) or None,
    }
