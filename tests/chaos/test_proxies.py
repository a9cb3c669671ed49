"""The proxies do to real connections what they are told, and nothing else."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pymongo
import pytest
import zmq
from pymongo.errors import AutoReconnect
from pymongo.uri_parser import parse_uri

from karya.store.mongod.port import free_port
from tests.chaos.proxies.control import ProxyProcess
from tests.chaos.proxies.odds import Fate, Lots, Odds
from tests.support.eventually import eventually

Client = pymongo.MongoClient[Mapping[str, Any]]
PATIENCE = 30_000


class Line:
    """A worker's socket and a dispatcher's, with the proxy between them."""

    def __init__(self, undo: ExitStack) -> None:
        context = undo.enter_context(zmq.Context())
        near, far = free_port(), free_port()
        self.dispatcher = undo.enter_context(context.socket(zmq.ROUTER))
        self.dispatcher.bind(f"tcp://127.0.0.1:{far}")
        self.proxy = ProxyProcess("queue", near, far)
        undo.callback(self.proxy.stop)
        self.worker = undo.enter_context(context.socket(zmq.DEALER))
        self.worker.set(zmq.ROUTING_ID, b"session/worker")
        for socket in (self.worker, self.dispatcher):
            socket.set(zmq.LINGER, 0)
            socket.set(zmq.RCVTIMEO, PATIENCE)
        self.worker.connect(f"tcp://127.0.0.1:{near}")

    def say(self, *words: bytes) -> None:
        for word in words:
            self.worker.send(word)

    def heard(self) -> list[bytes]:
        return self.dispatcher.recv_multipart()


@pytest.fixture
def line() -> Iterator[Line]:
    with ExitStack() as undo:
        yield Line(undo)


def test_messages_pass_in_both_directions_under_the_workers_own_identity(line: Line) -> None:
    line.say(b"hello")
    assert line.heard() == [b"session/worker", b"hello"]
    line.dispatcher.send_multipart([b"session/worker", b"work"])
    assert line.worker.recv() == b"work"
    assert line.proxy.change(Odds()) == {Fate.PASSED: 2}


def test_messages_are_repeated_and_lost(line: Line) -> None:
    line.proxy.change(Odds(repeated=1.0))
    line.say(b"credit")
    assert [line.heard()[1] for _ in range(2)] == [b"credit"] * 2
    assert line.proxy.change(Odds(lost=1.0)) == {Fate.REPEATED: 1}
    line.say(b"lost")
    eventually(lambda: line.proxy.change(Odds(lost=1.0)) == {Fate.LOST: 1}, 30, "a loss")
    line.proxy.change(Odds())
    line.say(b"heard")
    assert line.heard()[1] == b"heard"


def test_what_is_delayed_is_overtaken(line: Line) -> None:
    words = [bytes([number]) for number in range(50)]
    line.proxy.change(Odds(seed=1, delayed=0.5, longest=0.2))
    line.say(*words)
    heard = [line.heard()[1] for _ in words]
    assert heard != words
    assert sorted(heard) == words


@pytest.fixture
def store(mongod_url: str) -> Iterator[tuple[ProxyProcess, Client, Client]]:
    """A proxy, a client behind it and one that goes straight to mongod."""
    near = free_port()
    ((_, far),) = parse_uri(mongod_url)["nodelist"]
    proxy = ProxyProcess("mongo", near, far, "near", "afar")
    through: Client = pymongo.MongoClient(
        "127.0.0.1", near, directConnection=True, retryWrites=False, socketTimeoutMS=3_000
    )
    straight: Client = pymongo.MongoClient(mongod_url)
    yield proxy, through, straight
    through.close()
    straight.drop_database("karya_proxies")
    straight.close()
    proxy.stop()


Store = tuple[ProxyProcess, Client, Client]


def test_a_write_is_done_although_its_reply_is_lost(store: Store) -> None:
    proxy, through, straight = store
    through.karya_proxies.kept.insert_one({"_id": 1})
    proxy.change(Odds(lost=1.0))
    assert through.karya_proxies.kept.find_one({"_id": 1}), "reads are not touched"
    with pytest.raises(AutoReconnect):
        through.karya_proxies.kept.insert_one({"_id": 2})
    assert proxy.change(Odds()) == {Fate.LOST: 1}
    assert straight.karya_proxies.kept.find_one({"_id": 2})
    through.karya_proxies.kept.insert_one({"_id": 3})


def test_a_reply_comes_after_its_client_has_given_up(store: Store) -> None:
    proxy, through, straight = store
    proxy.change(Odds(seed=3, delayed=1.0, longest=8.0))
    with pytest.raises(AutoReconnect):
        _repeat(lambda number: through.karya_proxies.late.insert_one({"_id": number}))
    assert straight.karya_proxies.late.find_one(sort=[("_id", -1)]) is not None


def test_a_text_is_replaced_on_its_way_to_mongod(store: Store) -> None:
    _, through, straight = store
    through.karya_proxies.swapped.insert_one({"_id": 1, "where": "near"})
    assert straight.karya_proxies.swapped.find_one() == {"_id": 1, "where": "afar"}


def test_the_same_seed_draws_the_same_lots() -> None:
    def drawn(seed: int) -> list[Fate]:
        lots = Lots()
        lots.change({"seed": seed, "lost": 0.2, "repeated": 0.2, "delayed": 0.2})
        return [lots.draw() for _ in range(200)]

    assert drawn(1) == drawn(1) != drawn(2)
    shares = {fate: drawn(1).count(fate) for fate in Fate}
    assert all(20 < count < 60 for fate, count in shares.items() if fate is not Fate.PASSED), shares


def _repeat(write: Callable[[int], object]) -> None:
    deadline = time.monotonic() + 60
    number = 0
    while time.monotonic() < deadline:
        write(number := number + 1)
