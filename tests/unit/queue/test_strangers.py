"""Who does not belong to the cluster stays outside: strangers, plain speakers, those who mistake the door."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from karya.core.errors import ConfigError
from karya.core.settings import QueueSettings
from karya.queue import Dispatcher, QueueKeys, WorkerSocket
from karya.queue.entrance import Entrance
from karya.queue.keys import KeyPair
from tests.unit.queue.stage import Stage, collect, make_hints, until

KEYS = QueueKeys.made()
OTHERS: dict[str, tuple[QueueKeys | None, str, str]] = {
    "a stranger": (
        replace(KEYS, member=KeyPair.made()),
        r"127\.0\.0\.1: its key is none of this cluster's",
        "it does not know our key",
    ),
    "a plain speaker": (
        None,
        "it has the key of another dispatcher, or none|it hung up",
        "only one of us has keys|it hung up",
    ),
    "one who knows another dispatcher": (
        replace(KEYS, dispatcher=KeyPair.made()),
        "it has the key of another dispatcher",
        "it hung up",
    ),
}
"""Who wants in, what the dispatcher says of them, and what they hear themselves. Where both would hang up,
one of them is first."""


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        yield Stage(stack, KEYS)


async def outsider(stage: Stage, keys: QueueKeys | None) -> WorkerSocket:
    """A worker that looks for work with these keys."""
    own, stage.keys = stage.keys, keys
    made = await stage.worker(100, "outsider")
    stage.keys = own
    return made


def said(logs: Any, event: str) -> list[dict[str, Any]]:
    return [entry for entry in logs if entry["event"] == event]


@pytest.mark.parametrize(("keys", "of_them", "to_them"), OTHERS.values(), ids=OTHERS.keys())
async def test_they_are_refused_and_counted_and_told_why(
    stage: Stage, keys: QueueKeys | None, of_them: str, to_them: str
) -> None:
    dispatcher = await stage.dispatcher()
    with capture_logs() as logs:
        outside = await outsider(stage, keys)
        await until(lambda: bool(said(logs, "not_let_in") and said(logs, "connections_refused")))
    assert dispatcher.refused_connections > 0
    assert re.match(of_them, said(logs, "connections_refused")[0]["last"])
    assert re.match(to_them, said(logs, "not_let_in")[0]["reason"])
    dispatcher.offer(make_hints(3))
    worker = await stage.worker(10)
    assert await collect(worker, 3) == ["t000000", "t000001", "t000002"]
    assert [info.owner for info in dispatcher.workers()] == ["w"]
    assert not outside.connected


async def test_whoever_has_keys_gives_no_work_to_a_dispatcher_without(stage: Stage) -> None:
    stage.keys = None
    dispatcher = await stage.dispatcher()
    with capture_logs() as logs:
        outside = await outsider(stage, KEYS)
        await until(lambda: bool(said(logs, "not_let_in")))
    await until(lambda: dispatcher.refused_connections > 0)
    assert not outside.connected
    assert not dispatcher.workers()


async def test_a_dispatcher_of_another_cluster_at_the_old_place_is_not_taken_for_ours(stage: Stage) -> None:
    ours = await stage.dispatcher()
    worker = await stage.worker(10)
    await until(lambda: worker.connected)
    await ours.stop()
    stage.keys = QueueKeys.made()
    theirs = await stage.successor()
    stage.keys = KEYS
    await until(lambda: theirs.refused_connections > 0 and not worker.connected)
    again = await stage.dispatcher()
    again.offer(make_hints(1))
    assert await collect(worker, 1) == ["t000000"]
    assert not theirs.workers()


async def test_workers_follow_to_another_address(stage: Stage) -> None:
    first, worker = await stage.dispatcher(), await stage.worker(10)
    await until(lambda: worker.connected)
    await first.stop()
    second = await stage.dispatcher(host="127.0.0.2")
    assert stage.endpoint is not None
    assert stage.endpoint.startswith("tcp://127.0.0.2:")
    second.offer(make_hints(2))
    worker.report(10, 0)
    assert await collect(worker, 2) == ["t000000", "t000001"]


async def test_two_clusters_in_one_process_keep_apart(stage: Stage) -> None:
    one, worker = await stage.dispatcher(), await stage.worker(10, "one")
    await until(lambda: worker.connected)
    stage.keys = QueueKeys.made()
    other, another = await stage.dispatcher(), await stage.worker(10, "other")
    await until(lambda: another.connected)
    assert [info.owner for info in one.workers()] == ["one"]
    assert [info.owner for info in other.workers()] == ["other"]


async def test_a_gate_that_nobody_keeps_lets_nobody_in(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a word from its handler ZeroMQ would otherwise take everybody who knows the public key."""
    gone = asyncio.Event()

    async def leave(self: Entrance) -> None:
        self._gate.close(linger=0)
        gone.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Entrance, "_answer", leave)
    dispatcher = await stage.dispatcher()
    await asyncio.wait_for(gone.wait(), 30)
    worker = await stage.worker(10)
    await until(lambda: dispatcher.refused_connections >= 2)  # it has tried again, too
    assert not worker.connected


async def test_a_flood_of_strangers_stops_nobody(stage: Stage) -> None:
    """While the loop is busy ZeroMQ's own thread goes on, however much it has to tell."""
    dispatcher, worker = await stage.dispatcher(), await stage.worker(10)
    await until(lambda: worker.connected)
    assert stage.endpoint is not None
    place = ("127.0.0.1", int(stage.endpoint.rpartition(":")[2]))
    for _ in range(3_000):
        with contextlib.suppress(ConnectionError):  # more than the kernel wants to hold for ZeroMQ
            socket.create_connection(place, timeout=30).close()
    await until(lambda: dispatcher.refused_connections > 2_000)
    dispatcher.offer(make_hints(1))
    worker.report(10, 0)
    assert await collect(worker, 1) == ["t000000"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5"])
async def test_beyond_loopback_nothing_listens_without_keys(host: str) -> None:
    with pytest.raises(ConfigError, match="only with keys"):
        Entrance(QueueSettings(host=host))


@pytest.mark.parametrize(
    ("host", "advertise", "endpoint"),
    [
        ("127.0.0.1", None, "tcp://127.0.0.1"),
        ("localhost", None, "tcp://127.0.0.1"),
        ("::1", None, "tcp://[::1]"),
        ("0.0.0.0", "127.0.0.1", "tcp://127.0.0.1"),
        ("0.0.0.0", "localhost", "tcp://localhost"),
        ("::", "::1", "tcp://[::1]"),
        ("::", "127.0.0.1", "tcp://127.0.0.1"),
    ],
)
async def test_workers_are_told_where_to_connect(
    stage: Stage, host: str, advertise: str | None, endpoint: str
) -> None:
    entrance = Entrance(QueueSettings(host=host), advertise, KEYS)
    await entrance.close()
    assert entrance.endpoint.rpartition(":")[0] == endpoint


async def test_what_is_advertised_can_be_reached(stage: Stage) -> None:
    dispatcher = Dispatcher(
        QueueSettings(host="0.0.0.0"),
        asyncio.get_running_loop().time,
        on_room=lambda: None,
        on_poke=lambda *_: None,
        on_lost=lambda _: None,
        keys=KEYS,
    )
    stage.endpoint = await dispatcher.start("localhost")
    try:
        worker = await stage.worker(1)
        await until(lambda: worker.connected)
    finally:
        await dispatcher.stop()
