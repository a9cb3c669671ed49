"""What a cluster is to do by itself, and has not done although it had all its time."""

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from karya.core import transitions
from karya.core.audit.findings import Code, Finding
from karya.core.audit.judge import judge
from karya.core.hint import hint_of
from karya.core.ids import task_id
from karya.core.policies import Overlap
from karya.core.ports import Claim
from karya.core.retry import RetryPolicy
from karya.core.schedule import Once
from tests.conformance.store.kit import TTL
from tests.integration.audit.ledgers import PATIENCE, ledger_of, moment_of
from tests.support.story import at, every, first_task, step
from tests.support.world import World, hangs

Deed = Callable[[World], Coroutine[Any, Any, Any]]
ONCE = RetryPolicy(max_attempts=1)


async def succeed(world: World, claim: Claim) -> None:
    """As a worker tells it; nothing that follows is done."""
    await world.kit.commit(claim, transitions.succeed(None, world.now, world.now))


async def overdue(world: World) -> None:
    await world.submit()
    await world.turn(hangs)
    await world.submit(Once(at=at(3)))


async def lease_expired(world: World) -> None:
    await world.submit()
    await world.turn(hangs)


async def unsettled(world: World) -> None:
    """The worker dies between the outcome and the end of the job."""
    job = await world.submit()
    await succeed(world, await world.kit.claim(first_task(job)))
    world.look()


async def cut_chain(world: World) -> None:
    """Somebody claims the newest occurrence, and nobody makes the one behind it."""
    job = await world.submit(every(10))
    world.look()
    world.kit.time.advance(10)
    await succeed(world, await world.kit.claim(first_task(job)))


async def open_after_cancel(world: World) -> None:
    """The server dies when it has cancelled the job, and before it reaches the tasks."""
    job = await world.submit(every(1_000))
    world.look()
    await world.kit.jobs.cancel(job.id, world.now)


async def live_descendant(world: World) -> None:
    parent = await world.submit(every(1_000))
    await world.chain(parent)
    world.look()
    await world.kit.jobs.cancel(parent.id, world.now)
    await world.kit.tasks.cancel_of_job(parent.id, world.now)


LEFT: dict[Code, Deed] = {
    Code.OVERDUE: overdue,
    Code.LEASE_EXPIRED: lease_expired,
    Code.UNSETTLED: unsettled,
    Code.CUT_CHAIN: cut_chain,
    Code.OPEN_AFTER_CANCEL: open_after_cancel,
    Code.LIVE_DESCENDANT: live_descendant,
}


async def findings(world: World) -> Sequence[Finding]:
    moment = await moment_of(world)
    return [finding for entry in await ledger_of(world) for finding in judge(entry, moment).findings]


@pytest.mark.parametrize("code", LEFT)
async def test_it_is_told_when_the_time_is_over(world: World, code: Code) -> None:
    await LEFT[code](world)
    world.idle(20)
    assert code not in {finding.code for finding in await findings(world)}
    world.idle(50)
    assert code in {finding.code for finding in await findings(world)}


@pytest.mark.parametrize("code", LEFT)
async def test_nobody_is_to_blame_while_no_cluster_runs(world: World, code: Code) -> None:
    await LEFT[code](world)
    world.idle(5)
    world.down(9_999)
    assert list(await findings(world)) == []
    world.idle(10)  # it has just come back
    assert list(await findings(world)) == []


async def test_what_waits_for_the_slot_is_not_overdue(world: World) -> None:
    await world.submit(every(10), overlap=Overlap.QUEUE)
    await world.run(12, hangs)
    await world.run(10, hangs, by=10)
    for held in world.running.values():
        await world.kit.claims.renew({held.hint.task_id: held.lease_id}, timedelta(hours=1))
    world.look()
    for _ in range(20):
        world.kit.time.advance(5)
        world.look()
        await world.work(hangs)
    assert Code.OVERDUE not in {finding.code for finding in await findings(world)}


async def test_a_start_in_a_pause_is_told(world: World) -> None:
    """Some time behind its beginning: what was claimed before may start for a moment."""
    job = await world.submit(every(5))
    await world.run(6)
    await world.pause(job)
    world.idle(60)
    (entry,) = await ledger_of(world)
    moment = await moment_of(world)
    ran = [task for task in entry.tasks if task.started_at]
    for seconds, is_told in ((10, False), (40, True)):
        assert entry.job.paused_at is not None
        started = entry.job.paused_at + timedelta(seconds=seconds)
        late = [replace(task, started_at=started, finished_at=started) for task in ran]
        rest = [task for task in entry.tasks if not task.started_at]
        codes = {finding.code for finding in judge(replace(entry, tasks=[*late, *rest]), moment).findings}
        assert (Code.STARTED_IN_PAUSE in codes) is is_told


async def test_a_step_that_was_never_opened_is_told_at_once(world: World) -> None:
    job = await world.submit(steps=(step("a"), step("b", "a")))
    (claim,) = await world.kit.claims.claim([hint_of(first_task(job))], "w", TTL)
    await succeed(world, replace(claim, hint=replace(claim.hint, linked=False)))
    (found,) = [one for one in await findings(world) if one.code is Code.STUCK_STEP]
    assert found.task_id == task_id(job.id, first_task(job).cause, "b")


async def test_patience_counts_from_when_the_cluster_came_back(world: World) -> None:
    await overdue(world)
    world.idle(5)
    world.down(500)
    world.idle(PATIENCE.total_seconds() - 5)
    assert list(await findings(world)) == []
    world.idle(20)
    assert {finding.code for finding in await findings(world)} >= {Code.OVERDUE}
