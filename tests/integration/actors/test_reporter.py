"""Reports that are written together are answered one by one."""

import asyncio

from karya.actors.metrics import WorkerMetrics
from karya.actors.reporter import Report, Reporter
from karya.core.job import JobState
from karya.core.ports import Claim
from karya.core.transitions import Transition
from tests.conformance.store.kit import StoreKit, commit_of
from tests.support.held_clock import HeldClock
from tests.support.story import a_job, first_task, release, retry, submission, succeed


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
