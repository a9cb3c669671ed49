"""What is sent again, when, and how often: on a server that fails as it is told to."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from karya.client import Client
from karya.client.tries import Tries
from karya.core.errors import KaryaError, Unavailable
from tests.support.served import Served
from tests.support.target import Reply, Target, hang, raw, reset, respond

JSON = {"content-type": "application/json"}
PROBLEM = {"content-type": "application/problem+json"}
DONE = respond(200, '{"count": 1, "ids": ["a"], "instants": [], "due_at": []}', JSON)
BUSY = respond(503, '{"status": 503, "detail": "busy"}', {**PROBLEM, "retry-after": "0"})
NOOP: Any = {"action": {"type": "noop"}}

READS: Callable[[Client], object] = lambda client: client.preview(NOOP)  # noqa: E731
KEYED: Callable[[Client], object] = lambda client: client.submit_many([NOOP])  # noqa: E731
ONCE: Callable[[Client], object] = lambda client: client.redrive_all()  # noqa: E731


def client_of(target: Target, **given: Any) -> Client:
    target.calls.clear()
    return Client(target.url, **{"patience": 5.0, **given})


@pytest.mark.parametrize("call", [READS, KEYED])
@pytest.mark.parametrize("failure", [BUSY, reset(), respond(502), respond(504, "late")])
def test_what_can_do_no_harm_is_sent_again_as_it_was(target: Target, call: Any, failure: Reply) -> None:
    target.script(failure, failure, DONE)
    with client_of(target) as client:
        call(client)
    first, *others = target.calls
    assert len(others) == 2
    for other in others:
        assert (other.path, other.body) == (first.path, first.body)
        assert other.headers.get("idempotency-key") == first.headers.get("idempotency-key")
    assert ("idempotency-key" in first.headers) == (call is KEYED)


@pytest.mark.parametrize("failure", [BUSY, reset(), respond(504)])
def test_what_might_be_done_twice_is_left_to_the_caller(target: Target, failure: Reply) -> None:
    target.script(failure, DONE)
    with client_of(target) as client, pytest.raises(Unavailable):
        ONCE(client)
    assert len(target.calls) == 1


def test_what_nobody_looked_at_is_sent_again_whatever_it_is(target: Target) -> None:
    target.script(respond(429, "slow down", {"retry-after": "0"}), DONE)
    with client_of(target) as client:
        ONCE(client)
    assert len(target.calls) == 2


def test_a_silent_server_is_asked_again_and_given_up_in_time(target: Target) -> None:
    target.script(hang(), DONE)
    with client_of(target, timeout=0.5) as client:
        assert KEYED(client) == ("a",)
    target.script(hang())
    with (
        client_of(target, timeout=0.5, patience=0) as client,
        pytest.raises(Unavailable, match=r"within 0\.5 s"),
    ):
        KEYED(client)
    assert len(target.calls) == 1


def test_a_refusal_is_an_answer(target: Target) -> None:
    target.script(respond(409, '{"status": 409, "detail": "no"}', PROBLEM), DONE)
    with client_of(target) as client, pytest.raises(KaryaError, match=r"^no$"):
        KEYED(client)
    assert len(target.calls) == 1


def test_the_gateway_is_left_alone_as_long_as_it_asks(target: Target) -> None:
    target.script(respond(503, "{}", {**PROBLEM, "retry-after": "1"}), DONE)
    with client_of(target) as client:
        READS(client)
    first, second = target.calls
    assert second.arrived_at - first.arrived_at >= 1
    target.script(respond(503, '{"detail": "later"}', {**PROBLEM, "retry-after": "60"}), DONE)
    with client_of(target) as client, pytest.raises(Unavailable, match="later"):
        READS(client)
    assert len(target.calls) == 1


def test_a_gateway_that_starts_late_is_met_even_by_what_is_sent_once() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]

    def serve() -> None:
        listening = socket.create_server(("127.0.0.1", port))
        line, _ = listening.accept()
        line.recv(65_536)
        body = b'{"count": 7}'
        line.sendall(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n" + body
        )
        line.close()
        listening.close()

    timer = threading.Timer(0.3, serve)
    with Client(f"http://127.0.0.1:{port}") as client:
        timer.start()
        assert client.redrive_all() == 7
    timer.join()


def test_nobody_at_the_url_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with (
            Client(url, patience=0.1) as client,
            pytest.raises(Unavailable, match=f"^no gateway answers at {url}: Connection refused$"),
        ):
            client.list()


def test_a_wrong_path_and_a_wrong_scheme_are_told(served: Served) -> None:
    with Client(f"{served.url}/x", patience=0) as client, pytest.raises(KaryaError) as path:
        client.list()
    assert str(path.value).startswith(
        f"{served.url}/x does not answer like a Karya gateway: GET /x/v1/jobs: "
    )
    secure = served.url.replace("http:", "https:")
    with Client(secure, patience=0) as client, pytest.raises(Unavailable) as scheme:
        client.list()
    assert str(scheme.value).startswith(f"no TLS with {secure}: [SSL")


def test_a_host_that_does_not_exist_is_told() -> None:
    with Client("http://nowhere.invalid", patience=0) as client, pytest.raises(Unavailable) as told:
        client.list()
    assert "no gateway answers at http://nowhere.invalid: " in str(told.value)
    assert "ssl:" not in str(told.value)


@pytest.mark.parametrize(
    "odd",
    [
        respond(200, "<p>", {"content-type": "text/html"}),
        respond(200, "no JSON", JSON),
        respond(200, '{"jobs": 3}', JSON),
        respond(500, "no JSON", PROBLEM),
        respond(302, headers={"location": "http://127.0.0.1:1"}),
        raw(b"SSH-2.0-OpenSSH\r\n\r\n"),
    ],
)
def test_a_server_that_is_no_gateway_is_told(target: Target, odd: Reply) -> None:
    target.script(odd)
    with client_of(target) as client, pytest.raises(KaryaError, match="does not answer like a Karya gateway"):
        client.list()


@pytest.mark.parametrize("odd", [None, [], "text", {}, {"errors": "text"}, {"errors": [1]}])
@pytest.mark.parametrize("status", [401, 404, 409, 422, 500])
def test_an_odd_problem_is_still_an_error(target: Target, status: int, odd: object) -> None:
    target.script(respond(status, json.dumps(odd), PROBLEM))
    with client_of(target) as client, pytest.raises(KaryaError) as told:
        client.list()
    assert str(told.value)


def test_what_is_sent_arrives_as_it_is(target: Target) -> None:
    target.script(DONE)
    with client_of(target, token="karya_x") as client, pytest.raises(KaryaError):
        client.tasks("a%2Fb?c", limit=3)
    (sent,) = target.calls
    assert (sent.method, sent.path) == ("GET", "/v1/jobs/a%252Fb%3Fc/tasks?limit=3")
    assert sent.headers["authorization"] == "Bearer karya_x"


def test_a_prefix_in_the_url_is_kept(target: Target) -> None:
    target.script(DONE)
    target.calls.clear()
    with Client(f"{target.url}/karya/") as client:
        client.preview(NOOP)
    assert target.calls[0].path == "/karya/v1/jobs/preview?limit=10"


def test_pauses_double_up_to_a_bound_with_a_part_left_to_chance() -> None:
    late = Tries(100.0, clock=lambda: 0.0, chance=lambda: 0.0)
    assert [late.pause() for _ in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    early = Tries(100.0, clock=lambda: 0.0, chance=lambda: 1.0)
    assert [early.pause() for _ in range(2)] == [0.05, 0.1]
    assert early.pause(2.0) == 2.0


def test_no_try_begins_after_the_patience() -> None:
    now = [10.0]
    tries = Tries(1.0, clock=lambda: now[0], chance=lambda: 0.0)
    assert tries.pause() == 0.1
    now[0] = 10.8
    assert tries.pause() == 0.2
    assert tries.pause() is None
    assert Tries(0.0, clock=lambda: 0.0).pause() is None


def test_a_program_that_forgets_to_close_its_client_ends_without_a_word(target: Target) -> None:
    target.script(respond(200, '{"jobs": [], "next_cursor": null}', JSON))
    program = f"import karya; client = karya.Client({target.url!r}); print(len(client.list().jobs))"
    done = subprocess.run([sys.executable, "-Wd", "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.stdout, done.stderr, done.returncode) == ("0\n", "", 0)
