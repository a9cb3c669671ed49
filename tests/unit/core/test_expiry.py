"""When history may go."""

from datetime import timedelta

import pytest

from karya.core.expiry import Trace, expired, keeping_time
from karya.core.policies import Retention
from karya.core.task import TaskKind, TaskState
from tests.support.story import NOW

S = TaskState
DAY = timedelta(days=1)
RETENTION = Retention(succeeded=7 * DAY, other=30 * DAY)


def step(name: str, state: TaskState, days_ago: float | None, cause: str = "at:1") -> Trace:
    ended = None if days_ago is None else NOW - days_ago * DAY
    return Trace(f"{cause}-{name}", TaskKind.STEP, cause, state, ended)


def hook(of: Trace, state: TaskState, days_ago: float | None) -> Trace:
    ended = None if days_ago is None else NOW - days_ago * DAY
    return Trace(f"hook of {of.task_id}", TaskKind.HOOK, f"hook:{of.task_id}/1/0", state, ended)


@pytest.mark.parametrize(
    ("states", "days"),
    [
        ({S.SUCCEEDED}, 7),
        ({S.SUCCEEDED, S.SKIPPED}, 30),
        ({S.CANCELLED}, 30),
        ({S.DEAD, S.SUCCEEDED}, None),
    ],
)
def test_how_long_is_decided_by_what_became_of_all(states: set[TaskState], days: int | None) -> None:
    assert keeping_time(RETENTION, states) == (None if days is None else days * DAY)


def test_an_occurrence_goes_as_a_whole_when_its_last_step_is_old_enough() -> None:
    young = [step("a", S.SUCCEEDED, 9), step("b", S.SUCCEEDED, 6.9)]
    assert expired(young, RETENTION, NOW) == []
    old = [step("a", S.SUCCEEDED, 9), step("b", S.SUCCEEDED, 7)]
    assert set(expired(old, RETENTION, NOW)) == {"at:1-a", "at:1-b"}


@pytest.mark.parametrize("state", [S.BLOCKED, S.READY, S.RUNNING])
def test_an_open_step_keeps_the_occurrence(state: TaskState) -> None:
    assert expired([step("a", S.SUCCEEDED, 99), step("b", state, None)], RETENTION, NOW) == []


def test_a_skipped_step_makes_it_other_history() -> None:
    traces = [step("a", S.SUCCEEDED, 20), step("b", S.SKIPPED, 20)]
    assert expired(traces, RETENTION, NOW) == []
    assert len(expired(traces, RETENTION, NOW + 10 * DAY)) == 2


def test_dead_letters_stay_for_ever_unless_told_otherwise() -> None:
    dead = [step("a", S.DEAD, 9_999), step("b", S.SKIPPED, 9_999)]
    assert expired(dead, RETENTION, NOW) == []
    assert len(expired(dead, RETENTION.model_copy(update={"dead": DAY}), NOW)) == 2


def test_hooks_belong_to_the_occurrence_that_fired_them() -> None:
    fired = step("a", S.SUCCEEDED, 20)
    assert expired([fired, hook(fired, S.READY, None)], RETENTION, NOW) == []
    assert expired([fired, hook(fired, S.SUCCEEDED, 1)], RETENTION, NOW) == []
    assert len(expired([fired, hook(fired, S.SUCCEEDED, 8)], RETENTION, NOW)) == 2
    assert expired([fired, hook(fired, S.DEAD, 8)], RETENTION, NOW) == []


def test_each_occurrence_is_judged_by_itself() -> None:
    traces = [
        step("a", S.SUCCEEDED, 8, "at:1"),
        step("a", S.RUNNING, None, "at:2"),
        step("a", S.DEAD, 8, "at:3"),
    ]
    assert expired(traces, RETENTION, NOW) == ["at:1-a"]
