"""A worker never announces more than fits; large gains it tells at once, small ones wait for company."""

import asyncio
from contextlib import ExitStack

import pytest
from prometheus_client import Gauge

from karya.actors.credit import Credit
from tests.support.line import Line
from tests.support.soon import soon


def credit(slots: int = 4) -> tuple[Credit, Line]:
    line = Line()
    running, credit = (Gauge(name, name, registry=None) for name in ("running", "credit"))
    return Credit(slots, line, running, credit), line


async def test_what_is_being_claimed_is_not_free() -> None:
    made, line = credit()
    made.tell()
    made.received(3)
    with made.claiming(3):
        made.tell()
        for _ in range(2):
            made.began()
    assert line.reports == [(4, 0), (1, 0), (2, 2)]


async def test_claims_that_end_one_after_the_other_are_counted_one_by_one() -> None:
    made, line = credit()
    made.received(3)
    with made.claiming(1), made.claiming(2):
        pass
    assert line.reports == [(3, 0), (4, 0)]


async def test_a_small_gain_waits_for_company() -> None:
    made, line = credit(slots=8)
    for _ in range(8):
        made.began()
    made.tell()
    made.ended()
    made.ended()
    assert line.reports == [(0, 8)]
    await soon(lambda: len(line.reports) > 1)
    assert line.reports == [(0, 8), (2, 6)]


async def test_a_large_gain_is_told_at_once() -> None:
    made, line = credit(slots=8)
    for _ in range(8):
        made.began()
    made.tell()
    for _ in range(4):
        made.ended()
    assert line.reports == [(0, 8), (4, 4)]


async def test_who_has_nothing_left_says_so_at_once() -> None:
    made, line = credit(slots=8)
    made.began()
    made.tell()
    made.ended()
    assert line.reports == [(7, 1), (8, 0)]


@pytest.mark.parametrize(("waiting", "free"), [(8, 4), (9, 0)])
async def test_outcomes_that_pile_up_before_the_store_stop_the_flow(waiting: int, free: int) -> None:
    made, line = credit()
    with ExitStack() as outcomes:
        for _ in range(waiting):
            outcomes.enter_context(made.reporting())
        made.tell()
        assert line.free == free
    assert line.free == 4


async def test_closed_is_closed() -> None:
    made, line = credit()
    made.tell()
    made.close()
    made.tell()
    assert [free for free, _ in line.reports] == [4, 0, 0]


async def test_idle_is_when_nothing_is_claimed_runs_or_is_reported() -> None:
    made, _ = credit()
    assert made.idle.is_set()
    made.received(1)
    with made.claiming(1):
        made.began()
    assert not made.idle.is_set()
    made.ended()
    assert not made.idle.is_set(), "what it came to is still to be reported"
    with made.reporting():
        pass
    await asyncio.wait_for(made.idle.wait(), 30)


async def test_a_claim_that_won_nothing_leaves_it_idle() -> None:
    made, _ = credit()
    made.received(5)
    with made.claiming(5):
        assert not made.idle.is_set()
    assert made.idle.is_set()
