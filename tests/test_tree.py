"""Trees laid over one another, against the tree that the same files make."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headpin.tree import MemoryTree, OverlayTree, Tree, walk

NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.sampled_from(["a.txt", "x/a", "x/b", "x/y/a", "x/y/b", "z/a"])
FILES = st.dictionaries(PATHS, st.sampled_from([b"one", b"two"]))


def listed(tree: Tree) -> dict[str, bytes]:
    return {path: tree.read(path) for path, _ in walk(tree)}


@given(FILES, st.dictionaries(PATHS, st.sampled_from([b"one", b"three", None])))
def test_an_overlay_is_the_tree_that_the_change_makes(base: dict[str, bytes], over: dict[str, bytes | None]) -> None:
    made = {path: data for path, data in (base | over).items() if data is not None}
    overlay, plain = OverlayTree(MemoryTree(base), over), MemoryTree(made)
    assert listed(overlay) == made == listed(plain)
    for path in ("", "x", "x/y", "z"):
        assert [(e.name, e.kind) for e in overlay.entries(path)] == [(e.name, e.kind) for e in plain.entries(path)]
        if path:
            assert (overlay.entry(path) is None) == (plain.entry(path) is None)
    for path, data in made.items():
        assert overlay.size(path) == len(data)
        assert overlay.entry(path) == plain.entry(path)
