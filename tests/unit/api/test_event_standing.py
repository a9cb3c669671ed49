"""How the listeners to events fare: who is there, what was sent, why they went, how far behind it is."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from karya.actors.metrics import ServerMetrics
from karya.api.events import hub as hubs
from karya.api.events import stream
from karya.api.events.hub import Hub
from karya.api.events.listener import End, Wanted
from karya.api.head import HANG_UP
from karya.core.errors import PositionGone, Unavailable
from karya.core.events import ALL_KINDS, EventKind
from karya.core.user import LOCAL
from tests.support.memory_events import STORED_AT, MemoryEvents, place
from tests.support.soon import soon

PAUSED, DEAD = EventKind.JOB_PAUSED, EventKind.TASK_DEAD_LETTERED
EVERYTHING = Wanted(LOCAL, ALL_KINDS)


class Clock:
    def __init__(self) -> None:
        self.time = STORED_AT

    def now(self) -> datetime:
        return self.time


@pytest.fixture
def events() -> MemoryEvents:
    return MemoryEvents()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(events: MemoryEvents, clock: Clock) -> Hub:
    return Hub(events, clock.now, most_listeners=5)


def ended(hub: Hub) -> dict[str, int]:
    return {reason: count for reason, count in hub.standing().ended.items() if count}


async def test_who_is_there_and_why_others_went(events: MemoryEvents, hub: Hub) -> None:
    assert hub.standing().ended == dict.fromkeys(("left", "stopping", "slow", "gone", "aged"), 0)
    here = [await hub.listen(EVERYTHING) for _ in range(5)]
    with pytest.raises(Unavailable):
        await hub.listen(EVERYTHING)
    assert (hub.standing().present, ended(hub)) == (5, {})
    here[1].end(End.SLOW)
    for listener in here[:2]:
        hub.leave(listener)
        hub.leave(listener)  # as one that went twice
    hub.end()
    hub.leave(here[2])
    assert (hub.standing().present, ended(hub)) == (2, {"left": 1, "slow": 1, "stopping": 1})
    await hub.close()


async def test_one_that_never_listened_is_not_one_that_went(events: MemoryEvents, hub: Hub) -> None:
    await events.tell(PAUSED, PAUSED)
    events.forgotten = place(2)
    with pytest.raises(PositionGone):
        await hub.listen(EVERYTHING, place(1))
    assert (hub.standing().present, ended(hub)) == (0, {})
    await hub.close()


async def test_what_is_sent_is_counted_and_so_is_age(
    events: MemoryEvents, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    await events.tell(PAUSED)
    response = stream.EventStream(hub, await hub.listen(EVERYTHING, place(0)), place(0))
    monkeypatch.setattr(stream, "LIFETIME_SECONDS", 1)
    sent: list[bytes] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        if b"data:" in sent[-1] and len(events.told) == 1:
            await events.tell(PAUSED, DEAD)
            await soon(lambda: hub._position >= place(3), what="both at once")

    scope = {"type": "http", "asgi": {"spec_version": "2.3"}, HANG_UP: None}
    await asyncio.wait_for(response(scope, receive, send), 30)
    assert b"".join(sent).count(b"data:") == hub.standing().sent == 3
    assert ended(hub) == {"aged": 1}
    await hub.close()


async def test_how_far_behind_it_is(
    events: MemoryEvents, hub: Hub, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "PAUSE_SECONDS", 0.01)
    clock.time += timedelta(hours=1)
    assert hub.standing().behind == 0, "nobody listens"
    listener = await hub.listen(EVERYTHING)
    assert hub.standing().behind == 0
    clock.time = STORED_AT + timedelta(seconds=5)
    await events.tell(PAUSED)
    await soon(lambda: hub.standing().behind == 5, what="the age of what was read last")
    clock.time += timedelta(seconds=60)
    assert hub.standing().behind == 65
    await events.stir()
    await soon(lambda: hub.standing().behind == 60, what="nothing newer: it was asked for 60 s ago")
    events.away = True
    await events.stir()
    clock.time += timedelta(seconds=10)
    for _ in range(20):
        await asyncio.sleep(0)
        assert hub.standing().behind == 70, "nobody answers"
    hub.leave(listener)
    await soon(lambda: not events.open, what="the end of the feed")
    assert hub.standing().behind == 0
    await hub.close()


def test_the_metrics_say_it() -> None:
    metrics = ServerMetrics()
    metrics.gateway.heard(3, 1.5, 7, {"left": 1, "slow": 0})
    metrics.gateway.heard(2, 0.5, 9, {"left": 2, "slow": 1})
    value = metrics.registry.get_sample_value
    assert value("karya_event_listeners") == 2
    assert value("karya_event_feed_behind_seconds") == 0.5
    assert value("karya_events_sent_total") == 9
    assert value("karya_event_listeners_ended_total", {"reason": "left"}) == 2
    assert value("karya_event_listeners_ended_total", {"reason": "slow"}) == 1
