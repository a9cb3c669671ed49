"""Keeps a target from answering until a test lets it."""

import asyncio
import threading

from aiohttp import web

from tests.support.target import Exchange, respond


class Gate:
    """A script for a target: `target.at("/slow", gate.reply)` answers once the gate is open."""

    def __init__(self, status: int = 200) -> None:
        self._open = threading.Event()
        self._answer = respond(status)

    def open(self) -> None:
        """Lets all requests be answered, those that wait and those to come."""
        self._open.set()

    async def reply(self, exchange: Exchange) -> web.StreamResponse:
        """Answers, once it may."""
        while not self._open.is_set():
            await asyncio.sleep(0.01)
        return await self._answer(exchange)
