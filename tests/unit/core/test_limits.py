"""Limits by key: how they are written, whose they are, and how starts are counted."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from karya.core.action import Action, NoopAction
from karya.core.fields import invalid
from karya.core.job import new_job
from karya.core.limits import Concurrency, Limits, Rate, Starts, counted, free_at, limits_of, with_more
from karya.core.spec import JobSpec, spec_model
from tests.support.story import NOW, at, tasks_of

SPEC = spec_model([NoopAction])


def problems(**fields: Any) -> dict[str, str]:
    wire = {"action": {"type": "noop"}, **fields}
    try:
        SPEC.model_validate(wire)
    except ValidationError as error:
        return {one.field: one.message for one in invalid(error, wire, SPEC).errors}
    return {}


@pytest.mark.parametrize(
    "fields, field, words",
    [
        ({"concurrency": {"key": "k", "limit": 0}}, "concurrency.limit", "greater than or equal to 1"),
        ({"concurrency": {"key": "k", "limit": 2.5}}, "concurrency.limit", "whole number"),
        ({"concurrency": {"key": "", "limit": 1}}, "concurrency.key", "at least 1 character"),
        ({"concurrency": {"key": "a\nb", "limit": 1}}, "concurrency.key", "one line"),
        ({"concurrency": {"limit": 1}}, "concurrency.key", "required"),
        ({"concurrency": 3}, "concurrency", "must be an object"),
        ({"rate": {"key": "k", "limit": 1}}, "rate.per", "required"),
        ({"rate": {"key": "k", "limit": 1, "per": "1s"}}, "rate.per", "ISO 8601"),
        ({"rate": {"key": "k", "limit": 1, "per": "PT0.01S"}}, "rate.per", "PT0.1S"),
        ({"rate": {"key": "k", "limit": 1, "per": "P32D"}}, "rate.per", "P31D"),
        (
            {"rate": {"key": "k", "limit": 1, "per": "PT1S", "burst": 2}},
            "rate.burst",
            "unknown field; there are: key, limit, per",
        ),
    ],
)
def test_an_error_names_the_field(fields: dict[str, Any], field: str, words: str) -> None:
    assert words in problems(**fields)[field]


def test_both_are_part_of_what_was_written() -> None:
    written = {"concurrency": {"key": "k", "limit": 3}, "rate": {"key": "r", "limit": 10, "per": "PT1S"}}
    job = new_job(SPEC.model_validate({"action": {"type": "noop"}, **written}), NOW)
    assert {name: job.spec()[name] for name in written} == written
    (task,) = tasks_of(job)
    assert task.limits is not None
    assert list(task.limits.allowed.values()) == [3, 10]


def test_a_job_without_limits_has_tasks_without() -> None:
    job = new_job(JobSpec[Action](action=NoopAction()), NOW)
    assert tasks_of(job)[0].limits is limits_of("ann", None, None) is None


def test_no_two_limits_have_the_same_id() -> None:
    second, minute = timedelta(seconds=1), timedelta(minutes=1)
    limits = [
        Limits(owner=owner, concurrency=Concurrency(key=key, limit=1), rate=Rate(key=key, limit=1, per=per))
        for owner, key in [(None, "k"), ("ann", "k"), ("null", "k"), ('a","b', "k"), ("a", 'b","k')]
        for per in (second, minute)
    ]
    assert len({one.seat for one in limits} | {one.window for one in limits}) == 5 + 10


PERS = st.integers(100, 5_000).map(lambda millis: timedelta(milliseconds=millis))


@given(PERS, st.integers(1, 7), st.lists(st.integers(0, 400), min_size=1, max_size=200))
def test_no_stretch_of_time_ever_holds_more_starts_than_allowed(
    per: timedelta, limit: int, pauses: list[int]
) -> None:
    now, starts, kept = NOW, list[Any](), list[Starts]()
    for pause in pauses:
        now += timedelta(milliseconds=pause)
        room = limit - counted(kept, per, now)
        assert room >= 0
        assert (free_at(kept, per, limit, now) <= now) == (room > 0)
        kept = with_more(kept, per, now, room)
        starts += [now] * room
        assert len(kept) <= 201
    assert all(sum(one <= other < one + per for other in starts) <= limit for one in starts)


def test_the_next_start_waits_no_more_than_a_hundredth_too_long() -> None:
    per = timedelta(seconds=10)
    kept = with_more(with_more([], per, at(0.01), 1), per, at(3), 2)
    assert [one.count for one in kept] == [1, 2]
    assert at(10.01) <= free_at(kept, per, 3, at(5)) <= at(10.11)
    assert at(13) <= free_at(kept, per, 2, at(5)) <= at(13.1)
    assert free_at(kept, per, 4, at(5)) == at(5)
