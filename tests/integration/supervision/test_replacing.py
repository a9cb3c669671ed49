"""Whoever is gone or hangs is replaced, without a person."""

import os
import signal
from typing import Any

import psutil
import pytest
import ray

from karya.core.task import TaskState
from tests.support.eventually import eventually
from tests.support.running import PATIENCE, Running
from tests.support.specs import interval, post
from tests.support.target import Target, hang, respond

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5 * PATIENCE)]

HUNG = ("karya_actors_replaced_total", 'reason="hung"')
RETRY = {"max_attempts": 5, "backoff": "constant", "delay": "PT0.2S"}
KINDS = {
    "server": "ServerActor",
    "scheduler": "SchedulerActor",
    "worker-0": "WorkerActor",
    "supervisor": "SupervisorActor",
}


def the_only(karya: Running, kind: str) -> int:
    (pid,) = eventually(lambda: karya.actor_pids(kind), PATIENCE, kind)
    return pid


def ident(name: str) -> str | None:
    """Which actor goes by this name just now."""
    try:
        return str(ray.get_actor(name)._actor_id)
    except ValueError:
        return None


def work(url: str, **more: Any) -> dict[str, Any]:
    return {"action": post(url), "retry": RETRY, **more}


@pytest.mark.parametrize("name", KINDS)
def test_an_actor_that_was_killed_for_good_is_replaced(karya: Running, target: Target, name: str) -> None:
    path = f"/killed-{name}"
    before = the_only(karya, KINDS[name])
    job = karya.submit(**work(target.at(path), schedule=interval("PT0.5S", max_runs=10)))
    eventually(lambda: target.calls_to(path), PATIENCE, "the first run")
    ray.kill(ray.get_actor(name), no_restart=True)
    eventually(lambda: karya.actor_pids(KINDS[name]) not in ([], [before]), PATIENCE, f"another {name}")
    karya.ready()
    assert karya.ended(job, PATIENCE).counts == {TaskState.SUCCEEDED: 10}
    told = [call.headers["karya-instant"] for call in target.calls_to(path)]
    assert len(set(told)) == 10


@pytest.mark.parametrize(
    "name",
    ["server", *(pytest.param(name, marks=pytest.mark.slow) for name in ("scheduler", "supervisor"))],
)
def test_an_actor_that_hangs_is_replaced(karya: Running, target: Target, name: str) -> None:
    before, replaced = the_only(karya, KINDS[name]), karya.counted(*HUNG)
    os.kill(before, signal.SIGSTOP)
    eventually(lambda: not psutil.pid_exists(before), PATIENCE, f"the end of the {name} that hangs")
    karya.ready()
    job = karya.submit(**work(target.at(f"/hung-{name}")))
    assert karya.ended(job, PATIENCE).counts == {TaskState.SUCCEEDED: 1}
    if name != "supervisor":  # which counts, and forgets its count with its life
        eventually(lambda: karya.counted(*HUNG) > replaced, PATIENCE, "the supervisor's word for it")


def test_what_a_worker_that_hangs_had_is_run_by_its_replacement(karya: Running, target: Target) -> None:
    path = "/hung-worker"
    replaced = karya.counted(*HUNG)
    job = karya.submit(**work(target.at(path, hang(), respond(200))))
    eventually(lambda: target.calls_to(path), PATIENCE, "the request in flight")
    before = the_only(karya, "WorkerActor")
    os.kill(before, signal.SIGSTOP)
    assert karya.ended(job, PATIENCE).counts == {TaskState.SUCCEEDED: 1}
    first, second = target.calls_to(path)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert [call.headers["karya-attempt"] for call in (first, second)] == ["1", "2"]
    assert karya.counted(*HUNG) == replaced + 1, "and no other was taken for one that hangs"
    eventually(lambda: not psutil.pid_exists(before), PATIENCE, "the end of the worker that hung")


def test_a_worker_that_wakes_after_it_was_replaced_does_no_harm(karya: Running, target: Target) -> None:
    path = "/woken"
    job = karya.submit(**work(target.at(path, respond(200, delay=2))))
    eventually(lambda: target.calls_to(path), PATIENCE, "the request in flight")
    before, actor = the_only(karya, "WorkerActor"), ident("worker-0")
    os.kill(before, signal.SIGSTOP)
    eventually(lambda: ident("worker-0") not in (None, actor), PATIENCE, "a replacement")
    os.kill(before, signal.SIGCONT)
    assert karya.ended(job, PATIENCE).counts == {TaskState.SUCCEEDED: 1}
    assert [call.headers["karya-attempt"] for call in target.calls_to(path)] == ["1", "2"]
    eventually(lambda: not psutil.pid_exists(before), PATIENCE, "the end of the one that woke")
