"""One job: what it is, what became of it, what it waits for, and what can be done with it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from karya.api.events.hub import Hub
from karya.api.identity import principal_of
from karya.api.owned import Owned
from karya.api.pages.graph import drawn
from karya.api.pages.live import Live
from karya.api.pages.news import PART, news_of
from karya.api.pages.overview import allowed
from karya.api.pages.places import page_wanted, pagers_of, place
from karya.api.pages.site import ROOT, Handler, Site, first, go_to, read_form
from karya.api.pages.timeline import last_of_steps, runs
from karya.core.chaining import ChainAction
from karya.core.errors import Conflict
from karya.core.ids import minted_at, new_id
from karya.core.job import LIVE_STATES, JobState
from karya.core.views import JobStory, JobView, Wait
from karya.core.why import Reason

_LISTS = {"cursor": 20, "waits": 100, "errors": 20, "history": 30}
"""How much of each list one page has; their names are those of their cursors in the address."""
_WAITS_SHOWN = 12
_AHEAD = 10
_CHAIN = ChainAction.model_fields["type"].default
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

    def __init__(self, site: Site, live: Live, hub: Hub) -> None:
        self._site = site
        self._live = live
        self._hub = hub
        self._of = site.services.jobs_of

    async def show(self, request: Request) -> Response:
        """The page."""
        return await self._page(request, "job.html")

    async def show_live_part(self, request: Request) -> Response:
        """What changes on it; the history only where it may have changed."""
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
        news = news_of(self._hub, principal_of(request), job_id)
        return self._live.stream(("job", job_id), news, allowed(self._site, request))

    async def _page(
        self, request: Request, template: str, status: HTTPStatus = HTTPStatus.OK, problem: str = ""
    ) -> Response:
        jobs, job_id = self._of(request), request.path_params["id"]
        wanted = {name: page_wanted(request, name, limit) for name, limit in _LISTS.items()}
        is_part = request.query_params.get("extent") == PART
        story = await jobs.story(
            job_id,
            tasks=wanted["cursor"],
            waits=wanted["waits"],
            errors=wanted["errors"],
            history=None if is_part else wanted["history"],
            instants=_AHEAD,
        )
        here = {name: page.cursor for name, page in wanted.items()}
        now = self._site.services.clock.now()
        job = story.job
        whole = runs(story.tasks.tasks, now, job.steps)
        return await self._site.render(
            request,
            template,
            status,
            section="jobs",
            job=job,
            errors=story.errors.errors,
            runs=whole,
            graph=drawn(job.steps, last_of_steps(whole)) if job.steps else None,
            dead=story.dead,
            why=story.why,
            kinds=_kinds(story.why.tasks),
            names={task.id: task.step for task in story.tasks.tasks},
            may_cancel=job.status is not JobState.CANCELLED and (job.status in LIVE_STATES or _chains(job)),
            waits=[wait for wait in story.why.tasks if wait.kind != Reason.STEP],
            waits_shown=_WAITS_SHOWN,
            behind=sum(wait.kind == Reason.STEP for wait in story.why.tasks),
            versions=story.versions,
            ahead=story.ahead,
            zone=getattr(job.schedule, "timezone", "UTC"),
            is_live=job.status in LIVE_STATES,
            place=place(here),
            pagers=pagers_of(f"{ROOT}/jobs/{job_id}", here, _following(story)),
            key=new_id(now),
            done=_DONE.get(request.query_params.get("done", ""), ""),
            problem=problem,
        )


def _following(story: JobStory) -> Mapping[str, str | None]:
    """Where each list goes on."""
    return {
        "cursor": story.tasks.next_cursor,
        "waits": story.why.next_cursor,
        "errors": story.errors.next_cursor,
        "history": story.versions.next_cursor if story.versions else None,
    }


def _kinds(waits: Sequence[Wait]) -> dict[str, str]:
    """What tasks wait for that would run otherwise, by their ids."""
    plain = {Reason.STEP, Reason.INSTANT, Reason.LEASE, Reason.DISPATCH}
    return {wait.task_id: wait.kind for wait in waits if wait.kind not in plain}


def _chains(job: JobView) -> bool:
    """Whether it submits jobs, which a cancel reaches when it has itself ended."""
    actions = (job.action, *(step.action for step in job.steps), *(hook.action for hook in job.hooks))
    return any(action and action.get("type") == _CHAIN for action in actions)


def _own_key(key: str) -> str | None:
    """A key that was minted by a page; without one, pressing twice is two requests."""
    try:
        return key if key and minted_at(key) else None
    except ValueError:
        return None
