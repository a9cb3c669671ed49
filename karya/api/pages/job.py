"""One job: what it is, what became of it, what it waits for, and what can be done with it."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from karya.api.owned import Owned
from karya.api.pages.graph import drawn
from karya.api.pages.live import Live, message
from karya.api.pages.overview import allowed
from karya.api.pages.site import ROOT, Handler, Site, first, go_to, read_form
from karya.api.pages.timeline import last_of_steps, runs
from karya.core.errors import Conflict
from karya.core.ids import minted_at, new_id
from karya.core.job import LIVE_STATES

_PAGE = 30
_AHEAD = 10
_DONE = {
    "submitted": "The job is stored.",
    "changed": "The change is stored; what has not started follows it.",
    "unchanged": "Nothing was different, so nothing was changed.",
    "cancel": "Cancelled: nothing of it starts any more.",
    "pause": "Paused: nothing of it starts until you resume it.",
    "resume": "Resumed.",
    "trigger": "One occurrence runs now.",
    "skip": "The next occurrence is skipped; the schedule goes on.",
}

VERBS: Mapping[str, Callable[[Owned, str, str | None], Awaitable[Any]]] = {
    "cancel": lambda jobs, job_id, _: jobs.cancel(job_id),
    "pause": lambda jobs, job_id, _: jobs.pause(job_id),
    "resume": lambda jobs, job_id, _: jobs.resume(job_id),
    "trigger": lambda jobs, job_id, key: jobs.trigger(job_id, key=key),
    "skip": lambda jobs, job_id, _: jobs.skip_next(job_id),
}
"""What the buttons of a job do; a key makes pressing twice one request."""


class JobPages:
    """The page, the part of it that is live, and the verbs."""

    def __init__(self, site: Site, live: Live) -> None:
        self._site = site
        self._live = live
        self._of = site.services.jobs_of

    async def show(self, request: Request) -> Response:
        """The page."""
        return await self._page(request, "job.html")

    async def show_live_part(self, request: Request) -> Response:
        """What changes on it."""
        return await self._page(request, "parts/job.html")

    def acting(self, verb: str) -> Handler:
        """The handler that does what a button says; when that cannot be, it says why in place."""

        async def act(request: Request) -> Response:
            job_id = request.path_params["id"]
            key = _own_key(first(await read_form(request), "key"))
            try:
                await VERBS[verb](self._of(request), job_id, key)
            except Conflict as error:
                return await self._page(request, "job.html", HTTPStatus.CONFLICT, problem=str(error))
            return go_to(f"{ROOT}/jobs/{job_id}?done={verb}")

        return act

    async def stream(self, request: Request) -> Response:
        """Says when there is something new about a job."""
        job_id = request.path_params["id"]
        await self._of(request).get(job_id)  # which says whether the reader may
        service = self._site.services.jobs

        async def sample() -> bytes:
            job, tasks = await asyncio.gather(
                service.get(job_id), service.tasks(job_id, cursor=None, limit=_PAGE)
            )
            state = job.model_dump_json() + tasks.model_dump_json()
            return message("changed", hashlib.blake2b(state.encode(), digest_size=8).hexdigest())

        return self._live.stream(("job", job_id), sample, allowed(self._site, request))

    async def _page(
        self, request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, problem: str = ""
    ) -> Response:
        jobs, job_id = self._of(request), request.path_params["id"]
        cursor = request.query_params.get("cursor") or None
        summary, page, why, versions, ahead = await asyncio.gather(
            jobs.summary(job_id),
            jobs.tasks(job_id, cursor=cursor, limit=_PAGE),
            jobs.why(job_id),
            jobs.versions(job_id),
            jobs.occurrences(job_id, _AHEAD),
        )
        now = self._site.services.clock.now()
        whole = runs(page.tasks, now)
        job = summary.job
        return await self._site.render(
            request,
            template,
            status,
            section="jobs",
            job=job,
            counts=summary.counts,
            errors=summary.errors,
            runs=whole,
            graph=drawn(job.steps, last_of_steps(whole)) if job.steps else None,
            why=why,
            versions=versions,
            ahead=ahead,
            is_live=job.status in LIVE_STATES,
            cursor=cursor,
            next_page=f"{ROOT}/jobs/{job_id}?{urlencode({'cursor': page.next_cursor or ''})}",
            has_more=page.next_cursor is not None,
            key=new_id(now),
            done=_DONE.get(request.query_params.get("done", ""), ""),
            problem=problem,
        )


def _own_key(key: str) -> str | None:
    """A key that was minted by a page; without one, pressing twice is two requests."""
    try:
        return key if key and minted_at(key) else None
    except ValueError:
        return None
