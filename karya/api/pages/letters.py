"""Dead letters: looked at, redriven and discarded, those that are ticked or all that match."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from karya.api.pages.letterfilters import FILTERS, kept, place, query_of
from karya.api.pages.letternews import count_page
from karya.api.pages.site import Site, first, go_to, read_form
from karya.core.errors import Conflict, InvalidInput, NotFound
from karya.core.ports import Page
from karya.core.views.lines import LetterLine

_PAGE = 50
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
        given = {name: first(fields, name) for name in FILTERS}
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
        return go_to(place({**kept(given), "done": verb, "n": str(count)}))

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
        wanted = query_of(given).wanted
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
        page, errors, news = _NONE, dict[str, str](), ""
        is_first, now = not given.get("cursor"), self._site.services.clock.now()
        try:
            query = query_of(given)
            page = await self._of(request).letter_lines(query.wanted, cursor=query.cursor, limit=_PAGE)
            news = count_page(given, query.wanted, page, now) if is_first else ""
        except InvalidInput as error:
            errors = {found.field: found.message for found in error.errors}
        filters = kept(given)
        return await self._site.render(
            request,
            "letters.html",
            status,
            section="letters",
            page=page,
            given={name: given.get(name, "") for name in FILTERS},
            errors=errors,
            problems=problems or [],
            ticked=frozenset(ticked or ()),
            is_narrowed=bool(filters),
            is_first=is_first,
            first_page=place(filters),
            next_page=place({**filters, "cursor": page.next_cursor or ""}),
            groups_page=place(filters, "/errors"),
            news=news,
            done=_told(request),
        )


def _told(request: Request) -> str:
    verb, count = request.query_params.get("done", ""), request.query_params.get("n", "")
    if verb not in _VERBS or not (count.isascii() and count.isdecimal() and len(count) < 10):
        return ""
    return f"{int(count):,} {_VERBS[verb]}."
