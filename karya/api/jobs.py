"""The routes of jobs: submitting, finding, looking at them."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import BAD_BODY, INVALID, Endpoint, answer
from karya.api.idempotency import minted_id
from karya.api.requests import JobsQuery, PageQuery, PreviewQuery, read_json, read_query
from karya.api.services import Services
from karya.core.views import (
    ErrorPage,
    JobPage,
    JobView,
    PreviewView,
    SummaryView,
    TaskPage,
    TaskStory,
    VersionsView,
    WhyView,
)

JOBS = "/v1/jobs"
JOB = "/v1/jobs/{id}"
MISSING = (HTTPStatus.NOT_FOUND,)


class JobRoutes:
    """Submit, list, look up."""

    def __init__(self, services: Services) -> None:
        self._of = services.jobs_of
        self._spec_type = spec = services.jobs.spec_type
        created = HTTPStatus.CREATED
        self.endpoints = (
            Endpoint(
                "POST",
                JOBS,
                "Submit a job",
                self.submit_job,
                JobView,
                body=spec,
                status=created,
                problems=BAD_BODY,
            ),
            Endpoint(
                "GET",
                JOBS,
                "List jobs, the newest first",
                self.list_jobs,
                JobPage,
                query=JobsQuery,
                problems=INVALID,
            ),
            Endpoint(
                "POST",
                f"{JOBS}/preview",
                "Show the first instants of a job without storing it",
                self.preview_job,
                PreviewView,
                body=spec,
                query=PreviewQuery,
                problems=BAD_BODY,
            ),
            Endpoint("GET", JOB, "Show a job", self.get_job, JobView, problems=MISSING),
            Endpoint(
                "GET",
                f"{JOB}/tasks",
                "List the tasks of a job, the latest instant first",
                self.list_tasks,
                TaskPage,
                query=PageQuery,
                problems=MISSING + INVALID,
            ),
            Endpoint(
                "GET",
                f"{JOB}/summary",
                "Show a job with its latest tasks, counts and errors",
                self.get_summary,
                SummaryView,
                problems=MISSING,
            ),
            Endpoint(
                "GET",
                f"{JOB}/why",
                "Say for each open task what it waits for, the earliest instant first",
                self.explain_job,
                WhyView,
                query=PageQuery,
                problems=MISSING + INVALID,
            ),
            Endpoint(
                "GET",
                f"{JOB}/errors",
                "List the failed attempts at the tasks of a job, the latest first",
                self.list_errors,
                ErrorPage,
                query=PageQuery,
                problems=MISSING + INVALID,
            ),
            Endpoint(
                "GET",
                f"{JOB}/versions",
                "List what was changed, paused, resumed and skipped, the latest first",
                self.list_versions,
                VersionsView,
                query=PageQuery,
                problems=MISSING + INVALID,
            ),
            Endpoint(
                "GET",
                f"{JOB}/occurrences",
                "Show the next instants of a job",
                self.list_occurrences,
                PreviewView,
                query=PreviewQuery,
                problems=MISSING + INVALID,
            ),
            Endpoint(
                "GET",
                "/v1/tasks/{id}",
                "Show a task with its failed attempts, the latest first",
                self.get_task,
                TaskStory,
                query=PageQuery,
                problems=MISSING + INVALID,
            ),
        )

    async def submit_job(self, request: Request) -> Response:
        """201 once the job and its first tasks are durable."""
        spec = await read_json(request, self._spec_type)
        job = await self._of(request).submit(spec, key=minted_id(request))
        return answer(job, HTTPStatus.CREATED, f"{JOBS}/{job.id}")

    async def list_jobs(self, request: Request) -> Response:
        """One page."""
        query = read_query(request, JobsQuery)
        return answer(await self._of(request).list(query.wanted, cursor=query.cursor, limit=query.limit))

    async def preview_job(self, request: Request) -> Response:
        """The first instants."""
        query = read_query(request, PreviewQuery)
        spec = await read_json(request, self._spec_type)
        return answer(await self._of(request).preview(spec, query.limit))

    async def get_job(self, request: Request) -> Response:
        """One job."""
        return answer(await self._of(request).get(request.path_params["id"]))

    async def list_tasks(self, request: Request) -> Response:
        """One page."""
        query = read_query(request, PageQuery)
        tasks = self._of(request).tasks(request.path_params["id"], cursor=query.cursor, limit=query.limit)
        return answer(await tasks)

    async def get_summary(self, request: Request) -> Response:
        """All that is known about one job."""
        return answer(await self._of(request).summary(request.path_params["id"]))

    async def explain_job(self, request: Request) -> Response:
        """What a page of the open tasks waits for."""
        query = read_query(request, PageQuery)
        waits = self._of(request).why(request.path_params["id"], cursor=query.cursor, limit=query.limit)
        return answer(await waits)

    async def list_errors(self, request: Request) -> Response:
        """One page."""
        query = read_query(request, PageQuery)
        errors = self._of(request).errors(request.path_params["id"], cursor=query.cursor, limit=query.limit)
        return answer(await errors)

    async def list_versions(self, request: Request) -> Response:
        """A page of the history of one job."""
        query = read_query(request, PageQuery)
        versions = self._of(request).versions(
            request.path_params["id"], cursor=query.cursor, limit=query.limit
        )
        return answer(await versions)

    async def list_occurrences(self, request: Request) -> Response:
        """The next instants."""
        query = read_query(request, PreviewQuery)
        return answer(await self._of(request).occurrences(request.path_params["id"], query.limit))

    async def get_task(self, request: Request) -> Response:
        """One task, and a page of what went wrong with it."""
        query = read_query(request, PageQuery)
        task = self._of(request).task(request.path_params["id"], cursor=query.cursor, limit=query.limit)
        return answer(await task)
