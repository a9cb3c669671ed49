"""Long work lets others have their turn."""

import asyncio

from karya.core.breaths import in_breaths


async def test_every_item_comes_once_with_its_number_and_others_have_turns_between() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    busy = asyncio.create_task(other())
    seen = [pair async for pair in in_breaths("x" * 250)]
    busy.cancel()
    assert seen == list(enumerate("x" * 250))
    assert turns == 2
