"""One task: every attempt that failed, what came of it, and the way out of a dead letter."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from karya.api.pages.site import ROOT, Site, go_to
from karya.core.errors import Conflict
from karya.core.views import JobView, TaskStory


class TaskPage:
    """The page and its two buttons."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._of = site.services.jobs_of

    async def show(self, request: Request) -> Response:
        """The page."""
        return await self._page(request)

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
        self, request: Request, status: HTTPStatus = HTTPStatus.OK, problem: str = ""
    ) -> Response:
        story = await self._of(request).task(request.path_params["id"])
        job = await self._of(request).get(story.task.job_id)
        done = {"redrive": "Redriven: it has a new set of attempts.", "discard": "Discarded."}
        return await self._site.render(
            request,
            "task.html",
            status,
            section="jobs",
            task=story.task,
            errors=story.errors,
            job=job,
            action=_action_of(job, story.task.step),
            done=done.get(request.query_params.get("done", ""), ""),
            problem=problem,
        )


def _action_of(job: JobView, step: str) -> dict[str, Any] | None:
    if job.action is not None:
        return dict(job.action)
    return next((dict(one.action) for one in job.steps if one.name == step), None)
