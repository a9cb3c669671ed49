"""The list of jobs."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from karya.api.pages.site import ROOT, Site
from karya.api.requests import JobsQuery, read_filters
from karya.core.errors import InvalidInput
from karya.core.job import JobState
from karya.core.ports import Page
from karya.core.views.lines import JobLine

_PAGE = 30
_NONE: Page[JobLine] = Page(items=(), next_cursor=None)


class JobsPage:
    """Search by text, tag and state; the newest first."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._of = site.services.jobs_of

    async def show(self, request: Request) -> Response:
        """One page of the list."""
        given = {name: value for name, value in request.query_params.items() if value.strip()}
        errors: dict[str, str] = {}
        page = _NONE
        try:
            query = read_filters({"limit": str(_PAGE), **given}, JobsQuery)
            page = await self._of(request).job_lines(query.wanted, cursor=query.cursor, limit=query.limit)
        except InvalidInput as error:
            errors = {found.field: found.message for found in error.errors}
        filters = {name: value for name, value in given.items() if name not in ("cursor", "limit")}
        return await self._site.render(
            request,
            "jobs.html",
            section="jobs",
            page=page,
            given=given,
            errors=errors,
            states=[*JobState],
            is_narrowed=bool(filters),
            is_first="cursor" not in given,
            first_page=f"{ROOT}/jobs?{urlencode(filters)}",
            next_page=f"{ROOT}/jobs?{urlencode({**filters, 'cursor': page.next_cursor or ''})}",
        )
