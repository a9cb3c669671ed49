"""Reports that are written together are answered one by one, and what they make due is told."""

import asyncio
from datetime import datetime

import pytest

from karya.actors.metrics import WorkerMetrics
from karya.actors.reporter import Report, Reporter
from karya.core.hook import Trigger
from karya.core.job import JobState
from karya.core.ports import Claim
from karya.core.transitions import Transition
from tests.conformance.store.kit import StoreKit, commit_of
from tests.conformance.store.limits import Crowd, concurrency
from tests.support.held_clock import HeldClock
from tests.support.story import NOW, a_job, at, first_task, hook, release, retry, submission, succeed


def report(claim: Claim, transition: Transition) -> Report:
    return Report(claim.hint, commit_of(claim, transition), trusted_until=0)


async def test_of_two_about_one_task_that_of_the_later_claim_counts(kit: StoreKit) -> None:
    """Its worker slept past its lease, and won the task again."""
    job = a_job()
    await kit.add(submission(job))
    earlier = await kit.claim(first_task(job))
    await kit.commit(earlier, release())
    later = await kit.claim(first_task(job))
    metrics, clock = WorkerMetrics(), HeldClock(kit.time)
    reporter = Reporter(kit.commits, kit.jobs, kit.slots, clock, metrics, lambda _: None)
    answers = await asyncio.gather(
        reporter.report(report(later, succeed())), reporter.report(report(earlier, retry()))
    )
    assert answers == [True, False]
    assert metrics.registry.get_sample_value("karya_leases_lost_total") == 1
    stored = await kit.jobs.get(job.id)
    assert stored is not None
    assert stored.status is JobState.COMPLETED


RETRIED, HANDED_BACK, DONE = retry(due_at=at(60)), release(), succeed()


@pytest.mark.parametrize(
    "trigger, transition, poked",
    [
        (None, DONE, []),
        (None, RETRIED, [at(9)]),
        (None, HANDED_BACK, [at(0)]),
        (Trigger.ON_SUCCESS, DONE, [at(9)]),
        (Trigger.ON_RETRY, RETRIED, [at(9)]),
    ],
)
async def test_the_scheduler_is_told_before_when_nothing_is_due(
    kit: StoreKit, trigger: Trigger | None, transition: Transition, poked: list[datetime]
) -> None:
    job = a_job(None, *([hook(trigger)] if trigger else []))
    await kit.add(submission(job))
    claim = await kit.claim(first_task(job))
    kit.time.advance(9)
    pokes: list[datetime] = []
    reporter = Reporter(kit.commits, kit.jobs, kit.slots, HeldClock(kit.time), WorkerMetrics(), pokes.append)
    await reporter.report(report(claim, transition))
    assert pokes == poked
    due = [task.hint.due_at for task in kit.agenda.due(at(99), None, 9)]
    assert all(at >= poked[0] for at in due), "a look that begins there finds all of it"
    assert bool(due) == bool(poked)


async def test_the_scheduler_is_told_of_a_seat_that_is_free(kit: StoreKit) -> None:
    crowd, pokes = Crowd(kit), list[datetime]()
    await crowd.jobs(2, concurrency=concurrency(1))
    (claim,) = await crowd.claim()
    reporter = Reporter(kit.commits, kit.jobs, kit.slots, HeldClock(kit.time), WorkerMetrics(), pokes.append)
    await reporter.report(report(claim, DONE))
    assert pokes == [NOW]
    assert kit.limits.wake().tasks == 1
