"""What every operation does: ask, and ask again where that does no harm."""

from collections.abc import AsyncGenerator
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ValidationError

from karya.client.answers import failure_of, stranger
from karya.client.request import Failure, Reply, Request, get
from karya.client.transport import Transport
from karya.client.tries import Tries
from karya.core.words import how_many

M = TypeVar("M", bound=BaseModel)
PAGE = 100
"""How many entries a page has at most, by the gateway's own limit."""


class Asking:
    """Base of the operations."""

    _transport: Transport
    _patience: float

    async def _view(self, request: Request, model: type[M]) -> M:
        return self._read((await self._ask(request)).body, model)

    def _read(self, written: bytes | str, model: type[M]) -> M:
        try:
            return model.model_validate_json(written)
        except ValidationError as error:
            fields = how_many(error.error_count(), "field")
            found = f"its {model.__name__} differs from that of this version in {fields}"
            raise stranger(self._transport.url, found) from None

    async def _pages(self, model: type[M], path: str, **query: Any) -> AsyncGenerator[M, None]:
        cursor: str | None = None
        while True:
            page: Any = await self._view(get(path, cursor=cursor, **query), model)
            yield page
            cursor = page.next_cursor
            if cursor is None:
                return

    async def _ask(self, request: Request) -> Reply:
        tries = Tries(self._patience)
        while True:
            reply = await self._transport.send(request)
            failure = reply if isinstance(reply, Failure) else failure_of(reply, self._transport.url)
            if failure is None:
                assert isinstance(reply, Reply)  # noqa: S101 - else it would be the failure
                return reply
            await self._wait_after(failure, request, tries)

    async def _wait_after(self, failure: Failure, request: Request, tries: Tries) -> None:
        """Until it may be sent again; raises the failure's error where it may not."""
        pause = tries.pause(failure.retry_after) if failure.may_be_repeated(request) else None
        if pause is None:
            raise failure.error
        await self._transport.sleep(pause)

    def _key(self, given: str | None) -> str | None:
        """The Idempotency-Key of one call: none where nothing is sent twice, since it costs two writes."""
        return given or (str(uuid4()) if self._patience else None)
