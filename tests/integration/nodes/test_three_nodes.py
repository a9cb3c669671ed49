"""A cluster on three nodes: workers run where what they claim is, and move when their node dies."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import ray

from karya.core.task import TaskState
from tests.support.eventually import eventually
from tests.support.nodes import Nodes, ray_nodes
from tests.support.running import PATIENCE, Running, running
from tests.support.specs import interval, post
from tests.support.target import Target

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(5 * PATIENCE)]

BLUE = {"num_cpus": 1, "resources": {"blue": 2}}
RETRY = {"max_attempts": 5, "backoff": "constant", "delay": "PT0.2S"}


@dataclass
class Spread:
    """A cluster whose queue reaches beyond loopback, on a head, a blue node and a plain one."""

    running: Running
    nodes: Nodes

    def node_of(self, name: str) -> str | None:
        """Where the actor of this name runs; None while it does not answer."""
        try:
            pulse = ray.get(ray.get_actor(name).pulse.remote(), timeout=5)
        except (ValueError, ray.exceptions.RayError):
            return None
        node: str = pulse.node
        return node

    def nodes_of(self, *names: str) -> set[str | None]:
        return {self.node_of(name) for name in names}


@pytest.fixture(scope="module")
def spread(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spread]:
    settings: dict[str, Any] = {
        "queue.host": "0.0.0.0",
        "queue.advertise": "127.0.0.1",
        "worker.count": 3,
        "pools.blue.count": 1,
        "pools.blue.resources": {"blue": 1},
        "pools.green.count": 1,
        "pools.green.resources": {"green": 1},
    }
    with ray_nodes(BLUE, {"num_cpus": 1}) as nodes:
        started = running(tmp_path_factory.mktemp("nodes"), **settings, **{"ray.address": nodes.address})
        with started as cluster:
            yield Spread(cluster, nodes)


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with Target.running() as started:
        yield started


def test_everybody_is_where_they_belong(spread: Spread) -> None:
    head, blue, plain = map(spread.nodes.id, range(3))
    assert spread.nodes_of("server", "scheduler") == {head}
    workers = ("worker-0", "worker-1", "worker-2")
    eventually(lambda: spread.nodes_of(*workers) == {head, blue, plain}, PATIENCE, "a worker on each node")
    eventually(lambda: spread.node_of("worker-blue-0") == blue, PATIENCE, "the blue worker on the blue node")
    assert "worker-green-0" in spread.running.names()
    assert spread.node_of("worker-green-0") is None


def test_one_who_waits_for_a_node_starts_when_there_is_one(spread: Spread) -> None:
    green = spread.nodes.add(num_cpus=1, resources={"green": 1})
    eventually(lambda: spread.node_of("worker-green-0") == green, PATIENCE, "the green worker")


def test_workers_move_when_their_node_dies(spread: Spread, target: Target) -> None:
    workers = ("worker-0", "worker-1", "worker-2")
    plain = spread.nodes.id(2)
    assert plain in spread.nodes_of(*workers)
    url = target.at("/moves")
    spec = {"schedule": interval("PT0.2S", max_runs=100), "action": post(url), "retry": RETRY}
    job = spread.running.karya.submit(spec).id
    eventually(lambda: len(target.calls_to("/moves")) > 5, PATIENCE, "the first runs")
    spread.nodes.kill(2)
    eventually(lambda: not spread.nodes_of(*workers) & {plain, None}, PATIENCE, "all on nodes that live")
    assert spread.running.ended(job, PATIENCE).counts == {TaskState.SUCCEEDED: 100}
    assert len({call.headers["karya-instant"] for call in target.calls_to("/moves")}) == 100
