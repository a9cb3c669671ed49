"""What goes wrong on a wire: silence, loss, repetition, garbage, and peers that break the rules."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
import uvloop
import zmq
from pydantic import TypeAdapter
from structlog.testing import capture_logs

from karya.core.errors import ConfigError
from karya.core.hint import Hint
from karya.core.settings import QueueSettings
from karya.queue import Dispatcher, QueueKeys, WorkerSocket
from karya.queue import consumer as consumer_module
from karya.queue import dispatcher as dispatcher_module
from karya.queue import link as link_module
from karya.queue.wire import MAX_REPORT_BYTES
from tests.unit.queue.stage import BEAT, NOON, Stage, collect, make_hints, settings, until


async def test_a_silent_workers_hints_come_back_within_three_beats(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    began = time.monotonic()
    silent = await stage.raw(free=4)
    dispatcher.offer(make_hints(9))
    assert await stage.next_lost() == ["t000000", "t000001", "t000002", "t000003"]
    assert time.monotonic() - began >= 3 * BEAT
    assert await silent.arrived("beat") <= 4
    assert not dispatcher.workers()
    assert silent.owner == "raw"


async def test_received_hints_of_a_vanished_worker_come_back_if_recent(
    stage: Stage,
) -> None:
    dispatcher = await stage.dispatcher()
    silent = await stage.raw(free=4)
    dispatcher.offer(make_hints(4))
    await silent.next("work")
    await silent.credit(received=4, free=0)
    assert await stage.next_lost() == ["t000000", "t000001", "t000002", "t000003"]


async def test_hints_received_long_ago_do_not_come_back(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    raw = await stage.raw(free=2)
    dispatcher.offer(make_hints(2))
    await raw.next("work")
    for _ in range(4):
        await raw.next("beat")
        await raw.credit(received=2, free=0)
    await raw.credit(received=2, free=1)
    dispatcher.offer(make_hints(1, first=2))
    assert await stage.next_lost() == ["t000002"]


async def test_a_closed_connection_loses_nothing(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    raw = await stage.raw(free=10)
    await until(lambda: [info.free for info in dispatcher.workers()] == [10])
    raw.socket.close(linger=0)
    dispatcher.offer(make_hints(3))
    worker = await stage.worker(5)
    arriving = asyncio.create_task(collect(worker, 3))
    while not arriving.done():
        lost = asyncio.create_task(stage.lost.get())
        await asyncio.wait({arriving, lost}, return_when=asyncio.FIRST_COMPLETED)
        if lost.done():
            dispatcher.offer(lost.result())
        lost.cancel()
    assert sorted(await arriving) == ["t000000", "t000001", "t000002"]


async def test_an_unroutable_worker_is_dropped_and_its_hints_go_to_the_next(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = await stage.dispatcher()
    gone, worker = await stage.raw("gone", free=50), await stage.worker(10)
    await until(lambda: sorted(info.free for info in dispatcher.workers()) == [10, 50])
    real, refused = dispatcher_module.send_now, []

    def send(*args: Any) -> int:
        if b'"work"' in args[2] and not refused:
            refused.append(args[1])
            return zmq.EHOSTUNREACH
        return real(*args)

    monkeypatch.setattr(dispatcher_module, "send_now", send)
    dispatcher.offer(make_hints(1))
    assert await collect(worker, 1) == ["t000000"]
    assert [info.owner for info in dispatcher.workers()] == ["w"]
    assert gone.owner == "gone"


async def test_a_full_socket_gets_no_more_until_its_next_word(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = await stage.dispatcher()
    raw = await stage.raw(free=5)
    await until(lambda: [info.free for info in dispatcher.workers()] == [5])
    real, refused = dispatcher_module.send_now, []

    def send(*args: Any) -> int:
        if b'"work"' in args[2] and not refused:
            refused.append(args[1])
            return zmq.EAGAIN
        return real(*args)

    monkeypatch.setattr(dispatcher_module, "send_now", send)
    dispatcher.offer(make_hints(3))
    await until(lambda: bool(refused))
    assert dispatcher.load().waiting == 3
    await raw.credit(received=0, free=5)
    assert await raw.work() == ["t000000", "t000001", "t000002"]


async def test_one_pool_is_served_to_its_end_while_another_has_nobody(stage: Stage) -> None:
    """More than goes into one message, and no further word of the worker wakes the dispatcher."""
    dispatcher = await stage.dispatcher(pools=("gpu", "default"))
    raw = await stage.raw(free=2_000)
    await until(lambda: [info.free for info in dispatcher.workers()] == [2_000])
    dispatcher.offer([*make_hints(1, pool="gpu"), *make_hints(1_200, first=1)])
    received = [len((await raw.next("work"))["hints"]) for _ in range(3)]
    assert received == [500, 500, 200]


async def test_work_that_is_never_acknowledged_is_taken_as_lost(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    deaf = await stage.raw(free=4)
    dispatcher.offer(make_hints(4))
    began, beats = time.monotonic(), 0
    while stage.lost.empty():
        beats += 1
        await deaf.next("beat")
        await deaf.credit(received=0, free=4)
    assert await stage.next_lost() == ["t000000", "t000001", "t000002", "t000003"]
    assert time.monotonic() - began >= 3 * BEAT
    assert beats <= 6
    assert [info.owner for info in dispatcher.workers()] == ["raw"]
    dispatcher.offer(make_hints(1, first=9))
    assert await deaf.work() == ["t000009"]


async def test_credit_is_absolute(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    raw = await stage.raw(free=5)
    await raw.credit(0, 5)
    await raw.credit(0, 5)
    dispatcher.offer(make_hints(20))
    assert len(await raw.work()) == 5
    await raw.credit(0, 5)
    assert await raw.work() == []
    await raw.credit(5, 5)
    await raw.credit(5, 5)
    await raw.credit(0, 20)  # outdated
    assert len(await raw.work()) == 5


async def test_a_count_beyond_what_was_sent_gives_no_extra_credit(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    raw = await stage.raw(free=0)
    await raw.credit(1_000, 5)
    dispatcher.offer(make_hints(20))
    assert len(await raw.work()) == 5


async def test_a_new_session_of_an_owner_replaces_the_old(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    old = await stage.raw("same", free=2)
    dispatcher.offer(make_hints(2))
    await old.next("work")
    await stage.raw("same", free=7)
    assert len(dispatcher.workers()) == 1
    assert await stage.next_lost() == ["t000000", "t000001"]
    await until(lambda: [info.free for info in dispatcher.workers()] == [7])
    await old.credit(2, 2)
    await old.next("again")


GARBAGE = [
    [b""],
    [b"\xff\xfe"],
    [b"{}"],
    [b"null"],
    [b"[" * 50_000],
    [b'{"type":"work","hints":[]}'],
    [b'{"type":"credit","session":"s","received":-1,"free":1,"running":0}'],
    [b'{"type":"credit","session":"s","received":0,"free":1e30,"running":0}'],
    [b'{"type":"poke","due_at":"0001-01-01T00:00:00+23:59"}'],
    [b'{"type":"poke","due_at":"9999-12-31T23:59:59-23:59"}'],
    [b'{"type":"bye"}', b""],
    [b"x" * (MAX_REPORT_BYTES + 1)],
    [b'{"type":"poke","due_at":"2026-01-01T00:00:00Z","x":"' + b"x" * MAX_REPORT_BYTES + b'"}'],
    [b'{"type":"bye"}'],
    [b'{"type":"poke","due_at":"2026-01-01T00:00:00Z"}'],
]
"""Each counts once; the last two are good messages of somebody who never said hello."""


async def test_garbage_is_counted_and_the_dispatcher_lives(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    raw = await stage.raw()
    for frames in GARBAGE:
        await raw.socket.send_multipart(frames)
    await until(lambda: dispatcher.dropped_frames == len(GARBAGE))
    assert stage.pokes.empty()
    await raw.join(free=1)
    dispatcher.offer(make_hints(1))
    assert await raw.work() == ["t000000"]


async def test_a_frame_beyond_the_sockets_limit_cuts_its_sender_off_and_nobody_else(stage: Stage) -> None:
    dispatcher, worker = await stage.dispatcher(), await stage.worker(10)
    raw = await stage.raw(free=0)
    await raw.socket.send(b"x" * (2 * MAX_REPORT_BYTES + 1))
    await until(lambda: [info.owner for info in dispatcher.workers()] == ["w"])
    dispatcher.offer(make_hints(1))
    assert await collect(worker, 1) == ["t000000"]


async def test_a_stranger_is_asked_to_say_hello(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    raw = await stage.raw()
    await raw.credit(0, 5)
    await raw.next("again")
    assert dispatcher.dropped_frames == 1
    assert not dispatcher.workers()


async def test_garbage_does_not_stop_a_worker(stage: Stage) -> None:
    router = zmq.asyncio.Context.instance().socket(zmq.ROUTER)
    stage.endpoint = f"tcp://127.0.0.1:{router.bind_to_random_port('tcp://127.0.0.1')}"
    try:
        worker = await stage.worker(10)
        identity, hello = await asyncio.wait_for(router.recv_multipart(), 30)
        assert json.loads(hello)["type"] == "hello"
        for frames in [[b""], [b"{"], [b'{"type":"hello"}'], [b'{"type":"beat"}', b""]]:
            await router.send_multipart([identity, *frames])
        await until(lambda: worker.dropped_frames == 4)
        assert not worker.connected
        await router.send_multipart([identity, b'{"type":"again"}'])
        async with asyncio.timeout(30):
            while (await router.recv_multipart())[1] != hello:
                pass
        hint = make_hints(1)[0]
        await router.send_multipart(
            [identity, b'{"type":"work","hints":[%s]}' % TypeAdapter(Hint).dump_json(hint)]
        )
        assert await asyncio.wait_for(worker.receive(), 30) == [hint]
    finally:
        router.close(linger=0)


async def test_a_failing_listener_does_not_stop_the_dispatcher(stage: Stage) -> None:
    dispatcher, worker = await stage.dispatcher(), await stage.worker(10)
    await until(lambda: worker.connected)
    dispatcher._on_poke = lambda *_: 1 / 0  # type: ignore[method-assign,assignment]
    worker.poke(NOON)
    dispatcher.offer(make_hints(1))
    assert await collect(worker, 1) == ["t000000"]


async def test_an_unforeseen_error_does_not_stop_the_search(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stage.dispatcher()
    errors = iter([RuntimeError("out of luck")] * 2)
    monkeypatch.setattr(consumer_module, "Link", failing_first(errors, consumer_module.Link))
    with capture_logs() as logs:
        worker = await stage.worker(10)
        await until(lambda: worker.connected)
    assert [entry["log_level"] for entry in logs].count("error") == 2


async def test_a_link_that_fails_is_replaced(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatcher, worker = await stage.dispatcher(), await stage.worker(10)
    await until(lambda: worker.connected)
    errors = iter([RuntimeError("out of luck")])
    monkeypatch.setattr(link_module, "decode_order", failing_first(errors, link_module.decode_order))
    with capture_logs() as logs:
        await until(lambda: [entry["event"] for entry in logs][-1:] == ["peer_joined"])
    assert "queue_link_failed" in [entry["event"] for entry in logs]
    dispatcher.offer(make_hints(1))
    assert await collect(worker, 1) == ["t000000"]


def failing_first(errors: Iterator[Exception], then: Callable[..., Any]) -> Callable[..., Any]:
    """Raises these, one a call, and does from then on what it should."""

    def call(*args: Any) -> Any:
        for error in errors:
            raise error
        return then(*args)

    return call


async def test_whoever_runs_the_dispatcher_hears_of_the_death_of_a_loop(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = await stage.dispatcher()
    running = asyncio.create_task(dispatcher.run())
    monkeypatch.setattr(dispatcher_module, "decode_report", lambda frames: 1 / 0)
    await (await stage.raw()).hello()
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(running, 30)


async def test_a_stop_is_not_the_death_of_a_loop(stage: Stage) -> None:
    dispatcher = await stage.dispatcher()
    running = asyncio.create_task(dispatcher.run())
    await asyncio.sleep(BEAT)
    assert not running.done()
    await dispatcher.stop()
    await asyncio.wait({running}, timeout=30)
    assert running.cancelled()


async def test_a_failing_lookup_is_tried_again(stage: Stage) -> None:
    await stage.dispatcher()
    failures = iter([RuntimeError("store away"), None])

    async def resolve() -> str | None:
        for failure in failures:
            if failure:
                raise failure
            return "no endpoint at all"
        return stage.endpoint

    worker = WorkerSocket(settings(), "w", resolve, time.monotonic)
    await worker.start()
    await until(lambda: worker.connected)
    await worker.stop()


async def test_a_new_endpoint_is_followed_without_waiting_for_the_old_to_be_given_up(stage: Stage) -> None:
    await stage.dispatcher()
    lookups = iter(["tcp://127.0.0.1:1"])

    async def resolve() -> str | None:
        return next(lookups, stage.endpoint)

    worker = WorkerSocket(settings(), "w", resolve, lambda: 0.0)  # no time passes, so nobody is given up
    await worker.start()
    await until(lambda: worker.connected)
    await worker.stop()


async def test_a_dispatcher_that_leaves_says_so(stage: Stage) -> None:
    """Its silence would be noticed only after three minutes here."""
    slow = QueueSettings(heartbeat=timedelta(minutes=1))
    dispatcher = Dispatcher(slow, time.monotonic, on_room=ignore, on_poke=ignore, on_lost=ignore)
    stage.endpoint = await dispatcher.start()
    worker = WorkerSocket(slow, "w", stage.resolve, time.monotonic)
    await worker.start()
    await until(lambda: worker.connected)
    await dispatcher.stop()
    await until(lambda: not worker.connected)
    await worker.stop()


def ignore(*_: object) -> None:
    """Nobody listens."""


async def test_it_says_when_a_port_is_taken(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigError, match=r"queue\.port"):
        await stage.dispatcher(port=taken.getsockname()[1])


@pytest.mark.parametrize("keys", [None, QueueKeys.made()], ids=["plain", "keys"])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_it_runs_on_either_event_loop(
    run: Callable[[Coroutine[Any, Any, None]], None], keys: QueueKeys | None
) -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            stage = Stage(stack, keys)
            dispatcher, worker = await stage.dispatcher(), await stage.worker(10)
            await asyncio.to_thread(dispatcher.offer, make_hints(25))
            assert await collect(worker, 25, free=10) == [hint.task_id for hint in make_hints(25)]
            worker.poke(NOON)
            assert await asyncio.wait_for(stage.pokes.get(), 30) == NOON

    run(scenario())
