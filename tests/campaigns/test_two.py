"""A short run of two daemons at the same work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.two import differences, lived_through, template


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where layouts live, one after the other at the same place."""
    made = tmp_path_factory.mktemp("two")
    template(made)
    return made


def test_two_daemons_make_what_one_makes(folder: Path) -> None:
    alone = lived_through(folder, "alone", 1)
    assert not differences(alone, lived_through(folder, "two states", 1))
