"""What a soak calls flat, and what a backlog."""

import pytest

from tests.chaos.judge.facts import Arrival, History, Job
from tests.chaos.judge.schedules import Cron, Once
from tests.chaos.resources import Growth, grown
from tests.chaos.soak import WARM_UP, soaked
from tests.chaos.suite import last_arrival

MINUTE = 60.0


def samples(begin: float, end: float) -> list[tuple[float, float]]:
    """So many MB in the minute behind the warm-up, and in the last one; before and in between it is more."""
    found = [(at, 900.0) for at in range(0, 1200, 5)]
    found = [(at, begin if WARM_UP <= at < WARM_UP + MINUTE else size) for at, size in found]
    return [(float(at), end if at > 1200 - MINUTE else size) for at, size in found]


def test_growth_is_from_the_minute_behind_the_warm_up_to_the_last_one() -> None:
    assert grown("worker", samples(200, 210), WARM_UP) == Growth("worker", 200, 210, 900)


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
