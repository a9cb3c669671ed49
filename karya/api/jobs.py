"""The routes of jobs."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import BAD_BODY, INVALID, Endpoint, answer
from karya.api.requests import JobsQuery, PageQuery, read_json, read_query
from karya.core.ports import JobService
from karya.core.views import JobPage, JobView, SummaryView, TaskPage

_JOBS = "/v1/jobs"
_JOB = "/v1/jobs/{id}"
_MISSING = (HTTPStatus.NOT_FOUND,)
_CONFLICT = (HTTPStatus.CONFLICT,)


class JobRoutes:
    """Submit, list, look up and cancel."""

    def __init__(self, service: JobService) -> None:
        self._service = service
        self.endpoints = (
            Endpoint(
                "POST",
                _JOBS,
                "Submit a job",
                self.submit_job,
                JobView,
                status=HTTPStatus.CREATED,
                body=service.spec_type,
                problems=BAD_BODY,
            ),
            Endpoint(
                "GET",
                _JOBS,
                "List jobs, the newest first",
                self.list_jobs,
                JobPage,
                query=JobsQuery,
                problems=INVALID,
            ),
            Endpoint("GET", _JOB, "Show a job", self.get_job, JobView, problems=_MISSING),
            Endpoint(
                "GET",
                f"{_JOB}/tasks",
                "List the tasks of a job, the latest instant first",
                self.list_tasks,
                TaskPage,
                query=PageQuery,
                problems=_MISSING + INVALID,
            ),
            Endpoint(
                "GET",
                f"{_JOB}/summary",
                "Show a job with its latest tasks, counts and errors",
                self.get_summary,
                SummaryView,
                problems=_MISSING,
            ),
            Endpoint(
                "POST",
                f"{_JOB}/cancel",
                "Cancel a job: once this is answered, no further attempt of it starts",
                self.cancel_job,
                JobView,
                problems=_MISSING + _CONFLICT,
            ),
        )

    async def submit_job(self, request: Request) -> Response:
        """201 once the job and its first task are durable."""
        spec = await read_json(request, self._service.spec_type)
        job = await self._service.submit(spec)
        return answer(job, HTTPStatus.CREATED, f"{_JOBS}/{job.id}")

    async def list_jobs(self, request: Request) -> Response:
        """One page."""
        query = read_query(request, JobsQuery)
        page = await self._service.list(
            user_id=query.user_id, status=query.status, cursor=query.cursor, limit=query.limit
        )
        return answer(page)

    async def get_job(self, request: Request) -> Response:
        """One job."""
        return answer(await self._service.get(request.path_params["id"]))

    async def list_tasks(self, request: Request) -> Response:
        """One page."""
        query = read_query(request, PageQuery)
        tasks = self._service.tasks(request.path_params["id"], cursor=query.cursor, limit=query.limit)
        return answer(await tasks)

    async def get_summary(self, request: Request) -> Response:
        """All that is known about one job."""
        return answer(await self._service.summary(request.path_params["id"]))

    async def cancel_job(self, request: Request) -> Response:
        """The cancelled job."""
        return answer(await self._service.cancel(request.path_params["id"]))
