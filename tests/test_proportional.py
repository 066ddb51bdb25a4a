"""What a pass costs is proportional to the change, not to the workspace: counted, not timed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from benchmarks.generate import Generated, generate

from headpin.controller import Controller, PassReport
from headpin.controller.branches import RecordReader, read_branch
from headpin.controller.report import Work
from headpin.git import Repository
from headpin.problems import errors
from headpin.releases.codec import format_release
from headpin.types import AgentName
from headpin.workspace import check
from tests.world import Clock

pytestmark = pytest.mark.slow
SIZES = (20, 2000)
ENVIRONMENTS = ("dev", "prod")
NOTHING = Work(parsed=0, rendered=0, written=0)


@dataclass
class Large:
    """A generated workspace that is deployed everywhere, and the controller that did it."""

    made: Generated
    controller: Controller
    clock: Clock
    first: PassReport

    def fresh(self) -> Controller:
        """A controller that remembers nothing."""
        return Controller(Repository.open(self.made.config), clock=self.clock)

    def new_release(self, agent: AgentName, number: int) -> str:
        """Gives the agent's document another number, so that dev runs a new release; gives that as a pin."""
        path = f"projects/{agent.project}/agents/{agent.agent}/agent.yaml"
        self.made.commit({path: self.made.agent_text(agent, number)}, f"Change {agent}")
        self.controller.reconcile()
        served = read_branch(Repository.open(self.made.config), "dev", RecordReader()).record(agent).served
        assert served is not None
        return format_release(served.release)


@pytest.fixture(scope="module", params=SIZES)
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Large:
    """One of each size for all tests here; a test leaves it deployed and settled."""
    made = generate(tmp_path_factory.mktemp("large"), request.param, ENVIRONMENTS)
    clock = Clock()
    controller = Controller(Repository.open(made.config), clock=clock)
    return Large(made, controller, clock, controller.reconcile())


_seen: dict[str, tuple[int, Work]] = {}


def _same_at_every_size(case: str, large: Large, work: Work) -> None:
    """Compares with what the same case cost at the other size."""
    size, other = _seen.setdefault(case, (len(large.made.agents), work))
    assert work == other, f"{case}: {work} at {len(large.made.agents)} agents, {other} at {size}"


def test_the_generated_workspace_is_valid_and_deployed_everywhere(large: Large) -> None:
    assert not errors(check(large.controller.workspace()))
    assert not large.first.holds and not large.first.failed
    count = len(large.made.agents) * len(large.made.environments)
    assert large.first.work.rendered == count
    assert [len(report.changed) for report in large.first.environments] == [len(large.made.agents)] * len(ENVIRONMENTS)


def test_a_pass_with_nothing_to_do_parses_renders_and_writes_nothing(large: Large) -> None:
    assert large.controller.reconcile().work == NOTHING


def test_a_change_of_the_readme_costs_nothing_and_commits_nothing(large: Large) -> None:
    large.made.commit({"README.md": "# Another text\n"}, "Change the README")
    report = large.controller.reconcile()
    assert (report.work, report.commits) == (NOTHING, ())


def test_a_change_of_the_readme_renders_and_writes_nothing_in_a_fresh_controller(large: Large) -> None:
    large.made.commit({"README.md": "# Yet another text\n"}, "Change the README again")
    report = large.fresh().reconcile()
    assert (report.work.rendered, report.work.written, report.commits) == (0, 0, ())


def test_one_pin_costs_the_same_in_every_workspace(large: Large) -> None:
    agent = large.made.agents[7]
    pin = large.new_release(agent, 1)
    large.made.commit({f"pins/prod/{agent}.yaml": pin}, f"Promote {agent}")
    report = large.controller.reconcile()
    assert [len(found.changed) for found in report.environments] == [0, 1]
    assert report.work.rendered == 1
    _same_at_every_size("one pin", large, report.work)


def test_one_own_layer_costs_the_same_in_every_workspace(large: Large) -> None:
    agent = large.made.agents[8]
    path = f"projects/{agent.project}/agents/{agent.agent}/prod.yaml"
    large.made.commit({path: 'variables:\n  ROUND: "own"\n'}, f"Change {agent} in prod")
    report = large.controller.reconcile()
    assert report.work.rendered == 1
    _same_at_every_size("one own layer", large, report.work)


def test_one_agents_shared_settings_cost_the_same_in_every_workspace(large: Large) -> None:
    agent = large.made.agents[9]
    path = f"projects/{agent.project}/agents/{agent.agent}/agent.yaml"
    large.made.commit({path: large.made.agent_text(agent, 2)}, f"Change {agent}")
    report = large.controller.reconcile()
    assert report.work.rendered == 1
    _same_at_every_size("one agent", large, report.work)


def test_one_agent_more_costs_the_same_in_every_workspace(large: Large) -> None:
    agent = AgentName("project-000", "newcomer")
    path = f"projects/{agent.project}/agents/{agent.agent}/agent.yaml"
    large.made.commit({path: large.made.agent_text(agent, 0)}, f"Add {agent}")
    report = large.controller.reconcile()
    assert report.work.rendered == 1
    _same_at_every_size("one agent more", large, report.work)


def test_a_fresh_controller_makes_of_one_pin_what_a_warm_one_makes(large: Large) -> None:
    """It has to read every agent to know whose source to ask, and then writes and renders the same."""
    agent = large.made.agents[10]
    pin = large.new_release(agent, 3)
    large.made.commit({f"pins/prod/{agent}.yaml": pin}, f"Promote {agent}")
    work = large.fresh().reconcile().work
    assert work.rendered == 1
    _same_at_every_size("one pin, fresh", large, replace(work, parsed=0))


def test_the_trees_are_those_of_a_pass_without_caches(large: Large) -> None:
    assert large.fresh().reconcile(full=True).commits == ()
