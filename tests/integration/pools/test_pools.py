"""Jobs run on the workers of their pool, and no pool waits for another one."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from karya.core.action import NoopAction
from karya.core.job import JobState, new_job
from karya.core.occurrence import opening
from karya.core.ports import Submission
from karya.core.settings import Settings
from karya.core.spec import spec_model
from karya.core.times import floor_millis
from karya.store.provider import MongoStore
from tests.support.eventually import eventually
from tests.support.running import PATIENCE, Running
from tests.support.specs import post, step
from tests.support.target import Target

pytestmark = pytest.mark.cluster

NOOP = {"type": "noop"}
FULL = 16_000
"""More than scheduler and queue hold of one pool."""


def pool_of(worker: str | None) -> str:
    """The pool of a worker by its name."""
    return (worker or "").partition("@")[0].removeprefix("worker-").rpartition("-")[0] or "default"


def workers(karya: Running, job: str) -> dict[str, str]:
    """In which pool each step of the job was run."""
    summary = karya.ended(job, PATIENCE)
    assert summary.job.status is JobState.COMPLETED
    return {task.step: pool_of(task.worker) for task in summary.tasks if task.kind == "step"}


def sample(karya: Running, metric: str, pool: str) -> float:
    """A metric of a pool."""
    head = f'{metric}{{actor="scheduler",pool="{pool}"}} '
    (line,) = (line for line in karya.text("/metrics").splitlines() if line.startswith(head))
    return float(line.removeprefix(head))


def test_a_job_runs_on_the_workers_of_its_pool(karya: Running) -> None:
    eventually(lambda: sample(karya, "karya_scheduler_workers", "side") == 1, PATIENCE, "its worker")
    side = [karya.submit(action=NOOP, pool="side") for _ in range(10)]
    plain = [karya.submit(action=NOOP) for _ in range(10)]
    assert [workers(karya, job) for job in side] == [{"main": "side"}] * 10
    assert [workers(karya, job) for job in plain] == [{"main": "default"}] * 10
    assert karya.karya.get(side[0]).pool == "side"


def test_a_step_runs_in_its_own_pool_and_a_hook_in_the_default_one(karya: Running, target: Target) -> None:
    steps = [step("a", NOOP), step("b", NOOP, "a", pool="default"), step("c", NOOP, "a", "b")]
    hooks = [{"trigger": "ON_COMPLETION", "action": post(target.at("/hook-of-pool"))}]
    job = karya.submit(steps=steps, pool="side", hooks=hooks)
    assert workers(karya, job) == {"a": "side", "b": "default", "c": "side"}

    def hook() -> Any:
        return [task for task in karya.karya.tasks(job).tasks if task.kind == "hook" and task.finished_at]

    (fired,) = eventually(hook, PATIENCE, "the hook")
    assert (fired.pool, pool_of(fired.worker)) == ("default", "default")
    assert len(target.calls_to("/hook-of-pool")) == 1


def test_a_pool_that_is_not_there_is_refused(karya: Running) -> None:
    status, problem = karya.http("POST", "/v1/jobs", {"action": NOOP, "pool": "sid"})
    assert status == 422
    (error,) = problem["errors"]
    assert error["field"] == "pool"
    assert (
        error["message"] == "there is no pool 'sid': did you mean 'side'? (there are: default, side, nobody)"
    )


def test_a_pool_without_workers_says_so_and_a_job_can_leave_it(karya: Running) -> None:
    job = karya.submit(action=NOOP, pool="nobody")

    def why() -> Any:
        return [wait.text for wait in karya.karya.why(job).tasks if wait.kind == "no_worker"]

    (text,) = eventually(why, PATIENCE, "the reason")
    assert text == "is due, and no worker of the pool 'nobody' is connected: start one"
    assert sample(karya, "karya_scheduler_workers", "nobody") == 0
    eventually(lambda: sample(karya, "karya_pool_waiting_tasks", "nobody") == 1, PATIENCE, "its backlog")
    karya.karya.update(job, pool="side")
    assert workers(karya, job) == {"main": "side"}


async def fill(url: str, pool: str, count: int) -> None:
    """Stores jobs that are due now, past the gateway."""
    now = floor_millis(datetime.now(UTC))
    spec = spec_model([NoopAction]).model_validate({"action": NOOP, "pool": pool})
    store = MongoStore(Settings().store, url)
    for _ in range(0, count, 1_000):
        await store.jobs.submit([Submission(*opening(new_job(spec, now))) for _ in range(1_000)])
    store.close()


def test_a_full_pool_without_workers_holds_up_no_other(karya: Running) -> None:
    asyncio.run(fill(karya.cluster.store_url, "nobody", FULL))
    eventually(lambda: sample(karya, "karya_pool_waiting_tasks", "nobody") >= 10_000, PATIENCE, "its backlog")
    for pool in ("default", "side"):
        jobs = [karya.submit(action=NOOP, pool=pool) for _ in range(20)]
        assert [workers(karya, job) for job in jobs] == [{"main": pool}] * 20
    recurring = karya.submit(
        action=NOOP, schedule={"kind": "interval", "every": "PT0.1S", "max_runs": 20}, pool="side"
    )
    assert len(karya.ended(recurring, PATIENCE).tasks) >= 10
    assert sample(karya, "karya_pool_waiting_tasks", "nobody") >= 10_000
