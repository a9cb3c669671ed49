"""An answer goes out in one piece, and nothing of it is lost or held back."""

import asyncio
from collections.abc import Callable

import pytest

from karya.api import gathering
from karya.api.gathering import Gathering


class Wire(asyncio.Transport):
    """Notes what it is told, after its end too."""

    def __init__(self) -> None:
        super().__init__({"peername": "somebody"})
        self.pieces: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.pieces.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


async def next_turn() -> None:
    await asyncio.sleep(0)


async def test_what_is_written_in_one_turn_goes_out_as_one_piece() -> None:
    wire = Wire()
    made = Gathering(wire)
    for text in (b"head ", b"body"):
        made.write(text)
    assert wire.pieces == []
    await next_turn()
    made.write(b"next")
    await next_turn()
    assert wire.pieces == [b"head body", b"next"]


async def test_what_is_large_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering, "_MOST_BYTES", 5)
    wire = Wire()
    made = Gathering(wire)
    for text in (b"head ", b"body", b"and", b"more"):
        made.write(text)
    assert wire.pieces == [b"head body", b"andmore"]
    await next_turn()
    assert wire.pieces == [b"head body", b"andmore"]


@pytest.mark.parametrize("end", [Gathering.close, lambda made: made._transport.close()])
async def test_what_was_written_goes_out_before_the_end_and_never_after_it(
    end: Callable[[Gathering], None],
) -> None:
    wire = Wire()
    made = Gathering(wire)
    made.write(b"last words")
    end(made)
    await next_turn()
    assert wire.closed
    assert wire.pieces == ([b"last words"] if end is Gathering.close else [])


async def test_everything_else_is_the_transport_s() -> None:
    made = Gathering(Wire())
    assert made.get_extra_info("peername") == "somebody"
    assert not made.is_closing()
