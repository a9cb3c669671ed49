"""SIGTERM makes the process of an actor end in order; Ray starts it again."""

import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from karya.core.task import TaskState
from tests.support.eventually import eventually
from tests.support.running import PATIENCE, Running
from tests.support.specs import post
from tests.support.target import Target, hang, respond

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5 * PATIENCE)]

KINDS = ("ServerActor", "SchedulerActor", "WorkerActor", "SupervisorActor")


def terminate(karya: Running, kind: str) -> int:
    (pid,) = eventually(lambda: karya.actor_pids(kind), PATIENCE, f"one {kind}")
    os.kill(pid, signal.SIGTERM)
    return pid


def await_another(karya: Running, kind: str, before: int) -> None:
    eventually(lambda: not psutil.pid_exists(before), PATIENCE, f"the end of the {kind}")
    eventually(lambda: karya.actor_pids(kind) not in ([], [before]), PATIENCE, f"another {kind}")


@pytest.fixture(autouse=True)
def one_worker(karya: Running) -> Iterator[None]:
    """A pool that an earlier test has made grow is small again."""
    eventually(lambda: len(karya.actor_pids("WorkerActor")) == 1, PATIENCE, "the least size")
    yield


def test_a_worker_finishes_what_it_runs(karya: Running, target: Target) -> None:
    path = "/finished"
    job = karya.submit(action=post(target.at(path, respond(delay=3))))
    eventually(lambda: target.calls_to(path), PATIENCE, "the request in flight")
    before = terminate(karya, "WorkerActor")
    assert karya.ended(job, PATIENCE).counts == {TaskState.SUCCEEDED: 1}
    await_another(karya, "WorkerActor", before)
    assert len(target.calls_to(path)) == 1


def test_a_worker_hands_back_what_takes_too_long(karya: Running, target: Target) -> None:
    path = "/handed-back"
    job = karya.submit(action=post(target.at(path, hang(), respond(200))), retry={"max_attempts": 1})
    eventually(lambda: target.calls_to(path), PATIENCE, "the request in flight")
    before = terminate(karya, "WorkerActor")
    assert karya.ended(job, PATIENCE).counts == {TaskState.SUCCEEDED: 1}
    await_another(karya, "WorkerActor", before)
    assert [call.headers["karya-attempt"] for call in target.calls_to(path)] == ["1", "1"]


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_ends_is_started_again(karya: Running, target: Target, kind: str) -> None:
    await_another(karya, kind, terminate(karya, kind))
    karya.ready()
    job = karya.submit(action=post(target.at(f"/after-{kind}")))
    assert karya.ended(job, PATIENCE).counts == {TaskState.SUCCEEDED: 1}
