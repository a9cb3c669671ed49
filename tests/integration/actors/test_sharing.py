"""Turns are worth something although workers are held: a real dispatcher between scheduler and worker."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from karya.core.schedule import Once
from karya.queue import WorkerSocket
from tests.integration.actors.desk import SELDOM, Desk, from_now
from tests.support.soon import soon
from tests.support.story import a_job, submission
from tests.unit.queue.stage import Stage

PLANNED = "karya_scheduler_planned_tasks"
_SLOTS, _CROWD = 20, 100


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield Stage(stack)


class Held:
    """A worker, all of whose slots are held by tasks that do not end until they are told to."""

    def __init__(self, socket: WorkerSocket) -> None:
        self._socket = socket
        self._running = 0

    async def take(self, count: int) -> list[str]:
        """Whose tasks it is sent, until there are so many."""
        jobs: list[str] = []
        while len(jobs) < count:
            hints = await self._socket.receive()
            jobs += [hint.job_id for hint in hints]
            self._running += len(hints)
            self._socket.report(_SLOTS - self._running, self._running)
        return jobs

    def end(self, count: int) -> None:
        """So many tasks end."""
        self._running -= count
        self._socket.report(_SLOTS - self._running, self._running)


@pytest.mark.parametrize("lone", [{"user_id": "lone"}, {"user_id": "crowd", "priority": 9}], ids=str)
async def test_whose_turn_it_is_has_the_next_slot(desk: Desk, stage: Stage, lone: dict[str, Any]) -> None:
    """Although as much as it takes in a moment was offered to the queue when all slots had been free."""
    due = Once(at=from_now(-60))
    crowd = [a_job(due, created_at=from_now(-90), user_id="crowd") for _ in range(_CROWD)]
    await desk.kit.add(*map(submission, crowd))
    dispatcher = await stage.dispatcher(on_room=lambda: desk.posts[0].inbox.wake())
    post = desk.scheduler(poll=SELDOM, lease=10 * SELDOM, offers=dispatcher)  # type: ignore[arg-type]
    held = Held(await stage.worker(_SLOTS))
    await held.take(_SLOTS)
    await soon(lambda: post.says(PLANNED) == _CROWD - _SLOTS, what="that to have its turn anew")
    job = await desk.job(-1, **lone)
    post.inbox.poke(job.cursor.at)
    await soon(lambda: post.says(PLANNED) == _CROWD - _SLOTS + 1, what="it to be read")
    held.end(1)
    assert await held.take(1) == [job.id]
