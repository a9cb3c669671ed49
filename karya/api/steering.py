"""The routes that steer jobs: cancel, pause, resume, trigger, skip, update."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import BAD_BODY, Endpoint, answer
from karya.api.idempotency import minted_id
from karya.api.jobs import JOB, MISSING
from karya.api.requests import VersionQuery, read_object, read_query
from karya.api.services import Services
from karya.core.views import JobView, OccurrenceView

_PROBLEMS = (*MISSING, HTTPStatus.CONFLICT)
_Handler = Callable[[Request], Awaitable[Response]]


class SteeringRoutes:
    """What changes a job that is stored."""

    def __init__(self, services: Services) -> None:
        self._of = services.jobs_of
        changes = services.jobs.spec_type
        self.endpoints = (
            Endpoint(
                "POST",
                f"{JOB}/cancel",
                "Cancel a job and what it submitted: nothing of it starts any more",
                self.cancel_job,
                JobView,
                query=VersionQuery,
                problems=_PROBLEMS,
            ),
            self._verb("pause", "Pause a job: nothing of it starts until it is resumed", self.pause_job),
            self._verb("resume", "Resume a paused job", self.resume_job),
            Endpoint(
                "POST",
                f"{JOB}/trigger",
                "Run one occurrence now",
                self.trigger_job,
                OccurrenceView,
                status=HTTPStatus.CREATED,
                problems=_PROBLEMS,
            ),
            Endpoint(
                "POST",
                f"{JOB}/skip-next",
                "Skip the next occurrence; the schedule goes on",
                self.skip_next_occurrence,
                OccurrenceView,
                problems=_PROBLEMS,
            ),
            Endpoint(
                "PATCH",
                JOB,
                "Change a job: the fields that are given replace its own",
                self.update_job,
                JobView,
                body=changes,
                query=VersionQuery,
                problems=(*_PROBLEMS, *BAD_BODY),
            ),
        )

    @staticmethod
    def _verb(name: str, summary: str, handle: _Handler) -> Endpoint:
        return Endpoint("POST", f"{JOB}/{name}", summary, handle, JobView, problems=_PROBLEMS)

    async def cancel_job(self, request: Request) -> Response:
        """The cancelled job."""
        query = read_query(request, VersionQuery)
        return answer(await self._of(request).cancel(request.path_params["id"], version=query.version))

    async def pause_job(self, request: Request) -> Response:
        """The paused job."""
        return answer(await self._of(request).pause(request.path_params["id"]))

    async def resume_job(self, request: Request) -> Response:
        """The active job."""
        return answer(await self._of(request).resume(request.path_params["id"]))

    async def trigger_job(self, request: Request) -> Response:
        """201 once the occurrence is durable."""
        occurrence = await self._of(request).trigger(request.path_params["id"], key=minted_id(request))
        return answer(occurrence, HTTPStatus.CREATED)

    async def skip_next_occurrence(self, request: Request) -> Response:
        """The skipped occurrence."""
        return answer(await self._of(request).skip_next(request.path_params["id"]))

    async def update_job(self, request: Request) -> Response:
        """The job in its new version."""
        query, changes = read_query(request, VersionQuery), await read_object(request)
        updated = self._of(request).update(request.path_params["id"], changes, version=query.version)
        return answer(await updated)
