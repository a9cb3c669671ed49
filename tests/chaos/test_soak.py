"""What a soak calls flat, and what a backlog."""

import pytest

from tests.chaos.judge.facts import Arrival, History, Job
from tests.chaos.judge.schedules import Cron, Once
from tests.chaos.resources import Growth, Sample, grown
from tests.chaos.soak import WARM_UP, soaked
from tests.chaos.suite import last_arrival

MINUTE = 60.0


def samples(begin: float, end: float, started: float = 0.0) -> list[Sample]:
    """So many MB in the minute behind the warm-up of the last start, and in the last one; else it is more."""
    warm = started + WARM_UP

    def size(at: int) -> float:
        return end if at > 1200 - MINUTE else begin if warm <= at < warm + MINUTE else 900.0

    return [Sample(float(at), started if at >= started else 0.0, size(at)) for at in range(0, 1200, 5)]


def test_growth_is_from_the_minute_behind_the_warm_up_to_the_last_one() -> None:
    assert grown("worker", samples(200, 210), WARM_UP) == Growth("worker", 200, 210, 900)


def test_what_was_started_again_is_warmed_up_again() -> None:
    assert grown("mongod", samples(200, 210, started=500), WARM_UP) == Growth("mongod", 200, 210, 900)


def test_what_was_started_too_late_for_that_is_measured_from_the_first_warm_up() -> None:
    assert grown("worker", samples(200, 210, started=800), WARM_UP) == Growth("worker", 900, 210, 900)


@pytest.mark.parametrize(("end", "wrong"), [(150, 0), (219, 0), (221, 1)])
def test_no_process_grows_by_a_tenth(end: float, wrong: int) -> None:
    assert len(list(soaked([Growth("worker", 200, end, 900)], quiesced=5))) == wrong


def test_what_the_full_minute_brings_is_no_backlog() -> None:
    jobs = {
        key: Job(key, schedule, 0, 0, 0) for key, schedule in (("a", Once(9_000)), ("b", Cron("* * * * *")))
    }
    arrivals = [
        Arrival(0, "a", "main", "x", 1, 1, 9_000, 21_000),
        Arrival(1, "b", "main", "y", 1, 1, 60_000, 60_003),
    ]
    assert last_arrival(History(jobs, tuple(arrivals), 70_000), stopped=10_000) == 11_000
    assert last_arrival(History(jobs, tuple(arrivals), 70_000), stopped=30_000) == 0


def test_a_backlog_is_told() -> None:
    assert list(soaked([], quiesced=25)) == []
    assert "backlog" in next(soaked([], quiesced=27))
