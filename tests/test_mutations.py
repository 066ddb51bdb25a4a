"""The seeded bugs still fit the sources. That each is caught is shown by `python -m tests.model.mutations`."""

from __future__ import annotations

import ast

import pytest

from tests.model.histories import FOUND, RULES
from tests.model.mutations import MUTATIONS, ROOT, Mutation


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.breaks for mutation in MUTATIONS])
def test_a_mutation_still_applies(mutation: Mutation) -> None:
    text = (ROOT / mutation.path).read_text("utf-8")
    assert text.count(mutation.old) == 1, f"{mutation.path} has this not once: {mutation.old}"
    mutated = text.replace(mutation.old, mutation.new)
    assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(text)), "the mutation changes nothing"


@pytest.mark.parametrize("mutation", MUTATIONS, ids=[mutation.breaks for mutation in MUTATIONS])
def test_what_catches_a_mutation_is_there(mutation: Mutation) -> None:
    assert mutation.node_ids, "nothing catches it"
    assert set(mutation.histories) <= {*FOUND, *RULES}
    assert all((ROOT / path).is_file() for path in mutation.tests)
