"""The judge on small histories that say what each rule means."""

import subprocess
import sys
from dataclasses import replace

from tests.chaos.judge.facts import Arrival, Asked, Drain, Heard, History, Job, Limit, Step, Trouble
from tests.chaos.judge.judge import judge
from tests.chaos.judge.matching import match
from tests.chaos.judge.needs import Instant, Need
from tests.chaos.judge.schedules import Cron, Interval, Once, Schedule
from tests.chaos.judge.verdict import Kind, Verdict
from tests.chaos.judging.playing import numbered

NOON = 1_795_435_200_000  # 2026-11-23T12:00:00Z
SECOND = 1_000


def job(schedule: Schedule, **fields: object) -> Job:
    return replace(Job("a", schedule, NOON - 5, NOON + 5, NOON), **fields)  # type: ignore[arg-type]


def arrival(instant: int, ident: str, at: int | None = None, attempt: int = 1, **fields: object) -> Arrival:
    at = instant + 3 if at is None else at
    made = Arrival(0, "a", "main", ident, attempt, attempt, instant, at, at + 10, 200)
    return replace(made, **fields)  # type: ignore[arg-type]


def judged(
    of: Job, *arrivals: Arrival, troubles: tuple[Trouble, ...] = (), drains: tuple[Drain, ...] = ()
) -> Verdict:
    return judge(History({"a": of}, numbered(list(arrivals)), NOON + 600 * SECOND, troubles, drains=drains))


def kinds(verdict: Verdict) -> list[Kind]:
    return [violation.kind for violation in verdict.violations]


def instants(schedule: Schedule, most: int) -> list[int]:
    found = schedule.instants(NOON)
    return [at - NOON for at, _ in zip(found, range(most), strict=False)]


def test_the_judge_is_independent() -> None:
    program = "import sys, tests.chaos.judge.judge; print('karya' in {n.split('.')[0] for n in sys.modules})"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ran.stdout == "False\n", ran.stderr


def test_the_instants_are_computed_from_the_schedule() -> None:
    assert instants(Once(NOON - 1), 9) == [0]
    assert instants(Once(NOON + 7), 9) == [7]
    assert instants(Interval(500, max_runs=3), 9) == [500, 1_000, 1_500]
    assert instants(Interval(500, anchor=NOON - 1_100), 2) == [400, 900]
    assert instants(Interval(500, anchor=NOON + 100, end=NOON + 1_100), 9) == [600]
    assert instants(Cron("*/20 * * * *"), 4) == [1_200_000, 2_400_000, 3_600_000, 4_800_000]
    assert instants(Cron("30 0 * * *", max_runs=1), 9) == [45_000_000]


def test_an_attempt_that_was_cut_in_mid_request_is_made_again_with_a_higher_one() -> None:
    cut = arrival(NOON, "x", status=None)
    again = arrival(NOON, "x", NOON + 6 * SECOND, attempt=2)
    once = job(Once(NOON))
    verdict = judged(once, cut, again, troubles=(Trouble(NOON, NOON + SECOND),))
    assert (verdict.good, verdict.excused, verdict.retried) == (True, 1, 0)
    assert kinds(judged(once, cut, again)) == [Kind.DOUBLED]


def test_a_success_that_was_not_stored_is_no_double_either() -> None:
    once, again = job(Once(NOON)), arrival(NOON, "x", NOON + 6 * SECOND, attempt=2)
    killed = (Trouble(NOON + SECOND, NOON + 2 * SECOND),)
    assert judged(once, arrival(NOON, "x"), again, troubles=killed).excused == 1
    much_later = (Trouble(NOON + 5 * SECOND, NOON + 9 * SECOND),)
    assert kinds(judged(once, arrival(NOON, "x"), again, troubles=much_later)) == [Kind.DOUBLED]


def test_what_was_handed_back_is_the_same_attempt_under_a_higher_token() -> None:
    once, drains = job(Once(NOON)), (Drain(NOON, NOON + 5 * SECOND),)
    broken = arrival(NOON, "x", status=None, ended=NOON + 4 * SECOND)
    again = arrival(NOON, "x", NOON + 5 * SECOND, token=2)
    verdict = judged(once, broken, again, drains=drains)
    assert (verdict.good, verdict.handed_back, verdict.excused) == (True, 1, 0)
    assert kinds(judged(once, broken, replace(again, token=1), drains=drains)) == [Kind.FENCE]


