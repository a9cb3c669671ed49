"""One run, whichever way its instant is said."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import TypeAdapter, ValidationError

from karya.core.schedule import Once, Passed, Schedule
from karya.core.times import MILLISECOND

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Once(), NOW),
        (Once(after=timedelta(0)), NOW),
        (Once(after=5 * SECOND), NOW + 5 * SECOND),
        (Once(at=NOW + SECOND), NOW + SECOND),
        (Once(at=NOW - SECOND), NOW),
    ],
    ids=["bare", "after zero", "after", "at", "at in the past runs now"],
)
def test_once_runs_one_time(schedule: Once, expected: datetime) -> None:
    assert schedule.first(NOW) == expected
    assert schedule.next_after(schedule.anchor(NOW), expected, 1) is None


def test_after_never_runs_early_by_the_rounding_to_milliseconds() -> None:
    submitted = NOW.replace(microsecond=1)
    assert Once(after=SECOND).first(submitted) == NOW + SECOND + MILLISECOND


def test_once_refuses_two_ways_to_say_it() -> None:
    with pytest.raises(ValidationError, match="either at or after"):
        Once(at=NOW, after=SECOND)


def test_once_has_one_instant_and_nothing_passes() -> None:
    schedule = Once(after=SECOND)
    assert schedule.preview(NOW, 5) == [NOW + SECOND]
    assert schedule.preview(NOW, 0) == []
    assert schedule.run_past(NOW, NOW, NOW + 9 * SECOND, 9) == Passed(0, None)


@pytest.mark.parametrize("field", ["exclude", "start_at", "end_at", "max_runs"])
def test_once_has_no_bounds(field: str) -> None:
    with pytest.raises(ValidationError, match="extra"):
        Once.model_validate({field: None})


def test_once_survives_json() -> None:
    adapter: TypeAdapter[Once] = TypeAdapter(Schedule)
    schedule = Once(after=SECOND, jitter=SECOND)
    assert adapter.validate_json(adapter.dump_json(schedule)) == schedule
