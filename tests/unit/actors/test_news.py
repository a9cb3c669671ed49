"""What may start at once is told, and of everything else when to look for it."""

from datetime import timedelta

import pytest

from karya.actors.server.news import news_of
from karya.core.action import NoopAction
from karya.core.hint import hint_of
from karya.core.job import Job
from karya.core.policies import Overlap
from karya.core.schedule import Once
from karya.core.task import CLAIM_AHEAD
from tests.support.story import NOW, a_job, at, every, first_task, step, submission

MOST = 20


class LongAction(NoopAction):
    text: str = "x" * 3_000


def news(*jobs: Job) -> tuple[object, object]:
    return news_of(map(submission, jobs), NOW)


def test_what_may_be_claimed_at_once_is_told() -> None:
    jobs = [a_job(), a_job(Once(at=NOW + CLAIM_AHEAD), overlap=Overlap.SKIP), a_job(Once(at=at(-60)))]
    assert news(*jobs) == (None, [hint_of(first_task(job)) for job in jobs])


@pytest.mark.parametrize(
    "job, due_at",
    [
        (a_job(Once(at=NOW + CLAIM_AHEAD + timedelta(milliseconds=1))), at(0.151)),
        (a_job(Once(at=at(3600))), at(3600)),
        (a_job(every(0.1)), at(0.1)),
        (a_job(action=LongAction()), NOW),
    ],
    ids=["too early to claim", "far away", "another follows", "a long action"],
)
def test_everything_else_is_to_be_looked_for(job: Job, due_at: object) -> None:
    now = a_job()
    assert news(job) == (due_at, [])
    assert news(now, job) == (due_at, [hint_of(first_task(now))])


def test_a_step_that_waits_for_others_is_no_news() -> None:
    job = a_job(steps=[step("a"), step("b", "a")])
    assert news(job) == (None, [hint_of(first_task(job))])


def test_of_many_it_is_told_that_they_are_there() -> None:
    jobs = [a_job() for _ in range(MOST + 1)]
    assert news(*jobs) == (NOW, [])
    assert news(*jobs[1:]) == (None, [hint_of(first_task(job)) for job in jobs[1:]])
