"""Server-Sent Events out of an answer: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Standing:
    """Where a reader goes on in its next connection, and after how many seconds when one came to its end."""

    last_id: str = ""
    retry: float = 1.0


class Reader:
    """Reads one connection, piece by piece; lines end as the gateway ends them, with or without a `\\r`."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing
        self._rest = b""
        self._data: list[str] = []
        self._id: str | None = None

    def read(self, piece: bytes) -> Iterator[str]:
        """The data of each event that ends in this piece. Only then does `standing` move behind it: what is
        cut off in the middle is to be asked for again. Raises ValueError for what is no UTF-8."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            yield from self._line(line.removesuffix(b"\r").decode())

    def _line(self, line: str) -> Iterator[str]:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            yield from self._ended()
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self._id = value
        elif name == "retry" and value.isdigit():
            self._standing.retry = int(value) / 1000

    def _ended(self) -> Iterator[str]:
        data, self._data = self._data, []
        if self._id is not None:
            self._standing.last_id = self._id
        if data:
            yield "\n".join(data)
