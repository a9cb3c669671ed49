"""The rest connector against a real server that is slow, broken or hostile."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from karya.connectors.rest import KEPT_BYTES, RestConnector
from karya.core.action import Action, RestAction
from karya.core.outcome import Failure, Success
from tests.support.target import Reply, Target, drip, endless, hang, raw, reset, respond
from tests.unit.connectors.conformance import CONTEXT, Conformance


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with Target() as target:
        yield target


@pytest.fixture
async def rest() -> AsyncIterator[RestConnector]:
    connector = RestConnector()
    await connector.open()
    yield connector
    await connector.close()


def action(url: str, seconds: float = 2, **fields: Any) -> RestAction:
    return RestAction(url=url, timeout=timedelta(seconds=seconds), **fields)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class TestRest(Conformance):
    @pytest.fixture(autouse=True)
    async def _target(self, target: Target) -> None:
        self.target = target

    def connector(self) -> RestConnector:
        return RestConnector()

    def good_action(self) -> Action:
        return action(self.target.url)

    def stuck_action(self) -> Action:
        self.target.script(hang())
        return action(self.target.url, seconds=60)

    async def is_running(self) -> None:
        await self.target.arrived(1, timeout=5)

    def bad_actions(self) -> list[Action]:
        return [action(f"http://127.0.0.1:{free_port()}")]


async def test_a_stopped_attempt_leaves_its_target_at_once(target: Target, rest: RestConnector) -> None:
    target.script(hang())
    run = asyncio.create_task(rest.run(action(target.url, 60), CONTEXT))
    await target.arrived(1, timeout=5)
    run.cancel()
    assert await asyncio.to_thread(target.disconnected.wait, 2)
    assert run.cancelled()


async def test_success_keeps_status_and_body(target: Target, rest: RestConnector) -> None:
    target.script(respond(201, "grüezi"))
    outcome = await rest.run(action(target.url), CONTEXT)
    assert outcome == Success({"status": 201, "body": "grüezi", "truncated": False})


async def test_the_target_is_told_which_attempt_calls(target: Target, rest: RestConnector) -> None:
    before = int(time.time())
    await rest.run(action(f"{target.url}/a?b=c%20d", method="POST"), CONTEXT)
    (call,) = target.calls
    assert (call.method, call.path) == ("POST", "/a?b=c%20d")
    assert call.headers["webhook-id"] == CONTEXT.task_id
    assert before <= int(call.headers["webhook-timestamp"]) <= int(time.time())
    assert call.headers["karya-job-id"] == CONTEXT.job_id
    assert call.headers["karya-attempt"] == "2"
    assert call.headers["karya-token"] == "7"
    assert call.headers["karya-instant"] == "2026-11-23T08:00:00.250Z"
    assert call.headers["content-length"] == "0"
    assert "content-type" not in call.headers
    assert "cookie" not in call.headers


@pytest.mark.parametrize(
    ("body", "sent", "content_type"),
    [
        ({"a": [1, "ü"]}, '{"a":[1,"ü"]}'.encode(), "application/json"),
        ("plain ü", "plain ü".encode(), "text/plain; charset=utf-8"),
        ("", b"", "text/plain; charset=utf-8"),
        (0, b"0", "application/json"),
        (False, b"false", "application/json"),
        ("x" * 1024 * 1024, b"x" * 1024 * 1024, "text/plain; charset=utf-8"),
    ],
    ids=["json", "text", "empty text", "zero", "false", "one MiB"],
)
async def test_bodies(target: Target, rest: RestConnector, body: Any, sent: bytes, content_type: str) -> None:
    await rest.run(action(target.url, method="POST", body=body), CONTEXT)
    (call,) = target.calls
    assert call.body == sent
    assert call.headers["content-type"] == content_type


async def test_the_users_content_type_wins(target: Target, rest: RestConnector) -> None:
    headers = {"Content-Type": "application/cloudevents+json", "X-Own": "1"}
    await rest.run(action(target.url, method="PUT", body={}, headers=headers), CONTEXT)
    (call,) = target.calls
    assert call.headers["content-type"] == "application/cloudevents+json"
    assert call.headers["webhook-id"] == CONTEXT.task_id
    assert call.headers["x-own"] == "1"


@pytest.mark.parametrize(
    "name", ["Host", "content-length", "Transfer-Encoding", "connection", "Webhook-Id", "KARYA-token"]
)
def test_headers_that_karya_writes_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' cannot be set"):
        action("http://localhost", headers={name: "1"})


@pytest.mark.parametrize("status", [304, 400, 401, 404, 410, 408, 425, 429, 500, 503, 599])
async def test_which_statuses_are_worth_another_try(target: Target, rest: RestConnector, status: int) -> None:
    permanent = status in (304, 400, 401, 404, 410)
    target.script(respond(status))
    outcome = await rest.run(action(target.url), CONTEXT)
    assert isinstance(outcome, Failure)
    assert outcome.permanent is permanent
    assert outcome.error.startswith(f"status {status}")


async def test_a_bad_status_quotes_one_printable_line(target: Target, rest: RestConnector) -> None:
    target.script(respond(500, "out of\r\ncheese\x1b[2J" + "!" * 5000))
    outcome = await rest.run(action(target.url), CONTEXT)
    assert isinstance(outcome, Failure)
    assert outcome.error.startswith("status 500: out of cheese [2J!!!")
    assert outcome.error.isprintable()
    assert len(outcome.error) < 250


async def test_retry_after_is_honoured(target: Target, rest: RestConnector) -> None:
    target.script(respond(429, headers={"retry-after": "120"}), respond(500, headers={"retry-after": "120"}))
    busy, broken = [await rest.run(action(target.url), CONTEXT) for _ in range(2)]
    assert isinstance(busy, Failure)
    assert isinstance(broken, Failure)
    assert busy.retry_after == timedelta(minutes=2)
    assert broken.retry_after is None


async def test_a_redirect_is_named_and_not_followed(target: Target, rest: RestConnector) -> None:
    target.script(respond(302, headers={"location": "/round"}))
    outcome = await rest.run(action(f"{target.url}/round"), CONTEXT)
    assert outcome == Failure(
        "status 302: a redirect to /round, which is not followed",
        permanent=True,
        result={"status": 302, "body": "", "truncated": False},
    )
    assert len(target.calls) == 1


@pytest.mark.parametrize("reply", [hang(), drip(0.05), drip(60)], ids=["hang", "drip", "slow drip"])
async def test_one_deadline_covers_everything(target: Target, rest: RestConnector, reply: Reply) -> None:
    target.script(reply)
    began = time.monotonic()
    outcome = await rest.run(action(target.url, 0.4), CONTEXT)
    assert 0.4 <= time.monotonic() - began < 1.4
    assert outcome == Failure("timed out after 0.4 s")


async def test_a_target_that_reads_no_upload_cannot_hold_the_attempt(rest: RestConnector) -> None:
    accepted: list[asyncio.StreamWriter] = []

    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.append(writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]

    async with await asyncio.start_server(deaf, "127.0.0.1", 0, limit=1) as server:
        port = server.sockets[0].getsockname()[1]
        body = "x" * 1024 * 1024
        began = time.monotonic()
        outcome = await rest.run(action(f"http://127.0.0.1:{port}", 0.3, method="POST", body=body), CONTEXT)
        assert time.monotonic() - began < 1.3
        for writer in accepted:
            writer.transport.abort()
    assert outcome == Failure("timed out after 0.3 s")


async def test_an_endless_answer_is_cut_off(target: Target, rest: RestConnector) -> None:
    target.script(endless())
    outcome = await rest.run(action(target.url, 5), CONTEXT)
    assert outcome == Success({"status": 200, "body": "x" * KEPT_BYTES, "truncated": True})
    assert await asyncio.to_thread(target.disconnected.wait, 2)
    assert target.sent < 32 * 1024 * 1024  # what the kernel's buffers take, far from 10 GB


@pytest.mark.parametrize(("size", "truncated"), [(KEPT_BYTES, False), (KEPT_BYTES + 1, True)])
async def test_the_kept_part_ends_at_sixteen_kib(
    target: Target, rest: RestConnector, size: int, truncated: bool
) -> None:
    target.script(respond(body=b"y" * size))
    outcome = await rest.run(action(target.url), CONTEXT)
    assert outcome == Success({"status": 200, "body": "y" * KEPT_BYTES, "truncated": truncated})


async def test_a_compression_bomb_is_not_inflated(target: Target, rest: RestConnector) -> None:
    target.script(respond(body=b"\x1f\x8b" * 500, headers={"content-encoding": "gzip"}))
    outcome = await rest.run(action(target.url), CONTEXT)
    assert isinstance(outcome, Success)
    assert outcome.result["body"] == "[a body with content-encoding gzip, not kept]"
    assert target.calls[0].headers["accept-encoding"] == "identity"


async def test_bytes_that_are_no_text_can_be_stored(target: Target, rest: RestConnector) -> None:
    target.script(respond(body=bytes(range(256))))
    outcome = await rest.run(action(target.url), CONTEXT)
    assert isinstance(outcome, Success)
    orjson.dumps(outcome.result)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nx: " + b"h" * 100_000 + b"\r\n\r\n", "no valid HTTP answer"),
        (
            b"HTTP/1.1 200 OK\r\n" + b"".join(b"x%d: y\r\n" % n for n in range(9999)) + b"\r\n",
            "no valid HTTP",
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "no valid HTTP answer"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", "broke off in the middle"),
        (b"", "closed before an answer"),
    ],
    ids=["one huge header", "many headers", "no HTTP", "half a body", "nothing"],
)
async def test_broken_answers_are_retryable_failures(
    target: Target, rest: RestConnector, answer: bytes, error: str
) -> None:
    target.script(raw(answer), respond())
    outcome = await rest.run(action(target.url), CONTEXT)
    assert isinstance(outcome, Failure)
    assert error in outcome.error
    assert len(outcome.error) < 300
    assert not outcome.permanent
    assert await rest.run(action(target.url), CONTEXT) == Success(
        {"status": 200, "body": "", "truncated": False}
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_reset_fails_the_attempt_and_sends_nothing_again(
    target: Target, rest: RestConnector, method: str
) -> None:
    target.script(respond(), reset())
    await rest.run(action(target.url), CONTEXT)
    outcome = await rest.run(action(target.url, method=method), CONTEXT)
    assert isinstance(outcome, Failure)
    assert outcome.error in ("the connection was reset", "the connection was closed before an answer came")
    assert not outcome.permanent
    assert len(target.calls) == 2


async def test_nobody_listens(rest: RestConnector) -> None:
    port = free_port()
    outcome = await rest.run(action(f"http://127.0.0.1:{port}"), CONTEXT)
    assert outcome == Failure(f"connection refused by 127.0.0.1:{port}")


async def test_tls_where_there_is_none(target: Target, rest: RestConnector) -> None:
    outcome = await rest.run(action(target.url.replace("http:", "https:")), CONTEXT)
    assert isinstance(outcome, Failure)
    assert outcome.error.startswith(f"TLS with 127.0.0.1:{target.port} failed")


@pytest.mark.parametrize(
    "host", ["nobody.invalid", "a" * 64 + ".invalid", "xn--a", "a..b", "%zz", "256.1.1.1"]
)
async def test_hosts_that_do_not_exist(rest: RestConnector, host: str) -> None:
    outcome = await rest.run(action(f"http://{host}/geheim"), CONTEXT)
    assert isinstance(outcome, Failure)
    assert "geheim" not in outcome.error


async def test_connections_are_used_again(target: Target, rest: RestConnector) -> None:
    peers: list[Any] = []

    async def note_peer(exchange: Any) -> Any:
        peers.append(exchange.request.transport.get_extra_info("peername"))
        return await respond(body=b"z" * (KEPT_BYTES * 4))(exchange)

    target.script(note_peer)
    outcomes = [await rest.run(action(target.url), CONTEXT) for _ in range(5)]
    assert all(isinstance(outcome, Success) for outcome in outcomes)
    assert len(peers) == 5
    assert len(set(peers)) == 1


async def test_no_pool_limit_makes_attempts_wait(target: Target, rest: RestConnector) -> None:
    target.script(hang())
    runs = [asyncio.create_task(rest.run(action(target.url, 60), CONTEXT)) for _ in range(150)]
    await target.arrived(150, timeout=10)
    for run in runs:
        run.cancel()
    await asyncio.wait(runs, timeout=5)
