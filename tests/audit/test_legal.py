"""Nothing is found where everybody keeps to the rules, and memory changes no answer while such a history grows."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Final

import pytest

from headpin.audit import run_audit
from tests.audit.legal import Legal

HISTORIES: Final = int(os.environ.get("AUDIT_HISTORIES", "5"))
"""How many legal histories are lived through; 500 take some minutes."""

SEED: Final = int(os.environ.get("AUDIT_SEED", "0"))
"""The first of them; another number gives others."""


@pytest.mark.slow
@pytest.mark.parametrize("number", range(SEED, SEED + HISTORIES))
def test_nothing_is_found_in_a_random_legal_history(number: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="headpin-legal-"))
    try:
        chance = random.Random(number)
        history = Legal(folder, chance)

        def audited() -> None:
            if chance.random() < 0.2:
                run_audit(history.controller)

        history.live(30, audited)
        report = run_audit(history.controller)
        told = [f"{f.code} {f.environment} {f.agent} {f.main[:7]} {f.commit[:7]}: {f.message}" for f in report.findings]
        assert not told, "\n".join(told)
        assert run_audit(history.controller, use_memory=False).as_json() == report.as_json()
        assert report.main == len(list(history.repository.first_parents(history.head())))
    finally:
        shutil.rmtree(folder)
