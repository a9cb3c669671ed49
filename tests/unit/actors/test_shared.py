"""One answer for all who ask about the same time."""

import asyncio
from collections.abc import Callable

import pytest

from karya.actors.shared import Shared
from karya.core.errors import Unavailable


class Asked:
    """Answers with the number of the question, when it is let."""

    def __init__(self) -> None:
        self.count = 0
        self.error: Exception | None = None
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(self) -> int:
        self.count += 1
        number = self.count
        await self.free.wait()
        if self.error is not None:
            raise self.error
        return number


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
async def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many seconds pass on the clock of the loop."""
    loop = asyncio.get_running_loop()
    passed = [0.0]
    real = loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + passed[0])

    def let_pass(seconds: float) -> None:
        passed[0] += seconds

    return let_pass


async def test_those_who_ask_at_the_same_time_share_the_answer(asked: Asked) -> None:
    shared = Shared(asked)
    assert await asyncio.gather(*(shared.within(0) for _ in range(5))) == [1] * 5
    assert await shared.within(0) == 2


async def test_an_answer_is_given_on_while_it_is_young_enough(
    asked: Asked, later: Callable[[float], None]
) -> None:
    shared = Shared(asked)
    assert await shared.within(3) == 1
    later(0.9)
    assert await shared.within(3) == 1
    assert asked.count == 1
    later(9)
    assert await shared.within(3) == 2


async def test_whoever_asks_again_and_again_does_not_wait(
    asked: Asked, later: Callable[[float], None]
) -> None:
    shared = Shared(asked)
    assert await shared.within(3) == 1
    later(2)
    asked.free.clear()
    assert [await shared.within(3), await shared.within(3)] == [1, 1]
    next_one = asyncio.create_task(shared.within(0))
    asked.free.set()
    assert await next_one == 2
    assert (await shared.within(3), asked.count) == (2, 2)


async def test_what_the_question_raises_is_raised_and_not_remembered(asked: Asked) -> None:
    shared = Shared(asked)
    asked.error = Unavailable("away")
    both = await asyncio.gather(shared.within(3), shared.within(3), return_exceptions=True)
    assert both == [asked.error, asked.error]
    asked.error = None
    assert await shared.within(3) == 2


async def test_one_who_goes_does_not_end_the_question_of_the_others(asked: Asked) -> None:
    shared = Shared(asked)
    asked.free.clear()
    first, second = (asyncio.create_task(shared.within(0)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    asked.free.set()
    assert (await second, first.cancelled()) == (1, True)
