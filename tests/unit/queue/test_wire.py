"""The messages: what is packed is read again, within the limits."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from karya.core.limits import Concurrency, limits_of
from karya.core.retry import RetryPolicy
from karya.core.task import TaskKind
from karya.queue.wire import (
    MAX_HINTS,
    MAX_ORDER_BYTES,
    Credit,
    Hello,
    Poke,
    Work,
    decode_order,
    decode_report,
    encode,
    pack,
)
from tests.unit.queue.stage import NOON, make_hints

SECOND = timedelta(seconds=1)
LIMITS = limits_of("ada", Concurrency(key="k", limit=2), None)


@pytest.mark.parametrize(
    "message",
    [
        Hello(owner="w", session="s"),
        Credit(session="s", received=2**40, free=3, running=1),
        Poke(due_at=NOON),
        Poke(due_at=None, told=tuple(make_hints(2))),
        Poke(due_at=NOON, told=tuple(make_hints(1, limits=LIMITS, retry=RetryPolicy(max_attempts=9)))),
    ],
)
def test_reports_are_read_as_they_were_written(message: Hello | Credit | Poke) -> None:
    assert decode_report([encode(message)]) == message


@pytest.mark.parametrize(
    "others, due_at", [(None, NOON), (NOON - SECOND, NOON - SECOND), (NOON + SECOND, NOON)]
)
def test_what_does_not_fit_is_not_told_but_looked_for(others: datetime | None, due_at: datetime) -> None:
    told = tuple(make_hints(20, action="é" * 2_000))
    frame = encode(Poke(due_at=others, told=told))
    assert decode_report([frame]) == Poke(due_at=due_at)
    assert decode_report([encode(Poke(due_at=others, told=told[:10]))]) == Poke(due_at=others, told=told[:10])


def test_every_field_of_a_hint_travels() -> None:
    plain = make_hints(1)
    rich = make_hints(
        1,
        first=1,
        token=7,
        attempts=2,
        kind=TaskKind.HOOK,
        solo=True,
        action=None,
        retry=RetryPolicy(max_attempts=9),
    )
    frame, count = pack(plain + rich)
    assert (decode_order([frame]), count) == (Work(hints=tuple(plain + rich)), 2)


def test_a_batch_is_bounded_in_number_and_bytes() -> None:
    assert pack(make_hints(MAX_HINTS + 1))[1] == MAX_HINTS
    big = make_hints(5, action="x" * 1_500_000)
    frame, count = pack(big)
    assert count == 2
    assert len(frame) <= MAX_ORDER_BYTES
    assert decode_order([frame]) == Work(hints=tuple(big[:2]))


def test_an_action_too_large_for_any_message_is_left_to_the_claim() -> None:
    huge = make_hints(1, action="x" * MAX_ORDER_BYTES)[0]
    frame, count = pack([huge])
    assert count == 1
    assert decode_order([frame]) == Work(hints=(replace(huge, action=None),))


def test_an_oversized_frame_is_no_message() -> None:
    assert decode_order([b'{"type":"beat"}' + b" " * MAX_ORDER_BYTES]) is None
