"""The load of a period is what the schedules themselves say."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile

from hypothesis import given, settings
from hypothesis import strategies as st

from karya.core.loadmap import LoadMap, Planned
from karya.core.schedule import Cron, Interval, Once, Rrule, Schedule

START = datetime(2026, 11, 28, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
SCHEDULES: st.SearchStrategy[Schedule] = st.one_of(
    st.builds(
        Interval,
        every=st.sampled_from([SECOND * 7, SECOND * 90, HOUR, timedelta(milliseconds=700)]),
        jitter=st.sampled_from([timedelta(0), timedelta(milliseconds=500)]),
        max_runs=st.none() | st.integers(1, 50),
        start_at=st.none() | st.sampled_from([START - HOUR, START + HOUR / 2]),
    ),
    st.builds(
        Cron,
        expression=st.sampled_from(["* * * * *", "*/7 * * * *", "0 1 * * *", "30 0 * * *"]),
        timezone=st.sampled_from(["UTC", "Europe/Berlin"]),
        jitter=st.sampled_from([timedelta(0), timedelta(minutes=5)]),
        end_at=st.none() | st.just(START + HOUR / 2),
    ),
    st.just(Rrule(rule="FREQ=MINUTELY;INTERVAL=11")),
    st.just(Once(at=START + SECOND * 17)),
)
CREATED = st.integers(-5_000_000, 1_800_000).map(lambda ms: START + timedelta(milliseconds=ms))
JOBS = st.lists(st.tuples(SCHEDULES, CREATED), max_size=6)


def counted(job: Planned) -> Counter[int]:
    """One by one, from the first instant of the job on."""
    schedule, end = job.schedule, START + HOUR
    if isinstance(schedule, Once):
        instants = iter(schedule.preview(job.created_at, 1))
    else:
        every = schedule.instants(schedule.anchor(job.created_at), job.created_at)
        instants = takewhile(lambda at: at < end, islice(every, schedule.max_runs))
    due = [job.schedule.due_at(job.seed, at) for at in instants]
    return Counter((at - START) // SECOND for at in due if START <= at < end)


@settings(max_examples=60, deadline=None)
@given(JOBS)
def test_every_start_is_counted_in_its_second(drawn: list[tuple[Schedule, datetime]]) -> None:
    jobs = [
        Planned(str(number), schedule, created, f"id{number}", seen=0, seen_at=created)
        for number, (schedule, created) in enumerate(drawn)
    ]
    load = LoadMap(START, START + HOUR)
    for job in jobs:
        load.add(job)
    starts = load.starts()
    one_by_one = {job.name: counted(job) for job in jobs}
    wanted = sum(one_by_one.values(), Counter[int]())
    assert {second: count for second, count in enumerate(starts) if count} == dict(wanted)
    assert dict(load.counts()) == {name: counts.total() for name, counts in one_by_one.items()}
    for peak in load.peaks(starts):
        second = (peak.at - START) // SECOND
        causes = {name: counts[second] for name, counts in one_by_one.items() if counts[second]}
        assert (peak.starts, peak.distinct) == (wanted[second], len(causes))
        assert dict(peak.jobs).items() <= causes.items()


def planned(name: str, seconds: float | None = None, **schedule: object) -> Planned:
    took = None if seconds is None else timedelta(seconds=seconds)
    return Planned(name, Interval.model_validate(schedule), START, name, duration=took)


def test_runs_fill_every_second_that_they_touch() -> None:
    load = LoadMap(START, START + timedelta(seconds=10), default=timedelta(seconds=2))
    load.add(planned("a", every="PT4S"))
    load.add(planned("b", seconds=3.5, every="PT4S"))
    assert list(load.running()) == [0, 0, 0, 0, 2, 2, 1, 1, 2, 2]
    assert not list(load.overlapping())
    load.add(planned("c", seconds=4.5, every="PT4S"))
    assert [(job.name, gap) for job, gap in load.overlapping()] == [("c", timedelta(seconds=4))]


def test_peaks_of_the_same_jobs_are_one() -> None:
    load = LoadMap(START, START + HOUR)
    for number in range(30):
        load.add(Planned(f"cron {number:02}", Cron(expression="*/10 * * * *"), START - HOUR, str(number)))
    load.add(planned("lonely", every="PT7M"))
    (peak,) = load.peaks(load.starts())
    assert (peak.at, peak.starts, peak.distinct, peak.repeats) == (START, 30, 30, 5)
    assert [name for name, _ in peak.jobs] == [f"cron {number:02}" for number in range(5)]


def test_runs_that_a_job_has_had_do_not_come_again() -> None:
    schedule = Interval(every=timedelta(minutes=10), max_runs=5)
    load = LoadMap(START, START + HOUR)
    load.add(Planned("a", schedule, START - HOUR / 2, "a", seen=2, seen_at=START - timedelta(minutes=5)))
    assert sum(load.starts()) == 3


def test_jobs_of_one_rule_that_count_from_other_seconds_are_told_apart() -> None:
    load = LoadMap(START, START + 2 * HOUR)
    for minutes in (1, 2, 61):
        created = START - timedelta(minutes=minutes, milliseconds=250)
        load.add(Planned(str(minutes), Interval(every=HOUR), created, str(minutes)))
    found = {second: count for second, count in enumerate(load.starts()) if count}
    assert found == {58 * 60 - 1: 1, 59 * 60 - 1: 2, 118 * 60 - 1: 1, 119 * 60 - 1: 2}
