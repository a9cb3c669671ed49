"""What a target receives: bodies, signatures, events; and what redirects and expected statuses make of it."""

import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from karya.connectors.rest import RestConnector
from karya.core.outcome import Failure, Success
from karya.core.trace import Trace
from tests.support.target import Target, redirect, respond
from tests.unit.connectors.conformance import CONTEXT
from tests.unit.connectors.rest_kit import EVENT, HOOK, action, opened, settings

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
CREDENTIALS = {"Authorization": "Bearer x", "Cookie": "a=b", "X-Api-Key": "k", "Accept": "text/html"}
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with Target() as target:
        yield target


@pytest.fixture
async def rest() -> AsyncIterator[RestConnector]:
    async with opened() as connector:
        yield connector


async def test_forms_are_urlencoded(target: Target, rest: RestConnector) -> None:
    form = {"a": "1 &2", "b": ["x", "ü"], "c": []}
    await rest.run(action(target.url, method="POST", form=form), CONTEXT)
    (call,) = target.calls
    assert call.body == b"a=1+%262&b=x&b=%C3%BC"
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("path", "arrives"),
    [
        ("/a", "/a?q=1+%2B&r=2&r=3"),
        ("/a?", "/a?q=1+%2B&r=2&r=3"),
        ("/a?b=c%20d", "/a?b=c%20d&q=1+%2B&r=2&r=3"),
        ("/a?b#part", "/a?b&q=1+%2B&r=2&r=3"),
        ("", "/?q=1+%2B&r=2&r=3"),
    ],
)
async def test_the_query_is_appended(target: Target, rest: RestConnector, path: str, arrives: str) -> None:
    await rest.run(action(target.url + path, query={"q": "1 +", "r": ["2", "3"]}), CONTEXT)
    assert target.calls[0].path == arrives


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_a_hook_without_a_body_sends_its_event(
    target: Target, rest: RestConnector, method: str
) -> None:
    await rest.run(action(target.url, method=method), HOOK)
    (call,) = target.calls
    assert call.body.decode() == EVENT
    assert call.headers["content-type"] == "application/cloudevents+json; charset=utf-8"


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"method": "GET"}, b""),
        ({"method": "DELETE"}, b""),
        ({"method": "POST", "body": {"a": 1}}, b'{"a":1}'),
        ({"method": "POST", "form": {"a": "1"}}, b"a=1"),
    ],
)
async def test_other_hooks_send_what_they_say(
    target: Target, rest: RestConnector, fields: Any, sent: bytes
) -> None:
    await rest.run(action(target.url, **fields), HOOK)
    assert target.calls[0].body == sent


