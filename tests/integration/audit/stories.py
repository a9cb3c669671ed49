"""Written histories, each of which leaves something behind that random ones come upon seldom."""

from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any

from karya.core.outcome import Failure, Success
from karya.core.policies import Misfire, MisfirePolicy, Overlap
from karya.core.schedule import Cron, Interval, Once, Rrule
from tests.integration.audit.histories import DIAMOND, EVERY_HOOK, QUICK, flaky
from tests.support.story import at, every, step
from tests.support.world import World, fails, hangs, succeeds

Story = Callable[[World], Coroutine[Any, Any, Any]]
SECONDS = timedelta(seconds=1)
LATEST = Misfire(policy=MisfirePolicy.LATEST, grace=3 * SECONDS)
SKIP = Misfire(policy=MisfirePolicy.SKIP, grace=3 * SECONDS)


async def runs_and_retries(world: World) -> None:
    """Recurring, with every hook: successes, retries, dead letters; two are redriven, one is discarded."""
    job = await world.submit(every(3), *EVERY_HOOK, retry=QUICK, user_id="ann")
    await world.run(24, flaky)
    await world.run(9, fails)
    await world.redrive(job)
    await world.run(3, succeeds)
    await world.redrive(job)
    await world.run(9, fails)
    await world.discard(job)
    await world.run(4, flaky)


async def steps_in_a_diamond(world: World) -> None:
    """Some take the way of failure; one occurrence is redriven."""
    job = await world.submit(every(5), *EVERY_HOOK, steps=DIAMOND, retry=QUICK, user_id="ann")
    await world.run(20, flaky)
    await world.run(10, fails)
    await world.redrive(job)
    await world.run(6, succeeds)


async def paused_and_resumed(world: World) -> None:
    """Instants pass in a pause; one had begun before, and one had come due."""
    job = await world.submit(every(4), *EVERY_HOOK, retry=QUICK, user_id="ann")
    slow = await world.submit(every(10), retry=QUICK, user_id="ann")
    await world.run(9)
    await world.pause(job)
    await world.pause(slow)
    await world.run(15)
    await world.resume(job)
    await world.run(6)
    await world.resume(slow)
    await world.run(6)


async def left_paused(world: World) -> None:
    """A job with steps is paused while some of it waits."""
    job = await world.submit(every(4), steps=DIAMOND, retry=QUICK, user_id="ann")
    await world.run(6)
    await world.run(4, hangs)
    await world.pause(job)
    await world.finish(Success())
    await world.run(6)


async def skipped_on_request(world: World) -> None:
    job = await world.submit(Cron(expression="* * * * *"), *EVERY_HOOK, user_id="ann")
    await world.skip(job)
    await world.skip(job)
    await world.run(70, by=5)
    await world.skip(job)


async def changed_often(world: World) -> None:
    """The schedule changes to and fro, while something runs, while it is paused, and behind an outage."""
    job = await world.submit(every(4), retry=QUICK, user_id="ann")
    await world.run(10)
    await world.update(job, schedule={"kind": "interval", "every": "PT6S"})
    await world.run(13)
    await world.run(6, hangs)
    await world.update(job, schedule={"kind": "interval", "every": "PT4S", "max_runs": 40})
    await world.update(job, description="the same times")
    await world.finish(Success())
    await world.run(9)
    await world.pause(job)
    world.down(15)
    await world.update(job, schedule={"kind": "interval", "every": "PT5S"})
    await world.resume(job)
    await world.run(12)
    world.down(30)
    await world.update(job, schedule={"kind": "interval", "every": "PT2S"})
    await world.run(5)


async def changed_behind_outages(world: World) -> None:
    """The chain is behind when another schedule comes, wider bounds, narrower ones, a last run."""
    job = await world.submit(every(3), retry=QUICK, user_id="ann")
    await world.run(7)
    world.down(20)
    await world.update(job, schedule={"kind": "interval", "every": "PT5S"})
    await world.run(11)
    world.down(12)
    await world.update(job, schedule={"kind": "interval", "every": "PT5S", "max_runs": 90})
    await world.run(6)
    await world.pause(job)
    world.down(17)
    await world.update(job, schedule={"kind": "cron", "expression": "* * * * *"})
    await world.resume(job)
    await world.run(70, by=5)
    world.down(150)
    await world.update(job, schedule={"kind": "cron", "expression": "* * * * *", "max_runs": 5})
    last = await world.submit(every(3), retry=QUICK, user_id="ann")
    world.down(10)
    await world.update(last, schedule={"kind": "once", "after": "PT40S"})
    await world.run(40, by=5)


