"""What is skipped and what is made, against a slow oracle that looks at one instant after the other."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from karya.core import misfire
from karya.core.job import Cursor, Job
from karya.core.misfire import SkipRange, has_misfired, plan, verdict
from karya.core.occurrence import opening
from karya.core.policies import Misfire, MisfirePolicy
from karya.core.schedule import Cron, Interval, Once, Rrule, Schedule
from karya.core.schedule.base import BaseSchedule
from karya.core.times import MILLISECOND
from tests.support.story import NOW, SECOND, a_job, at, every

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TEN_SECONDS = timedelta(seconds=10)


@dataclass
class Course:
    """What became of a job after as many goes as it took."""

    job: Job
    made: list[Cursor] = field(default_factory=list)
    skips: list[SkipRange] = field(default_factory=list)
    goes: int = 0


def run(job: Job, now: datetime, until: datetime, *, open_late: int = 0, most: int = 100) -> Course:
    """Goes on until nothing is left; what is made late ends at once."""
    course = Course(job)
    while True:
        course.goes += 1
        step = plan(course.job, now, until, open_late=open_late, most=most)
        course.made += step.cursors
        course.skips += [step.skip] if step.skip else []
        course.job = course.job.model_copy(update={"cursor": step.cursor})
        if not step.unfinished:
            return course
        assert step.moves, "an unfinished plan that does nothing would go on for ever"


def instants(job: Job, until: datetime) -> list[datetime]:
    """All instants behind the cursor, up to and including the first beyond `until`."""
    found: list[datetime] = []
    at_, count = job.cursor.at, job.cursor.count
    while (following := job.schedule.next_after(job.anchor, at_, count)) is not None:
        found.append(following)
        at_, count = following, count + 1
        if following > until:
            break
    return found


def is_skipped(job: Job, instant: datetime, missed: list[datetime], now: datetime) -> bool:
    """The rule of docs/guides/misfire-and-overlap.md, word by word."""
    if instant not in missed:
        return False
    match job.misfire.policy:
        case MisfirePolicy.SKIP:
            return True
        case MisfirePolicy.LATEST:
            return instant != missed[-1]
        case MisfirePolicy.ALL:
            window = job.misfire.window
            return window is not None and now - instant - job.schedule.jitter > window


durations = st.integers(0, 3 * 3600).map(lambda seconds: timedelta(seconds=seconds))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    bounds: dict[str, Any] = {
        "max_runs": draw(st.none() | st.integers(1, 60)),
        "end_at": draw(st.none() | durations.map(lambda length: NOW + timedelta(days=1) + length)),
    }
    if draw(st.booleans()):
        minutes = draw(st.sampled_from([1, 2, 7, 30]))
        return Cron(expression=f"*/{minutes} * * * *", jitter=draw(durations), **bounds)
    every_ = timedelta(seconds=draw(st.integers(20, 4000)))
    return Interval(
        every=every_, jitter=draw(st.sampled_from([timedelta(0), every_ / 2, every_ - SECOND])), **bounds
    )


@st.composite
def policies(draw: st.DrawFn) -> Misfire:
    return Misfire(
        policy=draw(st.sampled_from(MisfirePolicy)),
        grace=draw(st.integers(1, 600)) * SECOND,
        window=draw(st.none() | st.integers(1, 9000).map(lambda seconds: seconds * SECOND)),
        at_once=draw(st.integers(1, 20)),
    )


@settings(deadline=None)
@given(schedules(), policies(), durations, st.integers(0, 5), st.integers(1, 50))
def test_every_instant_is_made_or_skipped_as_the_policy_says(
    schedule: Schedule, policy: Misfire, away: timedelta, look_ahead: int, most: int
) -> None:
    job = a_job(schedule, misfire=policy)
    now = job.cursor.at + away
    until = now + look_ahead * SECOND
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(misfire, "_MOST_PASSED", 7)
        course = run(job, now, until, most=most)
    end = max([until, *(cursor.at for cursor in course.made)])
    expected = instants(job, end)
    missed = [i for i in expected if now - i - schedule.jitter > policy.grace]
    wanted = [i for i in expected if not is_skipped(job, i, missed, now)]
    made = [cursor.at for cursor in course.made]
    assert made == wanted[: len(made)]
    assert all(i > until for i in wanted[len(made) :])
    skipped = [i for i in expected if is_skipped(job, i, missed, now)]
    assert sum(skip.count for skip in course.skips) == len(skipped)
    if skipped:
        assert (course.skips[0].first, course.skips[-1].last) == (skipped[0], skipped[-1])
        assert len({skip.reason for skip in course.skips}) == 1
    numbers = {i: job.cursor.count + n for n, i in enumerate(expected, 1)}
    assert [cursor.count for cursor in course.made] == [numbers[i] for i in made]
    assert course.job.cursor.count == job.cursor.count + len(made) + len(skipped)
    assert bool(missed) == has_misfired(job, now)


@pytest.mark.parametrize("stands_on, made", [(60, [120, 180]), (120, [180])])
def test_a_chain_does_not_wait_for_what_was_skipped_on_request(stands_on: int, made: list[int]) -> None:
    """It has a task that nobody sees; after a change of the schedule the chain may come to it again."""
    cursor = Cursor(at=at(stands_on), count=stands_on // 60, exhausted=False)
    job = a_job(every(60)).model_copy(update={"skipped": (at(120),), "cursor": cursor})
    step = plan(job, at(59), at(61))
    assert [cursor.at for cursor in step.cursors] == [at(second) for second in made]
    assert next(job.ahead(at(60))) == at(180)


@pytest.mark.parametrize("rule", ["FREQ=SECONDLY", "FREQ=SECONDLY;BYHOUR=9,11"])
def test_a_dense_schedule_with_a_long_jitter_costs_no_look_at_each_instant(
    monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    """It is looked at each second: to go through all of its day would take longer than that."""
    now = NOW + timedelta(days=1, hours=3, minutes=30)
    cursor = Cursor(at=now, count=99_999, exhausted=False)
    job = a_job(Rrule(rule=rule, jitter=timedelta(days=1))).model_copy(update={"cursor": cursor})
    real, looks = BaseSchedule.due_at, 0

    def counted(*args: Any) -> datetime:
        nonlocal looks
        looks += 1
        return real(*args)

    monkeypatch.setattr(BaseSchedule, "due_at", counted)
    step = plan(job, now, now + 2 * SECOND)
    assert looks <= 2_100
    following = job.next_cursor(step.cursor.at, step.cursor.count)
    instants = [now - number * SECOND for number in range(1_790)] + [one.at for one in step.cursors]
    unseen = [due for at_ in instants if (due := real(job.schedule, job.id, at_)) > now + 2 * SECOND]
    assert following is not None
    assert step.unfinished or min(unseen) <= following.at


@settings(deadline=None)
@given(schedules(), durations, st.integers(0, 100))
def test_a_chain_is_always_seen_again_before_it_would_be_late(
    schedule: Schedule, away: timedelta, look_ahead: int
) -> None:
    """Whenever a task is seen, some task that is not yet seen is due no later than what has no task."""
    job = a_job(schedule, misfire=Misfire(window=None))
    until = job.cursor.at + away + look_ahead * SECOND
    course = run(job, job.cursor.at + away, until, most=10_000)
    cursor = course.job.cursor
    following = job.next_cursor(cursor.at, cursor.count)
    assume(following is not None)
    assert following is not None
    stored = [job.cursor.at, *(made.at for made in course.made)]
    unseen = [due for i in stored if (due := schedule.due_at(job.id, i)) > until]
    assert min(unseen) <= following.at
    assert plan(course.job, until, until).moves is False


@settings(deadline=None)
@given(st.integers(0, 12), st.integers(1, 10))
def test_no_more_than_at_once_are_open(open_late: int, at_once: int) -> None:
    job = a_job(every(10), misfire=Misfire(at_once=at_once))
    go = plan(job, at(1800), at(1802), open_late=open_late)
    assert len(go.cursors) == max(0, at_once - open_late)
    assert go.unfinished
    assert go.cursor == (go.cursors[-1] if go.cursors else job.cursor)


def test_the_rest_follows_when_those_have_ended() -> None:
    job = a_job(every(10), misfire=Misfire(at_once=3))
    course = run(job, at(600), at(602))
    assert [cursor.at for cursor in course.made] == [at(10 * n) for n in range(2, 62)]
    assert course.goes > 10


def test_those_in_time_are_not_capped() -> None:
    job = a_job(every(1), misfire=Misfire(at_once=1, grace=MINUTE))
    assert len(plan(job, at(50), at(52), open_late=1).cursors) == 52


@pytest.mark.parametrize("policy", MisfirePolicy)
def test_a_years_outage_of_a_fast_job_is_one_range(policy: MisfirePolicy) -> None:
    job = a_job(Interval(every=timedelta(milliseconds=100)), misfire=Misfire(policy=policy))
    now = NOW + timedelta(days=365)
    begun = time.process_time()
    go = plan(job, now, now + 2 * SECOND)
    assert time.process_time() - begun < 2
    assert go.skip is not None
    assert go.skip.first == at(0.2)
    assert go.skip.count == (go.skip.last - go.skip.first) // timedelta(milliseconds=100) + 1 > 300_000_000
    assert len(go.cursors) <= 100


def test_a_years_outage_of_a_cron_job_is_passed_over_in_bounded_goes() -> None:
    job = a_job(Cron(expression="* * * * *"), misfire=Misfire(policy=MisfirePolicy.SKIP))
    now = NOW + timedelta(days=365)
    course = run(job, now, now)
    assert course.goes == 365 * 24 * 60 // misfire._MOST_PASSED + 1
    assert all(one.last < two.first for one, two in pairwise(course.skips))
    assert sum(skip.count for skip in course.skips) > 525_000


@pytest.mark.parametrize("policy", MisfirePolicy)
def test_a_schedule_that_ends_in_the_range_is_exhausted(policy: MisfirePolicy) -> None:
    job = a_job(every(10, max_runs=5), misfire=Misfire(policy=policy))
    cursor = run(job, at(86_400), at(86_402)).job.cursor
    assert cursor == Cursor(at=at(50), count=5, exhausted=True)


def test_the_latest_one_of_a_schedule_that_ended_runs() -> None:
    job = a_job(every(10, max_runs=5), misfire=Misfire(policy=MisfirePolicy.LATEST))
    course = run(job, at(86_400), at(86_402))
    assert [cursor.at for cursor in course.made] == [at(50)]
    assert [(skip.first, skip.last, skip.count) for skip in course.skips] == [(at(20), at(40), 3)]


@pytest.mark.parametrize(
    "policy, reason",
    [
        (Misfire(policy=MisfirePolicy.SKIP, grace=MINUTE), "misfired: more than PT1M late"),
        (Misfire(policy=MisfirePolicy.LATEST), "misfired: only the latest missed instant runs"),
        (Misfire(), "misfired: more than PT1H late"),
        (Misfire(window=SECOND, grace=MINUTE), "misfired: more than PT1M late"),
    ],
)
def test_the_reason_is_for_people(policy: Misfire, reason: str) -> None:
    go = plan(a_job(every(10), misfire=policy), at(86_400), at(86_402))
    assert go.skip is not None
    assert go.skip.reason == reason


# --- what is made before it has to be -------------------------------------------------------------------


def gone_through(job: Job, seconds: int, further: int) -> list[list[datetime]]:
    """What is made in each second in which the scheduler sees the job."""
    made: list[list[datetime]] = []
    for second in range(1, seconds + 1):
        go = plan(job, at(second), at(second + 2), further=further)
        made.append([cursor.at for cursor in go.cursors])
        job = job.model_copy(update={"cursor": go.cursor})
    return made


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 10), st.sampled_from([0.5, 1, 3, 7]), st.sampled_from([None, 30]))
def test_instants_that_come_soon_are_made_together(
    further: int, at_once: int, interval: float, max_runs: int | None
) -> None:
    job = a_job(every(interval, max_runs=max_runs), misfire=Misfire(at_once=at_once))
    made = gone_through(job, 40, further)
    found = [instant for instants_ in made for instant in instants_]
    assert found == instants(job, found[-1])[: len(found)]
    for second, instants_ in enumerate(made, 1):
        needed = sum(instant <= at(second + 2) for instant in instants_) + 1
        assert len(instants_) <= max(min(further, at_once), needed)
        assert all(instant <= at(second + 12) for instant in instants_[needed:])


def test_a_job_of_one_second_moves_every_fifth_time_and_jobs_take_turns() -> None:
    moves = [[bool(i) for i in gone_through(a_job(every(1)), 40, 5)][10:] for _ in range(40)]
    assert {sum(move) for move in moves} == {6}
    assert len({move.index(True) for move in moves}) > 1


@pytest.mark.parametrize(
    "policy, schedule",
    [
        (Misfire(policy=MisfirePolicy.SKIP), every(1)),
        (Misfire(policy=MisfirePolicy.LATEST), every(1)),
        (Misfire(), Interval(every=SECOND, jitter=MILLISECOND)),
        (Misfire(), every(11)),
    ],
)
def test_nothing_is_made_early_where_it_could_not_be_skipped_or_comes_late(
    policy: Misfire, schedule: Schedule
) -> None:
    job = a_job(schedule, misfire=policy)
    first, second = job.cursor.at, job.cursor.at + SECOND
    assert plan(job, first, second, further=9) == plan(job, first, second)


# --- occurrences that have tasks ------------------------------------------------------------------------

SKIP = Misfire(policy=MisfirePolicy.SKIP)
LATEST = Misfire(policy=MisfirePolicy.LATEST)
ALL = Misfire()
ANY_AGE = Misfire(window=None)


@pytest.mark.parametrize(
    "policy, late, skipped",
    [
        (SKIP, MINUTE, False),
        (SKIP, MINUTE + MILLISECOND, True),
        (LATEST, MINUTE + TEN_SECONDS, False),
        (LATEST, MINUTE + TEN_SECONDS + MILLISECOND, True),
        (ALL, HOUR, False),
        (ALL, HOUR + MILLISECOND, True),
        (ANY_AGE, 1000 * HOUR, False),
    ],
)
def test_a_stored_occurrence_is_judged_by_the_same_rule(
    policy: Misfire, late: timedelta, skipped: bool
) -> None:
    job = a_job(every(10), misfire=policy)
    reason = verdict(job, at(10), at(10), 1, at(10) + late)
    assert (reason is not None) is skipped
    assert reason is None or reason.startswith("misfired: ")


@pytest.mark.parametrize("policy, skipped", [(SKIP, True), (LATEST, False), (ALL, False)])
def test_a_one_off_job_is_lost_only_by_request(policy: Misfire, skipped: bool) -> None:
    job = a_job(Once(at=NOW), misfire=policy)
    assert (verdict(job, NOW, NOW, 1, NOW + 1000 * HOUR) is not None) is skipped


def test_the_last_one_of_a_schedule_is_its_latest() -> None:
    job = a_job(every(10, max_runs=1), misfire=LATEST)
    assert verdict(job, at(10), at(10), 1, at(86_400)) is None


# --- what a job begins with -----------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", [Once(at=NOW), every(10), Interval(every=MINUTE, jitter=SECOND)])
def test_a_job_begins_with_its_first_occurrence(schedule: Schedule) -> None:
    job = a_job(schedule)
    stored, tasks = opening(job)
    assert stored == job
    assert [(task.instant, task.count) for task in tasks] == [(job.cursor.at, 1)]


def test_with_jitter_it_begins_with_as_many_as_could_be_due_before_the_first() -> None:
    job = a_job(Cron(expression="* * * * *", jitter=10 * HOUR))
    stored, tasks = opening(job)
    assert [task.instant for task in tasks] == [NOW + n * MINUTE for n in range(1, len(tasks) + 1)]
    assert stored.cursor == Cursor(at=tasks[-1].instant, count=len(tasks), exhausted=False)
    assert min(task.due_at for task in tasks) <= tasks[-1].instant + MINUTE
