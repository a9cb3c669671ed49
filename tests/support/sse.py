"""Reads Server-Sent Events as a browser does, by the letter of the specification."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson


@dataclass
class Heard:
    """One event."""

    id: str
    kind: str
    data: Any


@dataclass
class Ear:
    """An answer that is read event by event. `last_id` is where a browser would go on, `first_id` where it
    began, `comments` are what it would not show."""

    answer: aiohttp.ClientResponse
    last_id: str = ""
    first_id: str = ""
    retry: int | None = None
    comments: list[str] = field(default_factory=list)

    async def events(self) -> AsyncIterator[Heard]:
        """The events, to the end of the answer."""
        kind, data = "", ""
        async for raw in self.answer.content:
            line = raw.decode().removesuffix("\n")
            if not line:
                if data:
                    yield Heard(self.last_id, kind, orjson.loads(data))
                kind = data = ""
                continue
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "":
                    self.comments.append(value)
                case "id":
                    self.last_id = value
                    self.first_id = self.first_id or value
                case "retry":
                    self.retry = int(value)
                case "event":
                    kind = value
                case "data":
                    data += value

    async def next(self, count: int) -> list[Heard]:
        """The next so many events."""
        heard: list[Heard] = []
        async for event in self.events():
            heard.append(event)
            if len(heard) == count:
                break
        return heard
