"""`karya up` joins a Ray that lives longer than it does: what it leaves behind when it is killed goes on."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import ray

from karya.actors.cluster.ray_runtime import join_ray
from tests.integration.cli.command import Up, karya
from tests.support.eventually import eventually
from tests.support.nodes import Nodes, ray_nodes
from tests.support.target import Target

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(400)]

PATIENCE = 120
STAFF = {"server", "scheduler", "supervisor", "worker-0", "worker-1"}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with ray_nodes() as started:
        join_ray(started.address, namespace="karya", log_to_driver=False, logging_level="error")
        yield started
        ray.shutdown()


def staff() -> dict[str, str]:
    """The incarnations of all actors that answer, by name."""
    found = {}
    for name in ray.util.list_named_actors():
        try:
            found[name] = ray.get(ray.get_actor(name).pulse.remote(), timeout=5).incarnation
        except (ValueError, ray.exceptions.RayError):
            continue
    return found


def submit(home: Path, url: str) -> str:
    spec = {"schedule": {"kind": "interval", "every": "PT0.5S"}, "action": {"type": "rest", "url": url}}
    answer = karya(home, "submit", "-", "--json", text=json.dumps(spec))
    assert answer.returncode == 0, answer.stderr
    job: str = json.loads(answer.stdout)["id"]
    return job


def test_actors_outlive_karya_up_and_are_taken_over(nodes: Nodes, mongod_url: str, tmp_path: Path) -> None:
    joined = ("--address", nodes.address, "--mongo-url", mongod_url)
    own = {"KARYA_STORE__DATABASE": "karya_orphans", "KARYA_WORKER__GRACE": "PT2S"}
    with Target.running() as target:
        with Up(tmp_path, *joined, **own) as first:
            first.await_url()
            submit(tmp_path, target.at("/goes-on"))
            eventually(lambda: staff().keys() == STAFF, PATIENCE, "the whole staff")
            before = staff()
            first.signal(signal.SIGKILL)
            first.await_end()
        # Nobody runs `karya up`, and still somebody replaces the dead.
        ray.kill(ray.get_actor("worker-1"), no_restart=True)
        eventually(lambda: staff().get("worker-1", before["worker-1"]) != before["worker-1"], PATIENCE)
        arrived = len(target.calls)
        eventually(lambda: len(target.calls) > arrived + 5, PATIENCE, "runs without karya up")
        after = staff()
        assert {name for name in STAFF if before[name] == after[name]} == STAFF - {"worker-1"}

        with Up(tmp_path, *joined, **own) as second:
            second.await_url()
            assert "taken_over" in second.text
            assert staff() == after
            second.signal(signal.SIGKILL)
            second.await_end()

        with Up(tmp_path, *joined, "--workers", "1", **own) as third:
            third.await_url()
            assert "draining_predecessor" in third.text
            assert staff().keys() == STAFF - {"worker-1"}
            assert not set(staff().values()) & set(after.values())
            arrived = len(target.calls)
            eventually(lambda: len(target.calls) > arrived + 5, PATIENCE, "runs of the third")
            assert karya(tmp_path, "down").returncode == 0
            assert third.await_end() == 0
        assert staff() == {}
        instants = [call.headers["karya-instant"] for call in target.calls]
        assert len(set(instants)) == len(instants)


def test_a_second_one_is_told_that_there_is_one(nodes: Nodes, mongod_url: str, tmp_path: Path) -> None:
    joined = ("--address", nodes.address, "--mongo-url", mongod_url)
    own = {"KARYA_STORE__DATABASE": "karya_orphans"}
    with Up(tmp_path, *joined, **own) as first:
        first.await_url()
        before = staff()
        second = karya(tmp_path, "up", "--port", "0", "--data-dir", "other", *joined)
        assert second.returncode == 2
        assert "a cluster runs already in the Ray namespace 'karya'" in second.stderr
        assert staff() == before
        assert karya(tmp_path, "down").returncode == 0
