"""Hints, and whether the loop is alive: what others ask and tell from their own threads."""

from __future__ import annotations

from pathlib import Path

import pytest

from headpin.daemon.hints import Hints, same_place
from headpin.daemon.liveness import Liveness
from headpin.daemon.wakes import Reason, Wakes

SPELLINGS = [
    "https://git.example.com/shop/cart.git",
    "https://git.example.com/shop/cart",
    "https://robin:secret@git.example.com:8443/shop/cart.git/",
    "ssh://git@git.example.com:2222/shop/cart.git",
    "git@git.example.com:shop/cart.git",
    "GIT.example.com:Shop/Cart",
]


@pytest.mark.parametrize("text", SPELLINGS)
@pytest.mark.parametrize("other", SPELLINGS)
def test_every_spelling_is_the_same_place(text: str, other: str) -> None:
    assert same_place(text) == same_place(other) == "git.example.com/shop/cart"


@pytest.mark.parametrize("text", ["", "https://", "https://[", "/", "https://git.example.com", "shop/cart"])
def test_what_is_nobodys_is_not_taken(text: str) -> None:
    hints = Hints(wakes := Wakes())
    hints.know(SPELLINGS[:1])
    assert not hints.offer(frozenset({text}))
    assert not hints.take() and not wakes.wait(0)


@pytest.mark.parametrize("written", ["../sources/cart", "../sources/cart.git", "../linked/cart"])
@pytest.mark.parametrize(
    "other", ["{}/sources/cart", "{}/sources/cart/.git", "file://{}/sources/cart.git", "{}/linked/cart"]
)
def test_a_relative_path_is_where_it_leads(written: str, other: str, tmp_path: Path) -> None:
    (tmp_path / "sources" / "cart").mkdir(parents=True)
    (tmp_path / "linked").symlink_to("sources")
    hints = Hints(wakes := Wakes(), tmp_path / "config")
    hints.know([written, "../sources/other"])
    is_reached_by_link = "linked" in other and "linked" not in written
    assert hints.offer(frozenset({other.format(tmp_path)})) is not is_reached_by_link
    assert hints.take() == (frozenset() if is_reached_by_link else {written})
    assert not hints.offer(frozenset({written})), "what a stranger's relative path starts from nobody knows"
    assert bool(wakes.wait(0)) is not is_reached_by_link


def test_a_flood_is_one_hint() -> None:
    hints = Hints(wakes := Wakes())
    hints.know([SPELLINGS[0], "https://git.example.com/other/one"])
    for number in range(1000):
        assert hints.offer(frozenset({SPELLINGS[number % 5], "https://elsewhere.example.com/shop/cart"}))
    assert wakes.wait(0) == {Reason.HINT}
    assert hints.take() == {SPELLINGS[0]} and not hints.take()


def test_a_loop_that_rests_is_alive_and_one_that_hangs_is_not() -> None:
    now = [0.0]
    wakes = Wakes(lambda: now[0])
    liveness = Liveness(wakes, 10, lambda: now[0])
    assert liveness.stuck() is None and "first pass" in (liveness.unready() or "")
    now[0] = 1000
    assert liveness.stuck() is None
    liveness.works_on("a pass")
    now[0] = 1009
    assert liveness.stuck() is None
    now[0] = 1011
    assert "a pass" in (liveness.stuck() or "")
    liveness.works_on("a fetch", 20)
    now[0] = 1030
    assert liveness.stuck() is None
    now[0] = 1032
    assert "a fetch" in (liveness.stuck() or "")
    liveness.works_on("a push")
    assert liveness.stuck() is None
    liveness.rests()
    wakes.wake(Reason.REFS)
    now[0] = 1050
    assert "nobody looked" in (liveness.stuck() or "")
    assert wakes.wait(0) == {Reason.REFS}
    assert liveness.stuck() is None
    liveness.is_ready()
    assert liveness.unready() is None
