"""`headpin validate`: every problem of every document."""

from __future__ import annotations

from typing import Annotated

import typer

from headpin.cli.app import PROBLEMS, Session, app, exit_with
from headpin.cli.arguments import JsonOption, Output, OutputOption, machine_form
from headpin.cli.terminal import counted
from headpin.controller.in_use import kept_names, snapshots_in_use
from headpin.errors import UsageError
from headpin.problems import errors
from headpin.tree import DiskTree, Tree
from headpin.workspace import DocumentReader, Workspace, check


@app.command(epilog="Example: headpin -C config validate")
def validate(
    context: typer.Context,
    revision: Annotated[
        str | None, typer.Option("--revision", metavar="REV", help="Validate a commit instead of the files on disk.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings too.")] = False,
    output: OutputOption = Output.TABLE,
    json: JsonOption = False,
) -> None:
    """Report every problem of every document, with its place and its remedy.

    In a work tree the files on disk are read, uncommitted edits included; in a bare repository the head
    of the main branch. Exits with 1 when there are errors.
    """
    session: Session = context.obj
    tree, what = _tree(session, revision)
    with session.terminal.working(f"validating {what}"):
        workspace = Workspace(tree, DocumentReader())
        branches = session.controller.branches(workspace)
        tracked = {name: branch.state.tracks_head for name, branch in branches.items() if branch.state is not None}
        in_use = snapshots_in_use(session.repository, workspace, branches)
        problems = check(workspace, tracked, in_use, kept_names(branches))
    found = errors(problems)
    form = machine_form(output, json)
    if form:
        told = [problem.as_json() for problem in problems]
        session.terminal.machine("Validation", {"what": what, "problems": told}, form)
    else:
        session.terminal.problems(problems)
        _summary(session, workspace, what, len(found), len(problems) - len(found))
    exit_with(PROBLEMS if found or (strict and problems) else 0)


def _tree(session: Session, revision: str | None) -> tuple[Tree, str]:
    repository = session.repository
    if revision is not None:
        found = repository.resolve(revision)
        if found is None:
            raise UsageError(f"there is no commit {revision}", remedy="name a branch, a tag or a commit id")
        return repository.tree(found), found[:7]
    if repository.work_tree is not None:
        return DiskTree(repository.work_tree, has_modes=repository.has_file_modes), "the work tree"
    head = session.controller.main_head()
    return repository.tree_at(head.tree), f"{session.controller.main} at {head.id[:7]}"


def _summary(session: Session, workspace: Workspace, what: str, wrong: int, warned: int) -> None:
    counts = ", ".join(
        (
            counted(len(workspace.environments), "environment"),
            counted(len(workspace.pipelines), "pipeline"),
            counted(len(workspace.projects), "project"),
            counted(len(workspace.all_agents()), "agent"),
        )
    )
    if not wrong and not warned:
        session.terminal.line(("valid", "green"), f": {counts} in {what}")
        return
    told = f"{counted(wrong, 'error')}, {counted(warned, 'warning')}"
    session.terminal.line((told, "red" if wrong else "yellow"), f" in {what}: {counts}")
