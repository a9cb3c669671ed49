"""That there are more dead letters than an open page shows: said beside the list, which stays as it is until
its reader asks, since boxes may be ticked in it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from karya.api.events.hub import Hub
from karya.api.identity import principal_of
from karya.api.pages.letterfilters import kept, place, query_of
from karya.api.pages.live import Live
from karya.api.pages.news import letter_news
from karya.api.pages.overview import allowed
from karya.api.pages.site import HEADERS, Site
from karya.api.pages.text import count, machine
from karya.core.ports import Page
from karya.core.queries import LetterQuery
from karya.core.times import MILLISECOND
from karya.core.views.lines import LetterLine

_UNDER_WAY = timedelta(minutes=1)
"""A task may be found dead so long after it died: outcomes are stored in groups, perhaps at a second try."""


class LetterNews:
    """Two questions of an open page: when to look, and how many there are."""

    def __init__(self, site: Site, live: Live, hub: Hub) -> None:
        self._site = site
        self._live = live
        self._hub = hub
        self._of = site.services.jobs_of

    async def stream(self, request: Request) -> Response:
        """Says when there may be more."""
        principal = principal_of(request)
        news = letter_news(self._hub, principal)
        return self._live.stream(("letters", principal.sees_only), news, allowed(self._site, request))

    async def count(self, request: Request) -> Response:
        """How many there are, in words; nothing for none."""
        found = await self._of(request).letter_count(query_of(request.query_params).wanted)
        many = "" if found.count == 1 and not found.more else "s"
        said = f"{count(found)} new dead letter{many}" if found.count else ""
        return PlainTextResponse(said, HTTPStatus.OK, HEADERS)


def count_page(given: Mapping[str, str], query: LetterQuery, page: Page[LetterLine], now: datetime) -> str:
    """Where the first page of a list asks how many there are that it does not show: those that died after
    the first of it. One without any shows all that died of late, whenever that is stored."""
    since = page.items[0].finished_at + MILLISECOND if page.items else now - _UNDER_WAY
    since = max(since, query.died_after or since)
    return place({**kept(given), "died_after": machine(since)}, "/count")
