"""Trace contexts as they come in and go out, and the ids that are derived."""

from datetime import timedelta

import pytest

from karya.core.action import Action, NoopAction
from karya.core.job import new_job
from karya.core.occurrence import opening
from karya.core.schedule import Interval, Once
from karya.core.spec import JobSpec
from karya.core.trace import (
    MAX_STATE_CHARS,
    Trace,
    received,
    span_of_task,
    trace_of_job,
    trace_of_occurrence,
    written,
)
from tests.support.story import NOW, at

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


def test_what_came_in_goes_out() -> None:
    trace = received(PARENT, "vendor=a,other=b")
    assert trace == Trace(parent=PARENT, state="vendor=a,other=b")
    assert (trace.trace_id, trace.span_id, trace.flags) == (int(TRACE, 16), int(SPAN, 16), 1)
    assert trace.headers == {"traceparent": PARENT, "tracestate": "vendor=a,other=b"}
    assert written(trace.trace_id, trace.span_id, trace.flags) == PARENT


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"{PARENT}\n",
    ],
)
def test_what_is_no_traceparent_counts_for_nothing(header: str) -> None:
    assert received(header, "vendor=a") is None


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    trace = received(f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be")
    assert trace is not None and trace.parent == PARENT


@pytest.mark.parametrize("state", [None, "", "a=" + "b" * MAX_STATE_CHARS, "a=\r\nevil: 1", "a=é"])
def test_a_state_that_may_not_be_carried_is_left_behind(state: str | None) -> None:
    trace = received(PARENT, state)
    assert trace is not None and trace.headers == {"traceparent": PARENT}


def test_the_same_work_always_has_the_same_ids_and_other_work_others() -> None:
    def derived() -> list[int]:
        occurrences = [trace_of_occurrence("a", instant) for instant in (NOW, at(1))]
        return [trace_of_job("a"), trace_of_job("b"), *occurrences]

    ids = derived()
    assert ids == derived()
    assert len(set(ids)) == 4 and all(0 < ident < 1 << 128 for ident in ids)
    assert span_of_task("t") == span_of_task("t") != span_of_task("u")
    assert 0 < span_of_task("t") < 1 << 64


def test_samplers_by_id_see_derived_ones_evenly() -> None:
    low = [trace_of_job(f"job-{number}") & (1 << 64) - 1 for number in range(1_000)]
    tenth = sum(ident < (1 << 64) // 10 for ident in low)
    assert 60 < tenth < 140


def test_a_job_that_runs_once_belongs_to_the_trace_and_recurring_ones_follow_it() -> None:
    trace = Trace(parent=PARENT)

    def tasks_of(spec: JobSpec[Action]) -> set[Trace | None]:
        job, tasks = opening(new_job(spec, NOW, trace=trace))
        return {job.trace, *(task.trace for task in tasks)}

    once = JobSpec[Action](action=NoopAction(), schedule=Once(at=at(60)))
    often = JobSpec[Action](action=NoopAction(), schedule=Interval(every=timedelta(minutes=1)))
    last = JobSpec[Action](action=NoopAction(), schedule=Interval(every=timedelta(minutes=1), max_runs=1))
    assert tasks_of(once) == tasks_of(last) == {trace}
    assert tasks_of(often) == {Trace(parent=PARENT, follows=True)}
