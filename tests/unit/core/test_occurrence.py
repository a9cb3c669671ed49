"""An occurrence becomes one task for each step, and the same ones whoever makes it (I2)."""

from typing import Any

import pytest

from karya.core.action import RestAction
from karya.core.job import MAIN_STEP
from karya.core.occurrence import occurrence_tasks, scheduled, triggered
from karya.core.policies import Overlap
from karya.core.retry import RetryPolicy
from karya.core.schedule import Schedule
from karya.core.steps import When
from karya.core.task import TaskKind, TaskState
from tests.support.story import (
    NOW,
    ON_CANCELLED,
    ON_COMPLETION,
    ON_DEAD_LETTER,
    ON_FAILURE,
    ON_MISFIRE,
    ON_RETRY,
    ON_SUCCESS,
    SECOND,
    a_job,
    at,
    every,
    first_task,
    step,
    tasks_of,
)

STEPS = [
    step("a"),
    step("b", "a", when=When.FAILURE, retry=RetryPolicy(max_attempts=9), timeout=5 * SECOND),
    step("c", "a", "b", when=When.ALWAYS),
]


def test_a_single_action_becomes_one_ready_task_due_at_its_instant() -> None:
    job = a_job(every(1), retry=RetryPolicy(max_attempts=2), timeout=3 * SECOND, user_id="ada")
    (task,) = tasks_of(job)
    assert (task.status, task.kind, task.count, task.step) == (
        TaskState.READY,
        TaskKind.STEP,
        1,
        MAIN_STEP,
    )
    assert task.instant == task.due_at == job.cursor.at
    assert (task.job_id, task.job_version, task.user_id) == (job.id, 1, "ada")
    assert (task.action, task.retry, task.timeout) == (job.steps[0].action, job.retry, 3 * SECOND)
    assert (task.attempts, task.token, task.lease, task.held) == (0, 0, None, False)
    assert (task.waiting_on, task.next, task.linked) == ((), (), False)


def test_a_step_runs_in_its_own_pool_or_else_in_that_of_the_job() -> None:
    steps = [step("a"), step("b", "a", pool="gpu"), step("c", pool="default")]
    assert [task.pool for task in tasks_of(a_job(steps=steps, pool="large"))] == ["large", "gpu", "default"]
    assert [task.pool for task in tasks_of(a_job(steps=steps))] == ["default", "gpu", "default"]


def test_steps_become_tasks_that_wait_for_each_other() -> None:
    first, second, third = tasks_of(a_job(steps=STEPS, timeout=7 * SECOND))
    assert [task.status for task in (first, second, third)] == [
        TaskState.READY,
        TaskState.BLOCKED,
        TaskState.BLOCKED,
    ]
    assert (first.next, second.next, third.next) == (("b", "c"), ("c",), ())
    assert (first.waiting_on, second.waiting_on, third.waiting_on) == ((), ("a",), ("a", "b"))
    assert (second.when, third.when) == (When.FAILURE, When.ALWAYS)
    assert (first.linked, third.linked) == (True, False)
    assert len({task.cause for task in (first, second, third)}) == 1


def test_a_step_has_its_own_patience_or_that_of_the_job() -> None:
    job = a_job(steps=STEPS, retry=RetryPolicy(max_attempts=2), timeout=7 * SECOND)
    first, second, _ = tasks_of(job)
    assert (first.retry.max_attempts, first.timeout) == (2, 7 * SECOND)
    assert (second.retry.max_attempts, second.timeout) == (9, 5 * SECOND)


def test_the_same_occurrence_has_the_same_ids_whenever_it_is_made() -> None:
    job = a_job(every(1), steps=STEPS)
    one, other = (occurrence_tasks(job, scheduled(job, job.cursor), now) for now in (NOW, at(99)))
    assert [task.id for task in one] == [task.id for task in other]


