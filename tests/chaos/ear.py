"""A listener to the events of the gateway, who comes again with the id of the last one."""

import asyncio
import json
from contextlib import suppress
from http import HTTPStatus

from aiohttp import ClientError, ClientSession, ClientTimeout

from karya.client.sse import Reader, Standing
from tests.chaos.judge.facts import Heard
from tests.chaos.judge.heard import CANCELLED, DEAD, SUCCEEDED

_KINDS = [("kind", kind) for kind in (SUCCEEDED, DEAD, CANCELLED)]
_TIMEOUT = ClientTimeout(total=None, connect=5, sock_read=40)
_PAUSE = 0.3


class Ear:
    """Hears every end of a task, from the first connection on. `gone` are its places that were not kept."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._standing = Standing()
        self.heard: list[Heard] = []
        self.gone: list[str] = []
        self.connections = 0
        self.listens = asyncio.Event()

    async def run(self) -> None:
        """Until it is cancelled."""
        async with ClientSession(timeout=_TIMEOUT) as session:
            while True:
                with suppress(ClientError, OSError, TimeoutError):
                    await self._listen(session)
                await asyncio.sleep(_PAUSE)

    async def _listen(self, session: ClientSession) -> None:
        last = self._standing.last_id
        headers = {"last-event-id": last} if last else {}
        async with session.get(f"{self._url}/v1/events", params=_KINDS, headers=headers) as answer:
            if answer.status == HTTPStatus.GONE:
                self.gone.append(last)
                self._standing.last_id = ""
            if answer.status != HTTPStatus.OK:
                return
            self.connections += 1
            self.listens.set()
            reader = Reader(self._standing)
            async for piece in answer.content.iter_any():
                for text in reader.read(piece):
                    event = json.loads(text)
                    self.heard.append(Heard(event["id"], event["type"], event["subject"]))
