"""Every kind of schedule, end to end, and what previews say about them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from karya.core.task import TaskState
from karya.core.times import format_instant
from tests.support.running import Running
from tests.support.specs import interval, post
from tests.support.target import Call, Target

pytestmark = pytest.mark.cluster

SECOND = timedelta(seconds=1)
DAILY = {"kind": "cron", "expression": "30 2 * * *", "timezone": "Europe/Berlin"}


def instants(calls: list[Call]) -> list[str]:
    return sorted(call.headers["karya-instant"] for call in calls)


def soon_after_now() -> datetime:
    """A whole second that is three to four seconds from now: a busy machine takes its time to submit."""
    return datetime.now(UTC).replace(microsecond=0) + 4 * SECOND


def test_cron_is_previewed_and_stored_in_local_time_over_a_change_of_clocks(karya: Running) -> None:
    schedule = {**DAILY, "start_at": "2030-03-30T00:00:00Z", "exclude": ["2030-04-01"]}
    spec = {"schedule": schedule, "action": {"type": "noop"}}
    due = ["2030-03-30T01:30:00.000Z", "2030-03-31T01:00:00.000Z", "2030-04-02T00:30:00.000Z"]
    status, preview = karya.http("POST", "/v1/jobs/preview?limit=3", spec)
    assert (status, preview) == (200, {"instants": due, "due_at": due})
    job = karya.submit(**spec)
    assert karya.http("GET", f"/v1/jobs/{job}")[1]["next_at"] == due[0]
    assert karya.http("GET", f"/v1/jobs/{job}/occurrences?limit=3")[1]["instants"] == due
    (task,) = karya.http("GET", f"/v1/jobs/{job}/tasks")[1]["tasks"]
    assert (task["status"], task["instant"], task["due_at"]) == ("READY", due[0], due[0])
    karya.karya.cancel(job)


def test_an_alias_of_cron_is_stored_with_the_next_hour(karya: Running) -> None:
    before = datetime.now(UTC)
    job = karya.karya.submit(
        {"schedule": {"kind": "cron", "expression": "@hourly"}, "action": {"type": "noop"}}
    )
    assert job.next_at is not None
    assert (job.next_at.minute, job.next_at.second) == (0, 0)
    assert before < job.next_at <= datetime.now(UTC) + timedelta(hours=1)
    karya.karya.cancel(job.id)


def test_a_recurrence_rule_runs_at_its_instants(karya: Running, target: Target) -> None:
    start = soon_after_now()
    rule = {"kind": "rrule", "rule": "FREQ=SECONDLY;COUNT=2", "start_at": format_instant(start)}
    job = karya.submit(schedule=rule, action=post(target.at("/rrule")))
    assert karya.ended(job, 30).counts == {TaskState.SUCCEEDED: 2}
    calls = target.calls_to("/rrule")
    assert instants(calls) == [format_instant(start), format_instant(start + SECOND)]
    assert all(0 <= call.wall - start.timestamp() < 15 for call in calls)


def test_what_is_excluded_or_after_the_end_does_not_run(karya: Running, target: Target) -> None:
    start, every = soon_after_now(), timedelta(seconds=0.2)
    at = [format_instant(start + every * n) for n in range(6)]
    schedule = interval("PT0.2S", start_at=at[0], exclude=[at[2]], end_at=at[5])
    job = karya.submit(schedule=schedule, action=post(target.at("/bounded")))
    summary = karya.ended(job, 30)
    assert instants(target.calls_to("/bounded")) == [at[1], at[3], at[4]]
    assert summary.counts == {TaskState.SUCCEEDED: 3}


def test_jitter_delays_each_run_within_its_bounds_and_as_foretold(karya: Running, target: Target) -> None:
    schedule = interval("PT0.3S", jitter="PT0.25S", max_runs=5)
    job = karya.submit(schedule=schedule, action=post(target.at("/jitter")))
    _, foretold = karya.http("GET", f"/v1/jobs/{job}/occurrences?limit=5")
    tasks = sorted(karya.ended(job, 30).tasks, key=lambda task: task.instant)
    delays = [task.due_at - task.instant for task in tasks]
    assert len(tasks) == 5
    assert all(timedelta(0) <= delay < timedelta(seconds=0.25) for delay in delays), delays
    assert len(set(delays)) > 1
    due_at = [format_instant(task.due_at) for task in tasks]
    assert foretold["due_at"] == due_at[len(due_at) - len(foretold["due_at"]) :]
    starts = {call.headers["karya-instant"]: call.wall for call in target.calls_to("/jitter")}
    assert all(starts[format_instant(task.instant)] >= task.due_at.timestamp() for task in tasks)


def test_looking_ahead_stores_nothing(karya: Running) -> None:
    job = karya.submit(schedule=interval("PT1H", max_runs=3), action={"type": "noop"})
    paths = ("/v1/jobs?limit=5", f"/v1/jobs/{job}/tasks", f"/v1/jobs/{job}/versions", f"/v1/jobs/{job}")
    before = [karya.http("GET", path) for path in paths]
    spec = {"schedule": interval("PT1H"), "action": {"type": "noop"}}
    for _ in range(2):
        assert len(karya.http("GET", f"/v1/jobs/{job}/occurrences?limit=1000")[1]["instants"]) == 3
        assert len(karya.http("POST", "/v1/jobs/preview?limit=1000", spec)[1]["instants"]) == 1000
    assert [karya.http("GET", path) for path in paths] == before
    karya.karya.cancel(job)


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ({"kind": "cron", "expression": "61 * * * *"}, "schedule.expression"),
        ({**DAILY, "timezone": "Mars/Base"}, "schedule.timezone"),
        ({"kind": "rrule", "rule": "FREQ=SOMETIMES"}, "schedule.rule"),
        (interval("PT1S", jitter="PT2S"), "schedule"),
        (interval("PT1S", end_at="2020-01-01T00:00:00Z"), "schedule.end_at"),
        (interval("PT1S", max_runs=0), "schedule.max_runs"),
    ],
)
def test_a_schedule_that_cannot_work_is_refused(karya: Running, schedule: dict[str, Any], field: str) -> None:
    spec = {"schedule": schedule, "action": {"type": "noop"}}
    for path in ("/v1/jobs", "/v1/jobs/preview"):
        status, problem = karya.http("POST", path, spec)
        assert (status, problem["errors"][0]["field"]) == (422, field)


def test_a_job_begins_with_as_many_tasks_as_jitter_longer_than_the_period_asks_for(karya: Running) -> None:
    """The scheduler makes what follows when it sees a task: one must be due before any that has none."""
    schedule = {"kind": "cron", "expression": "* * * * *", "jitter": "PT1H"}
    for _ in range(3):
        job = karya.submit(schedule=schedule, action={"type": "noop"})
        tasks = karya.karya.tasks(job, limit=100).tasks
        made = {task.instant for task in tasks}
        following = [at for at in karya.karya.occurrences(job, 200).instants if at not in made]
        assert min(task.due_at for task in tasks) <= following[0]
        karya.karya.cancel(job)
