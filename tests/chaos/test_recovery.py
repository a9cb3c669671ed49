"""How long a fault was felt."""

from dataclasses import replace
from random import Random

from tests.chaos.faults.base import Injection
from tests.chaos.faults.kills import SchedulerKilled
from tests.chaos.faults.orderly import WorkerTerminated
from tests.chaos.faults.stops import SchedulerStopped
from tests.chaos.judge.facts import Arrival, History, Job
from tests.chaos.judge.schedules import Interval
from tests.chaos.recovery import Felt

START = 1_795_435_200_000
SECOND = 1_000
JOB = Job("a", Interval(SECOND, max_runs=20), START, START, START)


def arrival(number: int, late: int, **fields: object) -> Arrival:
    instant = START + number * SECOND
    made = Arrival(number, "a", "main", f"{number}", 1, 1, instant, instant + late, instant + late + 5, 200)
    return replace(made, **fields)  # type: ignore[arg-type]


def felt(*arrivals: Arrival) -> Felt:
    return Felt(History({"a": JOB}, arrivals, START + 60 * SECOND))


def test_it_is_over_with_the_last_arrival_that_was_late() -> None:
    killed = Injection(SchedulerKilled(Random(1)), START + 4_500, healed_at=START + 4_500)
    on_time = [arrival(number, 3) for number in (1, 2, 3, 4, 8, 9)]
    late = [arrival(5, 2_900), arrival(6, 1_950), arrival(7, 900)]
    assert felt(*on_time, *late).until(killed) == START + 7_950
    assert felt(*on_time).until(killed) == killed.injected_at


def test_what_the_next_fault_makes_late_is_not_its_doing() -> None:
    killed = Injection(SchedulerKilled(Random(1)), START, healed_at=START, over_at=START + 5_000)
    assert felt(arrival(9, 4_000)).until(killed) == START


def test_the_time_counts_from_the_end_of_a_fault_that_lasts() -> None:
    stopped = Injection(SchedulerStopped(Random(1)), START + 1_000, healed_at=START + 9_000)
    assert felt(arrival(2, 3_000)).until(stopped) == stopped.since == START + 9_000
    assert felt(arrival(2, 8_500)).until(stopped) == START + 10_500


def test_what_was_cut_is_felt_until_it_is_made_again() -> None:
    killed = Injection(SchedulerKilled(Random(1)), START + 1_500, healed_at=START + 1_500)
    cut = arrival(1, 3, status=None, ended=START + 1_510)
    again = replace(arrival(1, 5_000), number=2, attempt=2, token=2)
    found = felt(cut, again)
    assert (found.until(killed), found.cut(killed)) == (START + 6_000, 1)
    failed = replace(cut, status=503)
    assert felt(failed, again).cut(killed) == 0


def test_an_end_in_order_is_felt_as_the_latest_of_all_starts() -> None:
    ended = Injection(WorkerTerminated(Random(1)), START + 500, healed_at=START + 9_000)
    assert felt(arrival(2, 900), arrival(7, 3)).lasted(ended) == 0
    assert felt(arrival(2, 1_700), arrival(7, 1_200)).lasted(ended) == 1_700
    back = arrival(1, 8_000, status=None, ended=START + 6_000)
    again = replace(arrival(1, 7_300), number=2, token=2)
    first = replace(back, at=START + SECOND + 3)
    assert felt(first, again).lasted(ended) == 2_300
