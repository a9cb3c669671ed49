"""The scheduler keeps the pools apart: none waits for what another has to read, to hold or to hand over."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from karya.actors import scheduler
from karya.core.job import Job
from tests.integration.actors.desk import SELDOM, Desk, Offers, from_now
from tests.support.soon import soon
from tests.support.story import every, step

POOLS = ("default", "gpu")


class Reads:
    """Stands in for an agenda and notes which pool is read; `on_read` is called before."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.pools: list[str] = []
        self.on_read: Callable[[str], object] = lambda _: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def due(self, until: Any, after: Any, limit: int, pool: str) -> Any:
        self.on_read(pool)
        self.pools.append(pool)
        return self._real.due(until, after, limit, pool)


async def test_a_full_pool_holds_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "_CAPACITY", 10)
    blocked = [await desk.job(-60 + number, pool="gpu") for number in range(25)]
    offers = Offers()
    offers.shut = {"gpu"}
    post = desk.scheduler(pools=POOLS, offers=offers, batch=4)
    await soon(lambda: post.scheduler.due("gpu") == 10)
    jobs = [await desk.job() for _ in range(24)]
    await soon(lambda: len(post.offers.jobs) == len(jobs))
    assert {hint.pool for hint in post.offers.hints} == {"default"}
    assert post.scheduler.due("gpu") == 10
    offers.shut = set()
    post.inbox.wake()
    await soon(lambda: len(post.offers.jobs) == len(jobs) + len(blocked))
    assert post.offers.jobs[len(jobs) :] == [job.id for job in blocked]


async def test_a_long_look_at_one_pool_is_shared_with_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page; and a task that is stored meanwhile does not wait for its end."""
    monkeypatch.setattr(scheduler, "_REST", 0)  # else one slow look of the other pool is rested from for long
    for number in range(40):
        await desk.job(-60 + number, pool="gpu")
    agenda, loop, late = Reads(desk.kit.agenda), asyncio.get_running_loop(), list[Job]()

    def store_one(pool: str) -> None:
        if pool == "gpu" and agenda.pools.count("gpu") == 3:
            late.append(asyncio.run_coroutine_threadsafe(desk.job(), loop).result(20))
            post.inbox.poke(late[0].cursor.at)

    agenda.on_read = store_one
    post = desk.scheduler(pools=POOLS, agenda=agenda, batch=4, poll=SELDOM)
    await soon(lambda: len(post.offers.jobs) == 41)
    assert agenda.pools[:2] == ["default", "gpu"]
    assert agenda.pools.count("default") == 2
    assert late[0].id in post.offers.jobs[:20]


async def test_steps_of_one_job_are_offered_in_their_pools(desk: Desk) -> None:
    """Whichever pool is looked at makes what follows for all of them."""
    steps = [step("a"), step("b", pool="gpu")]
    job = await desk.job(every(0.2, max_runs=4), from_now(-0.1), steps=steps)
    post = desk.scheduler(pools=POOLS, look_ahead=timedelta(milliseconds=50))
    await soon(lambda: len(post.offers.jobs) == 8)
    offered = sorted((hint.instant, hint.pool) for hint in post.offers.hints)
    instants = [job.created_at + number * timedelta(seconds=0.2) for number in range(1, 5)]
    assert offered == [(instant, pool) for instant in instants for pool in POOLS]


async def test_what_is_made_up_for_is_offered_in_all_pools(desk: Desk) -> None:
    """One pool makes tasks of the other that are due already."""
    steps = [step("a"), step("b", pool="gpu")]
    await desk.job(every(2, max_runs=3), from_now(-6.5), steps=steps)
    post = desk.scheduler(pools=POOLS, poll=SELDOM)
    await soon(lambda: len(post.offers.jobs) == 6)
    assert [hint.pool for hint in post.offers.hints].count("gpu") == 3


async def test_a_hint_that_comes_back_goes_to_its_pool_again(desk: Desk) -> None:
    job = await desk.job(pool="gpu")
    post = desk.scheduler(pools=POOLS, poll=SELDOM)
    await post.offered(job)
    post.inbox.put_back(post.offers.hints)
    await post.offered(job, job)
    assert [hint.pool for hint in post.offers.hints] == ["gpu", "gpu"]


async def test_tasks_of_a_pool_that_is_gone_are_left_alone(desk: Desk) -> None:
    steps = [step("a"), step("b", pool="gone")]
    await desk.job(every(0.1, max_runs=2), from_now(-0.1), steps=steps)
    only = await desk.job(pool="gone")
    post = desk.scheduler(pools=POOLS)
    await soon(lambda: len(post.offers.jobs) == 2)
    looks = post.looks
    await soon(lambda: post.looks > looks + 4)
    assert {hint.pool for hint in post.offers.hints} == {"default"}
    assert only.id not in post.offers.jobs


async def test_slots_are_taken_in_every_pool(desk: Desk) -> None:
    """More than are asked about in one go."""
    jobs = [await desk.job(overlap="skip", pool="gpu") for _ in range(30)]
    post = desk.scheduler(pools=POOLS)
    await soon(lambda: len(post.offers.jobs) == 30)
    assert set(post.offers.jobs) == {job.id for job in jobs}
    stored = [await desk.kit.jobs.get(job.id) for job in jobs]
    assert all(job is not None and job.slot for job in stored)
