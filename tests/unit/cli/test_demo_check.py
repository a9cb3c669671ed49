"""The demo's checker must not be satisfied with less than the truth."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from karya.cli.demo_check import TOLERANCE, Expected, check
from karya.cli.demo_target import Arrival

DUE = datetime(2026, 11, 23, 8, tzinfo=UTC)
MS = timedelta(milliseconds=1)
PAUSE = timedelta(milliseconds=500)

RUN = Expected("/run", DUE)
NEXT = Expected("/run", DUE + timedelta(seconds=1))
FLAKY = Expected("/flaky", DUE, attempts=2, pause=PAUSE)
HOOK = Expected("/hook", None, after="/run", says={"type": "done", "job": 1})
LOAD = Expected("/load", DUE, after="/hook")
EXPECTED = (RUN, NEXT, FLAKY, HOOK, LOAD)


def arrival(path: str, task: str, late: timedelta, attempt: int = 1, instant: datetime = DUE) -> Arrival:
    return Arrival(path, task, attempt, instant, instant + late)


FIRST = arrival("/run", "a", 5 * MS)
SECOND = arrival("/run", "b", 7 * MS, instant=DUE + timedelta(seconds=1))
FAILED = arrival("/flaky", "c", 3 * MS)
RETRIED = arrival("/flaky", "c", 3 * MS + PAUSE + 2 * MS, attempt=2)
SAID = {"type": "done", "job": 1, "more": None}
FIRED = Arrival("/hook", "d", 1, SECOND.at + 9 * MS, SECOND.at + 20 * MS, SAID)
LOADED = replace(arrival("/load", "e", timedelta(0)), at=FIRED.at + 4 * MS)
ALL = (FIRST, SECOND, FAILED, RETRIED, FIRED, LOADED)


def problems(*arrivals: Arrival) -> str:
    return "\n".join(check(EXPECTED, arrivals).problems)


def test_what_arrived_as_expected_is_fine_and_its_lateness_is_told() -> None:
    verdict = check(EXPECTED, ALL)
    assert verdict.problems == ()
    assert verdict.lateness == (5 * MS, 7 * MS, 3 * MS, 2 * MS, 20 * MS, 4 * MS)


@pytest.mark.parametrize("missing", range(len(ALL)))
def test_a_missing_call_is_flagged(missing: int) -> None:
    rest = ALL[:missing] + ALL[missing + 1 :]
    assert f"attempt {ALL[missing].attempt} arrived 0 times instead of 1" in problems(*rest)


@pytest.mark.parametrize("doubled", range(len(ALL)))
def test_a_doubled_call_is_flagged(doubled: int) -> None:
    again = replace(ALL[doubled], at=ALL[doubled].at + MS)
    assert f"attempt {again.attempt} arrived 2 times instead of 1" in problems(*ALL, again)


def test_an_attempt_too_many_is_flagged() -> None:
    third = replace(RETRIED, attempt=3, at=RETRIED.at + PAUSE)
    assert "attempt 3 arrived 1 time instead of 0" in problems(*ALL, third)


def test_an_early_call_is_flagged() -> None:
    early = replace(FIRST, at=DUE - MS)
    assert problems(early, *ALL[1:]) == "/run of 2026-11-23T08:00:00.000Z: attempt 1 arrived 1 ms early"


def test_a_retry_before_its_pause_is_flagged() -> None:
    early = replace(RETRIED, at=FAILED.at + PAUSE - MS)
    assert "attempt 2 arrived 1 ms early" in problems(FIRST, SECOND, FAILED, early, FIRED, LOADED)


def test_a_hook_before_the_end_of_its_job_is_flagged() -> None:
    assert "/hook after /run: attempt 1 arrived 1 ms early" in problems(
        *ALL[:-2], replace(FIRED, at=SECOND.at - MS), LOADED
    )


def test_a_late_call_is_flagged() -> None:
    late = replace(FIRST, at=DUE + TOLERANCE + MS)
    assert "attempt 1 arrived 2001 ms late" in problems(late, *ALL[1:])
    fired = replace(FIRED, at=DUE + TOLERANCE + MS)
    loaded = replace(LOADED, at=fired.at)
    assert problems(replace(FIRST, at=DUE + TOLERANCE), *ALL[1:-2], fired, loaded) == ""


def test_a_call_of_an_instant_that_nobody_asked_for_is_flagged() -> None:
    stray = arrival("/run", "e", MS, instant=DUE + timedelta(seconds=2))
    assert "/run: nobody asked for the call of" in problems(*ALL, stray)


def test_one_id_for_two_executions_is_flagged() -> None:
    same = replace(SECOND, webhook_id=FIRST.webhook_id)
    assert "webhook-id a stands for 2 executions" in problems(FIRST, same, *ALL[2:])


def test_two_ids_for_the_attempts_of_one_execution_are_flagged() -> None:
    other = replace(RETRIED, webhook_id="other")
    assert "/flaky of 2026-11-23T08:00:00.000Z came under 2 webhook-ids" in problems(
        FIRST, SECOND, FAILED, other, FIRED, LOADED
    )


def test_a_step_before_the_one_it_comes_after_is_flagged() -> None:
    """By its instant alone it would not be early."""
    early = replace(LOADED, at=FIRED.at - MS)
    assert problems(*ALL[:-1], early) == "/load of 2026-11-23T08:00:00.000Z: attempt 1 arrived 1 ms early"


@pytest.mark.parametrize("body", [None, "text", [], {}, {"type": "done"}, {"type": "other", "job": 1}])
def test_a_call_that_says_something_else_is_flagged(body: object) -> None:
    assert "/hook after /run: attempt 1 says " in problems(*ALL[:-2], replace(FIRED, body=body), LOADED)


DIED = Expected("/dies", DUE, attempts=2, pause=PAUSE)
MENDED = DUE + timedelta(seconds=3)
BACK = replace(DIED, attempts=1, since=MENDED)
BEFORE = (arrival("/dies", "f", MS), arrival("/dies", "f", PAUSE + 3 * MS, attempt=2))
AFTER = replace(BEFORE[0], at=MENDED + 6 * MS)


def test_a_redriven_execution_counts_its_attempts_anew() -> None:
    verdict = check((DIED, BACK), (*BEFORE, AFTER))
    assert verdict.problems == ()
    assert sorted(verdict.lateness) == [MS, 2 * MS, 6 * MS]


@pytest.mark.parametrize(
    ("arrivals", "problem"),
    [
        (BEFORE, " redriven: attempt 1 arrived 0 times instead of 1"),
        ((*BEFORE, AFTER, AFTER), " redriven: attempt 1 arrived 2 times instead of 1"),
        ((*BEFORE, AFTER, replace(BEFORE[1], at=AFTER.at)), " redriven: attempt 2 arrived 1 time"),
        ((*BEFORE, replace(AFTER, at=MENDED - MS)), "000Z: attempt 1 arrived 2 times instead of 1"),
        ((BEFORE[0], AFTER), "000Z: attempt 2 arrived 0 times instead of 1"),
        ((*BEFORE, replace(AFTER, webhook_id="g")), " came under 2 webhook-ids"),
    ],
)
def test_a_redrive_that_did_not_go_as_it_should_is_flagged(arrivals: Sequence[Arrival], problem: str) -> None:
    assert any(problem in found for found in check((DIED, BACK), arrivals).problems)
