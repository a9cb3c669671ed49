"""The rest connector against a real server that is slow, broken or hostile."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psutil
import pytest

from karya.connectors.rest import RestConnector
from karya.connectors.rest.answer import KEPT_BYTES
from karya.core.action import Action
from karya.core.outcome import Failure, Success
from karya.core.ports import Tools
from tests.support.target import Reply, Target, drip, endless, hang, raw, reset, respond
from tests.unit.connectors.conformance import CONTEXT, Conformance
from tests.unit.connectors.rest_kit import action, free_port, opened, settings

RESULT_BYTES = 64 * 1024
"""What a worker keeps of a result."""


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with Target() as target:
        yield target


@pytest.fixture
async def rest() -> AsyncIterator[RestConnector]:
    async with opened() as connector:
        yield connector


OCTETS = {"content-type": "application/octet-stream"}
"""What the target says of the type of its bodies."""


def kept(status: int, body: str, truncated: bool = False, headers: dict[str, str] = OCTETS) -> dict[str, Any]:
    return {"status": status, "headers": headers, "body": body, "truncated": truncated}


class TestRest(Conformance):
    @pytest.fixture(autouse=True)
    async def _target(self, target: Target) -> None:
        self.target = target

    def connector(self) -> RestConnector:
        return RestConnector(settings())

    def good_action(self) -> Action:
        return action(self.target.url)

    def stuck_action(self) -> Action:
        self.target.script(hang())
        return action(self.target.url, seconds=60)

    async def is_running(self) -> None:
        await self.target.arrived(1, timeout=30)

    def bad_actions(self) -> list[Action]:
        return [action(f"http://127.0.0.1:{free_port()}")]


async def test_a_stopped_attempt_leaves_its_target_at_once(target: Target, rest: RestConnector) -> None:
    target.script(hang())
    run = asyncio.create_task(rest.run(action(target.url, 60), CONTEXT))
    await target.arrived(1, timeout=30)
    run.cancel()
    assert await asyncio.to_thread(target.disconnected.wait, 2)
    assert run.cancelled()


async def test_success_keeps_status_and_body(target: Target, rest: RestConnector) -> None:
    target.script(respond(201, "grüezi"))
    outcome = await rest.run(action(target.url), CONTEXT)
    assert outcome == Success(kept(201, "grüezi"))


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


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
async def test_what_has_no_body_has_no_content_type(target: Target, rest: RestConnector, method: str) -> None:
    await rest.run(action(target.url, method=method), CONTEXT)
    (call,) = target.calls
    assert (call.method, call.body) == (method, b"")
    assert "content-type" not in call.headers


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
    assert outcome.code == f"http.{status}"


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


async def test_time_is_what_the_worker_says_and_not_the_machine(target: Target) -> None:
    """A target refuses a signature that is too old, and names the next try by the true time."""
    now = datetime(2030, 1, 1, 12, tzinfo=UTC)
    target.script(respond(503, headers={"retry-after": "Tue, 01 Jan 2030 12:02:00 GMT"}))
    async with opened(tools=Tools(now=lambda: now)) as rest:
        busy = await rest.run(action(target.url), CONTEXT)
    assert isinstance(busy, Failure)
    assert busy.retry_after == timedelta(minutes=2)
    assert target.calls[0].headers["webhook-timestamp"] == str(int(now.timestamp()))


async def test_a_redirect_is_named_and_not_followed(target: Target, rest: RestConnector) -> None:
    target.script(respond(302, headers={"location": "/round"}))
    outcome = await rest.run(action(f"{target.url}/round"), CONTEXT)
    assert outcome == Failure(
        "status 302: a redirect to /round, which is not followed",
        permanent=True,
        code="http.302",
        result=kept(302, "", headers={"location": "/round"}),
    )
    assert len(target.calls) == 1


@pytest.mark.parametrize("reply", [hang(), drip(0.05), drip(60)], ids=["hang", "drip", "slow drip"])
async def test_one_deadline_covers_everything(target: Target, rest: RestConnector, reply: Reply) -> None:
    target.script(reply)
    began = time.monotonic()
    outcome = await rest.run(action(target.url, 0.4), CONTEXT)
    assert 0.4 <= time.monotonic() - began < 15
    assert outcome == Failure("timed out after 0.4 s", code="timeout")


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
        assert time.monotonic() - began < 15
        for writer in accepted:
            writer.transport.abort()
    assert outcome == Failure("timed out after 0.3 s", code="timeout")


@pytest.mark.parametrize("capture", ["body", "none"])
async def test_floods_are_cut_off_and_memory_stays_flat(
    target: Target, rest: RestConnector, capture: Any
) -> None:
    target.script(endless(chunk=1024 * 1024))
    process = psutil.Process()
    await rest.run(action(target.url, 5, capture=capture), CONTEXT)
    before = process.memory_info().rss
    outcomes = await asyncio.gather(*(rest.run(action(target.url, 5), CONTEXT) for _ in range(50)))
    for outcome in outcomes:
        assert isinstance(outcome, Success)
        assert outcome.result["truncated"] is True
        assert set(outcome.result["body"]) == {"x"}
    assert await asyncio.to_thread(target.disconnected.wait, 2)
    # 50 answers without an end; target and connector share this process, kernel buffers are not in it.
    assert process.memory_info().rss - before < 200 * 1024 * 1024


@pytest.mark.parametrize(
    "body",
    [b"y" * 70_000, b"\x00" * 70_000, '\u2028ü\\"'.encode() * 20_000, b'["' + b"\\u0007" * 20_000 + b'"]'],
)
@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
async def test_a_result_always_fits(target: Target, rest: RestConnector, body: bytes, kind: str) -> None:
    target.script(respond(body=body, headers={"content-type": kind, "etag": '"' * 900}))
    outcome = await rest.run(action(target.url), CONTEXT)
    assert isinstance(outcome, Success)
    assert RESULT_BYTES * 0.9 < len(orjson.dumps(outcome.result)) <= RESULT_BYTES
    assert outcome.result["truncated"] is True
    assert body.decode().startswith(outcome.result["body"])


async def test_a_body_that_just_fits_is_whole(target: Target, rest: RestConnector) -> None:
    room = KEPT_BYTES - 1024
    target.script(respond(body=b"y" * room))
    assert await rest.run(action(target.url), CONTEXT) == Success(kept(200, "y" * room))


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
    assert await rest.run(action(target.url), CONTEXT) == Success(kept(200, "", headers={}))


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
    assert outcome == Failure(f"connection refused by 127.0.0.1:{port}", code="connection")


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
        return await respond(body=b"z" * (KEPT_BYTES + 60_000))(exchange)

    target.script(note_peer)
    outcomes = [await rest.run(action(target.url), CONTEXT) for _ in range(5)]
    assert all(isinstance(outcome, Success) for outcome in outcomes)
    assert len(peers) == 5
    assert len(set(peers)) == 1


async def test_no_pool_limit_makes_attempts_wait(target: Target, rest: RestConnector) -> None:
    target.script(hang())
    runs = [asyncio.create_task(rest.run(action(target.url, 60), CONTEXT)) for _ in range(150)]
    await target.arrived(150, timeout=30)
    for run in runs:
        run.cancel()
    await asyncio.wait(runs, timeout=30)


async def test_a_pool_limit_makes_attempts_wait_for_each_other(target: Target) -> None:
    running = most = 0

    async def count(exchange: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        answer = await respond(delay=0.02)(exchange)
        running -= 1
        return answer

    target.script(count)
    async with opened(settings(max_connections=2)) as rest:
        outcomes = await asyncio.gather(*(rest.run(action(target.url, 60), CONTEXT) for _ in range(8)))
    assert all(isinstance(outcome, Success) for outcome in outcomes)
    assert most == 2


async def test_a_connection_has_a_time_of_its_own() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with (
        await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server,
        opened(settings(connect_timeout="PT0.2S")) as rest,
    ):
        port = server.sockets[0].getsockname()[1]
        began = time.monotonic()
        outcome = await rest.run(action(f"https://127.0.0.1:{port}", 60), CONTEXT)
        assert time.monotonic() - began < 15
    assert outcome == Failure("no connection within connectors.rest.connect_timeout", code="connection")
