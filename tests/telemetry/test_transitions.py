"""Every kind of event has words, and can be asked for by who wants to be notified."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_args

import pytest

from headpin.model.notify import Transition
from headpin.releases import Event, EventKind
from headpin.telemetry.transitions import DEPLOYED, RELEASED, event_transition
from headpin.types import Revision
from tests.world import CART


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_has_words(kind: EventKind) -> None:
    event = Event(kind, datetime(2026, 1, 5, tzinfo=UTC), Revision("a" * 40), 1, message="as it is")
    told = event_transition("prod", CART, event)
    assert told.kind == kind.value and told.message.startswith("shop/cart in prod: ") and "v1" in told.message


def test_who_is_notified_can_name_every_kind() -> None:
    assert set(get_args(Transition)) == {DEPLOYED, RELEASED, *(kind.value for kind in EventKind)}
