"""The main job, end to end: submitted, stored, scheduled, queued, leased, executed, recorded."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from karya.core.errors import Conflict, InvalidInput, NotFound
from karya.core.job import JobState
from karya.core.task import TaskKind, TaskState
from karya.core.times import format_instant
from tests.support.eventually import eventually
from tests.support.running import Running
from tests.support.target import Target, respond

pytestmark = pytest.mark.cluster

MISSING = "00000000-0000-7000-8000-000000000000"


def rest(url: str, **more: object) -> dict[str, object]:
    return {"type": "rest", "method": "POST", "url": url, **more}


def test_once_over_http(karya: Running, target: Target) -> None:
    url = target.at("/once", respond(200, '{"made": true}'))
    status, job = karya.http("POST", "/v1/jobs", {"action": rest(url, body={"a": [1, "é"]})})
    assert (status, job["status"]) == (201, "ACTIVE")
    summary = karya.ended(job["id"], 30)
    (call,) = target.calls_to("/once")
    (task,) = summary.tasks
    assert call.json() == {"a": [1, "é"]}
    assert call.headers["webhook-id"] == task.id
    assert (call.headers["karya-job-id"], call.headers["karya-attempt"]) == (job["id"], "1")
    assert (task.status, task.result["status"], task.attempts) == (TaskState.SUCCEEDED, 200, 1)
    assert summary.job.status is JobState.COMPLETED
    assert summary.counts == {TaskState.SUCCEEDED: 1}


def test_interval_by_the_handle_has_no_drift_and_ends(karya: Running, target: Target) -> None:
    every = timedelta(seconds=0.3)
    spec = {
        "schedule": {"kind": "interval", "every": "PT0.3S", "max_runs": 5},
        "action": rest(target.at("/tick", respond(delay=0.4))),
    }
    job = karya.karya.submit(spec)
    summary = karya.ended(job.id, 30)
    instants = sorted(task.instant for task in summary.tasks)
    assert instants == [job.created_at + every * n for n in range(1, 6)]
    calls = target.calls_to("/tick")
    told = sorted(call.headers["karya-instant"] for call in calls)
    assert told == [format_instant(instant) for instant in instants]
    arrivals = {call.headers["karya-instant"]: call.wall for call in calls}
    lateness = [arrivals[format_instant(at)] - at.timestamp() for at in instants]
    assert all(0 <= late < 15 for late in lateness), lateness


def test_failures_are_retried_with_backoff_under_one_id(karya: Running, target: Target) -> None:
    url = target.at("/flaky", respond(500, "boom"), respond(503), respond(200))
    retry = {"max_attempts": 3, "backoff": "constant", "delay": "PT0.3S", "jitter": 0}
    job = karya.karya.submit({"action": rest(url), "retry": retry})
    summary = karya.ended(job.id, 30)
    calls = target.calls_to("/flaky")
    assert [call.headers["karya-attempt"] for call in calls] == ["1", "2", "3"]
    assert len({call.headers["webhook-id"] for call in calls}) == 1
    tokens = [int(call.headers["karya-token"]) for call in calls]
    assert tokens == sorted(set(tokens))
    gaps = [b.wall - a.wall for a, b in pairwise(calls)]
    assert all(gap >= 0.3 for gap in gaps), gaps
    assert (summary.tasks[0].status, summary.tasks[0].error) == (TaskState.SUCCEEDED, None)
    assert [error.attempt for error in summary.errors] == [2, 1]
    assert "boom" in summary.errors[1].error


def test_exhausted_task_is_dead_and_fires_its_hooks_once(karya: Running, target: Target) -> None:
    hooks = [
        {"trigger": "ON_FAILURE", "action": rest(target.at("/failed"))},
        {"trigger": "ON_COMPLETION", "action": rest(target.at("/completed"))},
    ]
    action = rest(target.at("/broken", respond(500)))
    retry = {"max_attempts": 2, "delay": "PT0.1S"}
    job = karya.karya.submit({"action": action, "retry": retry, "hooks": hooks})
    summary = karya.ended(job.id, 30)
    eventually(lambda: target.calls_to("/failed") and target.calls_to("/completed"), 30, "hooks")
    (step,) = [task for task in summary.tasks if task.kind is TaskKind.STEP]
    assert (step.status, step.attempts, step.reason) == (TaskState.DEAD, 2, "attempt 2 of 2 failed")
    assert len(target.calls_to("/broken")) == 2
    assert (len(target.calls_to("/failed")), len(target.calls_to("/completed"))) == (1, 1)


def test_nothing_starts_after_a_cancel_was_acknowledged(karya: Running, target: Target) -> None:
    spec = {"schedule": {"kind": "interval", "every": "PT0.1S"}, "action": rest(target.at("/stop"))}
    job = karya.karya.submit(spec)
    eventually(lambda: len(target.calls_to("/stop")) >= 3, 30, "three runs")
    _, cancelled = karya.http("POST", f"/v1/jobs/{job.id}/cancel")
    acknowledged_at = datetime.now(UTC)
    karya.at_rest(job.id)
    count = len(target.calls_to("/stop"))
    assert cancelled["status"] == "CANCELLED"
    # A second job that runs afterwards shows that a further run would have been seen by now.
    canary = {"schedule": {"kind": "once", "after": "PT0.6S"}, "action": rest(target.at("/canary"))}
    karya.ended(karya.karya.submit(canary).id, 30)
    assert len(target.calls_to("/stop")) == count
    started = [task.started_at for task in karya.all_tasks(job.id) if task.started_at]
    assert max(started) <= acknowledged_at
    counts = karya.karya.summary(job.id).counts
    assert not counts.keys() & {TaskState.READY, TaskState.RUNNING, TaskState.BLOCKED}


def test_past_instant_runs_now_and_says_so(karya: Running, target: Target) -> None:
    spec = {
        "schedule": {"kind": "once", "at": "2020-01-01T00:00:00Z"},
        "action": rest(target.at("/late")),
    }
    _, job = karya.http("POST", "/v1/jobs", spec)
    assert "in the past" in job["warnings"][0]
    assert karya.ended(job["id"], 30).job.status is JobState.COMPLETED


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "action"),
        ({"action": {"type": "noop"}, "colour": 1}, "colour"),
        ({"action": {"type": "noop"}, "schedule": {"kind": "interval", "every": "PT0S"}}, "schedule.every"),
        ({"action": {"type": "rest", "url": "ftp://x/"}}, "action.url"),
        ({"action": {"type": "noop"}, "user_id": "nobody"}, "user_id"),
    ],
)
def test_bad_input_names_its_field_and_stores_nothing(
    karya: Running, spec: dict[str, object], field: str
) -> None:
    newest = karya.http("GET", "/v1/jobs?limit=1")[1]
    status, problem = karya.http("POST", "/v1/jobs", spec)
    assert (status, problem["errors"][0]["field"]) == (422, field)
    with pytest.raises(InvalidInput) as refused:
        karya.karya.submit(spec)
    assert refused.value.errors[0].field == field
    assert karya.http("GET", "/v1/jobs?limit=1")[1] == newest


def test_what_does_not_exist_or_has_ended(karya: Running) -> None:
    with pytest.raises(NotFound):
        karya.karya.get(MISSING)
    assert karya.http("GET", f"/v1/jobs/{MISSING}/tasks")[0] == 404
    job = karya.karya.submit({"action": {"type": "noop"}})
    karya.ended(job.id, 30)
    with pytest.raises(Conflict):
        karya.karya.cancel(job.id)


def test_users_own_jobs_and_names_are_unique(karya: Running) -> None:
    status, user = karya.http("POST", "/v1/users", {"name": "ada"})
    assert (status, karya.http("POST", "/v1/users", {"name": "ada"})[0]) == (201, 409)
    made = [karya.karya.submit({"action": {"type": "noop"}, "user_id": user["id"]}).id for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        _, page = karya.http("GET", f"/v1/jobs?user_id={user['id']}&limit=2{cursor}")
        seen += [job["id"] for job in page["jobs"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]


def test_metrics_of_every_actor_come_from_one_page(karya: Running) -> None:
    karya.ended(karya.karya.submit({"action": {"type": "noop"}}).id, 30)
    text = karya.text("/metrics")
    for actor in ("server", "scheduler", "worker-0", "worker-1"):
        assert f'actor="{actor}"' in text
    assert 'karya_scheduler_leader{actor="scheduler"} 1.0' in text
    assert "karya_executor_task_success_execution_count{" in text