async def changed_to_and_fro(world: World) -> None:
    """What was skipped on request lies on the way of the schedules that follow."""
    job = await world.submit(every(10, max_runs=9), retry=QUICK, user_id="ann")
    await world.skip(job)
    await world.skip(job)
    for seconds in (5, 10, 5, 2, 10, 5):
        await world.update(job, schedule={"kind": "interval", "every": f"PT{seconds}S", "max_runs": 9})
        await world.run(3)
    await world.run(60, by=5)


async def misfired(world: World) -> None:
    """All three policies, behind an outage."""
    await world.submit(every(5), *EVERY_HOOK, misfire=LATEST, user_id="ann")
    await world.submit(every(5), *EVERY_HOOK, misfire=SKIP, user_id="ann")
    caps = Misfire(grace=3 * SECONDS, window=20 * SECONDS, at_once=2)
    await world.submit(every(5), *EVERY_HOOK, misfire=caps, user_id="ann")
    await world.submit(Once(at=at(20)), *EVERY_HOOK, misfire=SKIP, user_id="ann")
    await world.run(11)
    world.down(60)
    await world.run(10)


async def overlapping(world: World) -> None:
    """Each policy, while something runs for long."""
    for overlap in Overlap:
        await world.submit(every(3), overlap=overlap, retry=QUICK, user_id="ann")
    await world.run(4)
    await world.run(8, hangs)
    await world.finish(Success())
    await world.run(5, hangs)
    await world.finish(Failure("late"))
    await world.run(8)


async def cancelled(world: World) -> None:
    """With children, with what runs, and with what waits."""
    parent = await world.submit(every(4), *EVERY_HOOK, retry=QUICK, user_id="ann")
    await world.chain(parent)
    await world.submit(every(4), steps=DIAMOND, retry=QUICK, user_id="ann")
    await world.run(9, flaky)
    await world.run(3, hangs)
    for job in world.jobs:
        if await world.is_live(job):
            await world.cancel(job)
    await world.finish(Failure("stopped"))
    await world.run(6)


async def triggered(world: World) -> None:
    job = await world.submit(every(20), *EVERY_HOOK, retry=QUICK, user_id="ann")
    for _ in range(3):
        await world.run(4, flaky)
        await world.trigger(job)
    await world.trigger(job)
    await world.update(job, description="asked for, and made again")
    await world.run(5)


async def at_their_end(world: World) -> None:
    """By number, by time, both, and once."""
    await world.submit(every(3, max_runs=4), *EVERY_HOOK, retry=QUICK, user_id="ann")
    await world.submit(every(3, end_at=at(9)), *EVERY_HOOK, user_id="ann")
    await world.submit(Rrule(rule="FREQ=SECONDLY;INTERVAL=4", max_runs=3, end_at=at(60)), user_id="ann")
    await world.submit(Interval(every=4 * SECONDS, exclude=(at(8), at(16)), end_at=at(90)), user_id="ann")
    await world.submit(Once(at=at(2)), user_id="ann")
    await world.submit(every(5).model_copy(update={"jitter": 4 * SECONDS}), retry=QUICK, user_id="ann")
    await world.run(20, by=1)


async def workers_that_die(world: World) -> None:
    """Leases run out and are reaped; others are handed back."""
    await world.submit(every(6), *EVERY_HOOK, retry=QUICK, user_id="ann")
    await world.submit(every(9), steps=(step("a"), step("b", "a")), retry=QUICK, user_id="ann")
    await world.run(13, hangs, by=2)
    await world.run(30, succeeds, by=5)
    await world.run(6, hangs, by=2)
    await world.finish()
    await world.run(8, flaky)
    await world.run(6, hangs, by=2)


STORIES: Mapping[str, Story] = {
    story.__name__: story
    for story in (
        runs_and_retries,
        steps_in_a_diamond,
        paused_and_resumed,
        left_paused,
        skipped_on_request,
        changed_often,
        changed_behind_outages,
        changed_to_and_fro,
        misfired,
        overlapping,
        cancelled,
        triggered,
        at_their_end,
        workers_that_die,
    )
}
