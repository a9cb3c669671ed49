"""The clock follows the database's, as far as a measurement can tell the two apart, and no further."""

import time
from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karya.core.clock import SystemClock
from karya.core.times import floor_millis

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
ZERO = timedelta(0)

journeys = st.timedeltas(ZERO, SECOND)


def measure(clock: SystemClock, offset: timedelta, there: timedelta, back: timedelta) -> timedelta:
    """One measurement of a database whose clock is ahead by `offset` and which cuts to milliseconds."""
    server_time = floor_millis(NOW + there + offset)
    return clock.observe(server_time, asked_at=NOW, answered_at=NOW + there + back)


@given(journeys, journeys)
def test_offset_stays_zero_on_one_machine(there: timedelta, back: timedelta) -> None:
    assert measure(SystemClock(), ZERO, there, back) == ZERO


@given(st.timedeltas(-SECOND * 3600, SECOND * 3600), journeys, journeys)
def test_error_of_the_offset_is_bounded_by_the_journey(
    offset: timedelta, there: timedelta, back: timedelta
) -> None:
    measured = measure(SystemClock(), offset, there, back)
    assert abs(measured - offset) <= there + back + MILLISECOND


@given(st.timedeltas(-SECOND, SECOND), journeys, journeys)
def test_offset_moves_no_further_than_the_measurement_forces_it(
    offset: timedelta, there: timedelta, back: timedelta
) -> None:
    clock = SystemClock()
    measured = measure(clock, offset, there, back)
    assert min(offset, ZERO) - MILLISECOND <= measured <= max(offset, ZERO) + MILLISECOND
    assert measure(clock, offset, there, back) == measured, "the same measurement again moves nothing"


def test_a_quick_answer_corrects_a_slow_one() -> None:
    clock = SystemClock()
    measure(clock, 10 * SECOND, ZERO, 4 * SECOND)
    assert measure(clock, 10 * SECOND, ZERO, ZERO) == 10 * SECOND


def test_clock_that_is_behind_is_followed_too() -> None:
    assert measure(SystemClock(), -10 * SECOND, ZERO, ZERO) == -10 * SECOND + MILLISECOND


def test_now_is_shifted_by_the_offset() -> None:
    clock = SystemClock()
    measure(clock, timedelta(days=1), ZERO, ZERO)
    ahead = clock.now() - datetime.now(UTC)
    assert abs(ahead - timedelta(days=1)) < timedelta(minutes=1)
    assert clock.now().tzinfo is UTC


def test_a_machine_that_sleeps_grows_older(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its leases run out meanwhile: CLOCK_MONOTONIC would stand still."""
    clock, asked = SystemClock(), list[int]()

    def slept(kind: int) -> float:
        asked.append(kind)
        return 7_200.0 if kind == time.CLOCK_BOOTTIME else 0.0

    monkeypatch.setattr("karya.core.clock.time.clock_gettime", slept)
    assert clock.monotonic() == 7_200.0
    assert asked == [time.CLOCK_BOOTTIME]


class SetWallClock(datetime):
    """A machine whose wall clock somebody sets."""

    ahead = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + cls.ahead


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_wall_clock_that_jumps_moves_nothing(monkeypatch: pytest.MonkeyPatch, jump: timedelta) -> None:
    monkeypatch.setattr("karya.core.clock.datetime", SetWallClock)
    clock = SystemClock()
    before = clock.now()
    monkeypatch.setattr(SetWallClock, "ahead", jump)
    assert timedelta(0) <= clock.now() - before < timedelta(minutes=1)


def test_two_clocks_of_one_machine_agree() -> None:
    apart = [abs(SystemClock().own() - SystemClock().own()) for _ in range(100)]
    assert min(apart) < timedelta(milliseconds=5)


def test_monotonic_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
