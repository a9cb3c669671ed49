"""What a service hands to the conformance suites. Its own tests provide it as the fixture `kit`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

import pytest

from karya.core.action import Action
from karya.core.errors import KaryaError
from karya.core.job import JobState
from karya.core.ports.service import JobService
from karya.core.queries import JobQuery
from karya.core.spec import JobSpec
from karya.core.task import TaskState
from karya.core.transitions import Transition, bury, succeed
from karya.core.views import JobView, TaskView
from tests.conformance.store.kit import HeldTime

NOBODY = "01a223d4-899c-7ec8-a44a-b223738ae332"
"""An id that nothing has."""


def every(seconds: float, **fields: Any) -> dict[str, Any]:
    """An interval, as a client writes it."""
    return {"kind": "interval", "every": f"PT{seconds}S", **fields}


class Kit(Protocol):
    """An empty service. All clocks are `time`, which stands at NOW, and no job runs by itself."""

    time: HeldTime
    service: JobService

    async def user(self, name: str) -> str:
        """Makes a user; their id."""

    async def end(self, task_id: str, outcome: Transition) -> None:
        """Starts the task, ends it so, and ends its job where nothing is left of that."""


class Clerk:
    """What the suites do with a service, in one line each."""

    def spec(self, kit: Kit, **fields: Any) -> JobSpec[Action]:
        """What a client wrote; does nothing unless told."""
        work = {} if "steps" in fields else {"action": {"type": "noop"}}
        return kit.service.spec_type.model_validate({**work, **fields})

    async def job(self, kit: Kit, **fields: Any) -> JobView:
        """A job that is submitted now; the next one is a second later."""
        job = await kit.service.submit(self.spec(kit, **fields))
        kit.time.advance(1)
        return job

    async def found(self, kit: Kit, limit: int = 100, **query: Any) -> list[str]:
        """The ids of the jobs that the query finds, from all pages."""
        found, cursor = list[str](), None
        while True:
            page = await kit.service.list(JobQuery(**query), cursor=cursor, limit=limit)
            found += ids(page.jobs)
            if (cursor := page.next_cursor) is None:
                return found

    async def tasks(self, kit: Kit, job_id: str) -> list[TaskView]:
        """All tasks of a job, the latest instant first."""
        return list((await kit.service.tasks(job_id, cursor=None, limit=100)).tasks)

    async def succeed(self, kit: Kit, job_id: str) -> TaskView:
        """Runs the earliest task that waits, once it is due."""
        task = await self._due(kit, job_id)
        return await self._ended(kit, task, succeed(None, kit.time.now, kit.time.now))

    async def bury(self, kit: Kit, job_id: str, error: str = "boom") -> TaskView:
        """So it runs, and is a dead letter; what comes next is a second later."""
        task = await self._due(kit, job_id)
        died = bury(error, "attempt 1 of 1 failed", kit.time.now, kit.time.now)
        letter = await self._ended(kit, task, died)
        kit.time.advance(1)
        return letter

    async def _due(self, kit: Kit, job_id: str) -> TaskView:
        waiting = [task for task in await self.tasks(kit, job_id) if task.status is TaskState.READY]
        first = min(waiting, key=lambda task: (task.instant, task.step))
        kit.time.now = max(kit.time.now, first.due_at)
        return first

    async def _ended(self, kit: Kit, task: TaskView, outcome: Transition) -> TaskView:
        await kit.end(task.id, outcome)
        return (await kit.service.task(task.id)).task

    async def job_in(self, kit: Kit, state: JobState, **fields: Any) -> JobView:
        """A job in this state."""
        job = await self.job(kit, **fields)
        match state:
            case JobState.PAUSED:
                await kit.service.pause(job.id)
            case JobState.CANCELLED:
                await kit.service.cancel(job.id)
            case JobState.COMPLETED:
                await self.succeed(kit, job.id)
        kit.time.advance(1)
        found = await kit.service.get(job.id)
        assert found.status is state
        return found

    async def history(self, kit: Kit, job_id: str, limit: int = 100) -> list[tuple[str, int, datetime]]:
        """Kind, version and time of what was done to a job, the latest first, from all pages."""
        told, cursor = [], None
        while True:
            page = await kit.service.versions(job_id, cursor=cursor, limit=limit)
            told += [(change.kind, change.version, change.at) for change in page.changes]
            if (cursor := page.next_cursor) is None:
                return told

    async def kinds(self, kit: Kit, job_id: str) -> list[str]:
        """What was done to a job, the latest first."""
        return [kind for kind, _, _ in await self.history(kit, job_id)]


def words(refused: pytest.ExceptionInfo[KaryaError]) -> tuple[type[KaryaError], str]:
    """What a client is told, and as what."""
    return refused.type, str(refused.value)


def ids(found: Iterable[JobView | TaskView]) -> list[str]:
    """What a list has found."""
    return [one.id for one in found]
