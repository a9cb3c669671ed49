"""The overview, the workers, and what keeps both of them live."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from karya.api.identity import principal_of
from karya.api.pages import text
from karya.api.pages.live import Live, message, sampled
from karya.api.pages.pulse import Pulse
from karya.api.pages.session import session_of
from karya.api.pages.site import Site
from karya.core.errors import KaryaError
from karya.core.user import Principal
from karya.core.views.overview import AtLeast, OverviewView

_FRESH_SECONDS = 3.0
_PATIENCE_SECONDS = 0.02
"""How long a page waits for figures before it is sent without: they follow live."""
_NUMBERS = ("due", "late", "limited", "running", "failed", "active", "paused")
_SHARE = timedelta(minutes=5)
_BAR_WIDTH, _BAR_GAP, _BAR_HEIGHT = 42, 6, 64
_MOST_PULSES = 1_000


class OverviewPages:
    """Two pages and one stream."""

    def __init__(self, site: Site, live: Live) -> None:
        self._site = site
        self._live = live
        self._service = site.services.overview
        self._pulses: dict[str | None, Pulse] = {}

    async def show_overview(self, request: Request) -> Response:
        """Everything at a glance."""
        view = await self._soon(principal_of(request))
        return await self._site.render(request, "overview.html", section="overview", **shown(view))

    async def show_workers(self, request: Request) -> Response:
        """Pools and workers."""
        view = await self._soon(principal_of(request))
        readiness = await self._readiness()
        return await self._site.render(
            request, "workers.html", section="workers", reasons=readiness, **shown(view)
        )

    async def stream(self, request: Request) -> Response:
        """The figures, once a second."""
        pulse = self._pulse(principal_of(request))

        async def sample() -> bytes:
            return message("figures", self._figures(await pulse.beat(), pulse))

        def greeting() -> bytes:
            return message("history", list(pulse.points))

        key = ("overview", principal_of(request).sees_only)
        return self._live.stream(key, sampled(sample), allowed(self._site, request), greeting)

    def _figures(self, view: OverviewView, pulse: Pulse) -> dict[str, Any]:
        context = shown(view)
        parts = ("hour", "pools", "workers", "scheduler")
        return {
            "texts": context["texts"],
            "empty": context["is_empty"],
            "html": {part: self._site.fragment(f"parts/{part}.html", **context) for part in parts},
            "point": pulse.points[-1] if pulse.points else None,
        }

    async def _soon(self, principal: Principal) -> OverviewView | None:
        pulse = self._pulse(principal)
        if (known := pulse.fresh(_FRESH_SECONDS)) is not None:
            return known
        looking = asyncio.ensure_future(pulse.beat())
        with suppress(TimeoutError, KaryaError):
            return await asyncio.wait_for(asyncio.shield(looking), _PATIENCE_SECONDS)
        looking.add_done_callback(lambda done: done.cancelled() or done.exception())  # told by the stream
        return None

    async def _readiness(self) -> dict[str, str]:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return (await self._site.services.jobs.readiness()).reasons
        except TimeoutError:
            return {}

    def _pulse(self, principal: Principal) -> Pulse:
        who = principal.sees_only
        if who not in self._pulses:
            if len(self._pulses) >= _MOST_PULSES:
                self._pulses.clear()
            self._pulses[who] = Pulse(lambda: self._service.overview(who))
        return self._pulses[who]


def allowed(site: Site, request: Request) -> Callable[[], Awaitable[bool]]:
    """Whether the session of a stream still holds: its token may be revoked while a page is open."""
    secret, principal = session_of(request.scope), principal_of(request)

    async def holds() -> bool:
        if secret is None or principal.user_id is None:
            return True
        return await site.services.accounts.identify(secret) == principal

    return holds


def shown(view: OverviewView | None) -> dict[str, Any]:
    """The figures as the templates take them; without a view all of them are unknown."""
    if view is None:
        texts = dict.fromkeys((*_NUMBERS, "waiting", "next_hour", "limited_text"), "–")
        return {"view": None, "texts": texts, "bars": [], "hour_starts": None, "is_empty": False}
    numbers = {name: getattr(view, name) for name in _NUMBERS}
    total = AtLeast(count=0)
    for part in view.hour:
        total = total.plus(part)
    waiting = sum(pool.waiting for pool in view.pools)
    texts = {name: text.count(number) for name, number in numbers.items()}
    texts |= {"next_hour": text.count(total), "waiting": text.count(waiting) if view.pools else "–"}
    texts["limited_text"] = _limited(view)
    is_empty = not (view.active.count or view.paused.count or view.failed.count)
    drawn = bars(view.hour, view.at)
    return {"view": view, "texts": texts, "bars": drawn, "hour_starts": view.at, "is_empty": is_empty}


def _limited(view: OverviewView) -> str:
    waited = view.at - view.limited_since if view.limited_since else timedelta(0)
    return f"wait for a limit, for {text.span(waited)}" if waited > timedelta(0) else "wait for a limit"


def bars(hour: Sequence[AtLeast], at: datetime) -> list[dict[str, Any]]:
    """The next hour as bars of an SVG."""
    most = max((part.count for part in hour), default=0)
    return [
        {
            "x": number * (_BAR_WIDTH + _BAR_GAP),
            "y": _BAR_HEIGHT - height,
            "height": height,
            "width": _BAR_WIDTH,
            "count": text.count(part),
            "from": at + _SHARE * number,
        }
        for number, part in enumerate(hour)
        for height in (max(round(_BAR_HEIGHT * part.count / most), 2) if most and part.count else 0,)
    ]