def test_each_step_of_each_occurrence_of_each_job_has_its_own_id() -> None:
    one, two = a_job(every(1), steps=STEPS), a_job(every(1), steps=STEPS)
    following = one.next_cursor(one.cursor.at, one.cursor.count)
    assert following is not None
    occurrences = [
        (one, scheduled(one, one.cursor)),
        (one, scheduled(one, following)),
        (one, triggered("request", one.cursor.at)),
        (one, triggered("another", one.cursor.at)),
        (two, scheduled(two, two.cursor)),
    ]
    tasks = [task for job, which in occurrences for task in occurrence_tasks(job, which, NOW)]
    assert len({task.id for task in tasks}) == 15


def test_a_triggered_occurrence_runs_now_and_counts_for_nothing() -> None:
    job = a_job(every(3600, max_runs=1))
    (task,) = occurrence_tasks(job, triggered("request", at(5)), at(5))
    assert (task.cause, task.instant, task.due_at, task.count) == ("trigger:request", at(5), at(5), 0)
    assert (task.recurring, task.solo) == (False, False)


@pytest.mark.parametrize(
    ("schedule", "fields", "recurring", "solo"),
    [
        (None, {}, False, True),
        (every(1), {}, True, False),
        (every(1, max_runs=1), {}, False, True),
        (None, {"steps": STEPS}, False, False),
        (None, {"steps": [step("only")]}, False, False),
        (None, {"overlap": Overlap.SKIP}, False, False),
    ],
    ids=["once", "interval", "interval of one run", "steps", "one step", "overlap"],
)
def test_solo_is_the_only_task_its_job_will_ever_have(
    schedule: Schedule | None, fields: dict[str, Any], recurring: bool, solo: bool
) -> None:
    task = first_task(a_job(schedule, **fields))
    assert (task.recurring, task.solo) == (recurring, solo)


def test_a_job_with_hooks_is_not_solo() -> None:
    assert not first_task(a_job(None, ON_COMPLETION)).solo


def test_the_last_of_many_occurrences_is_neither_recurring_nor_solo() -> None:
    job = a_job(every(1))
    last = job.cursor.model_copy(update={"at": at(7), "count": 7, "exhausted": True})
    (task,) = occurrence_tasks(job, scheduled(job, last), NOW)
    assert (task.recurring, task.solo, task.count) == (False, False, 7)


def test_a_task_carries_the_hooks_it_can_fire_itself() -> None:
    job = a_job(
        None, ON_COMPLETION, ON_FAILURE, ON_CANCELLED, ON_SUCCESS, ON_MISFIRE, ON_RETRY, ON_DEAD_LETTER
    )
    assert [hook.trigger.value for hook in first_task(job).hooks] == [
        "ON_FAILURE",
        "ON_SUCCESS",
        "ON_RETRY",
        "ON_DEAD_LETTER",
    ]


@pytest.mark.parametrize(("hook", "linked"), [(ON_SUCCESS, True), (ON_FAILURE, False), (ON_RETRY, False)])
def test_a_success_has_consequences_when_a_hook_waits_for_it(hook: Any, linked: bool) -> None:
    assert first_task(a_job(None, hook)).linked is linked


@pytest.mark.parametrize(("overlap", "slotted"), [(o, o is not Overlap.ALLOW) for o in Overlap])
def test_occurrences_that_must_not_overlap_need_the_slot(overlap: Overlap, slotted: bool) -> None:
    assert {task.slotted for task in tasks_of(a_job(steps=STEPS, overlap=overlap))} == {slotted}


def test_only_steps_hold_templates() -> None:
    """A job of one action has no steps before it, and braces in it have always been braces."""
    braces = RestAction(url="http://localhost/", body={"text": "{{ steps.a.result }}"})
    first, second = tasks_of(a_job(steps=[step("a"), step("b", "a", action=braces)]))
    assert (first.templated, second.templated) == (False, True)
    assert not first_task(a_job(action=braces)).templated
