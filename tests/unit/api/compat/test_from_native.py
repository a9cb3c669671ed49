"""Jobs, tasks and errors become what upstream's clients read."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from karya.api.compat.from_native import NOBODY, PLAN_STATUS, TASK_STATUS, error_of, plan_of, task_of
from karya.api.compat.models import PlanStatus, SubmitPlan, Task, TaskStatus
from karya.api.compat.to_native import job_of
from karya.connectors.email import EmailAction
from karya.connectors.kafka import KafkaAction
from karya.connectors.slack import SlackAction
from karya.core.action import NoopAction, RestAction
from karya.core.chaining import ChainAction
from karya.core.job import JobState, new_job
from karya.core.occurrence import occurrence_tasks, scheduled
from karya.core.spec import spec_model
from karya.core.task import TaskState
from karya.core.times import to_millis
from karya.core.views import ErrorView, JobView, TaskView
from tests.unit.api.compat.plans import (
    EMAIL,
    ENTITIES,
    KAFKA,
    ONCE,
    REST,
    SLACK,
    USER,
    chained,
    recurring,
    submission,
)

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
MILLIS = to_millis(NOW)
SPEC = spec_model((RestAction, SlackAction, EmailAction, KafkaAction, ChainAction, NoopAction))


def viewed(written: dict[str, Any], now: datetime = NOW, **changes: Any) -> JobView:
    job = new_job(SPEC.model_validate(written), NOW).model_copy(update=changes)
    return JobView.of(job, now)


def wire(job: JobView, now: datetime = NOW) -> dict[str, Any]:
    plan: dict[str, Any] = orjson.loads(plan_of(job, now).model_dump_json())
    return plan


def submitted(**fields: Any) -> dict[str, Any]:
    """The plan that a client gets for its submission."""
    return wire(viewed(job_of(SubmitPlan.model_validate(submission(**fields)))))


def native(**fields: Any) -> dict[str, Any]:
    """The plan as which a job reads that was submitted through the native routes."""
    return wire(viewed({"action": {"type": "noop"}} | fields))


def test_a_plan_has_all_its_keys_and_no_other() -> None:
    hooks = [{"trigger": "ON_FAILURE", "action": SLACK, "max_retry": 2}]
    plan = submitted(plan_type=recurring(MILLIS + 60_000), hooks=hooks, max_failure_retry=5)
    assert plan == {
        "id": plan["id"],
        "user_id": USER,
        "description": "d",
        "period_time": "PT7S",
        "type": recurring(MILLIS + 60_000),
        "status": "CREATED",
        "max_failure_retry": 5,
        "action": REST,
        "hook": hooks,
        "parent_plan_id": None,
        "created_at": MILLIS,
        "updated_at": MILLIS,
    }


@pytest.mark.parametrize("plan_type", [ONCE, recurring(), recurring(MILLIS + 8_000)])
@pytest.mark.parametrize(
    "action",
    [
        REST,
        REST | {"protocol": "HTTPS", "method": "DELETE", "body": {"type": f"{ENTITIES}.http.Body.EmptyBody"}},
        SLACK,
        SLACK | {"message": "plain"},
        EMAIL,
        KAFKA,
        KAFKA | {"key": "k"},
        chained(),
        chained(
            action=chained(),
            plan_type=recurring(MILLIS + 9_000),
            period_time="P1DT1H",
            max_failure_retry=0,
            hooks=[{"trigger": "ON_COMPLETION", "action": EMAIL, "max_retry": 0}],
        ),
    ],
)
def test_a_client_reads_what_it_wrote(plan_type: dict[str, Any], action: dict[str, Any]) -> None:
    plan = submitted(plan_type=plan_type, action=action)
    assert plan["type"] == plan_type
    assert plan["action"] == action


def test_the_states_of_plans() -> None:
    job = viewed(job_of(SubmitPlan.model_validate(submission())))
    first = NOW + timedelta(seconds=7)
    assert plan_of(job, NOW).status is PlanStatus.CREATED
    assert plan_of(job, first).status is PlanStatus.CREATED
    assert plan_of(job, first + timedelta(milliseconds=1)).status is PlanStatus.RUNNING
    assert set(PLAN_STATUS) == set(JobState)
    for state, status in [
        (JobState.PAUSED, "RUNNING"),
        (JobState.COMPLETED, "COMPLETED"),
        (JobState.CANCELLED, "CANCELLED"),
    ]:
        assert plan_of(job.model_copy(update={"status": state}), NOW).status == status


def test_what_upstream_has_no_word_for_still_parses() -> None:
    plan = native(
        schedule={"kind": "cron", "expression": "@daily"},
        hooks=[{"trigger": "ON_RETRY", "action": {"type": "noop"}}],
    )
    assert plan["user_id"] == NOBODY
    assert plan["period_time"] == "PT0S"
    assert plan["type"] == recurring()
    assert plan["hook"] == []
    assert plan["action"]["type"] == REST["type"]
    assert plan["action"]["base_url"] == f"/v1/jobs/{plan['id']}"
    assert native(schedule={"kind": "once", "at": "8999-01-01T00:00:00Z"})["period_time"] == "P36525D"
    assert native(schedule={"kind": "once", "at": "2001-01-01T00:00:00Z"})["period_time"] == "PT0S"
    steps = [{"name": "a", "action": {"type": "noop"}}, {"name": "b", "action": {"type": "noop"}}]
    assert wire(viewed({"steps": steps}))["action"]["type"] == REST["type"]


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (
            {"type": "rest", "method": "HEAD", "url": "https://h/x?a=1", "query": {"b": "2"}},
            {"method": "GET", "base_url": "h/x?a=1&b=2", "protocol": "HTTPS"},
        ),
        (
            {"type": "rest", "url": "http://h", "method": "POST", "body": {"a": [1]}},
            {"body": {"type": f"{ENTITIES}.http.Body.JsonBody", "json_string": '{"a":[1]}'}},
        ),
        (
            {"type": "rest", "url": "http://h", "method": "POST", "form": {"a": "1", "b": ["2", "3"]}},
            {"body": {"type": f"{ENTITIES}.http.Body.JsonBody", "json_string": "a=1&b=2&b=3"}},
        ),
        ({"type": "email", "to": ["a@b.c", "d@e.f"], "subject": "s", "html": "<p>"}, {"message": "<p>"}),
        (
            {"type": "email", "to": ["a@b.c", "d@e.f"], "subject": "s", "text": "t"},
            {"recipient": "a@b.c, d@e.f"},
        ),
        ({"type": "kafka", "topic": "t", "key": "k"}, {"key": "k", "message": ""}),
        ({"type": "kafka", "topic": "t", "value": {"a": 1}}, {"message": '{"a":1}'}),
        (
            {"type": "chain", "job": {"action": {"type": "noop"}}},
            {
                "request": submission(
                    user_id=NOBODY,
                    description="",
                    period_time="PT0S",
                    action=native()["action"] | {"base_url": "/v1/jobs/x"},
                )
            },
        ),
    ],
)
def test_native_actions(action: dict[str, Any], expected: dict[str, Any]) -> None:
    plan = native(action=action)
    if "request" in expected:
        expected["request"]["action"]["base_url"] = f"/v1/jobs/{plan['id']}"
    assert plan["action"] == plan["action"] | expected


def task_in(state: TaskState, **changes: Any) -> Task:
    job = new_job(SPEC.model_validate({"action": {"type": "noop"}}), NOW)
    (task,) = occurrence_tasks(job, scheduled(job, job.cursor), NOW)
    return task_of(TaskView.of(task.model_copy(update={"status": state, **changes})))


def test_a_task_has_all_its_keys_and_no_other() -> None:
    task = task_in(TaskState.READY)
    assert orjson.loads(task.model_dump_json()) == {
        "id": task.id,
        "plan_id": task.plan_id,
        "partition_key": task.partition_key,
        "status": "CREATED",
        "created_at": MILLIS,
        "executed_at": None,
        "next_execution_at": MILLIS,
    }
    assert 0 <= task.partition_key < 256


@pytest.mark.parametrize("state", TaskState)
def test_the_states_of_tasks(state: TaskState) -> None:
    assert task_in(state).status is TASK_STATUS[state]


def test_what_failed_and_will_be_tried_again_reads_failure() -> None:
    started = NOW + timedelta(seconds=1)
    failed = task_in(TaskState.READY, attempts=1, error="x", started_at=started)
    assert (failed.status, failed.executed_at) == (TaskStatus.FAILURE, MILLIS + 1000)
    again = task_in(TaskState.RUNNING, attempts=2, error="x", started_at=started)
    assert (again.status, again.executed_at) == (TaskStatus.PROCESSING, None)
    handed_back = task_in(TaskState.READY, attempts=0, started_at=None)
    assert handed_back.status is TaskStatus.CREATED


def test_a_task_is_executed_when_it_has_ended() -> None:
    ends = {"started_at": NOW, "finished_at": NOW + timedelta(seconds=2)}
    assert task_in(TaskState.SUCCEEDED, **ends).executed_at == MILLIS + 2000
    assert task_in(TaskState.CANCELLED, finished_at=NOW).executed_at is None


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("step", {"type": f"{ENTITIES}.ErrorLogType.ExecutorErrorLog", "task_id": "t"}),
        ("hook", {"type": f"{ENTITIES}.ErrorLogType.HookErrorLog"}),
    ],
)
def test_errors_tell_tasks_from_hooks(source: str, kind: dict[str, str]) -> None:
    error = ErrorView(task_id="t", attempt=1, source=source, error="boom", at=NOW)
    assert orjson.loads(error_of("p", error).model_dump_json()) == {
        "plan_id": "p",
        "error": "boom",
        "type": kind,
        "timestamp": MILLIS,
    }
