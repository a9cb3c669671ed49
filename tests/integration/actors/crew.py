"""Workers on the real store, with a queue and actions in memory, by a clock that stands still."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from karya.actors.metrics import WorkerMetrics
from karya.actors.reporter import Reporter
from karya.actors.worker import Worker
from karya.core.hint import Hint, hint_of
from karya.core.job import Job
from karya.core.settings import WorkerSettings
from karya.core.task import Task, TaskState
from tests.conformance.store.kit import StoreKit
from tests.support.actions import Actions
from tests.support.held_clock import HeldClock
from tests.support.line import Line
from tests.support.soon import soon
from tests.support.story import first_task, submission

LEASE = timedelta(seconds=20)
_STARTED = ("attempt ", "coalescer")
"""The tasks that a worker starts."""

SHORT_LEASE = timedelta(milliseconds=80)
"""Renewed every 20 ms of real time; it expires by the held clock."""


@dataclass
class Mate:
    """One worker and all that it holds on to."""

    worker: Worker
    line: Line
    actions: Actions
    metrics: WorkerMetrics
    loops: list[asyncio.Task[None]] = field(default_factory=list)

    def start(self) -> None:
        self.loops += [asyncio.create_task(self.worker.run()), asyncio.create_task(self.worker.keep_leases())]

    def count(self, name: str) -> float:
        """What a counter of this worker says."""
        return self.metrics.registry.get_sample_value(name) or 0.0


class Crew:
    """Makes workers and jobs, and ends all of them."""

    def __init__(self, kit: StoreKit) -> None:
        self.kit = kit
        self.mates: list[Mate] = []

    def worker(
        self,
        actions: Actions,
        *,
        owner: str = "w",
        slots: int = 4,
        lease: timedelta = LEASE,
        grace: timedelta = timedelta(0),
        claims: Any = None,
        commits: Any = None,
        jobs: Any = None,
        slots_of: Any = None,
        traces: Any = None,
        start: bool = True,
    ) -> Mate:
        kit, clock, line, metrics = self.kit, HeldClock(self.kit.time), Line(), WorkerMetrics()
        reporter = Reporter(
            commits or kit.commits, jobs or kit.jobs, slots_of or kit.slots, clock, metrics, line.poke
        )
        settings = WorkerSettings.model_construct(slots=slots, lease=lease, grace=grace)
        worker = Worker(
            owner, settings, line, claims or kit.claims, reporter, actions, clock, metrics, traces
        )
        mate = Mate(worker, line, actions, metrics)
        self.mates.append(mate)
        if start:
            mate.start()
        return mate

    async def store(self, *jobs: Job) -> list[Hint]:
        """Stores jobs with the tasks of their first occurrences; the hints of their first tasks."""
        await self.kit.add(*(submission(job) for job in jobs))
        return [hint_of(first_task(job)) for job in jobs]

    async def task(self, hint: Hint) -> Task:
        return await self.kit.task(hint.task_id)

    async def becomes(self, hint: Hint, *states: TaskState) -> Task:
        """Waits until the task is in one of these states."""

        async def look() -> Task | None:
            task = await self.task(hint)
            return task if task.status in states else None

        found = await soon(look, what=f"{hint.task_id} {states}")
        assert found is not None
        return found

    async def open(self, job: Job, step: str) -> Hint:
        """Waits until a step, or a hook, of the job may be claimed; its hint."""

        async def look() -> Task | None:
            tasks = await self.kit.tasks_of(job.id)
            return next((t for t in tasks if t.step == step and t.status is TaskState.READY), None)

        found = await soon(look, what=f"{step} to open")
        assert found is not None
        return hint_of(found)

    async def end(self) -> None:
        """Stops everything; a loop that died fails the test."""
        loops = [loop for mate in self.mates for loop in mate.loops]
        started = [task for task in asyncio.all_tasks() if task.get_name().startswith(_STARTED)]
        for task in (*loops, *started):
            task.cancel()
        ended = await asyncio.gather(*loops, return_exceptions=True)
        await asyncio.gather(*started, return_exceptions=True)  # before the store that they use is closed
        died = [error for error in ended if isinstance(error, Exception)]
        assert died == []
