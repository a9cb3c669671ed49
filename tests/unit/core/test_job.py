"""A job as a client writes it: bad input names its field; good input becomes a job with a cursor (I1, I5)."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from karya.core.action import Action, NoopAction, RestAction
from karya.core.errors import InvalidInput
from karya.core.hook import Trigger
from karya.core.job import MAX_ACTION_BYTES, Cursor, Job, JobSpec, new_job, spec_model, warnings_of

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
    ("fields", "field"),
    [
        ({"priority": 1}, "priority"),
        ({"action": None}, "action"),
        ({"action": {}}, "action"),
        ({"action": {"type": "ftp"}}, "action"),
        ({"action": {**NOOP, "url": "http://h/"}}, "action.noop.url"),
        ({"action": {**REST, "url": "ftp://h/"}}, "action.rest.url"),
        ({"action": {**REST, "headers": {"a": "b\r\nc: d"}}}, "action.rest.headers"),
        ({"action": {**REST, "body": "x" * (1024 * 1024 + 1)}}, "action.rest.body"),
        ({"action": {**REST, "timeout": 2}}, "action.rest.timeout"),
        ({"schedule": {}}, "schedule"),
        ({"schedule": {"kind": "cron"}}, "schedule"),
        ({"schedule": {"kind": "once", "every": "PT1S"}}, "schedule.once.every"),
        ({"schedule": {"kind": "once", "at": "2026-11-23T08:00:00"}}, "schedule.once.at"),
        ({"schedule": {"kind": "once", "at": 1_700_000_000}}, "schedule.once.at"),
        ({"schedule": {"kind": "once", "after": 5}}, "schedule.once.after"),
        ({"schedule": {"kind": "once", "after": "-PT5S"}}, "schedule.once.after"),
        ({"schedule": {"kind": "interval"}}, "schedule.interval.every"),
        ({"schedule": {**EVERY, "every": "PT0S"}}, "schedule.interval.every"),
        ({"schedule": {**EVERY, "every": "-PT1S"}}, "schedule.interval.every"),
        ({"schedule": {**EVERY, "every": "PT0.099S"}}, "schedule.interval.every"),
        ({"schedule": {**EVERY, "max_runs": 0}}, "schedule.interval.max_runs"),
        ({"retry": {"max_attempts": 0}}, "retry.max_attempts"),
        ({"hooks": [{"trigger": "ON_START", "action": NOOP}]}, "hooks.0.trigger"),
        ({"hooks": [{"trigger": "ON_FAILURE", "action": {**REST, "url": ""}}]}, "hooks.0.action.rest.url"),
        ({"hooks": [{"trigger": "ON_FAILURE", "action": NOOP}] * 21}, "hooks"),
        ({"description": "x" * 1001}, "description"),
    ],
)
def test_bad_input_names_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(**fields)
    assert [".".join(map(str, error["loc"])) for error in caught.value.errors()] == [field]


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
    with pytest.raises(InvalidInput, match=f"hooks: .* at most {MAX_ACTION_BYTES:,} bytes"):
        job(hooks=[hook] * 8)


def test_largest_single_body_is_stored_however_it_is_escaped() -> None:
    assert job(action={**REST, "body": "\x01" * 1024 * 1024})


def test_actions_are_told_apart_by_type() -> None:
    assert isinstance(spec().action, NoopAction)
    assert isinstance(spec(action=REST).action, RestAction)
    hooks = spec(hooks=[{"trigger": "ON_COMPLETION", "action": REST}]).hooks
    assert isinstance(hooks[0].action, RestAction)


class Shout(Action):
    """An action kind that a third party brings."""

    type: Literal["shout"] = "shout"
    words: str


@pytest.mark.parametrize("kinds", [[Shout], [NoopAction, Shout]], ids=["alone", "beside others"])
def test_third_party_actions_join_the_spec(kinds: list[type[Action]]) -> None:
    made = spec_model(kinds).model_validate({"action": {"type": "shout", "words": "hey"}})
    assert made.action == Shout(words="hey")
    assert new_job(made, NOW).action == '{"type":"shout","words":"hey"}'


def test_action_kinds_that_are_not_installed_are_refused() -> None:
    with pytest.raises(ValidationError, match="'noop', 'rest'"):
        spec(action={"type": "shout", "words": "hey"})


def test_spec_survives_json_with_the_fields_of_its_action() -> None:
    written = spec(action={**REST, "body": [1]}, hooks=[{"trigger": "ON_FAILURE", "action": REST}])
    assert SPEC.model_validate_json(written.model_dump_json()) == written


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


def test_new_job_begins_with_its_first_instant() -> None:
    made = job(schedule=EVERY, description="d", user_id="u")
    assert made.cursor == Cursor(at=NOW + SECOND, count=1, exhausted=False)
    assert (made.created_at, made.updated_at, made.version, made.status) == (NOW, NOW, 1, "ACTIVE")
    assert (made.description, made.user_id, made.action) == ("d", "u", '{"type":"noop"}')


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


def test_hooks_are_stored_in_order_and_found_by_trigger() -> None:
    kinds = ["ON_FAILURE", "ON_COMPLETION", "ON_FAILURE"]
    made = job(hooks=[{"trigger": kind, "action": {**REST, "body": i}} for i, kind in enumerate(kinds)])
    assert made.hooks_on(Trigger.ON_FAILURE) == (made.hooks[0], made.hooks[2])
    assert made.hooks_on(Trigger.ON_COMPLETION) == (made.hooks[1],)
