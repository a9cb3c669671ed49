"""Why an open task does not run."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from karya.core.action import Action, NoopAction
from karya.core.job import Job, JobState, new_job
from karya.core.limits import Concurrency, Rate
from karya.core.occurrence import occurrence_tasks, scheduled
from karya.core.policies import Overlap
from karya.core.ports import WorkerInfo
from karya.core.schedule import Once
from karya.core.spec import JobSpec
from karya.core.task import Lease, Task, TaskKind, TaskState
from karya.core.why import Reason, wait_of, why
from tests.support.story import NOW

IDLE = (WorkerInfo("worker-0", free=3, running=0),)
FULL = (WorkerInfo("worker-0", free=0, running=100), WorkerInfo("worker-1", free=0, running=7))
GPU = (WorkerInfo("worker-gpu-0", free=3, running=0, pool="gpu"),)
GPU_FULL = (WorkerInfo("worker-gpu-0", free=0, running=3, pool="gpu"),)
LATER = NOW + timedelta(minutes=5)


def a_job(at: datetime = NOW, **changes: Any) -> Job:
    job = new_job(JobSpec[Action](action=NoopAction(), schedule=Once(at=at)), NOW)
    return job.model_copy(update=changes)


def task_of(job: Job, **changes: Any) -> Task:
    (task,) = occurrence_tasks(job, scheduled(job, job.cursor), NOW)
    return task.model_copy(update=changes)


SLOTTED = a_job(overlap=Overlap.QUEUE, slot="at:2026-01-01T00:00:00.000Z")
PAUSED = a_job(status=JobState.PAUSED, paused_at=NOW)
LEASE = Lease("lease", "worker-7", LATER)

CASES: list[tuple[Job, dict[str, Any], Any, Reason, str]] = [
    (a_job(LATER), {}, IDLE, Reason.INSTANT, "is due at"),
    (a_job(LATER), {"due_at": LATER + timedelta(seconds=1)}, IDLE, Reason.INSTANT, "with jitter"),
    (a_job(), {"due_at": LATER, "attempts": 2, "error": "500"}, IDLE, Reason.RETRY, "attempt 3 of 4"),
    (a_job(), {"status": TaskState.BLOCKED, "waiting_on": ("a", "b")}, IDLE, Reason.STEP, "steps 'a', 'b'"),
    (PAUSED, {"held": True}, IDLE, Reason.PAUSE, "resume it"),
    (SLOTTED, {"held": True}, IDLE, Reason.OVERLAP, "2026-01-01T00:00:00.000Z still runs"),
    (a_job(), {}, (), Reason.NO_WORKER, "start one"),
    (a_job(), {}, FULL, Reason.NO_CREDIT, "no worker has room (workers: 2, tasks that run: 107)"),
    (a_job(), {}, GPU, Reason.NO_WORKER, "no worker is connected"),
    (a_job(), {}, (*FULL, *GPU), Reason.NO_CREDIT, "no worker has room (workers: 2, tasks"),
    (a_job(), {"pool": "gpu"}, GPU, Reason.DISPATCH, "about to be handed"),
    (a_job(), {"pool": "gpu"}, IDLE, Reason.NO_WORKER, "no worker of the pool 'gpu' is connected"),
    (
        a_job(),
        {"pool": "gpu"},
        (*GPU_FULL, *IDLE),
        Reason.NO_CREDIT,
        "no worker of the pool 'gpu' has room (workers: 1",
    ),
    (a_job(), {}, None, Reason.DISPATCH, "scheduler does not answer"),
    (a_job(), {}, IDLE, Reason.DISPATCH, "about to be handed"),
    (a_job(), {"status": TaskState.RUNNING, "lease": LEASE}, IDLE, Reason.LEASE, "runs on worker-7"),
]


@pytest.mark.parametrize(("job", "changes", "crew", "reason", "text"), CASES)
def test_the_reason(job: Job, changes: dict[str, Any], crew: Any, reason: Reason, text: str) -> None:
    wait = wait_of(job, task_of(job, **changes), crew, NOW)
    assert wait.kind == reason.value
    assert text in wait.text


def test_until_is_told_where_it_is_known() -> None:
    assert wait_of(a_job(LATER), task_of(a_job(LATER)), IDLE, NOW).until == LATER
    assert wait_of(a_job(), task_of(a_job()), (), NOW).until is None


def test_an_expired_lease_is_named() -> None:
    running = task_of(a_job(), status=TaskState.RUNNING, lease=LEASE)
    assert "expire" in wait_of(a_job(), running, IDLE, LATER).text


def test_hooks_do_not_wait_for_a_paused_job() -> None:
    hook = task_of(PAUSED, kind=TaskKind.HOOK)
    assert wait_of(PAUSED, hook, IDLE, NOW).kind == Reason.DISPATCH.value


def test_the_job_is_summed_up() -> None:
    assert "next instant" in why(a_job(LATER), [], IDLE, NOW).text
    assert why(PAUSED, [], IDLE, NOW).text == "paused"
    assert "completed: nothing" in why(a_job(status=JobState.COMPLETED), [], IDLE, NOW).text
    view = why(a_job(), [task_of(a_job())], IDLE, NOW)
    assert [wait.kind for wait in view.tasks] == [Reason.DISPATCH.value]


def test_the_tasks_stand_in_the_order_of_instants_and_steps() -> None:
    steps = [{"name": name, "action": {"type": "noop"}} for name in ("fetch", "check", "store")]
    job = new_job(JobSpec[NoopAction].model_validate({"steps": steps}), NOW)
    tasks = occurrence_tasks(job, scheduled(job, job.cursor), NOW)
    earlier = tasks[1].model_copy(update={"instant": NOW - timedelta(minutes=1), "cause": "trigger:x"})
    told = why(job, [tasks[2], tasks[0], tasks[1], earlier], IDLE, NOW).tasks
    assert [wait.step for wait in told] == ["check", "fetch", "check", "store"]
    assert told[0].instant == earlier.instant


@pytest.mark.parametrize(
    "which, text",
    [
        ("seat", "waits for the concurrency key 'tenant-42': 3 of 3 running"),
        ("window", "waits for the rate key 'tenant-42': 9 of 10 started in the last PT1S"),
    ],
)
def test_a_limit(which: str, text: str) -> None:
    rate = Rate(key="tenant-42", limit=10, per=timedelta(seconds=1))
    job = a_job(concurrency=Concurrency(key="tenant-42", limit=3), rate=rate)
    (task,) = occurrence_tasks(job, scheduled(job, job.cursor), NOW)
    assert task.limits is not None
    taken = {task.limits.seat or "": 3, task.limits.window or "": 9}
    parked = task.model_copy(update={"held": True, "parked": getattr(task.limits, which)})
    wait = wait_of(job, parked, IDLE, NOW, taken)
    assert (wait.kind, wait.text) == (Reason.LIMIT, text)
    assert wait_of(job, task, IDLE, NOW, taken).kind == Reason.DISPATCH, "nobody has parked it"
