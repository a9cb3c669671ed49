"""A search has a bounded time: it is told to narrow itself down, rather than to keep the database busy."""

import pytest

from karya.core.errors import InvalidInput, StoreUnavailable
from karya.core.ids import new_id
from karya.core.queries import JobQuery
from karya.store.names import JOBS
from karya.store.searching import Searching
from karya.store.turns import Turns
from tests.support.mongo import Mongo
from tests.support.story import NOW


async def test_a_search_that_takes_too_long_says_how_to_go_on(mongo: Mongo) -> None:
    jobs = [{"_id": new_id(NOW), "description": "x" * 1_000} for _ in range(5_000)]
    await mongo.asynchronous[JOBS].insert_many(jobs)
    searching = Searching(mongo.asynchronous, patience_ms=1)
    with pytest.raises(InvalidInput, match="text: the search takes too long: narrow it down"):
        await searching.list(JobQuery(text="nowhere"), None, 10)
    assert (await Searching(mongo.asynchronous).list(JobQuery(text="nowhere"), None, 10)).items == ()


async def test_searches_that_take_long_hold_up_each_other_but_no_list(mongo: Mongo) -> None:
    turns = Turns(patience_ms=1, at_once=1)
    searching = Searching(mongo.asynchronous, turns=turns)
    async with turns.turn():
        with pytest.raises(StoreUnavailable, match="too many searches by text are under way"):
            await searching.list(JobQuery(text="nowhere"), None, 10)
        assert (await searching.list(JobQuery(tag="nightly"), None, 10)).items == ()
    assert (await searching.list(JobQuery(text="nowhere"), None, 10)).items == ()
