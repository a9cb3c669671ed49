"""`karya events`: what it prints, and how it goes on after its connection broke."""

import asyncio

import pytest

from karya.api.serve import Gateway
from karya.cli.events import event_line
from karya.cli.following import follow
from karya.core.errors import InvalidInput, Unavailable
from karya.core.events import EventKind
from karya.core.settings import GatewaySettings
from tests.support.memory_events import MemoryEvents, place
from tests.support.memory_services import MemoryServices
from tests.support.soon import soon

PAUSED = EventKind.JOB_PAUSED


class Following:
    """Follows a gateway in the background."""

    def __init__(self, url: str, after: str | None = None, **query: str) -> None:
        self.notes: list[str] = []
        self._events = follow(lambda: url, query, None, self.notes.append, after)

    async def next(self) -> str:
        async with asyncio.timeout(30):
            return await anext(self._events)

    async def close(self) -> None:
        await self._events.aclose()  # type: ignore[attr-defined]


async def test_it_goes_on_where_it_was_after_a_restart() -> None:
    memory = MemoryServices()
    events: MemoryEvents = memory.events
    gateway = Gateway(memory.services, GatewaySettings(port=0))
    await gateway.start()
    following = Following(gateway.url, kind="karya.job")
    first = asyncio.create_task(following.next())
    await soon(lambda: events.open, what="a listener")
    await events.tell(PAUSED)
    assert place(1) in await first
    second = asyncio.create_task(following.next())
    await gateway.stop()
    await events.tell(EventKind.TASK_CLAIMED, PAUSED)
    await soon(lambda: following.notes, what="a note that it tries again")
    again = Gateway(memory.services, GatewaySettings(port=int(gateway.url.rpartition(":")[2])))
    await again.start()
    assert place(3) in await second
    assert len(following.notes) == 1
    assert "trying again" in following.notes[0]
    await following.close()
    await again.stop()


async def test_what_is_lost_is_said_and_the_present_goes_on() -> None:
    memory = MemoryServices()
    await memory.events.tell(PAUSED, PAUSED)
    memory.events.forgotten = place(2)
    gateway = Gateway(memory.services, GatewaySettings(port=0))
    await gateway.start()
    following = Following(gateway.url, after=place(1))
    waiting = asyncio.create_task(following.next())
    await soon(lambda: memory.events.open, what="a listener")
    await memory.events.tell(PAUSED)
    assert place(3) in await waiting
    assert following.notes == ["karya: events were lost: not kept any more"]
    await following.close()
    await gateway.stop()


async def test_a_refusal_ends_it() -> None:
    memory = MemoryServices()
    gateway = Gateway(memory.services, GatewaySettings(port=0))
    await gateway.start()
    with pytest.raises(InvalidInput, match=r"kind: 'karya\.jab' is no kind of event"):
        await Following(gateway.url, kind="karya.jab").next()
    await gateway.stop()
    with pytest.raises(Unavailable, match="no gateway answers"):
        await Following(gateway.url).next()


def test_an_event_in_one_line() -> None:
    task = {"id": "318f4154-54b0-88e1-9d7f-335c24b191e9", "step": "fetch", "kind": "step"}
    data = {"job_id": "01a2", "user_id": None, "task": task, "attempt": 2, "worker": "worker-1"}
    event = {"type": "karya.task.claimed", "time": "2026-11-28T02:00:00.000Z", "data": data}
    assert event_line(event) == (
        "2026-11-28T02:00:00.000Z  task.claimed  01a2  fetch  318f4154  attempt=2, worker=worker-1"
    )
    elected = {"type": "karya.scheduler.elected", "time": "now", "data": {"owner": "s", "token": 3}}
    assert event_line(elected) == "now  scheduler.elected  owner=s, token=3"
