"""What every `Claims` must do with leases that are held, lost and expired."""

import asyncio

from karya.core.hint import hint_of
from karya.core.schedule import Once
from karya.core.task import TaskState
from tests.conformance.store.kit import TTL, StoreKit
from tests.support.story import a_job, at, first_task, release, submission, succeed


class RenewalsConformance:
    """Keeping and losing the lease of a task."""

    async def test_a_renewal_extends_from_now(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        claim = await kit.claim(first_task(job))
        kit.time.advance(7)
        renewal = await kit.claims.renew({claim.hint.task_id: claim.lease_id}, TTL)
        lease = (await kit.task(first_task(job))).lease
        assert (renewal.lost, renewal.cancelled) == (frozenset(), frozenset())
        assert lease is not None
        assert lease.expires_at == at(7) + TTL

    async def test_an_expired_lease_that_nobody_reaped_is_renewed(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        claim = await kit.claim(first_task(job))
        kit.time.advance(3600)
        assert not (await kit.claims.renew({claim.hint.task_id: claim.lease_id}, TTL)).lost
        assert not await kit.claims.expired(10)

    async def test_a_renewal_tells_what_is_lost(self, kit: StoreKit) -> None:
        kept, ended, handed_back, foreign = jobs = [a_job() for _ in range(4)]
        await kit.add(*map(submission, jobs))
        claims = {job.id: await kit.claim(first_task(job)) for job in jobs}
        await kit.commit(claims[ended.id], succeed())
        await kit.commit(claims[handed_back.id], release())
        leases = {claim.hint.task_id: claim.lease_id for claim in claims.values()}
        leases[first_task(foreign).id] = "of another"
        leases["no such task"] = "lease"
        before = (await kit.task(first_task(foreign))).lease
        kit.time.advance(1)
        renewal = await kit.claims.renew(leases, TTL)
        assert renewal.lost == leases.keys() - {first_task(kept).id}
        assert (await kit.task(first_task(foreign))).lease == before

    async def test_a_renewal_tells_what_was_cancelled(self, kit: StoreKit) -> None:
        stay, go = a_job(), a_job()
        await kit.add(submission(stay), submission(go))
        claims = [await kit.claim(first_task(job)) for job in (stay, go)]
        await kit.tasks.cancel_of_job(go.id, at(1))
        renewal = await kit.claims.renew({claim.hint.task_id: claim.lease_id for claim in claims}, TTL)
        assert (renewal.lost, renewal.cancelled) == (frozenset(), {first_task(go).id})

    async def test_nothing_to_renew(self, kit: StoreKit) -> None:
        renewal = await kit.claims.renew({}, TTL)
        assert (renewal.lost, renewal.cancelled) == (frozenset(), frozenset())

    async def test_expired_finds_exactly_the_expired_the_longest_expired_first(self, kit: StoreKit) -> None:
        jobs = [a_job(Once(at=at(number))) for number in range(5)]
        await kit.add(*map(submission, jobs))
        claims = []
        for job in jobs:
            claims.append(await kit.claim(first_task(job)))
            kit.time.advance(1)
        await kit.commit(claims[1], succeed())
        kit.time.advance(TTL.total_seconds() - 2)  # the claim of number n expires at n seconds + TTL
        assert [task.job_id for task in await kit.claims.expired(10)] == [
            job.id for job in (jobs[0], jobs[2], jobs[3])
        ]
        assert [task.job_id for task in await kit.claims.expired(2)] == [jobs[0].id, jobs[2].id]

    async def test_a_lease_expires_at_its_last_millisecond(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        await kit.claim(first_task(job))
        kit.time.advance(TTL.total_seconds() - 0.001)
        assert not await kit.claims.expired(10)
        kit.time.advance(0.001)
        (task,) = await kit.claims.expired(10)
        assert task == await kit.task(first_task(job))

    async def test_waiting_tasks_never_expire(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        claim = await kit.claim(first_task(job))
        await kit.commit(claim, release())
        kit.time.advance(3600)
        assert not await kit.claims.expired(10)

    async def test_renewals_and_claims_at_once_keep_one_holder(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        claim = await kit.claim(first_task(job))
        held = {claim.hint.task_id: claim.lease_id}
        hint = hint_of(await kit.task(first_task(job)))
        results = await asyncio.gather(
            *(kit.claims.renew(held, TTL) for _ in range(10)),
            *(kit.claims.claim([hint], f"w{n}", TTL) for n in range(10)),
        )
        assert all(not renewal.lost for renewal in results[:10])  # type: ignore[union-attr]
        assert not any(results[10:])
        assert (await kit.task(first_task(job))).status is TaskState.RUNNING
