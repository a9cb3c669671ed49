"""A pool grows with its backlog and shrinks again, and nothing is lost."""

from collections import Counter

import pytest

from karya.core.task import TaskState
from tests.integration.supervision.conftest import POOL, SLOTS
from tests.support.eventually import eventually
from tests.support.running import PATIENCE, Running
from tests.support.specs import post
from tests.support.target import Target, respond

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5 * PATIENCE)]


def workers(karya: Running) -> set[str]:
    return {name for name in karya.names() if name.startswith("worker-")}


def test_a_pool_grows_under_a_backlog_and_shrinks_again(karya: Running, target: Target) -> None:
    eventually(lambda: len(workers(karya)) == POOL["worker.count"], PATIENCE, "the least size")
    action = post(target.at("/backlog", respond(delay=1)))
    jobs = [karya.karya.submit({"action": action}).id for _ in range(100 * SLOTS // 4)]
    eventually(lambda: len(workers(karya)) == POOL["worker.max_count"], PATIENCE, "the full size")
    eventually(lambda: karya.counted("karya_scheduler_workers") == 3, PATIENCE, "all of them connected")
    for job in jobs:
        assert karya.ended(job, PATIENCE).counts == {TaskState.SUCCEEDED: 1}
    eventually(lambda: len(workers(karya)) == POOL["worker.count"], PATIENCE, "the least size again")
    arrivals = Counter(call.headers["karya-job-id"] for call in target.calls_to("/backlog"))
    assert arrivals == dict.fromkeys(jobs, 1)


def test_a_retired_worker_finishes_what_it_runs(karya: Running, target: Target) -> None:
    """The pool shrinks while every worker has a long task: each ends where it began, once."""
    burst = post(target.at("/burst", respond(delay=1)))
    for _ in range(20 * SLOTS):
        karya.karya.submit({"action": burst})
    eventually(lambda: karya.counted("karya_scheduler_workers") == 3, PATIENCE, "the full size")
    eventually(lambda: len(target.calls_to("/burst")) == 20 * SLOTS, PATIENCE, "the end of the burst")
    long = post(target.at("/long", respond(delay=8)))
    jobs = [karya.karya.submit({"action": long}).id for _ in range(3)]
    eventually(lambda: len(target.calls_to("/long")) == 3, PATIENCE, "three long ones")
    eventually(lambda: len(workers(karya)) == 1, PATIENCE, "the least size")
    for job in jobs:
        assert karya.ended(job, PATIENCE).counts == {TaskState.SUCCEEDED: 1}
    assert len(target.calls_to("/long")) == 3
