"""One environment in a pass: look, decide, render, and publish with one commit.

Everything is decided and rendered before anything is written; one commit, moved by one compare-and-swap,
publishes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from headpin.controller.branches import Branch
from headpin.controller.cast import Rename, cast_of
from headpin.controller.context import PassContext, now_on
from headpin.controller.holds import allowed_removals, documents_hold, environment_hold, hold_of, prune_message
from headpin.controller.messages import plain_message
from headpin.controller.publish import commit_branch, file_changes, kustomizations, publish
from headpin.controller.report import DeploymentReport, EnvironmentReport
from headpin.controller.situations import look_up_images, situation_of
from headpin.controller.view import candidates, look
from headpin.errors import Conflict, HeadpinError
from headpin.git import Folder, TreeRef
from headpin.releases import Hold, Planned, decide, prune_excess, settle, with_rename
from headpin.releases.environment import EnvironmentState
from headpin.types import AgentName


def reconcile_environment(context: PassContext, environment: str) -> EnvironmentReport:
    """Brings one environment's branch to what main's head wants.

    Raises what `headpin.errors` says: Conflict when the branch moved meanwhile.
    """
    branch = context.around.branches[environment]
    if branch.trouble is not None:
        raise branch.trouble
    exists = environment in context.workspace.environments
    hold = environment_hold(context, branch)
    view = look(context, branch) if hold is None else None
    if isinstance(view, str):
        hold = hold_of(context, branch, view)
    if hold is not None or view is None or isinstance(view, str):
        return _keep_all(context, branch, hold)
    cast = cast_of(context, branch, view, candidates(context, branch, view))
    if environment == context.workspace.head_environment:
        look_up_images(context.around, environment, cast.agents)
    situations = (
        situation_of(
            context.around,
            environment,
            agent,
            cast.moves[agent],
            exists=exists,
            claimed_by=cast.claimed.get(agent),
        )
        for agent in cast.agents
    )
    planned = tuple(Planned(situation, decide(situation)) for situation in situations)
    excess = prune_excess(planned, context.workspace.limits.prune, allowed_removals(context.workspace, environment))
    if excess:
        return _keep_all(context, branch, hold_of(context, branch, prune_message(environment, excess, context)))
    return _carry_out(context, branch, planned, cast.renames, view.accepted)


def start_branches(context: PassContext, environments: Iterable[str], head_state: EnvironmentState | None) -> None:
    """Gives every new environment its branch, before the head environment lists it.

    In this order a crash leaves a branch that nothing lists yet, never a listed one that is missing.
    """
    for environment in environments:
        branch = context.around.branches[environment]
        tracks_head = environment == context.workspace.head_environment
        if branch.exists or branch.trouble or tracks_head or documents_hold(context.workspace, branch):
            continue
        # In the first pass of all, nothing was observed before: the pins that are there wait for their decision.
        folded = head_state.folded if head_state and head_state.folded else context.head.id
        waiting = context.workspace.pins(environment) if folded == context.head.id else ()
        branch.state = EnvironmentState(environment, tracks_head, context.head.id, folded, unsettled=waiting)
        if context.dry_run:
            continue
        try:
            commit_branch(
                context,
                branch,
                {},
                branch.state,
                plain_message(f"Start the environment {environment}", context.head.id),
                (),
            )
        except Conflict:
            raise
        except HeadpinError as error:  # its own trouble: the others go on
            branch.state, branch.trouble = None, error


def _keep_all(context: PassContext, branch: Branch, hold: Hold | None) -> EnvironmentReport:
    """Leaves every deployment of the environment as it is, and says why once."""
    state = branch.state
    is_foreign = branch.tip is not None and branch.own is not None and branch.tip.id != branch.own.id
    if state is None or (state.hold == hold and not is_foreign):
        return EnvironmentReport(branch.environment, hold=hold)
    after = replace(state, config=context.head.id, hold=hold)
    subject = f"Hold the environment {branch.environment}" if hold else f"Release the environment {branch.environment}"
    commit = None
    if not context.dry_run:
        commit = commit_branch(context, branch, {}, after, plain_message(subject, context.head.id), ())
    return EnvironmentReport(branch.environment, hold=hold, commit=commit)


def _carry_out(
    context: PassContext,
    branch: Branch,
    planned: Sequence[Planned],
    renames: Mapping[AgentName, Rename],
    accepted: bool,
) -> EnvironmentReport:
    now = now_on(context, branch) if planned else context.now
    changes: dict[str, bytes | TreeRef | Folder | None] = {}
    reports: list[DeploymentReport] = []
    for number, item in enumerate(planned):
        context.progress(f"rendering {branch.environment}", number, len(planned))
        agent, rename = item.situation.agent, renames.get(item.situation.agent)
        realised = context.realiser.realise(item.situation, item.decision)
        settled = settle(item.situation, realised.decision, realised.rendered, now, context.head.id)
        is_changed = settled.record != item.situation.record or bool(settled.events) or realised.files is not None
        if rename is not None:
            settled = with_rename(item.situation, settled, rename.old, rename.by, now)
            changes |= branch.folders_moved(agent)
        if is_changed or rename is not None:
            changes |= branch.changes(agent, settled)
            changes |= file_changes(context, agent, realised)
            branch.settle(agent, settled)
        reports.append(
            DeploymentReport(
                agent,
                item.situation,
                realised.decision,
                settled.record,
                settled.events,
                is_changed or rename is not None,
                rename.old if rename else None,
            )
        )
    changes |= kustomizations(branch, changes)
    return publish(context, branch, changes, reports, accepted)
