"""Group commit: at once when idle, in batches under load, and every waiter hears of its own batch only."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from karya.core.coalesce import Coalescer


class Store:
    """Writes batches when it is let; an item below zero breaks its batch. Answers ten times the item."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def write(self, items: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(items))
        await self.gate.wait()
        if min(items) < 0:
            raise OSError(f"cannot write {items}")
        return [item * 10 for item in items]


async def turns(done: Callable[[], object]) -> None:
    """Lets the loop turn until it is done; nothing here waits for real time."""
    for _ in range(100):
        if done():
            return
        await asyncio.sleep(0)
    raise AssertionError("nothing happened")


async def busy(store: Store, coalescer: Coalescer[int, int]) -> asyncio.Task[int]:
    """A first batch (of item 0) that is being written for as long as the gate is shut."""
    store.gate.clear()
    first = asyncio.create_task(coalescer.add(0))
    await turns(lambda: store.batches)
    return first


def add_all(coalescer: Coalescer[int, int], *items: int) -> list[asyncio.Task[int]]:
    return [asyncio.create_task(coalescer.add(item)) for item in items]


async def test_single_item_is_written_at_once() -> None:
    store = Store()
    coalescer = Coalescer(store.write, most=10)
    assert [await coalescer.add(1), await coalescer.add(2)] == [10, 20]
    assert store.batches == [[1], [2]]


@pytest.mark.parametrize(("first", "rests"), [(49, True), (50, False)])
async def test_behind_a_batch_of_a_few_it_rests_so_that_the_next_is_larger(
    first: int, rests: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, over, sleep = Store(), asyncio.Event(), asyncio.sleep
    monkeypatch.setattr(asyncio, "sleep", lambda seconds: over.wait() if seconds else sleep(0))
    coalescer = Coalescer(store.write, most=100, rest=1)
    await asyncio.gather(*(coalescer.add(item) for item in range(first)))
    later = add_all(coalescer, 1)
    for _ in range(10):
        await sleep(0)
    later += add_all(coalescer, 2)
    over.set()
    assert await asyncio.gather(*later) == [10, 20]
    assert store.batches[1:] == ([[1, 2]] if rests else [[1], [2]])


async def test_items_of_one_turn_share_the_first_batch() -> None:
    store = Store()
    coalescer = Coalescer(store.write, most=10)
    assert await asyncio.gather(*(coalescer.add(item) for item in range(5))) == [0, 10, 20, 30, 40]
    assert store.batches == [[0, 1, 2, 3, 4]]


async def test_an_item_one_turn_behind_still_joins_the_first_batch() -> None:
    store = Store()
    coalescer = Coalescer(store.write, most=10)

    async def a_turn_later() -> int:
        await asyncio.sleep(0)
        return await coalescer.add(2)

    assert await asyncio.gather(coalescer.add(1), a_turn_later()) == [10, 20]
    assert store.batches == [[1, 2]]


async def test_what_arrives_meanwhile_goes_together_in_order_up_to_the_limit() -> None:
    store = Store()
    coalescer = Coalescer(store.write, most=3)
    first = await busy(store, coalescer)
    waiting = add_all(coalescer, 1, 2, 3, 4)
    await turns(lambda: len(coalescer) == 4)
    assert store.batches == [[0]]
    store.gate.set()
    assert await asyncio.gather(first, *waiting) == [0, 10, 20, 30, 40]
    assert store.batches == [[0], [1, 2, 3], [4]]
    assert len(coalescer) == 0


async def test_error_reaches_every_waiter_of_its_batch_and_no_other() -> None:
    store = Store()
    coalescer = Coalescer(store.write, most=2)
    first = await busy(store, coalescer)
    waiting = add_all(coalescer, 1, -2, 3)
    await turns(lambda: len(coalescer) == 3)
    store.gate.set()
    answers = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, OSError, OSError, int]
    assert await coalescer.add(5) == 50


async def test_a_hopeless_error_reaches_those_that_wait_behind_too_and_none_of_them_is_written() -> None:
    store = Store()
    coalescer = Coalescer(store.write, most=1, hopeless=(OSError,))
    store.gate.clear()
    waiting = add_all(coalescer, -1, 2, 3)
    await turns(lambda: len(coalescer) == 2)
    store.gate.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [OSError] * 3
    assert store.batches == [[-1]]
    assert await coalescer.add(5) == 50


async def test_a_batch_that_may_be_halved_fails_for_those_to_blame_alone() -> None:
    store = Store()
    coalescer = Coalescer(store.write, most=10, halved=(OSError,))
    answers = await asyncio.gather(*add_all(coalescer, 1, 2, -3, 4, 5), return_exceptions=True)
    assert [answer if isinstance(answer, int) else str(answer) for answer in answers] == [
        10,
        20,
        "cannot write [-3]",
        40,
        50,
    ]
    assert store.batches == [[1, 2, -3, 4, 5], [1, 2], [-3, 4, 5], [-3], [4, 5]]


async def test_cancelled_waiter_does_not_break_its_batch() -> None:
    store = Store()
    coalescer = Coalescer(store.write, most=10)
    first = await busy(store, coalescer)
    waiting = add_all(coalescer, 1, 2)
    await turns(lambda: len(coalescer) == 2)
    first.cancel()
    waiting[0].cancel()
    store.gate.set()
    answers = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [asyncio.CancelledError, asyncio.CancelledError, int]


async def test_wrong_number_of_answers_is_an_error_of_the_batch() -> None:
    async def forgetful(items: Sequence[int]) -> Sequence[int]:
        return items[1:]

    coalescer: Coalescer[int, int] = Coalescer(forgetful, most=2)
    answers = await asyncio.gather(*(coalescer.add(item) for item in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ValueError] * 3


async def test_cancelled_write_leaves_nobody_waiting_for_ever() -> None:
    cut = asyncio.Event()

    async def write(items: Sequence[int]) -> Sequence[int]:
        await cut.wait()
        raise asyncio.CancelledError

    coalescer: Coalescer[int, int] = Coalescer(write, most=1)
    waiting = add_all(coalescer, 1, 2)
    await turns(lambda: len(coalescer) == 1)
    cut.set()
    for waiter in waiting:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiter, 30)


async def test_a_batch_is_no_heavier_than_allowed_and_a_heavier_item_travels_alone() -> None:
    store = Store()
    coalescer = Coalescer(store.write, most=10, weigh=lambda item: item, heaviest=10)
    first = await busy(store, coalescer)
    tasks = add_all(coalescer, 4, 6, 1, 99, 5)
    await turns(lambda: len(coalescer) == 5)
    store.gate.set()
    await asyncio.gather(first, *tasks)
    assert store.batches == [[0], [4, 6], [1], [99], [5]]
