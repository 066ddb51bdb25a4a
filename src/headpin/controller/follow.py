"""From a source's history and main's documents to releases: what the head environment wants, and what a first
stage may pin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from headpin.controller.branches import Branch
from headpin.controller.heads import Heads
from headpin.controller.images import Images, resolved, resolved_before, told
from headpin.errors import HeadpinError, Refused, SourceTrouble
from headpin.git import Repository, redacted
from headpin.images import digest_of
from headpin.model import Agent
from headpin.releases import Built, Desired, FirstStage, Ran, Release, Situation, Unobserved, Unreadable, Wanted
from headpin.sources import Followed, SourceRule
from headpin.types import AgentName, Revision, TreeId
from headpin.workspace import Snapshot, Workspace
from headpin.workspace.documents import Document, parse_bytes
from headpin.workspace.snapshot import AGENT_FILE


def desired_release(heads: Heads, branch: Branch, agent: AgentName, snapshot: Snapshot) -> Desired:
    """What the head environment wants of an agent whose valid shared settings are `snapshot`."""
    document, model = snapshot.agent, snapshot.agent.model
    if model is None:
        raise ValueError(f"{document.path} is not valid")
    rule = SourceRule.of(model)
    observed = heads.of(rule)
    if observed.revision is not None:
        return _wanted(document, model, snapshot, observed)
    served = branch.record(agent).served
    if served is None:
        return Unobserved(observed.problem)
    release = served.release
    if model.content is None:
        return Wanted(_release(model, snapshot, Followed(release.revision, "", release.revision)))
    known = heads.at(rule, release.revision)
    if known is not None:
        return _wanted(document, model, snapshot, known)
    if _served_by_the_same(branch, agent, model):
        return Wanted(Release(release.revision, release.image, TreeId(snapshot.id), release.content))
    return Unobserved(f"{observed.problem}; the content that {document.path} names now is not known without it")


def _wanted(document: Document[Agent], model: Agent, snapshot: Snapshot, found: Followed) -> Desired:
    if found.faults:
        said = ((fault.code, f"{fault.message}, at {found.revision} of the source") for fault in found.faults)
        return Unreadable(tuple(document.problem(code, ("content",), message) for code, message in said))
    return Wanted(_release(model, snapshot, found))


def _release(model: Agent, snapshot: Snapshot, found: Followed) -> Release:
    if found.revision is None or found.image_revision is None:
        raise ValueError("a release has a revision")
    return Release(found.revision, model.image_of(found.image_revision), TreeId(snapshot.id), found.content)


def _served_by_the_same(branch: Branch, agent: AgentName, model: Agent) -> bool:
    """Whether what is served was followed by the same rule, so that its image and content are still right."""
    home = branch.home(agent)
    path = f"settings/{home.project}/{home.agent}/{AGENT_FILE}"
    if branch.tree.entry(path) is None:
        return False
    before, _ = parse_bytes(branch.tree.read(path), path, Agent)
    return isinstance(before, Agent) and (before.source.path, before.image, before.content) == (
        model.source.path,
        model.image,
        model.content,
    )


def first_stage_of(heads: Heads, images: Images, workspace: Workspace, situation: Situation) -> FirstStage:
    """What the source and main say of the release that `situation` wants in a pipeline's first stage."""
    if not isinstance(situation.desired, Wanted):
        raise ValueError("no release is wanted")
    release = situation.desired.release
    snapshot = workspace.snapshot(situation.agent)
    if snapshot is None or snapshot.agent.model is None:
        return FirstStage("", problem=f"main's {situation.agent} cannot be read", is_on_branch=True)
    rule = SourceRule.of(snapshot.agent.model)
    place = f"{rule.branch} of {redacted(rule.repository)}"
    built: list[Built] = []
    problem, subject, is_on_branch = "", "", False
    try:
        for config, at in _configs(heads.repository, workspace, situation):
            found = next((known for name in situation.names if (known := at.snapshot(name)) is not None), None)
            if found is None or found.agent.model is None:
                continue
            rule = SourceRule.of(found.agent.model)
            is_there, followed = heads.chosen(rule, release.revision)
            is_on_branch, subject = is_on_branch or is_there, subject or followed.subject
            problem = problem or (followed.faults[0].message if followed.faults else "")
            if is_there and not followed.faults:
                built.append(Built(config, _with_digest(images, situation.ran, found.agent.model, found, followed)))
    except HeadpinError as error:
        return FirstStage(place, trouble=str(error))
    return FirstStage(place, is_on_branch, tuple(built), problem, subject=subject)


def _with_digest(images: Images, ran: tuple[Ran, ...], model: Agent, snapshot: Snapshot, followed: Followed) -> Release:
    """What a revision is as a release, its image as it ran here, or else as the registry has it.

    Raises SourceTrouble where it has none.
    """
    release = _release(model, snapshot, followed)
    if model.image.resolve != "digest" or digest_of(release.image):
        return release
    image = resolved_before(release.image, ran)
    if image is None:
        answer = images.of(release.image)
        image = resolved(release.image, answer)
        if image is None:
            raise SourceTrouble(told(release.image, answer))
    return replace(release, image=image)


def _configs(
    repository: Repository, workspace: Workspace, situation: Situation
) -> Iterator[tuple[Revision, Workspace]]:
    """Main's head, and the commit that moved the pin: agent.yaml may have gone on before the pin is served."""
    yield situation.head_move.config, workspace
    config = moved_at(situation)
    if config is not None and config != situation.head_move.config and repository.has(config):
        yield config, workspace.at(repository.tree(config))


def moved_at(situation: Situation) -> Revision | None:
    """The commit on main that pinned what is wanted, where it is remembered."""
    release = situation.desired.release if isinstance(situation.desired, Wanted) else None
    moves = (*((situation.record.wanted,) if situation.record.wanted else ()), *situation.moves[-1:])
    return next((move.config for move in reversed(moves) if move.release == release), None)


def head_release(heads: Heads, images: Images, ran: tuple[Ran, ...], agent: AgentName, snapshot: Snapshot) -> Release:
    """What the source's branch has now, as a release: what a pinned first stage is promoted to. `ran`: what ran there.

    Raises SourceTrouble where the source or the registry does not tell, Refused where it is none.
    """
    model = snapshot.agent.model
    if model is None:
        raise Refused(str(snapshot.problems[0]))
    observed = heads.ask(agent, SourceRule.of(model))
    if observed.faults:
        raise Refused(f"{observed.faults[0].message}, at {observed.revision} of the source")
    if observed.revision is None:
        raise SourceTrouble(observed.problem)
    return _with_digest(images, ran, model, snapshot, observed)