def test_a_drain_excuses_nothing_but_what_it_broke_off() -> None:
    once, drains = job(Once(NOON)), (Drain(NOON, NOON + 5 * SECOND),)
    broken = arrival(NOON, "x", status=None, ended=NOON + 4 * SECOND)
    again = arrival(NOON, "x", NOON + 6 * SECOND, token=2)
    both = [Kind.FENCE, Kind.DOUBLED]
    assert kinds(judged(once, broken, again)) == both
    assert kinds(judged(once, replace(broken, status=200), again, drains=drains)) == both
    assert kinds(judged(once, replace(broken, ended=NOON + 5_001), again, drains=drains)) == both
    counted = replace(again, attempt=2)
    assert kinds(judged(once, broken, counted, drains=drains)) == [Kind.DOUBLED]
    killed = (Trouble(NOON, NOON + 5 * SECOND),)
    assert kinds(judged(once, broken, again, troubles=killed)) == [Kind.FENCE]
    late = arrival(NOON, "x", NOON + 20 * SECOND)
    assert kinds(judged(once, late, drains=drains)) == [Kind.LATE]


def test_a_timed_out_attempt_is_a_failed_one() -> None:
    slow = job(Once(NOON), steps=(Step(timeout=2 * SECOND),))
    held = arrival(NOON, "x", status=None, ended=NOON + 2 * SECOND)
    assert judged(slow, held, arrival(NOON, "x", NOON + 3 * SECOND, attempt=2)).retried == 1


def test_what_was_never_acknowledged_runs_at_most_once() -> None:
    never = job(Once(NOON), acked=None, created=None)
    assert judged(never).good
    assert judged(never, arrival(NOON, "x", NOON + 90 * SECOND)).good
    two = judged(never, arrival(NOON, "x"), arrival(NOON + 9, "y"))
    assert kinds(two) == [Kind.DOUBLED]


def test_late_is_excused_by_trouble_and_else_told() -> None:
    once, late = job(Once(NOON)), arrival(NOON, "x", NOON + 20 * SECOND)
    assert kinds(judged(once, late)) == [Kind.LATE]
    assert judged(once, late, troubles=(Trouble(NOON - SECOND, NOON + 15 * SECOND),)).good
    assert kinds(judged(once, late, troubles=(Trouble(NOON, NOON + 5 * SECOND),))) == [Kind.LATE]


def test_a_run_that_claims_the_instant_of_another_does_not_hide_its_loss() -> None:
    every = job(Interval(60 * SECOND, max_runs=2))
    first, second = NOON + 60 * SECOND, NOON + 120 * SECOND
    claims = arrival(first, "y", second + 3)
    assert Kind.LATE in kinds(judged(every, claims, arrival(second, "z")))


def test_a_cancel_is_judged_by_its_answer() -> None:
    cancelled = job(Interval(SECOND), cancel=Asked(NOON + 2_500, NOON + 2_900))
    runs = [arrival(NOON + n * SECOND, str(n)) for n in (1, 2)]
    assert judged(cancelled, *runs).good
    leaving = arrival(NOON + 2 * SECOND, "x", NOON + 3_800)
    assert judged(cancelled, runs[0], leaving).good
    assert kinds(judged(cancelled, runs[0], replace(leaving, at=NOON + 3_901))) == [Kind.CANCELLED]


def test_a_step_comes_after_the_end_of_the_one_before() -> None:
    steps = (Step("one"), Step("two", ("one",)))
    both = job(Once(NOON), steps=steps)
    one, two = arrival(NOON, "x", part="one"), arrival(NOON, "y", NOON + 60, part="two")
    assert judged(both, one, two).good
    assert kinds(judged(both, replace(one, ended=NOON + 90), two)) == [Kind.EARLY]
    assert kinds(judged(both, one)) == [Kind.LOST]


def test_occurrences_that_want_to_be_alone_come_one_after_the_other() -> None:
    alone = job(Interval(SECOND, max_runs=2), alone=True)
    first, second = (arrival(NOON + number * SECOND, str(number)) for number in (1, 2))
    assert judged(alone, first, second).good
    longer = replace(first, ended=second.at + 500)
    assert kinds(judged(alone, longer, second)) == [Kind.OVERLAP]
    assert judged(replace(alone, alone=False), longer, second).good


FEW = Limit("few", 2)


def crowd(*spans: tuple[int, int], **fields: object) -> Verdict:
    """Runs of as many jobs, each from one moment after noon to another."""
    jobs = {str(n): replace(job(Once(NOON), **fields), key=str(n)) for n in range(len(spans))}
    runs = [
        arrival(NOON, str(n), NOON + at, key=str(n), ended=NOON + ended)
        for n, (at, ended) in enumerate(spans)
    ]
    return judge(History(jobs, numbered(runs), NOON + 600 * SECOND))


