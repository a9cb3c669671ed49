"""What a spec becomes: a job with a cursor, that knows what comes next (I1, I5)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from karya.core.action import Action, NoopAction, RestAction
from karya.core.errors import InvalidInput
from karya.core.hook import Trigger
from karya.core.ids import fixed_id
from karya.core.job import Cursor, Job, new_job, warnings_of
from karya.core.sizes import MAX_ACTION_BYTES, MAX_STORED_BYTES
from karya.core.spec import JobSpec, spec_model

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SPEC = spec_model([NoopAction, RestAction])
NOOP = {"type": "noop"}
REST = {"type": "rest", "url": "http://h/"}
EVERY = {"kind": "interval", "every": "PT1S"}


def spec(**fields: Any) -> JobSpec[Action]:
    return SPEC.model_validate({"action": NOOP, **fields})


def job(now: datetime = NOW, **fields: Any) -> Job:
    return new_job(spec(**fields), now)


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ({"start_at": "2027-01-01T00:00:00Z", "end_at": "2026-12-01T00:00:00Z"}, "schedule.end_at"),
        ({"end_at": "2026-11-23T08:00:01Z"}, "schedule.end_at"),
        ({"end_at": "2020-01-01T00:00:00Z"}, "schedule.end_at"),
        ({"start_at": "8999-12-31T23:59:59.500Z"}, "schedule.start_at"),
    ],
    ids=["end before start", "end at the first run", "end in the past", "start at the end of time"],
)
def test_schedule_without_any_run_is_refused(schedule: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        job(schedule={**EVERY, **schedule})
    assert [error.field for error in caught.value.errors] == [field]


def test_the_refusal_says_when_the_first_run_would_be() -> None:
    with pytest.raises(InvalidInput, match=r"2026-11-23T08:00:01\.000Z"):
        job(schedule={**EVERY, "end_at": "2026-11-23T08:00:00Z"})


def test_actions_too_large_to_store_together_are_refused() -> None:
    hook = {"trigger": "ON_FAILURE", "action": {**REST, "body": "x" * 1024 * 1024}}
    assert len(job(hooks=[hook] * 7).hooks) == 7
    with pytest.raises(InvalidInput, match=f"at most {MAX_ACTION_BYTES:,} bytes together: store large"):
        job(hooks=[hook] * 8)


LARGE, SMALL = {**REST, "body": "\x01" * 1024 * 1024}, {**REST, "body": "\x01" * 1024 * 512}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"action": LARGE, "hooks": [{"trigger": "ON_FAILURE", "action": SMALL}]}, "action"),
        ({"action": SMALL, "hooks": [{"trigger": "ON_FAILURE", "action": LARGE}]}, "hooks.0.action"),
        (
            {
                "action": None,
                "steps": [{"name": "a", "action": SMALL}, {"name": "b", "action": LARGE}],
                "hooks": [{"trigger": "ON_FAILURE", "action": NOOP}],
            },
            "steps.1.action",
        ),
    ],
)
def test_the_largest_action_is_to_blame_and_its_size_is_told(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        job(**fields)
    (error,) = caught.value.errors
    assert error.field == field
    assert error.message.startswith("6,291,")


@pytest.mark.parametrize("quote", ['"', "\\"])
def test_actions_that_only_their_stored_form_makes_too_large_are_refused(quote: str) -> None:
    """Four times as large as what the client wrote: escaped in the action, and again around it."""
    hook = {"trigger": "ON_FAILURE", "action": {**REST, "body": quote * 1024 * 1024}}
    assert len(job(hooks=[hook] * 2).hooks) == 2
    with pytest.raises(InvalidInput, match=f"hooks.2.action: .* at most {MAX_STORED_BYTES:,}: store"):
        job(hooks=[hook] * 3)


def test_largest_single_body_is_stored_however_it_is_escaped() -> None:
    assert job(action={**REST, "body": "\x01" * 1024 * 1024})


@pytest.mark.parametrize(
    ("schedule", "warned"),
    [
        ({"kind": "once", "at": "2026-11-23T07:59:59Z"}, True),
        ({"kind": "once", "at": "2026-11-23T08:00:00Z"}, False),
        ({"kind": "once"}, False),
        ({**EVERY, "start_at": "2020-01-01T00:00:00Z"}, False),
    ],
)
def test_once_in_the_past_runs_now_and_says_so(schedule: dict[str, Any], warned: bool) -> None:
    warnings = warnings_of(spec(schedule=schedule), NOW)
    assert [("07:59:59.000Z" in text, "runs now" in text) for text in warnings] == [(True, True)] * warned
    if schedule["kind"] == "once":
        assert job(schedule=schedule).cursor == Cursor(at=NOW, count=1, exhausted=True)


SLOW = {"delay": "PT10M"}


@pytest.mark.parametrize(
    ("fields", "warned"),
    [
        ({"retry": SLOW}, ["retry"]),
        ({"retry": {"delay": "PT5M"}}, ["retry"]),
        ({"retry": {"delay": "PT5M", "backoff": "linear"}}, ["retry"]),
        ({"retry": {**SLOW, "max_delay": "PT1H"}}, []),
        ({"retry": {**SLOW, "backoff": "constant"}}, []),
        ({"retry": {**SLOW, "max_attempts": 2}}, []),
        ({"retry": {"delay": "PT0S", "max_delay": "PT0S"}}, []),
        ({}, []),
        ({"action": None, "steps": [{"name": "a", "action": NOOP, "retry": SLOW}]}, ["steps.0.retry"]),
        ({"hooks": [{"trigger": "ON_SUCCESS", "action": NOOP, "retry": SLOW}]}, ["hooks.0.retry"]),
    ],
)
def test_a_backoff_that_cannot_grow_is_warned_of(fields: dict[str, Any], warned: list[str]) -> None:
    assert [text.partition(":")[0] for text in warnings_of(spec(**fields), NOW)] == warned


def test_the_warning_says_how_long_each_wait_is_and_what_keeps_it_there() -> None:
    (text,) = warnings_of(spec(retry=SLOW), NOW)
    assert text.startswith("retry: each wait is PT10M, as max_delay is PT5M: give a larger one")


def test_new_job_begins_with_its_first_instant() -> None:
    made = job(schedule=EVERY, description="d", user_id="u")
    assert made.cursor == Cursor(at=NOW + SECOND, count=1, exhausted=False)
    assert (made.created_at, made.updated_at, made.version, made.status) == (NOW, NOW, 1, "ACTIVE")
    assert (made.description, made.user_id, made.steps[0].action) == ("d", "u", '{"type":"noop"}')


def test_two_submissions_of_one_spec_are_two_jobs() -> None:
    assert job().id != job().id


@given(
    st.integers(0, 999),
    st.none() | st.integers(-5_000, 5_000),
    st.none() | st.integers(1, 6_000),
    st.none() | st.integers(1, 6),
)
def test_cursor_is_exhausted_exactly_when_nothing_follows(
    micros: int, start: int | None, end: int | None, max_runs: int | None
) -> None:
    """Also when the job is submitted between two milliseconds, which its stored creation is not."""
    schedule = {
        **EVERY,
        "start_at": None if start is None else NOW + timedelta(milliseconds=start),
        "end_at": None if end is None else NOW + timedelta(milliseconds=end),
        "max_runs": max_runs,
    }
    try:
        made = job(NOW + timedelta(microseconds=micros), schedule=schedule)
    except InvalidInput:
        assert end is not None
        return
    cursor, seen = made.cursor, 1
    while not cursor.exhausted and seen < 9:
        following = made.next_cursor(cursor.at, cursor.count)
        assert following is not None
        assert (following.at, following.count) == (cursor.at + SECOND, cursor.count + 1)
        cursor, seen = following, seen + 1
    if cursor.exhausted:
        assert made.next_cursor(cursor.at, cursor.count) is None


def test_a_minted_id_is_taken() -> None:
    ident = fixed_id(NOW, "x")
    assert new_job(spec(), NOW, ident=ident).id == ident


def test_a_child_knows_all_of_its_ancestors() -> None:
    grandparent = job()
    parent = new_job(spec(), NOW, parent=grandparent)
    child = new_job(spec(), NOW, parent=parent)
    assert (grandparent.parent_id, grandparent.ancestors) == (None, ())
    assert (child.parent_id, child.ancestors) == (parent.id, (grandparent.id, parent.id))


@pytest.mark.parametrize(
    "written",
    [
        {"action": REST},
        {
            "steps": [
                {"name": "a", "action": NOOP},
                {"name": "b", "action": REST, "after": ["a"], "when": "always", "pool": "gpu"},
            ]
        },
        {
            "action": NOOP,
            "tags": ["b", "a"],
            "timeout": "PT5S",
            "pool": "gpu",
            "misfire": {"policy": "latest", "window": None},
            "overlap": "skip",
            "retention": {"succeeded": "PT1H", "dead": "P9D"},
            "hooks": [{"trigger": "ON_RETRY", "action": REST}],
            "schedule": {**EVERY, "max_runs": 3, "jitter": "PT0.5S"},
        },
    ],
)
def test_what_was_written_can_be_written_again(written: dict[str, Any]) -> None:
    first = new_job(SPEC.model_validate(written), NOW)
    again = new_job(SPEC.model_validate(dict(first.spec())), NOW, ident=first.id)
    assert again == first
    assert orjson.loads(orjson.dumps(dict(first.spec()))) == first.spec()


def test_the_instants_ahead_go_on_from_what_has_tasks_to_what_has_none() -> None:
    made = job(schedule={**EVERY, "max_runs": 6})
    made = made.model_copy(update={"cursor": Cursor(at=NOW + 3 * SECOND, count=3, exhausted=False)})
    assert list(made.ahead(NOW + SECOND)) == [NOW + number * SECOND for number in range(2, 7)]
    assert list(made.ahead(NOW + 4 * SECOND)) == [NOW + 5 * SECOND, NOW + 6 * SECOND]
    assert list(made.ahead(NOW + 60 * SECOND)) == []


@pytest.mark.parametrize(("seconds", "expected"), [(0, 0), (0.9, 0), (1, 1), (2.5, 2), (3, 3), (99, 3)])
def test_what_has_occurred_leaves_out_what_is_made_ahead(seconds: float, expected: int) -> None:
    made = job(schedule=EVERY)
    made = made.model_copy(update={"cursor": Cursor(at=NOW + 3 * SECOND, count=3, exhausted=False)})
    assert made.occurred(NOW + seconds * SECOND) == expected


def test_a_job_that_was_never_due_has_not_occurred() -> None:
    made = job(schedule=EVERY)
    assert (made.cursor.count, made.occurred(NOW), made.occurred(made.cursor.at)) == (1, 0, 1)


def test_what_is_skipped_on_request_is_not_ahead() -> None:
    made = job(schedule={**EVERY, "max_runs": 4})
    cursor = Cursor(at=NOW + 2 * SECOND, count=2, exhausted=False)
    made = made.model_copy(update={"cursor": cursor, "skipped": (NOW + SECOND,)})
    assert list(made.ahead(NOW)) == [NOW + number * SECOND for number in (2, 3, 4)]
    assert made.upcoming(NOW) == NOW + 2 * SECOND


def test_an_endless_job_that_is_far_behind_looks_ahead_at_once() -> None:
    made = job(schedule={**EVERY, "every": "PT0.1S"})
    assert next(made.ahead(NOW + timedelta(days=3650, milliseconds=50))) == NOW + timedelta(
        days=3650, milliseconds=100
    )


def test_hooks_are_stored_in_order_and_found_by_trigger() -> None:
    kinds = ["ON_FAILURE", "ON_COMPLETION", "ON_FAILURE"]
    made = job(hooks=[{"trigger": kind, "action": {**REST, "body": i}} for i, kind in enumerate(kinds)])
    assert made.hooks_on(Trigger.ON_FAILURE) == (made.hooks[0], made.hooks[2])
    assert made.hooks_on(Trigger.ON_COMPLETION) == (made.hooks[1],)
