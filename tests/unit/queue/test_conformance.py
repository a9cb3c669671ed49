"""The contract of the queue ports (Producer and Consumer), with nothing of ZeroMQ in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from karya.core.hint import Hint
from karya.core.ports import PoolLoad
from karya.queue import QueueKeys, Role
from tests.unit.queue.stage import NOON, Stage, collect, make_hints, until


@pytest.fixture(params=[False, True], ids=["plain", "keys"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """Everything holds with and without keys."""
    async with AsyncExitStack() as stack:
        yield Stage(stack, QueueKeys.made() if request.param else None)


async def test_hints_arrive_complete_and_in_order(stage: Stage) -> None:
    dispatcher, worker = await stage.dispatcher(), await stage.worker(2_000)
    hints = make_hints(1_700, attempts=2, solo=True)
    dispatcher.offer(hints)
    received = []
    while len(received) < len(hints):
        received += await asyncio.wait_for(worker.receive(), 30)
    assert received == hints


async def test_offers_may_come_from_other_threads(stage: Stage) -> None:
    dispatcher, worker = await stage.dispatcher(), await stage.worker(1_000)
    batches = [make_hints(50, first=50 * n) for n in range(10)]
    await asyncio.gather(*(asyncio.to_thread(dispatcher.offer, batch) for batch in batches))
    assert sorted(await collect(worker, 500)) == [hint.task_id for batch in batches for hint in batch]


async def test_nothing_beyond_the_credit_and_all_of_it_after_the_next_report(stage: Stage) -> None:
    dispatcher, worker = await stage.dispatcher(), await stage.worker(5)
    dispatcher.offer(make_hints(12))
    first = await collect(worker, 5)
    await until(lambda: [info.free for info in dispatcher.workers()] == [0])
    assert dispatcher.load().waiting == 7
    worker.report(3, 2)
    second = await collect(worker, 3)
    await until(lambda: [(info.free, info.running) for info in dispatcher.workers()] == [(0, 2)])
    worker.report(100, 0)
    third = await collect(worker, 4)
    assert first + second + third == [hint.task_id for hint in make_hints(12)]


async def test_what_was_received_and_not_yet_taken_counts_against_the_credit(stage: Stage) -> None:
    dispatcher, worker = await stage.dispatcher(), await stage.worker(5)
    dispatcher.offer(make_hints(5))
    await until(lambda: [info.free for info in dispatcher.workers()] == [0])
    dispatcher.offer(make_hints(5, first=5))
    worker.report(6, 0)
    await until(lambda: dispatcher.load().waiting == 4)
    assert len(await collect(worker, 6)) == 6


async def test_work_is_shared_and_each_hint_goes_to_one_worker(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    one, other = await stage.worker(100, "one"), await stage.worker(100, "other")
    await until(lambda: [info.free for info in dispatcher.workers()] == [100, 100])
    dispatcher.offer(make_hints(100))
    ids = await collect(one, 50) + await collect(other, 50)
    assert sorted(ids) == [hint.task_id for hint in make_hints(100)]


async def test_the_worker_with_most_credit_is_preferred(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    await stage.worker(5, "busy")
    idle = await stage.worker(6, "idle")
    await until(lambda: sorted(info.free for info in dispatcher.workers()) == [5, 6])
    dispatcher.offer(make_hints(1))
    assert await collect(idle, 1) == ["t000000"]


async def test_offering_a_waiting_hint_again_changes_nothing(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    dispatcher.offer(make_hints(2))
    dispatcher.offer(make_hints(2))
    assert dispatcher.load().waiting == 2
    dispatcher.offer(make_hints(1, token=1))
    assert dispatcher.load().waiting == 3
    worker = await stage.worker(10)
    assert await collect(worker, 3) == ["t000000", "t000001", "t000000"]


async def test_a_hint_that_was_sent_may_be_offered_again(stage: Stage) -> None:
    dispatcher, worker = await stage.dispatcher(), await stage.worker(10)
    dispatcher.offer(make_hints(1))
    first = await collect(worker, 1, free=10)
    dispatcher.offer(make_hints(1))
    assert await collect(worker, 1) == first


async def test_there_is_room_for_what_workers_take_and_news_of_it(stage: Stage) -> None:
    dispatcher = await stage.dispatcher(capacity=100)
    assert dispatcher.room() == 0, "nobody takes anything"
    worker = await stage.worker(6)
    await asyncio.wait_for(stage.roomy.wait(), 30)
    assert dispatcher.room() == 6
    dispatcher.offer(make_hints(8))
    await collect(worker, 6)
    await until(lambda: dispatcher.room() == 0)
    stage.roomy.clear()
    worker.report(9, 6)
    await asyncio.wait_for(stage.roomy.wait(), 30)
    assert await collect(worker, 2) == ["t000006", "t000007"]


async def test_there_is_never_more_room_than_the_capacity(stage: Stage) -> None:
    dispatcher = await stage.dispatcher(capacity=10)
    await stage.worker(100)
    await until(lambda: dispatcher.room() == 10)


async def test_what_no_worker_takes_soon_can_be_taken_back(stage: Stage) -> None:
    dispatcher, worker = await stage.dispatcher(), await stage.worker(2)
    hints = make_hints(7)
    dispatcher.offer(hints)
    await collect(worker, 2)
    back: list[Hint] = []
    await until(lambda: bool(back.extend(dispatcher.surplus())) or len(back) == 5)
    assert sorted(hint.task_id for hint in back) == [hint.task_id for hint in hints[2:]]
    assert dispatcher.load().waiting == 0


async def test_pokes_arrive_and_a_client_is_no_worker(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    client = await stage.worker(50, "gateway", Role.CLIENT)
    await until(lambda: client.connected)
    client.poke(NOON + timedelta(milliseconds=7))
    assert await asyncio.wait_for(stage.pokes.get(), 30) == NOON + timedelta(milliseconds=7)
    client.poke(None, make_hints(2))
    assert await asyncio.wait_for(stage.pokes.get(), 30) is None
    assert stage.told == make_hints(2)
    dispatcher.offer(make_hints(1))
    worker = await stage.worker(1)
    assert await collect(worker, 1) == ["t000000"]
    assert [info.owner for info in dispatcher.workers()] == ["w"]


@pytest.mark.parametrize("looked_at", [False, True])
async def test_a_worker_that_stops_is_gone_at_once_and_what_it_did_not_take_comes_back(
    stage: Stage, looked_at: bool
) -> None:
    dispatcher, worker = await stage.dispatcher(), await stage.worker(3)
    dispatcher.offer(make_hints(3))
    await collect(worker, 3)
    dispatcher.offer(make_hints(2, first=3))
    worker.report(2, 3)
    await until(lambda: dispatcher.load().waiting == 0)
    await until(lambda: [(info.free, info.running) for info in dispatcher.workers()] == [(0, 3)])
    if looked_at:
        worker.put_back(await worker.receive())
    await worker.stop()
    assert await stage.next_lost() == ["t000003", "t000004"]
    assert not dispatcher.workers()


async def test_the_consumer_follows_the_dispatcher_to_another_endpoint(stage: Stage) -> None:
    first, worker = await stage.dispatcher(), await stage.worker(10)
    first.offer(make_hints(1))
    await collect(worker, 1)
    await first.stop()
    second = await stage.dispatcher()
    second.offer(make_hints(3))
    worker.report(10, 0)
    assert await collect(worker, 3) == ["t000000", "t000001", "t000002"]


async def test_the_consumer_notices_a_successor_on_the_same_endpoint(stage: Stage) -> None:
    first, worker = await stage.dispatcher(), await stage.worker(10)
    first.offer(make_hints(4))
    await collect(worker, 4)
    await first.stop()
    second = await stage.successor()
    worker.report(10, 0)
    second.offer(make_hints(3))
    assert await collect(worker, 3) == ["t000000", "t000001", "t000002"]


async def test_the_consumer_waits_for_a_dispatcher_that_is_not_there_yet(stage: Stage) -> None:
    worker = await stage.worker(10)
    worker.poke(NOON)
    receiving = asyncio.create_task(worker.receive())
    dispatcher = await stage.dispatcher()
    dispatcher.offer(make_hints(1))
    assert [hint.task_id for hint in await asyncio.wait_for(receiving, 30)] == ["t000000"]


async def test_a_hint_goes_to_a_worker_of_its_pool(stage: Stage) -> None:
    dispatcher = await stage.dispatcher(pools=("default", "gpu"))
    plain, gpu = await stage.worker(100, "plain"), await stage.worker(100, "gpu", pool="gpu")
    await until(lambda: [info.free for info in dispatcher.workers()] == [100, 100])
    dispatcher.offer([*make_hints(20, pool="gpu"), *make_hints(20, first=20), *make_hints(9, 40, pool="gpu")])
    assert await collect(plain, 20) == [hint.task_id for hint in make_hints(20, first=20)]
    assert await collect(gpu, 29) == [h.task_id for h in (*make_hints(20), *make_hints(9, first=40))]
    assert {info.owner: info.pool for info in dispatcher.workers()} == {"plain": "default", "gpu": "gpu"}


async def test_a_pool_without_workers_holds_up_no_other(stage: Stage) -> None:
    dispatcher = await stage.dispatcher(capacity=10, pools=("default", "gpu"))
    dispatcher.offer(make_hints(25, pool="gpu"))
    worker = await stage.worker(100)
    await until(lambda: dispatcher.room() == 10)
    assert dispatcher.room("gpu") == 0
    dispatcher.offer(make_hints(10, first=100))
    assert await collect(worker, 10) == [hint.task_id for hint in make_hints(10, first=100)]
    assert dispatcher.room("gpu") == 0
    stage.roomy.clear()
    late = await stage.worker(35, pool="gpu", owner="late")
    assert await collect(late, 25) == [hint.task_id for hint in make_hints(25)]
    await asyncio.wait_for(stage.roomy.wait(), 30)
    assert dispatcher.room("gpu") == 10


async def test_each_pool_tells_how_it_stands(stage: Stage) -> None:
    dispatcher = await stage.dispatcher(pools=("default", "gpu"))
    assert dispatcher.load("gpu") == PoolLoad()
    dispatcher.offer(make_hints(7, pool="gpu"))
    assert dispatcher.load("gpu") == PoolLoad(waiting=7)
    await stage.worker(50, "client", Role.CLIENT, pool="gpu")
    worker = await stage.worker(2, pool="gpu")
    await collect(worker, 2)
    worker.report(0, 2)
    await until(lambda: dispatcher.load("gpu") == PoolLoad(workers=1, running=2, waiting=5))
    more = await stage.worker(8, "more", pool="gpu")
    await collect(more, 5)
    await until(lambda: dispatcher.load("gpu") == PoolLoad(workers=2, free=3, running=2))
    assert dispatcher.load() == PoolLoad()


async def test_a_successor_learns_of_the_pool(stage: Stage) -> None:
    first, worker = await stage.dispatcher(pools=("default", "gpu")), await stage.worker(10, pool="gpu")
    await until(lambda: worker.connected)
    await first.stop()
    second = await stage.dispatcher(pools=("default", "gpu"))
    second.offer(make_hints(1, pool="gpu"))
    assert await collect(worker, 1) == ["t000000"]


async def test_a_cancelled_receive_loses_nothing(stage: Stage) -> None:
    dispatcher, worker = await stage.dispatcher(), await stage.worker(10)
    receiving = asyncio.create_task(worker.receive())
    await until(lambda: worker.connected)
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    dispatcher.offer(make_hints(1))
    assert await collect(worker, 1) == ["t000000"]