def test_no_more_than_the_limit_run_at_once() -> None:
    assert crowd((0, 500), (1, 400), (400, 900), (500, 700), seat=FEW).good
    assert kinds(crowd((0, 500), (1, 400), (399, 900), seat=FEW)) == [Kind.LIMIT]
    assert crowd((0, 500), (1, 400), (399, 900)).good


def test_who_lost_its_lease_holds_no_seat_although_it_goes_on() -> None:
    one = Limit("one", 1)
    jobs = {key: replace(job(Once(NOON), seat=one), key=key) for key in ("a", "b")}
    slept = arrival(NOON, "x", ended=NOON + 9 * SECOND, status=200)
    other = arrival(NOON, "y", NOON + 5 * SECOND, key="b")
    again = arrival(NOON, "x", NOON + 6 * SECOND, attempt=2)
    troubles = (Trouble(NOON, NOON + 9 * SECOND),)
    told = numbered([slept, other, again])
    assert judge(History(jobs, told, NOON + 600 * SECOND, troubles)).good
    alone = numbered([slept, other])
    assert kinds(judge(History(jobs, alone, NOON + 600 * SECOND, troubles))) == [Kind.LIMIT]


def test_no_more_than_the_limit_start_in_a_while() -> None:
    seldom = Limit("seldom", 2, 4 * SECOND)
    assert crowd((0, 10), (5, 10), (3_005, 3_010), window=seldom).good
    assert kinds(crowd((0, 10), (5, 10), (2_999, 3_005), window=seldom)) == [Kind.LIMIT]


def test_who_shares_a_limit_may_wait_and_not_for_ever() -> None:
    late = (20 * SECOND, 20 * SECOND + 5)
    assert kinds(crowd(late, seat=FEW)) == [Kind.LATE]
    assert crowd(late, seat=FEW, waits=30 * SECOND).good
    assert kinds(crowd((39 * SECOND, 39 * SECOND + 5), seat=FEW, waits=30 * SECOND)) == [Kind.LATE]


def test_of_two_live_jobs_with_one_name_one_is_refused_and_leaves_nothing() -> None:
    first = replace(job(Interval(SECOND, max_runs=3), name="n"), key="a")
    runs = [arrival(NOON + n * SECOND, str(n)) for n in (1, 2, 3)]
    refused = replace(first, key="b", acked=None, created=None, refused=True)
    after = replace(first, key="b", schedule=Once(NOON), created=NOON + 4_000, acked=NOON + 4_005, sent=NOON)
    its = arrival(NOON + 4_000, "x", key="b")

    def told(rival: Job, *more: Arrival) -> list[Kind]:
        jobs, arrivals = {"a": first, "b": rival}, numbered([*runs, *more])
        return kinds(judge(History(jobs, arrivals, NOON + 600 * SECOND)))

    assert told(refused) == []
    assert told(refused, its) == [Kind.EXTRA]
    assert told(after, its) == []
    early = replace(after, created=NOON + 2_000, acked=NOON + 2_005)
    assert Kind.NAME in told(early, arrival(NOON + 2_000, "x", NOON + 2_006, key="b"))


def test_a_listener_is_told_of_every_end_once() -> None:
    once = job(Once(NOON))
    end = Heard("1", "karya.task.succeeded", "x")

    def told(*heard: Heard, of: Job = once) -> list[Kind]:
        arrivals = numbered([arrival(NOON, "x")])
        return kinds(judge(History({"a": of}, arrivals, NOON + 600 * SECOND, heard=heard)))

    assert told(end) == []
    assert told() == [Kind.UNHEARD]
    assert told(end, replace(end, position="2")) == [Kind.DOUBLED]
    assert told(replace(end, kind="karya.task.cancelled")) == [Kind.UNHEARD]


def test_every_instant_has_an_arrival_of_its_own() -> None:
    wanted = [Instant(at, at, at + 10, Need.REQUIRED) for at in (0, 4, 8)]
    assert match(wanted, [9, 10, 12], 0).instants == []
    left = match(wanted, [9, 10, 25], 0)
    assert ([each.at for each in left.instants], left.arrivals) == ([8], [2])


def test_what_must_run_comes_before_what_may() -> None:
    may, must = Instant(0, 0, 10, Need.OPTIONAL), Instant(4, 4, 14, Need.REQUIRED)
    assert match([may, must], [5], 0).instants == [may]
    assert match([may, must], [5, 12], 0).instants == []
