"""One notification, and the forms that it is sent in. Pure.

What people wrote goes into a form as a value and as nothing else: as a JSON text, in a message as plain text, without
what a terminal or a chat obeys. Every notification has an id that stays the same however often it is sent.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headpin.controller.branches import CONFIG_TRAILER
from headpin.git import CommitInfo
from headpin.releases import Event, EventKind, Hold
from headpin.releases.codec import event_mapping
from headpin.rendering import RenderError, TemplateSet
from headpin.telemetry.redaction import Redaction, inert
from headpin.telemetry.transitions import event_transition
from headpin.types import AgentName, Revision

CLOUD_EVENT = "application/cloudevents+json; charset=utf-8"
JSON = "application/json; charset=utf-8"
_MAX_MESSAGE = 2_900
_MAX_BODY = 256 * 1024
_TEMPLATE = "notification"


@dataclass(frozen=True, slots=True)
class Notification:
    """A transition, as it is told to others; `values` has what templates and machines get."""

    id: str
    environment: str
    kind: str
    text: str
    values: Mapping[str, Any]


def notifications(
    environment: str,
    items: Sequence[tuple[AgentName, Event]],
    commit: Revision,
    *,
    is_head: bool,
    redaction: Redaction,
) -> Iterator[Notification]:
    """Those of one commit on an environment's branch, in the order of its events."""
    seen: Counter[tuple[str, str]] = Counter()
    for agent, event in items:
        told = event_transition(environment, agent, event, is_head=is_head)
        key = (str(agent), told.kind)
        seen[key] += 1
        again = f"/{seen[key]}" if seen[key] > 1 else ""
        identity = f"{environment}/{agent}/{commit}/{told.kind}{again}"
        text = redaction.text(told.message)
        values = {
            "id": identity,
            "environment": environment,
            "agent": str(agent),
            "project": agent.project,
            "commit": commit,
            "text": text,
            **redaction.value(event_mapping(event)),
            "kind": told.kind,
        }
        yield Notification(identity, environment, told.kind, text, values)


def hold_notifications(
    environment: str, commit: CommitInfo, before: Hold | None, after: Hold | None, *, redaction: Redaction
) -> Iterator[Notification]:
    """What a commit tells of the hold of its whole environment: that one begins, is another one, or is over."""
    if (before and (before.reason, before.message)) == (after and (after.reason, after.message)):
        return
    kind = "held" if after else "released"
    said = f"everything in {environment} is held: {after.message}" if after else f"{environment} is no longer held"
    text = redaction.text(said)
    event = Event(
        EventKind.HELD,
        commit.committer.at,
        Revision(commit.trailers.get(CONFIG_TRAILER, "")),
        hold=after.reason if after else None,
        message=after.message if after else "",
    )
    values = {
        "id": f"{environment}/{commit.id}/{kind}",
        "environment": environment,
        "agent": None,
        "project": None,
        "commit": commit.id,
        "text": text,
        **redaction.value(event_mapping(event)),
        "kind": kind,
    }
    yield Notification(values["id"], environment, kind, text, values)


def write_body(form: str, notification: Notification, template: str = "") -> tuple[str, bytes]:
    """Content type and body of `form`. Raises RenderError where a template does not give JSON."""
    if form == "template":
        return JSON, _rendered(template, notification)
    value: dict[str, Any] = _FORMS[form](notification)
    return CLOUD_EVENT if form == "cloudevents" else JSON, json.dumps(value, separators=(",", ":")).encode()


def _plain(notification: Notification) -> dict[str, Any]:
    return dict(notification.values)


def _cloud_event(notification: Notification) -> dict[str, Any]:
    """CloudEvents 1.0, the structured form of JSON."""
    values = notification.values
    return {
        "specversion": "1.0",
        "id": notification.id,
        "source": f"/headpin/environments/{notification.environment}",
        "type": f"headpin.{'deployment' if values['agent'] else 'environment'}.{notification.kind}",
        "subject": values["agent"] or notification.environment,
        "time": values["at"],
        "datacontenttype": "application/json",
        "data": dict(values),
    }


def _facts(notification: Notification) -> list[str]:
    """What people read below the first line."""
    values = notification.values
    facts = [f"by {values['person']}" if values.get("person") else "", str(values.get("note") or "")]
    return [inert(text)[:_MAX_MESSAGE] for text in facts if text]


def _slack(notification: Notification) -> dict[str, Any]:
    """A message for an incoming webhook of Slack; `text` is what a phone shows, escaped as Slack asks for."""
    said = inert(notification.text)[:_MAX_MESSAGE]
    escaped = said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    section = {"type": "section", "text": {"type": "plain_text", "text": said, "emoji": False}}
    facts = [{"type": "plain_text", "text": text[:_MAX_MESSAGE], "emoji": False} for text in _facts(notification)]
    context = [{"type": "context", "elements": facts}] if facts else []
    return {"text": escaped, "blocks": [section, *context]}


def _teams(notification: Notification) -> dict[str, Any]:
    """An Adaptive Card for a webhook of Teams Workflows; text runs are not read as Markdown."""
    runs: list[list[dict[str, Any]]] = [
        [{"type": "TextRun", "text": inert(notification.text)[:_MAX_MESSAGE], "weight": "Bolder"}]
    ]
    runs += [[{"type": "TextRun", "text": text, "isSubtle": True}] for text in _facts(notification)]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "RichTextBlock", "inlines": inlines} for inlines in runs],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


_FORMS = {"json": _plain, "cloudevents": _cloud_event, "slack": _slack, "teams": _teams}


def _rendered(template: str, notification: Notification) -> bytes:
    text = TemplateSet(0, {_TEMPLATE: template}).render(_TEMPLATE, dict(notification.values))
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RenderError(f"the template's output is not JSON: {error}") from error
    if len(text) > _MAX_BODY:
        raise RenderError("the template's output is too long")
    return text.encode()
