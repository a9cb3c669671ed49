"""Follows the events of a gateway, one connection after the other."""

from collections.abc import Mapping, Sequence
from typing import Any

from karya.client.answers import failure_of, stranger
from karya.client.request import Effect, Failure, Reply, Request, get
from karya.client.sse import Reader, Standing
from karya.client.transport import Listening, Transport


class Following:
    """What came, and whether the connection broke, call by call; `standing` says where the next goes on.

    A gateway ends a stream in order when it stops, when the reader is too slow, and every few minutes so that
    its token is looked at again: the next call then waits a moment and connects again.
    """

    def __init__(self, transport: Transport, query: Mapping[str, Any], standing: Standing) -> None:
        self._transport = transport
        self._query = query
        self._standing = standing
        self._open: Listening | None = None
        self._reader = Reader(standing)
        self._pause = 0.0
        self.hears = False
        """Whether something has come through the present connection."""

    async def next(self) -> Sequence[str] | Failure:
        """The events that came, as JSON, or none; or why there is no connection. The next call makes one."""
        if self._open is None:
            return await self._connect()
        piece = await self._open.read()
        if isinstance(piece, Failure):
            self.close()
            return piece
        if not piece:
            self.close()
            self._pause = self._standing.retry
            return ()
        self.hears = True
        try:
            return tuple(self._reader.read(piece))
        except ValueError as error:
            return Failure(stranger(self._transport.url, str(error)), Effect.REFUSED)

    def close(self) -> None:
        """Ends the connection, if there is one. Idempotent."""
        if self._open is not None:
            self._open.close()
        self._open, self.hears = None, False

    async def _connect(self) -> Sequence[str] | Failure:
        pause, self._pause = self._pause, 0.0
        if pause:
            await self._transport.sleep(pause)
        answer = await self._transport.listen(self.request)
        if isinstance(answer, Failure):
            return answer
        if isinstance(answer, Reply):
            found = f"{answer.status} {answer.reason}, {answer.media_type}"
            other = Failure(stranger(self._transport.url, found), Effect.REFUSED)
            return failure_of(answer, self._transport.url) or other
        self._open, self._reader = answer, Reader(self._standing)
        return ()

    @property
    def request(self) -> Request:
        """With which it connects: it asks for what came behind the last event."""
        return get("/v1/events", **self._query, after=self._standing.last_id or None)
