"""Submitting the child of a job: what a chained action does, in a server or in a worker."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from karya.core.action import Action
from karya.core.chaining import refused_at
from karya.core.errors import Conflict, InvalidInput, existing
from karya.core.ids import minted_at
from karya.core.job import Job, JobState, new_job
from karya.core.occurrence import opening
from karya.core.ports import Clock, JobRepository, Submission, TaskRepository
from karya.core.spec import JobSpec
from karya.core.times import floor_millis
from karya.core.trace import Trace


class Submitter:
    """Stores children: they belong to the owner of their parent, and are cancelled with any ancestor (I8)."""

    def __init__(
        self,
        jobs: JobRepository,
        tasks: TaskRepository,
        clock: Clock,
        refusal: Callable[[Action], str | None],
        poke: Callable[[datetime], None],
        *,
        max_depth: int,
    ) -> None:
        """`max_depth` is how many generations may stand behind a job that a client submitted."""
        self._jobs = jobs
        self._tasks = tasks
        self._clock = clock
        self._refusal = refusal
        self._poke = poke
        self._max_depth = max_depth
        self._storing: set[asyncio.Task[None]] = set()

    async def submit(
        self,
        spec: JobSpec[Action],
        parent_id: str,
        ident: str,
        *,
        linked: bool = True,
        trace: Trace | None = None,
    ) -> Job:
        """Stores the child under this id (one of `core.ids.fixed_id`): storing it again changes nothing.
        What a hook submits is not `linked`: it only has the same owner. `trace` is the attempt that submits.

        When it returns an ACTIVE job, no ancestor was cancelled before the child was stored, so cancelling
        one later finds it. Raises NotFound without the parent, Conflict when an ancestor is cancelled or
        there are too many of them, InvalidInput for a spec that cannot be a job here.
        """
        parent = existing(await self._jobs.get(parent_id), "job", parent_id)
        if linked:
            self._check_family(parent)
        self._check(spec)
        own = spec.model_copy(update={"user_id": parent.user_id})
        family = parent if linked else None
        child, tasks = opening(new_job(own, minted_at(ident), ident=ident, parent=family, trace=trace))
        await self._stored(Submission(child, tasks))
        self._poke(min(task.due_at for task in tasks))
        return child

    async def _stored(self, submission: Submission) -> None:
        """Stores it and heeds cancels, even when whoever asks is stopped meanwhile: the cancel of its job
        stops an attempt, and may just have passed the child by."""
        storing = asyncio.create_task(self._store(submission), name=f"child {submission.job.id}")
        self._storing.add(storing)
        storing.add_done_callback(self._end_of)
        await asyncio.shield(storing)

    def _end_of(self, storing: "asyncio.Task[None]") -> None:
        self._storing.discard(storing)
        if not storing.cancelled():
            storing.exception()  # else asyncio would complain when nobody waits for it any more

    async def _store(self, submission: Submission) -> None:
        await self._jobs.submit([submission])
        await self._heed_cancels(submission.job)

    def _check_family(self, parent: Job) -> None:
        if len(parent.ancestors) + 1 > self._max_depth:
            raise Conflict(
                f"job {parent.id} is {self._max_depth} submissions deep: its actions may not submit"
            )
        if parent.status is JobState.CANCELLED:
            raise Conflict(f"job {parent.id} is cancelled: nothing of it starts any more")

    def _check(self, spec: JobSpec[Action]) -> None:
        answers = [(field, action, self._refusal(action)) for field, action in spec.actions]
        if errors := [refused_at(where, action, reason) for where, action, reason in answers if reason]:
            raise InvalidInput(errors)

    async def _heed_cancels(self, child: Job) -> None:
        """A cancel that was looking for descendants just before this one was stored has not seen it."""
        if not await self._jobs.any_cancelled(child.ancestors):
            return
        now = floor_millis(self._clock.now())
        await self._jobs.cancel(child.id, now)
        await self._tasks.cancel_of_job(child.id, now)
        await self._jobs.cancelled_wholly([child.id])
        raise Conflict(f"an ancestor of job {child.id} was cancelled meanwhile, and the job with it")
