"""What happens, as open pages are told: that there is something new, and how much of the page it may concern.
The events are those of `GET /v1/events`, heard at the same hub."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from itertools import count

from karya.api.events.hub import Hub
from karya.api.events.listener import Frame, Wanted
from karya.api.pages.live import Source, message
from karya.core.events import EventKind, kinds_of
from karya.core.user import Principal

_TASK_KINDS = kinds_of(("karya.task",))
_KINDS = kinds_of(("karya.job", "karya.task")) - {EventKind.JOB_SUBMITTED}
_DEATHS = frozenset({EventKind.TASK_DEAD_LETTERED})
_LONG_SECONDS = 60.0
REST_SECONDS = 0.25
"""Between two messages: what happens meanwhile is one."""
LETTER_REST_SECONDS = 1.0
"""The same for dead letters: each message is a count for every page that is open."""

PART = "part"
"""How much of the page is asked for when only tasks have changed: all but the history of the job."""

_NUMBERS = count(1)


def changed(number: int, whole: int) -> bytes:
    """The message: its number, and that of the latest one that concerns all of the page. Whoever was left out
    of some sees by it whether such a one was among them."""
    return message("changed", {"number": number, "whole": whole})


def news_of(hub: Hub, principal: Principal, job_id: str) -> Source:
    """A source of `changed` for a job that this principal may see. A listener that fell behind is replaced,
    and everything counts as changed."""
    return _news(hub, Wanted(principal, _KINDS, frozenset({job_id})), REST_SECONDS)


def letter_news(hub: Hub, principal: Principal) -> Source:
    """The same for the dead letters that this principal may see: that there are more of them."""
    return _news(hub, Wanted(principal, _DEATHS), LETTER_REST_SECONDS)


def _news(hub: Hub, wanted: Wanted, rest: float) -> Source:
    async def source() -> AsyncGenerator[bytes]:
        while True:
            listener = await hub.listen(wanted)
            try:
                whole = next(_NUMBERS)
                yield changed(whole, whole)
                while listener.ended is None:
                    if frames := await listener.take(_LONG_SECONDS):
                        number = next(_NUMBERS)
                        whole = whole if _is_of_tasks(frames) else number
                        yield changed(number, whole)
                        await asyncio.sleep(rest)
            finally:
                hub.leave(listener)

    return source


def _is_of_tasks(frames: Sequence[Frame]) -> bool:
    return all(frame.event.kind in _TASK_KINDS for frame in frames)