@pytest.mark.parametrize(
    "fields",
    [{"method": "POST", "body": "grüezi"}, {"method": "POST", "body": {"a": 1}}, {"method": "POST"}, {}],
    ids=["text", "json", "event", "nothing"],
)
async def test_requests_are_signed_as_standard_webhooks(target: Target, fields: Any) -> None:
    async with opened(settings(signing_secret=SECRET)) as rest:
        await rest.run(action(target.url, **fields), HOOK)
    (call,) = target.calls
    headers = dict(call.headers)
    assert headers["webhook-id"] == CONTEXT.task_id
    Webhook(SECRET).verify(call.body, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(call.body + b" ", headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(call.body, headers | {"webhook-id": "other"}, json_parse=False)


async def test_without_a_secret_there_is_an_id_and_no_signature(target: Target, rest: RestConnector) -> None:
    await rest.run(action(target.url), CONTEXT)
    headers = target.calls[0].headers
    assert {"webhook-id", "webhook-timestamp"} <= set(headers)
    assert "webhook-signature" not in headers


async def test_the_user_agent_is_a_setting_that_actions_override(target: Target) -> None:
    async with opened(settings(user_agent="ops/2")) as rest:
        await rest.run(action(target.url), CONTEXT)
        await rest.run(action(target.url, headers={"User-Agent": "mine"}), CONTEXT)
    assert [call.headers["user-agent"] for call in target.calls] == ["ops/2", "mine"]


@pytest.mark.parametrize(
    ("expect", "status", "good"),
    [
        (["2xx", 404], 404, True),
        ([201], 200, False),
        ([503], 503, True),
        (["3xx"], 302, True),
        (["200-202"], 203, False),
    ],
)
async def test_expected_statuses_decide(
    target: Target, rest: RestConnector, expect: Any, status: int, good: bool
) -> None:
    target.script(respond(status))
    outcome = await rest.run(action(target.url, expect=expect), CONTEXT)
    assert isinstance(outcome, Success if good else Failure)
    assert outcome.result["status"] == status


@pytest.mark.parametrize(
    ("kind", "body", "kept"),
    [
        ("application/json", b'{"id": 7}', {"id": 7}),
        ("application/problem+json; charset=utf-8", b"[1]", [1]),
        ("APPLICATION/JSON", b"null", "null"),
        ("application/json", b"{broken", "{broken"),
        ("application/json", b"[" * 500 + b"]" * 500, "[" * 500 + "]" * 500),
        ("text/plain", b'{"id": 7}', '{"id": 7}'),
    ],
)
async def test_json_answers_are_kept_as_json(
    target: Target, rest: RestConnector, kind: str, body: bytes, kept: Any
) -> None:
    target.script(respond(body=body, headers={"content-type": kind}))
    outcome = await rest.run(action(target.url), CONTEXT)
    assert isinstance(outcome, Success)
    assert outcome.result["body"] == kept
    assert outcome.result["truncated"] is False


async def test_some_headers_of_the_answer_are_kept(target: Target, rest: RestConnector) -> None:
    headers = {"ETag": '"7"', "Location": "/made/7", "Set-Cookie": "secret=1", "X-Request-Id": "r" * 5000}
    target.script(respond(201, headers=headers | {"content-type": "text/plain"}))
    outcome = await rest.run(action(target.url), CONTEXT)
    assert isinstance(outcome, Success)
    kept = outcome.result["headers"]
    assert set(kept) == {"etag", "location", "x-request-id", "content-type"}
    assert (kept["etag"], kept["location"]) == ('"7"', "/made/7")
    assert len(kept["x-request-id"]) <= 1000


async def test_nothing_is_kept_when_nothing_is_to_be(target: Target, rest: RestConnector) -> None:
    target.script(respond(200, "geheim"), respond(500, "geheim"))
    good, bad = [await rest.run(action(target.url, capture="none"), CONTEXT) for _ in range(2)]
    assert good == Success({"status": 200})
    assert bad == Failure("status 500", code="http.500", result={"status": 500})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_when_asked_for(
    target: Target, rest: RestConnector, status: int
) -> None:
    target.at("/old", redirect("new?x=1", status))
    target.at("/new?x=1", respond(body="there"))
    outcome = await rest.run(
        action(f"{target.url}/old", method="POST", body={"a": 1}, redirects=1, headers=CREDENTIALS), CONTEXT
    )
    assert isinstance(outcome, Success)
    assert outcome.result["body"] == "there"
    second = target.calls[1]
    kept = status in (307, 308)
    assert (second.method, second.body) == (("POST", b'{"a":1}') if kept else ("GET", b""))
    assert ("content-type" in second.headers) is kept
    assert second.headers["authorization"] == "Bearer x"
    assert second.headers["webhook-id"] == CONTEXT.task_id


async def test_a_circle_of_redirects_ends(target: Target, rest: RestConnector) -> None:
    target.script(redirect("/round"))
    outcome = await rest.run(action(f"{target.url}/round", redirects=3), CONTEXT)
    assert outcome == Failure("redirected more than 3 times", permanent=True, code="redirect")
    assert len(target.calls) == 4


async def test_credentials_stay_at_the_first_origin(target: Target) -> None:
    async with Target() as other, opened(settings(signing_secret=SECRET)) as rest:
        target.at("/", redirect(f"{other.url}/", 307))
        other.at("/", redirect("/again", 307))
        other.at("/again", redirect(f"{target.url}/back", 307))
        fields: Any = {"method": "POST", "body": "x", "redirects": 3, "headers": CREDENTIALS}
        assert isinstance(await rest.run(action(f"{target.url}/", **fields), CONTEXT), Success)
        first, back = target.calls
        assert len(other.calls) == 2
        for call in (*other.calls, back):
            assert not {"authorization", "cookie", "x-api-key", "webhook-signature"} & set(call.headers)
            assert call.headers["accept"] == "text/html"
            assert call.headers["webhook-id"] == CONTEXT.task_id
    assert {"authorization", "cookie", "x-api-key", "webhook-signature"} <= set(first.headers)


async def test_a_redirect_cannot_add_credentials_of_its_own(target: Target, rest: RestConnector) -> None:
    url = target.at("/", redirect(target.url.replace("//", "//user:password@") + "/end"))
    assert isinstance(await rest.run(action(url, redirects=1), CONTEXT), Success)
    assert "authorization" not in target.calls[1].headers


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/", "javascript:alert(1)"])
async def test_redirects_stay_within_http(target: Target, rest: RestConnector, location: str) -> None:
    target.script(redirect(location))
    outcome = await rest.run(action(target.url, redirects=5), CONTEXT)
    assert isinstance(outcome, Failure)
    assert outcome.permanent
    assert len(target.calls) == 1


async def test_a_redirect_to_nowhere_is_an_answer(target: Target, rest: RestConnector) -> None:
    target.script(respond(302))
    outcome = await rest.run(action(target.url, redirects=5), CONTEXT)
    assert isinstance(outcome, Failure)
    assert outcome.error == "status 302: a redirect to nowhere, which is not followed"


async def test_an_expected_redirect_is_the_answer(target: Target, rest: RestConnector) -> None:
    target.script(redirect("/elsewhere"))
    outcome = await rest.run(action(target.url, redirects=5, expect=[302]), CONTEXT)
    assert isinstance(outcome, Success)
    assert outcome.result["headers"]["location"] == "/elsewhere"


async def test_a_target_is_told_of_the_trace_whatever_the_action_says(
    target: Target, rest: RestConnector
) -> None:
    traced = replace(CONTEXT, trace=Trace(parent=PARENT, state="vendor=a"))
    async with Target() as other:
        target.script(redirect("/on"), redirect(f"{other.url}/elsewhere"))
        await rest.run(action(target.url, headers={"Traceparent": "mine"}, redirects=2), traced)
        await rest.run(action(other.url), CONTEXT)
    told = [(call.headers.get("traceparent"), call.headers.get("tracestate")) for call in target.calls]
    assert told == [(PARENT, "vendor=a")] * 2
    assert [call.headers.get("traceparent") for call in other.calls] == [None, None]
