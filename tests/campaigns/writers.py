"""Cases of the fault campaign: others write to the same branches, and the server does not take everything."""

from __future__ import annotations

import time

from tests.campaigns.bout import FOREIGN, SLACK, Bout, case
from tests.campaigns.hub import MAIL, until
from tests.world import git


@case()
def refused(bout: Bout) -> float:
    """The server refuses staging's branch alone: the others go on, it is told once and tried seldom."""
    hub, tries = bout.hub, bout.way.folder / "tries"
    tries.write_text("")
    told = len(bout.daemon.told("publish.failed", environment="staging"))
    refuse = f"case $ref in refs/heads/env/staging) echo x >> {tries}; echo closed for today >&2; exit 1;; esac"
    hub.hook("pre-receive", f"while read old new ref; do {refuse}; done")
    revision = hub.world.push("cart")
    until(lambda: hub.served("dev") == revision, bout.patience, "dev goes on")
    before = hub.served("staging")
    hub.promote("dev", "staging")
    until(lambda: len(bout.daemon.told("publish.failed", environment="staging")) > told, bout.patience, "it is told")
    second = hub.world.push("mail")
    until(lambda: hub.served("dev", MAIL) == second, SLACK, "dev goes on all the same")
    bout.during(lambda: None)
    assert hub.served("staging") == before
    lines = bout.daemon.told("publish.failed", environment="staging")[told:]
    assert len(lines) == 1 and "closed for today" in lines[0]["message"] and "retry_in_seconds" not in lines[0], lines
    assert len(tries.read_text().splitlines()) <= 4, "it is tried when its input changes"
    hub.hook("pre-receive", None)
    took = bout.goes_through("the input changes")
    until(lambda: bout.daemon.told("publish.recovered", environment="staging"), SLACK, "its end is told")
    return took


@case()
def storm_on_environments(bout: Bout) -> float:
    """Another writer commits to an environment's branch all the time."""
    hub = bout.hub
    tree = hub.files("staging")
    until_then, number = time.monotonic() + max(3.0, bout.outage), 0
    while time.monotonic() < until_then:
        tip = hub.revision("env/staging")
        mine = git("commit-tree", "-p", tip, "-m", f"mine {number}", "env/dev^{tree}", cwd=hub.place)
        git("update-ref", "refs/heads/env/staging", mine, cwd=hub.place)
        number += 1
        time.sleep(0.1)
    bout.planted |= {FOREIGN}
    return until(lambda: hub.files("staging") == tree, bout.patience, "its own files are back")


@case()
def storm_on_main(bout: Bout) -> float:
    """Others push to main all the time, while people promote."""
    hub = bout.hub
    revision = hub.world.push("cart")
    until(lambda: hub.served("dev") == revision, bout.patience, "dev follows")
    began, end, number = time.monotonic(), time.monotonic() + max(3.0, bout.outage), 0
    promoted = False
    while time.monotonic() < end:
        hub.commit(f"Words {number}", {"README.md": f"{number}\n"})
        number += 1
        if not promoted and time.monotonic() > began + 1:
            hub.promote("dev", "staging")
            promoted = True
    return until(lambda: hub.served("staging") == revision, bout.patience, "the promotion is there")


@case()
def branch_deleted(bout: Bout) -> float:
    """Somebody deletes an environment's branch, sets it back, or rewrites it: put back, and goes forward."""
    hub = bout.hub
    tip = hub.revision("env/staging")
    hub.set("env/staging", None)
    took = until(lambda: hub.revision("env/staging") == tip, SLACK, "put back after it was deleted")
    hub.set("env/staging", f"{tip}~1")
    until(lambda: hub.revision("env/staging") == tip, SLACK, "put back after it was set back")
    tree = hub.files("staging")
    other = git("commit-tree", "-m", "another history", "env/dev^{tree}", cwd=hub.place)
    hub.set("env/staging", other)
    until(lambda: tip in git("rev-list", "env/staging", cwd=hub.place).split(), SLACK, "put back after a rewrite")
    until(lambda: hub.files("staging") == tree, SLACK, "with its files")
    bout.planted |= {FOREIGN}
    bout.goes_through("goes on after it")
    return took


@case()
def foreign_commit(bout: Bout) -> float:
    """Somebody commits to an environment's branch: undone by a new commit."""
    hub = bout.hub
    tip, tree = hub.revision("env/prod"), hub.files("prod")
    foreign = git("commit-tree", "-p", tip, "-m", "mine", "env/dev^{tree}", cwd=hub.place)
    hub.set("env/prod", foreign)
    took = until(lambda: hub.files("prod") == tree, SLACK, "undone")
    assert foreign in git("rev-list", "env/prod", cwd=hub.place).split(), "nothing is forced"
    bout.planted |= {FOREIGN}
    return took


@case()
def main_deleted(bout: Bout) -> float:
    """main is gone for a while: held, and everything else of the repository is looked at meanwhile."""
    hub = bout.hub
    main, before = hub.revision("main"), hub.tips()
    hub.set("main", None)
    bout.during(lambda: until(lambda: _says(bout, "has no branch main"), SLACK, "it is told"))
    assert hub.tips() == before
    hub.set("main", main)
    took = bout.goes_through("main is back")
    assert took < bout.patience
    return took


@case()
def main_rewritten(bout: Bout) -> float:
    """main is another history: everything is held, until a reviewed file accepts it."""
    hub, world = bout.hub, bout.hub.world
    before = {name: hub.served(name) for name in ("dev", "staging", "prod")}
    world.git("fetch", "--quiet", "origin")
    lost = git("log", "-1", "--format=%(trailers:key=Headpin-Config,valueonly)", "env/dev", cwd=hub.place).strip()
    other = git("commit-tree", "-m", "Start again", f"{hub.revision('main')}^{{tree}}", cwd=hub.place)
    hub.set("main", other)
    until(lambda: "rewritten" in hub.hold("staging"), bout.patience, "held")
    lost = hub.hold("staging").partition("rewritten: ")[2].split()[0] or lost
    hub.world.push("cart")
    bout.during(lambda: None)
    assert before == {name: hub.served(name) for name in before}
    world.git("fetch", "--quiet", "origin")
    world.git("reset", "--quiet", "--hard", "origin/main")
    text = f'allow: history\nlost: "{lost}"\nreason: started again\n'
    hub.commit("Accept it", {"overrides/again.yaml": text})
    until(lambda: not hub.hold("staging"), bout.patience, "accepted")
    return bout.goes_through("accepted")


def _says(bout: Bout, text: str) -> bool:
    return any(text in line["message"] for line in bout.daemon.told(level="error"))
