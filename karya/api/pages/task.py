"""One task: every attempt that failed, what came of it, and the way out of a dead letter."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from karya.api.pages.places import page_wanted, pagers_of, place
from karya.api.pages.site import ROOT, Site, go_to
from karya.api.pages.timeline import last_attempt
from karya.core.errors import Conflict
from karya.core.job import LIVE_STATES
from karya.core.views import TaskStory

_ERRORS = 20


class TaskPage:
    """The page and its two buttons."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._of = site.services.jobs_of

    async def show(self, request: Request) -> Response:
        """The page."""
        return await self._page(request)

    async def show_live_part(self, request: Request) -> Response:
        """What changes on it."""
        return await self._page(request, template="parts/task.html")

    async def redrive(self, request: Request) -> Response:
        """A new set of attempts."""
        return await self._act(request, "redrive", self._of(request).redrive)

    async def discard(self, request: Request) -> Response:
        """Given up."""
        return await self._act(request, "discard", self._of(request).discard)

    async def _act(
        self, request: Request, verb: str, move: Callable[[str], Awaitable[TaskStory]]
    ) -> Response:
        task_id = request.path_params["id"]
        try:
            await move(task_id)
        except Conflict as error:
            return await self._page(request, HTTPStatus.CONFLICT, str(error))
        return go_to(f"{ROOT}/tasks/{task_id}?done={verb}")

    async def _page(
        self,
        request: Request,
        status: HTTPStatus = HTTPStatus.OK,
        problem: str = "",
        template: str = "task.html",
    ) -> Response:
        task_id = request.path_params["id"]
        wanted = page_wanted(request, "cursor", _ERRORS)
        standing = await self._of(request).standing(task_id, errors=wanted)
        story, job = standing.story, standing.job
        here, following = {"cursor": wanted.cursor}, {"cursor": story.next_cursor}
        late = story.task.lateness_ms
        done = {"redrive": "Redriven: it has a new set of attempts.", "discard": "Discarded."}
        return await self._site.render(
            request,
            template,
            status,
            section="jobs",
            task=story.task,
            late=None if late is None else timedelta(milliseconds=late),
            limit_wait=timedelta(milliseconds=story.task.limit_wait_ms),
            last=last_attempt(story.task),
            errors=story.errors,
            place=place(here),
            earlier=pagers_of(f"{ROOT}/tasks/{task_id}", here, following)["cursor"],
            job=job,
            is_live=job.status in LIVE_STATES,
            wait=standing.wait,
            action=story.action,
            version=story.job_version,
            done=done.get(request.query_params.get("done", ""), ""),
            problem=problem,
        )
