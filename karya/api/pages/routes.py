"""Where every page is."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from karya.api.events.hub import Hub
from karya.api.pages.audit import AuditLedgerPage
from karya.api.pages.job import VERBS, JobPages
from karya.api.pages.jobs import JobsPage
from karya.api.pages.lettergroups import LetterGroupsPage
from karya.api.pages.letternews import LetterNews
from karya.api.pages.letters import LettersPage
from karya.api.pages.live import Live
from karya.api.pages.overview import OverviewPages
from karya.api.pages.signing import SigningPages
from karya.api.pages.site import ROOT, STATIC, Handler, Site
from karya.api.pages.task import TaskPage
from karya.api.pages.writing import WritingPages
from karya.api.services import Services


def pages(services: Services, live: Live, hub: Hub) -> BaseRoute:
    """All pages, below /ui."""
    site = Site(services)
    overview, jobs, job = OverviewPages(site, live), JobsPage(site), JobPages(site, live, hub)
    writing, task, letters = WritingPages(site), TaskPage(site), LettersPage(site)
    groups, letter_news = LetterGroupsPage(site), LetterNews(site, live, hub)
    audit, signing = AuditLedgerPage(site), SigningPages(site)

    def get(path: str, handle: Handler) -> Route:
        return Route(path, site.page(handle), methods=["GET"])

    def post(path: str, handle: Handler) -> Route:
        return Route(path, site.page(handle), methods=["POST"])

    return Mount(
        ROOT,
        routes=[
            get("/", overview.show_overview),
            get("/live", overview.stream),
            get("/workers", overview.show_workers),
            get("/jobs", jobs.show),
            get("/jobs/new", writing.show_new),
            post("/jobs/new", writing.submit),
            post("/jobs/preview", writing.preview),
            get("/jobs/{id}", job.show),
            get("/jobs/{id}/part", job.show_live_part),
            get("/jobs/{id}/live", job.stream),
            get("/jobs/{id}/edit", writing.show_edit),
            post("/jobs/{id}/edit", writing.edit),
            *(post(f"/jobs/{{id}}/{verb}", job.acting(verb)) for verb in VERBS),
            get("/tasks/{id}", task.show),
            get("/tasks/{id}/part", task.show_live_part),
            post("/tasks/{id}/redrive", task.redrive),
            post("/tasks/{id}/discard", task.discard),
            get("/dead-letters", letters.show),
            get("/dead-letters/errors", groups.show),
            get("/dead-letters/count", letter_news.count),
            get("/dead-letters/live", letter_news.stream),
            post("/dead-letters", letters.act),
            get("/audit", audit.show),
            get("/sign-in", signing.show),
            post("/sign-in", signing.sign_in),
            post("/sign-out", signing.sign_out),
            Mount("/static", _Kept(directory=STATIC)),
            Route("/{path:path}", site.page(_nothing_here), methods=["GET", "POST"]),
        ],
    )


class _Kept(StaticFiles):
    """Files whose address changes with their contents: browsers may keep them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        response.headers["x-content-type-options"] = "nosniff"
        return response


async def _nothing_here(_: Request) -> Response:
    raise HTTPException(HTTPStatus.NOT_FOUND)
