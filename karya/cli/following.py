"""Follows the events of a gateway, across lost connections and lost events."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from karya.client.clients import SECONDS
from karya.client.following import Following
from karya.client.request import Failure
from karya.client.sse import Standing
from karya.client.transport import HttpTransport, authorization, checked_url
from karya.core.errors import PositionGone, Unavailable

Note = Callable[[str], None]


async def follow(
    find: Callable[[], str],
    query: Mapping[str, Any],
    token: str | None,
    note: Note,
    after: str | None = None,
) -> AsyncIterator[str]:
    """The events as JSON texts, for ever, from now on or from behind the one with this id. `find` tells the
    URL of the gateway, anew after each connection that broke, and `note` is told what the reader should know.

    Raises what the gateway refuses, and Unavailable when the first connection cannot be made.
    """
    standing, is_away, was_there = Standing(last_id=after or ""), False, False
    while True:
        try:
            async for texts in _until_broken(find(), query, token, standing):
                was_there, is_away = True, False
                for text in texts:
                    yield text
        except PositionGone as gone:
            standing.last_id = ""
            note(f"karya: events were lost: {gone}")
            continue
        except Unavailable as error:
            if not was_there:
                raise
            if not is_away:
                note(f"karya: {error}; trying again")
            is_away = True
        await asyncio.sleep(standing.retry)


async def _until_broken(
    url: str, query: Mapping[str, Any], token: str | None, standing: Standing
) -> AsyncIterator[Sequence[str]]:
    """What comes through connections to this gateway, until there is none; then raises why."""
    transport = HttpTransport(checked_url(url), authorization(token), SECONDS, None)
    following = Following(transport, query, standing)
    try:
        while not isinstance(found := await following.next(), Failure):
            yield found
        raise found.error
    finally:
        following.close()
        await transport.close()
