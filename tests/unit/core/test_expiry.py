"""When history may go."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from karya.core.expiry import Trace, Verdict, judged, keeping_time, longest, pause, shortest
from karya.core.policies import Retention
from karya.core.task import TaskKind, TaskState
from tests.support.story import NOW

S = TaskState
DAY = timedelta(days=1)
RETENTION = Retention(succeeded=7 * DAY, other=30 * DAY)


def expired(traces: list[Trace], retention: Retention, now: datetime) -> Sequence[str]:
    return judged(traces, retention, now).gone


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


def test_it_says_when_the_next_may_go() -> None:
    """So that nothing is looked at before, and nothing is forgotten that may go."""
    young, old = step("a", S.SUCCEEDED, 6, "at:1"), step("a", S.SUCCEEDED, 7, "at:2")
    assert judged([young, old], RETENTION, NOW).next_at == NOW + DAY
    assert judged([old], RETENTION, NOW).next_at is None
    assert judged([step("a", S.CANCELLED, 6)], RETENTION, NOW).next_at == NOW + 24 * DAY
    assert judged([step("a", S.DEAD, 9_999)], RETENTION, NOW).next_at is None
    assert judged([step("a", S.RUNNING, None), young], RETENTION, NOW).next_at == NOW + 7 * DAY


def test_an_occurrence_that_is_kept_no_time_waits_for_its_open_steps() -> None:
    at_once = Retention(succeeded=0 * DAY)
    assert judged([step("a", S.RUNNING, None)], at_once, NOW) == Verdict([], NOW)
    assert judged([step("a", S.SUCCEEDED, 0)], at_once, NOW).gone == ["at:1-a"]


@pytest.mark.parametrize(
    ("retention", "least", "most"),
    [
        (Retention(), 7, 30),
        (Retention(succeeded=9 * DAY, other=3 * DAY), 3, 9),
        (Retention(dead=DAY), 1, 30),
        (Retention(dead=90 * DAY), 7, 90),
    ],
)
def test_the_bounds_of_a_retention(retention: Retention, least: int, most: int) -> None:
    assert (shortest(retention), longest(retention)) == (least * DAY, most * DAY)


@pytest.mark.parametrize(
    ("kept", "seconds"), [(0 * DAY, 10), (DAY / 24, 36), (DAY, 864), (7 * DAY, 3_600), (99 * DAY, 3_600)]
)
def test_the_longer_history_is_kept_the_longer_a_look_may_wait(kept: timedelta, seconds: int) -> None:
    assert pause(Retention(succeeded=kept, other=99 * DAY)) == timedelta(seconds=seconds)
