"""How the client reads Server-Sent Events, however the pieces are cut."""

import pytest

from karya.client.sse import Reader, Standing

STREAM = (
    "retry: 250\nid: a\n\nid: b\nevent: x\ndata: {1ä}\n\n: heartbeat\nid: c\n\nid: d\r\ndata: {2}\r\n\r\n"
).encode()


@pytest.mark.parametrize("size", [1, 2, 7, len(STREAM)])
def test_pieces_of_any_size_say_the_same(size: int) -> None:
    standing = Standing()
    reader = Reader(standing)
    pieces = [STREAM[at : at + size] for at in range(0, len(STREAM), size)]
    assert [data for piece in pieces for data in reader.read(piece)] == ["{1ä}", "{2}"]
    assert standing == Standing(last_id="d", retry=0.25)


def test_an_event_that_is_cut_off_is_to_be_asked_for_again() -> None:
    standing = Standing()
    reader = Reader(standing)
    assert list(reader.read(b"id: a\ndata: {1}\n\nid: b\ndata: {2}\n")) == ["{1}"]
    assert standing.last_id == "a"
    assert list(Reader(standing).read(b"\n")) == []


def test_an_event_without_data_moves_the_position() -> None:
    standing = Standing(last_id="a")
    assert list(Reader(standing).read(b": heartbeat\nid: b\n\n")) == []
    assert standing.last_id == "b"
