"""Dead letters: looked at, redriven and discarded, those that are ticked or all that match."""

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from karya.api.pages.site import ROOT, Site, first, go_to, read_form
from karya.api.requests import LettersQuery, read_filters
from karya.core.errors import Conflict, InvalidInput, NotFound
from karya.core.ports import Page
from karya.core.views.lines import LetterLine

_PAGE = 50
_FILTERS = ("user_id", "job_id", "step", "died_after", "died_before", "text")
_VERBS = {"redrive": "redriven", "discard": "discarded"}
_NONE: Page[LetterLine] = Page(items=(), next_cursor=None)


class LettersPage:
    """The list and what is done with it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._of = site.services.jobs_of

    async def show(self, request: Request) -> Response:
        """One page of the list."""
        return await self._page(request, dict(request.query_params))

    async def act(self, request: Request) -> Response:
        """Redrives or discards what is ticked, or all that match."""
        fields = await read_form(request)
        given = {name: first(fields, name) for name in _FILTERS}
        verb, _, scope = first(fields, "do").partition("-")
        if verb not in _VERBS or scope not in ("ticked", "all"):
            raise InvalidInput.at("do", "one of the buttons of the page")
        try:
            count, refused = await (
                self._all(request, verb, given)
                if scope == "all"
                else self._ticked(request, verb, fields.get("id", []))
            )
        except InvalidInput as error:
            return await self._page(request, given, HTTPStatus.UNPROCESSABLE_ENTITY, [str(error)])
        if refused:
            told = [f"{count} {_VERBS[verb]}, {len(refused)} not:", *refused]
            return await self._page(request, given, HTTPStatus.CONFLICT, told, fields.get("id", []))
        kept = {name: value for name, value in given.items() if value}
        return go_to(f"{ROOT}/dead-letters?{urlencode({**kept, 'done': verb, 'n': count})}")

    async def _ticked(self, request: Request, verb: str, ids: list[str]) -> tuple[int, list[str]]:
        if not ids:
            raise InvalidInput.at("", "tick the dead letters first")
        jobs = self._of(request)
        count, refused = 0, list[str]()
        for task_id in dict.fromkeys(ids[:_PAGE]):
            try:
                await (jobs.redrive(task_id) if verb == "redrive" else jobs.discard(task_id))
                count += 1
            except (Conflict, NotFound) as error:
                refused.append(str(error))
        return count, refused

    async def _all(self, request: Request, verb: str, given: Mapping[str, str]) -> tuple[int, list[str]]:
        wanted = _query(given).wanted
        jobs = self._of(request)
        done = await (jobs.redrive_all(wanted) if verb == "redrive" else jobs.discard_all(wanted))
        return done.count, []

    async def _page(
        self,
        request: Request,
        given: Mapping[str, str],
        status: HTTPStatus = HTTPStatus.OK,
        problems: list[str] | None = None,
        ticked: list[str] | None = None,
    ) -> Response:
        page, errors = _NONE, dict[str, str]()
        try:
            query = _query(given)
            page = await self._of(request).letter_lines(query.wanted, cursor=query.cursor, limit=_PAGE)
        except InvalidInput as error:
            errors = {found.field: found.message for found in error.errors}
        kept = {name: given[name] for name in _FILTERS if given.get(name)}
        return await self._site.render(
            request,
            "letters.html",
            status,
            section="letters",
            page=page,
            given={name: given.get(name, "") for name in _FILTERS},
            errors=errors,
            problems=problems or [],
            ticked=frozenset(ticked or ()),
            is_narrowed=bool(kept),
            is_first=not given.get("cursor"),
            first_page=f"{ROOT}/dead-letters?{urlencode(kept)}",
            next_page=f"{ROOT}/dead-letters?{urlencode({**kept, 'cursor': page.next_cursor or ''})}",
            done=_told(request),
        )


def _query(given: Mapping[str, str]) -> LettersQuery:
    wanted = {name: given[name].strip() for name in (*_FILTERS, "cursor") if given.get(name, "").strip()}
    return read_filters(wanted, LettersQuery)


def _told(request: Request) -> str:
    verb, count = request.query_params.get("done", ""), request.query_params.get("n", "")
    if verb not in _VERBS or not (count.isascii() and count.isdecimal() and len(count) < 10):
        return ""
    return f"{int(count):,} {_VERBS[verb]}."
