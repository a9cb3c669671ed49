"""Tasks are derived: the same occurrence or outcome makes the same task, another never does (I2, I7)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from karya.core.action import NoopAction
from karya.core.job import Cursor, Job, new_job, spec_model
from karya.core.task import TaskKind, TaskState, hook_tasks, occurrence_task

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SPEC = spec_model([NoopAction])
EVERY = {"kind": "interval", "every": "PT1S"}
FAILURE = {"trigger": "ON_FAILURE", "action": {"type": "noop"}}
COMPLETION = {"trigger": "ON_COMPLETION", "action": {"type": "noop"}}


def job(**fields: Any) -> Job:
    return new_job(SPEC.model_validate({"action": {"type": "noop"}, **fields}), NOW)


def test_occurrence_becomes_one_ready_task_due_at_its_instant() -> None:
    made = job(schedule=EVERY, retry={"max_attempts": 2})
    task = occurrence_task(made, made.cursor, NOW)
    assert (task.status, task.kind, task.count) == (TaskState.READY, TaskKind.STEP, 1)
    assert task.instant == task.due_at == made.cursor.at
    assert (task.job_id, task.action, task.retry) == (made.id, made.action, made.retry)
    assert (task.attempts, task.token, task.lease) == (0, 0, None)


def test_the_same_occurrence_has_the_same_id_whenever_it_is_made() -> None:
    made = job(schedule=EVERY)
    first = occurrence_task(made, made.cursor, NOW)
    assert first.id == occurrence_task(made, made.cursor, LATER).id


def test_each_occurrence_of_each_job_has_its_own_id() -> None:
    one, two = job(schedule=EVERY), job(schedule=EVERY)
    following = one.next_cursor(one.cursor.at, one.cursor.count)
    assert following is not None
    ids = {
        occurrence_task(one, one.cursor, NOW).id,
        occurrence_task(one, following, NOW).id,
        occurrence_task(two, two.cursor, NOW).id,
    }
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("fields", "recurring", "solo"),
    [
        ({}, False, True),
        ({"hooks": [COMPLETION]}, False, False),
        ({"schedule": EVERY}, True, False),
        ({"schedule": {**EVERY, "max_runs": 1}}, False, True),
    ],
    ids=["once", "once with a hook", "interval", "interval of one run"],
)
def test_solo_is_the_only_task_its_job_will_ever_have(
    fields: dict[str, Any], recurring: bool, solo: bool
) -> None:
    made = job(**fields)
    task = occurrence_task(made, made.cursor, NOW)
    assert (task.recurring, task.solo) == (recurring, solo)


def test_the_last_of_many_occurrences_is_neither_recurring_nor_solo() -> None:
    task = occurrence_task(job(schedule=EVERY), Cursor(at=LATER, count=7, exhausted=True), NOW)
    assert (task.recurring, task.solo, task.count) == (False, False, 7)


def test_a_task_carries_the_hooks_it_can_fire_itself() -> None:
    made = job(hooks=[COMPLETION, FAILURE])
    assert occurrence_task(made, made.cursor, NOW).hooks == (made.hooks[1],)


def test_firing_an_outcome_twice_makes_the_same_hook_tasks() -> None:
    hooks = job(hooks=[FAILURE, FAILURE]).hooks
    first = hook_tasks(hooks, "job", 1, "task/1", NOW)
    again = hook_tasks(hooks, "job", 1, "task/1", LATER)
    other = hook_tasks(hooks, "job", 1, "task/2", NOW)
    assert [task.id for task in first] == [task.id for task in again]
    assert len({task.id for task in first + other}) == 4


def test_hook_tasks_differ_in_job_cause_and_step_as_their_ids_do() -> None:
    tasks = hook_tasks(job(hooks=[FAILURE, FAILURE, COMPLETION]).hooks, "job", 1, "task/1", NOW)
    assert len({(task.job_id, task.cause, task.step) for task in tasks}) == len(tasks) == 3


def test_hook_task_is_due_at_once_and_fires_no_hooks_of_its_own() -> None:
    (task,) = hook_tasks(job(hooks=[FAILURE]).hooks, "job", 3, "task/1", LATER)
    assert (task.kind, task.step, task.status) == (TaskKind.HOOK, "ON_FAILURE", TaskState.READY)
    assert (task.instant, task.due_at, task.count, task.job_version) == (LATER, LATER, 0, 3)
    assert (task.hooks, task.recurring, task.solo) == ((), False, False)
