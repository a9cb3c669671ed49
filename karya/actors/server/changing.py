"""Changing what a stored job says."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from karya.actors.server.checks import Checks
from karya.actors.server.reaching import reached
from karya.core.action import Action
from karya.core.errors import InvalidInput
from karya.core.fields import invalid
from karya.core.job import Job
from karya.core.ports import Clock, JobRepository, TaskRepository
from karya.core.ports.lifecycle import Lifecycle
from karya.core.revision import check_version, merged, revised
from karya.core.spec import JobSpec
from karya.core.times import EPOCH, floor_millis
from karya.core.views import JobView


class Changing:
    """Merges, checks and stores the next version."""

    def __init__(
        self,
        spec_type: type[JobSpec[Action]],
        jobs: JobRepository,
        tasks: TaskRepository,
        lifecycle: Lifecycle,
        checks: Checks,
        clock: Clock,
        poke: Callable[[datetime], None],
    ) -> None:
        self._spec_type = spec_type
        self._jobs = jobs
        self._tasks = tasks
        self._lifecycle = lifecycle
        self._checks = checks
        self._clock = clock
        self._poke = poke

    async def update(self, job_id: str, changes: Mapping[str, Any], *, version: int | None = None) -> JobView:
        """See `JobService.update`."""
        now = floor_millis(self._clock.now())

        def revise(job: Job) -> Job:
            check_version(job, version)
            return revised(job, self._checked(merged(job, changes)), now)

        job = await self._lifecycle.update(job_id, revise, now)
        if job.cursor.exhausted:  # fewer runs than it has had already
            await self._jobs.settle([job_id], now)
            job = await self._jobs.get(job_id) or job
        self._poke(EPOCH)  # what was made anew may have been due long ago
        await reached(await self._tasks.may_start_until(job_id), self._clock)
        return JobView.of(job, now)

    def _checked(self, wire: Mapping[str, Any]) -> JobSpec[Action]:
        try:
            spec = self._spec_type.model_validate(wire)
        except ValidationError as error:
            raise invalid(error, wire, self._spec_type) from None
        if errors := self._checks.refused(spec):
            raise InvalidInput(errors)
        return spec
