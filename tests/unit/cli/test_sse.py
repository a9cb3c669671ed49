"""Reading Server-Sent Events, whatever becomes of the connection."""

from collections.abc import AsyncIterator

from karya.cli.sse import Standing, read_events


async def lines(*texts: str) -> AsyncIterator[bytes]:
    for text in texts:
        yield text.encode()


async def heard(standing: Standing, *texts: str) -> list[str]:
    return [data async for data in read_events(lines(*texts), standing)]


async def test_an_event_is_its_data_and_moves_the_position() -> None:
    standing = Standing()
    assert await heard(standing, "id: 1\n", "event: x\n", "data: a\n", "\n") == ["a"]
    assert standing.last_id == "1"


async def test_a_position_without_data_moves_on_too() -> None:
    standing = Standing(last_id="1")
    assert await heard(standing, "retry: 1500\n", "id: 2\n", "\n", ": heartbeat\n", "\n") == []
    assert (standing.last_id, standing.retry) == ("2", 1.5)


async def test_an_event_that_was_cut_off_is_asked_for_again() -> None:
    standing = Standing()
    assert await heard(standing, "id: 1\n", "data: a\n", "\n", "id: 2\n", "data: b\n") == ["a"]
    assert standing.last_id == "1"
