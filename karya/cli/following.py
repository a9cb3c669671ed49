"""Follows the events of a gateway, across lost connections."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus
from typing import Any

import aiohttp

from karya.cli.sse import Standing, read_events
from karya.client.answers import error_of, stranger
from karya.client.transport import authorization, checked_url
from karya.core.errors import KaryaError, Unavailable

_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=5, sock_read=60)
"""A gateway that says nothing for so long, not even that it is there, is not there."""

Note = Callable[[str], None]


async def follow(
    find: Callable[[], str],
    query: Sequence[tuple[str, str]],
    token: str | None,
    note: Note,
    after: str | None = None,
) -> AsyncIterator[str]:
    """The events as JSON texts, for ever, from now on or from behind the one with this id. `find` tells the
    URL of the gateway, anew for each connection, and `note` is told what the reader should know.

    Raises what the gateway refuses, and Unavailable when the first connection cannot be made.
    """
    standing, is_away = Standing(last_id=after or ""), False
    async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=authorization(token)) as session:
        while True:
            try:
                async for data in _events(session, find(), query, standing):
                    is_away = False
                    yield data
            except _Gone as gone:
                standing.last_id = ""
                note(f"karya: events were lost: {gone}")
                continue
            except Unavailable as error:
                if not standing.was_connected:
                    raise
                if not is_away:
                    note(f"karya: {error}; trying again")
                is_away = True
            await asyncio.sleep(standing.retry)


class _Gone(KaryaError):
    """What followed the last id is not kept any more."""


async def _events(
    session: aiohttp.ClientSession, url: str, query: Sequence[tuple[str, str]], standing: Standing
) -> AsyncIterator[str]:
    headers = {"last-event-id": standing.last_id} if standing.last_id else {}
    try:
        async with session.get(f"{checked_url(url)}/v1/events", params=query, headers=headers) as answer:
            if answer.status != HTTPStatus.OK:
                raise _refusal(answer.status, await answer.json(content_type=None))
            standing.was_connected = True
            async for data in read_events(answer.content, standing):
                yield data
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unavailable(f"no gateway answers at {url}: {str(error) or 'timed out'}") from None
    except ValueError as error:
        raise stranger(url, str(error)) from None


def _refusal(status: int, problem: Any) -> KaryaError:
    error = error_of(status, problem if isinstance(problem, dict) else {})
    return _Gone(str(error)) if status == HTTPStatus.GONE else error
