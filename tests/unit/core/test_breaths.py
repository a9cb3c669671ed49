"""Long work lets others have their turn."""

from karya.core.breaths import in_breaths
from tests.support.turns import others


async def test_every_item_comes_once_with_its_number_and_others_have_turns_between() -> None:
    with others() as turns:
        seen = [pair async for pair in in_breaths("x" * 250)]
    assert seen == list(enumerate("x" * 250))
    assert turns.count == 3
