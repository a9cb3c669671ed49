"""Views: what a client reads of jobs, tasks and errors."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from karya.core.action import RestAction
from karya.core.errorlog import ErrorLog
from karya.core.job import Job, JobState, new_job
from karya.core.occurrence import occurrence_tasks, scheduled
from karya.core.spec import spec_model
from karya.core.task import Lease, Task, TaskState
from karya.core.times import MILLISECOND
from karya.core.views import ErrorView, JobView, SummaryView, TaskView

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
LATE = NOW + timedelta(milliseconds=42)
REST = {"type": "rest", "url": "http://h/", "body": {"a": [1, None]}}
SPEC = spec_model([RestAction])


def job(**changes: Any) -> Job:
    spec = {"action": REST, "hooks": [{"trigger": "ON_FAILURE", "action": REST}]}
    return new_job(SPEC.model_validate(spec), NOW).model_copy(update=changes)


def task(**changes: Any) -> Task:
    made = job()
    (only,) = occurrence_tasks(made, scheduled(made, made.cursor), NOW)
    return only.model_copy(update=changes)


def test_job_reads_as_it_was_written() -> None:
    stored = job()
    view = JobView.of(stored, NOW, ["mind this"])
    assert (view.id, view.status, view.schedule, view.retry) == (
        stored.id,
        JobState.ACTIVE,
        stored.schedule,
        stored.retry,
    )
    assert view.action["body"] == view.hooks[0].action["body"] == {"a": [1, None]}
    assert view.warnings == ("mind this",)
    assert view.occurrences == 1


@pytest.mark.parametrize("status", JobState)
def test_only_an_active_job_has_a_next_instant(status: JobState) -> None:
    expected = NOW if status is JobState.ACTIVE else None
    assert JobView.of(job(status=status), NOW - MILLISECOND).next_at == expected


def test_a_once_job_that_is_due_has_no_next_instant() -> None:
    assert JobView.of(job(), NOW).next_at is None


@pytest.mark.parametrize(
    ("seconds", "following"), [(0, 1), (0.999, 1), (1, 2), (2.5, 3), (2.999, 3), (3, None), (9, None)]
)
def test_next_instant_of_an_interval_does_not_depend_on_how_far_its_tasks_are_made(
    seconds: float, following: int | None
) -> None:
    spec = {"action": REST, "schedule": {"kind": "interval", "every": "PT1S", "max_runs": 3}}
    stored = new_job(SPEC.model_validate(spec), NOW)
    made = stored.next_cursor(NOW + timedelta(seconds=2), 2)
    expected = None if following is None else NOW + timedelta(seconds=following)
    ahead = stored.model_copy(update={"cursor": made})
    assert JobView.of(ahead, NOW + timedelta(seconds=seconds)).next_at == expected


@pytest.mark.parametrize("status", [TaskState.SUCCEEDED, TaskState.DEAD])
def test_lateness_is_start_minus_due(status: TaskState) -> None:
    assert TaskView.of(task(status=status, started_at=LATE)).lateness_ms == 42


@pytest.mark.parametrize("status", sorted(set(TaskState) - {TaskState.SUCCEEDED, TaskState.DEAD}))
def test_lateness_is_not_told_while_due_at_may_belong_to_another_attempt(status: TaskState) -> None:
    retried = task(status=status, started_at=LATE, due_at=NOW + timedelta(minutes=1))
    assert TaskView.of(retried).lateness_ms is None


@pytest.mark.parametrize(
    "status", [TaskState.READY, TaskState.RUNNING, TaskState.SUCCEEDED, TaskState.CANCELLED]
)
def test_lateness_is_that_of_the_first_attempt_however_many_follow(status: TaskState) -> None:
    later = NOW + timedelta(minutes=1)
    retried = task(
        status=status,
        started_at=later,
        due_at=later,
        first_started_at=LATE,
        first_due_at=NOW,
        limit_wait_ms=7,
    )
    view = TaskView.of(retried)
    assert (view.lateness_ms, view.first_started_at, view.started_at) == (42, LATE, later)
    assert view.limit_wait_ms == 7


def test_one_that_waited_before_its_only_attempt_is_late_since_it_was_first_due() -> None:
    later = NOW + timedelta(minutes=1)
    view = TaskView.of(task(status=TaskState.SUCCEEDED, started_at=later, due_at=later, first_due_at=NOW))
    assert (view.lateness_ms, view.first_started_at) == (60_000, later)


def test_task_that_never_started_has_no_lateness() -> None:
    assert TaskView.of(task(status=TaskState.DEAD)).lateness_ms is None


def test_task_shows_its_result_as_data_and_its_worker() -> None:
    view = TaskView.of(task(result='{"status":200}', lease=Lease("lease", "worker-1", LATE)))
    assert (view.result, view.worker) == ({"status": 200}, "worker-1")
    assert (TaskView.of(task()).result, TaskView.of(task()).worker) == (None, None)


@pytest.mark.parametrize("text", ["null", "0", '""', "[]"])
def test_empty_results_are_data_too(text: str) -> None:
    assert TaskView.of(task(result=text)).model_dump_json().count(f'"result":{text}') == 1


def test_summary_survives_json() -> None:
    stored = job()
    log = ErrorLog.of(stored.id, "task", 2, 2, "step", "boom", NOW)
    view = SummaryView.of(stored, NOW, {TaskState.READY: 1}, [task()], [log])
    assert view.errors == (ErrorView(task_id="task", attempt=2, source="step", error="boom", at=NOW),)
    assert SummaryView.model_validate_json(view.model_dump_json()) == view


def test_the_counts_of_a_summary_stand_in_the_order_of_the_states() -> None:
    counts = {TaskState.SKIPPED: 1, TaskState.DEAD: 2, TaskState.SUCCEEDED: 3, TaskState.READY: 4}
    assert list(SummaryView.of(job(), NOW, counts, [], []).counts) == [
        "READY",
        "SUCCEEDED",
        "DEAD",
        "SKIPPED",
    ]


def test_a_chain_that_is_behind_counts_what_it_will_still_make() -> None:
    spec = {"action": REST, "schedule": {"kind": "interval", "every": "PT1S", "max_runs": 5}}
    stored = new_job(SPEC.model_validate(spec), NOW)
    assert JobView.of(stored, NOW + timedelta(seconds=4)).next_at == NOW + timedelta(seconds=5)
    assert JobView.of(stored, NOW + timedelta(seconds=100)).next_at is None
