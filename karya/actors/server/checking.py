"""What jobs would come to if they were submitted: for those who declare many, and want to see first."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from karya.actors.server.checks import Checks
from karya.core.action import Action
from karya.core.breaths import in_breaths
from karya.core.errors import FieldError, InvalidInput
from karya.core.fields import invalid
from karya.core.job import Job, new_job, normal_form
from karya.core.ports import Clock, JobRepository
from karya.core.spec import JobSpec
from karya.core.times import floor_millis
from karya.core.views import CheckedView, CheckView, NamesakeView


class Checking:
    """Changes nothing."""

    def __init__(
        self, spec_type: type[JobSpec[Action]], jobs: JobRepository, checks: Checks, clock: Clock
    ) -> None:
        self._spec_type = spec_type
        self._jobs = jobs
        self._checks = checks
        self._clock = clock

    async def check(self, written: Sequence[Mapping[str, Any]]) -> CheckView:
        """See `JobService.check`."""
        now = floor_millis(self._clock.now())
        users: set[str] = set()
        checked = []
        async for _, one in in_breaths(written):
            checked.append(await self._checked(one, users, now))
        namesakes = await self._namesakes(checked)
        return CheckView(jobs=tuple(self._with_namesake(one, namesakes, now) for one in checked))

    async def _checked(self, written: Mapping[str, Any], users: set[str], now: datetime) -> CheckedView:
        try:
            spec = self._spec_type.model_validate(written)
            await self._checks.check(spec, users)
            form = normal_form(spec, now)
            over = spec.schedule.is_over(now)
            if not over:
                new_job(spec, now)
        except ValidationError as error:
            return _refused(invalid(error, written, self._spec_type).errors)
        except InvalidInput as error:
            return _refused(error.errors)
        return CheckedView(errors=(), spec=dict(form), over=over, namesake=None)

    async def _namesakes(self, checked: Sequence[CheckedView]) -> Mapping[tuple[str | None, str], Job]:
        names: dict[str | None, list[str]] = defaultdict(list)
        for one in checked:
            if one.spec is not None and one.spec["name"] is not None:
                names[one.spec["user_id"]].append(one.spec["name"])
        found = {user_id: await self._jobs.named(user_id, own) for user_id, own in names.items()}
        return {(user_id, name): job for user_id, jobs in found.items() for name, job in jobs.items()}

    def _with_namesake(
        self, one: CheckedView, namesakes: Mapping[tuple[str | None, str], Job], now: datetime
    ) -> CheckedView:
        spec = one.spec or {"user_id": None, "name": None}
        job = namesakes.get((spec["user_id"], spec["name"]))
        if job is None:
            return one
        namesake = NamesakeView(
            id=job.id, version=job.version, status=job.status, spec=dict(self._as_of_today(job, now))
        )
        return one.model_copy(update={"namesake": namesake})

    def _as_of_today(self, job: Job, now: datetime) -> Mapping[str, Any]:
        """What was written of it, as it would be stored today, since the models of actions grow; where they
        refuse it, as it was stored."""
        try:
            return normal_form(self._spec_type.model_validate(job.spec()), now)
        except (ValidationError, InvalidInput):
            return job.spec()


def _refused(errors: Sequence[FieldError]) -> CheckedView:
    problems = tuple({"field": error.field, "message": error.message} for error in errors)
    return CheckedView(errors=problems, spec=None, over=False, namesake=None)
