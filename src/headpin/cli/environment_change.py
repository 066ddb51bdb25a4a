"""What changes environments: one commit on main, but for `init`, which is about a branch of headpin's own."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.actions import NewEnvironment
from headpin.cli.acting import (
    ConfirmOption,
    DryRunOption,
    How,
    NoteOption,
    PruneOption,
    Typed,
    acting,
    perform,
    refuse_untyped,
)
from headpin.cli.app import Session
from headpin.cli.arguments import (
    AuthorOption,
    JsonOption,
    Output,
    OutputOption,
    author_named,
    complete_pipelines,
    environment_named,
    machine_form,
    new_name,
    pipeline_named,
)
from headpin.cli.structure_arguments import (
    AfterOption,
    BeforeOption,
    DescriptionOption,
    DisplayNameOption,
    EnvironmentName,
    NewName,
    ending_of,
    place_of,
    told,
)
from headpin.cli.terminal import BUSY, DIM, GOOD, STRONG, inert
from headpin.controller.reporting import person_of
from headpin.controller.restart import Restart, carry_out, find_restart
from headpin.controller.structure import to_create_environment, to_delete_environment
from headpin.errors import Refused, UsageError
from headpin.releases.codec import format_time
from headpin.types import Revision, short


@acting
def create(
    context: typer.Context,
    name: NewName,
    display_name: DisplayNameOption = "",
    description: DescriptionOption = "",
    production: Annotated[bool, typer.Option("--production", help="People depend on it: commands ask twice.")] = False,
    namespace: Annotated[
        str, typer.Option("--namespace", metavar="NAME", help="The Kubernetes namespace.", show_default="the name")
    ] = "",
    cluster: Annotated[
        str, typer.Option("--cluster", metavar="NAME", help="The cluster.", show_default="in-cluster")
    ] = "",
    engine: Annotated[str, typer.Option("--engine", metavar="ENGINE", help="manifests or helm.")] = "",
    pipeline: Annotated[
        list[str] | None,
        typer.Option(
            "--pipeline",
            metavar="PIPELINE",
            help="A pipeline that it becomes a stage of; can be repeated.",
            autocompletion=complete_pipelines,
        ),
    ] = None,
    after: AfterOption = "",
    before: BeforeOption = "",
    note: NoteOption = "",
    *,
    how: How,
) -> None:
    """Create a pinned environment: one commit with its document, and with the stage in its pipelines.

    Nothing runs there until something is promoted into it. What becomes reachable is shown before anything is
    written. The workspace's plan says how many environments there may be.
    """
    session: Session = context.obj
    workspace = session.controller.workspace()
    place = place_of(after, before)
    pipelines = tuple(pipeline_named(workspace, text) for text in pipeline or ())
    if (after or before) and not pipelines:
        raise UsageError("--after and --before are places in a pipeline", remedy="name it with --pipeline")
    wish = NewEnvironment(
        new_name(name, "an environment"),
        told(display_name, description),
        production,
        namespace,
        cluster,
        engine,
        pipelines,
        place,
    )
    perform(session, to_create_environment(wish, note), how, "", "WorkspaceChange")


@acting
def delete(
    context: typer.Context,
    env: EnvironmentName,
    confirm: ConfirmOption = None,
    note: NoteOption = "",
    allow_prune: PruneOption = False,
    *,
    how: How,
) -> None:
    """Delete an environment with its pins, own layers, approvals and overrides: one commit.

    Refused while a pipeline names it, and for the head environment. The next pass removes what it served; its branch
    stays. 'git revert' brings documents, pins and version numbers back, not the data of what ran.
    """
    session: Session = context.obj
    name = environment_named(session.controller.workspace().environment_order, env)
    intent = to_delete_environment(name, ending_of(note, allow_prune))
    perform(session, intent, how, name, "WorkspaceChange", Typed(name, confirm))


def initialise(
    context: typer.Context,
    env: EnvironmentName,
    confirm: ConfirmOption = None,
    dry_run: DryRunOption = False,
    author: AuthorOption = None,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Put back the branch of an environment that the head environment lists and that is missing here and upstream.

    Where its last commit is still known (another remote, a reflog, an object that nothing refers to), the branch is
    put back there, and nothing is lost. Else it starts anew, which takes the typed name: what was served and its
    history are gone, pins go through all gates again, and new versions go on above all that main's history tells of.
    """
    session: Session = context.obj
    controller = session.controller
    name = environment_named(controller.workspace().environment_order, env)
    with session.terminal.working("looking for the branch"):
        found = find_restart(controller, name)
    form = machine_form(output, json)
    if not form:
        _print_restart(session, found)
    if not found.is_found and not dry_run:
        _confirm_anew(session, Typed(name, confirm))
    tip = None if dry_run else carry_out(controller, found, person_of(controller, author_named(author)))
    if form:
        session.terminal.machine("Restart", {"dryRun": dry_run, **found.as_json(), "branchAt": tip}, form)
        return
    _print_done(session, found, tip)


def _confirm_anew(session: Session, typed: Typed) -> None:
    refuse_untyped(session, typed)
    if typed.given is None and session.terminal.ask(f"Type {typed.name} to start anew: ") != typed.name:
        raise Refused("not confirmed; nothing was written", remedy="--confirm NAME confirms without asking")


def _print_restart(session: Session, found: Restart) -> None:
    line = session.terminal.line
    if found.tip is not None:
        told = f"{short(found.tip.id)} of {format_time(found.tip.committer.at)}, {found.where}"
        line((f"Put back env/{found.environment}", STRONG), f" at {told}")
        if found.others:
            line(("note     ", BUSY), f"{found.others} more commits of other lines are known; this is the newest one")
        line(("note     ", BUSY), "if somebody has a later commit of it, fetch that one instead")
        return
    line((f"Start env/{found.environment} anew", STRONG), ": no commit of it is known any more")
    line(("note     ", BUSY), "what it served, its records and its events are lost")
    line(("note     ", BUSY), "it begins empty: what delivers from it removes everything until the next pass")
    line(("note     ", BUSY), "its pins go through all gates again, as promotions")
    for agent, highest in found.highest:
        line((f"{'versions':9}", DIM), f"{agent} goes on at v{highest + 1}: main's history tells of {highest} at most")


def _print_done(session: Session, found: Restart, tip: Revision | None) -> None:
    if tip is None:
        session.terminal.line(("dry run", BUSY), ": nothing was written")
        return
    session.terminal.line(("done", GOOD), f": {inert(found.ref)} is at {short(tip)}")
    session.terminal.note((f"{'next':9}", DIM), ("headpin reconcile, or wait for the controller", STRONG))
