"""Server-Sent Events out of an answer: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass


@dataclass(slots=True)
class Standing:
    """Where a reader would go on after its connection broke, and after how many seconds; and whether it ever
    had one."""

    last_id: str = ""
    retry: float = 1.0
    was_connected: bool = False


async def read_events(lines: AsyncIterable[bytes], standing: Standing) -> AsyncIterator[str]:
    """The data of each event, on one line; `standing` is kept up to date. An id holds when the event is
    whole, since what breaks off in the middle has told nothing."""
    data: list[str] = []
    ident = standing.last_id
    async for raw in lines:
        line = raw.decode().rstrip("\r\n")
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            standing.last_id = ident
            if data:
                yield "\n".join(data)
            data = []
        elif name == "data":
            data.append(value)
        elif name == "id":
            ident = value
        elif name == "retry" and value.isdigit():
            standing.retry = int(value) / 1000
