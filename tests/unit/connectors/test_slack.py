"""The slack connector, which is slack-sdk, against a server that answers as Slack does."""

import asyncio
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import orjson
import pytest

from karya.connectors.slack import SlackAction, SlackConnector, SlackSettings
from karya.core.action import Action
from karya.core.outcome import Failure, Success
from tests.support.slack import accepted, rate_limited, refused
from tests.support.target import Reply, Target, hang, raw, reset, respond
from tests.unit.connectors.conformance import CONTEXT, TOOLS, Conformance
from tests.unit.connectors.rest_kit import free_port

TOKEN = "xoxb-1-geheim"
SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "*Hello*"}}


def settings(url: str, **fields: Any) -> SlackSettings:
    return SlackSettings.model_validate({"token": TOKEN, "base_url": f"{url}/api/", **fields})


def message(**fields: Any) -> SlackAction:
    return SlackAction.model_validate({"channel": "C024BE91L", "text": "Hello", **fields})


@asynccontextmanager
async def opened(configured: SlackSettings) -> AsyncIterator[SlackConnector]:
    connector = SlackConnector(configured)
    await connector.open(TOOLS)
    yield connector
    await connector.close()


@pytest.fixture
async def slack() -> AsyncIterator[Target]:
    async with Target() as target:
        target.script(accepted())
        yield target


@pytest.fixture
async def connector(slack: Target) -> AsyncIterator[SlackConnector]:
    async with opened(settings(slack.url)) as connector:
        yield connector


async def failure(connector: SlackConnector, slack: Target, *replies: Reply) -> Failure:
    slack.script(*replies)
    outcome = await connector.run(message(), CONTEXT)
    assert isinstance(outcome, Failure), outcome
    assert TOKEN not in outcome.error
    return outcome


class TestSlack(Conformance):
    @pytest.fixture(autouse=True)
    async def _slack(self, slack: Target) -> None:
        self.slack = slack

    def connector(self) -> SlackConnector:
        return SlackConnector(settings(self.slack.url))

    def good_action(self) -> Action:
        return message(blocks=[SECTION], thread_ts="1503435956.000247")

    def stuck_action(self) -> Action:
        self.slack.script(hang())
        return message()

    async def is_running(self) -> None:
        await self.slack.arrived(1, timeout=30)

    def bad_actions(self) -> list[Action]:
        self.slack.script(refused("channel_not_found"))
        return [message()]


async def test_what_slack_receives(slack: Target, connector: SlackConnector) -> None:
    outcome = await connector.run(message(blocks=[SECTION], thread_ts="1503435956.000247"), CONTEXT)
    assert outcome == Success({"channel": "C024BE91L", "ts": "1503435956.000247"})
    (call,) = slack.calls
    assert (call.method, call.path) == ("POST", "/api/chat.postMessage")
    assert call.headers["authorization"] == f"Bearer {TOKEN}"
    assert call.json() == {
        "channel": "C024BE91L",
        "text": "Hello",
        "blocks": [SECTION],
        "thread_ts": "1503435956.000247",
        "metadata": {
            "event_type": "karya_task",
            "event_payload": {"task_id": CONTEXT.task_id, "job_id": CONTEXT.job_id, "attempt": 2},
        },
    }


@pytest.mark.parametrize(
    "blocks",
    [[SECTION], orjson.dumps([SECTION]).decode(), {"blocks": [SECTION]}, '{"blocks": [%s]}'],
    ids=["list", "text", "as the builder has it", "the same as text"],
)
async def test_blocks_in_every_form(slack: Target, connector: SlackConnector, blocks: Any) -> None:
    if isinstance(blocks, str) and "%s" in blocks:
        blocks = blocks % orjson.dumps(SECTION).decode()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        await connector.run(SlackAction(channel="#ops", blocks=blocks), CONTEXT)
    (call,) = slack.calls
    assert call.json()["blocks"] == [SECTION]
    assert "text" not in call.json()


@pytest.mark.parametrize(
    "error", ["channel_not_found", "invalid_blocks", "not_in_channel", "invalid_auth", "account_inactive"]
)
async def test_errors_that_stay_are_permanent(slack: Target, connector: SlackConnector, error: str) -> None:
    outcome = await failure(connector, slack, refused(error))
    assert (outcome.permanent, outcome.code) == (True, f"slack.{error}")
    assert error in outcome.error


@pytest.mark.parametrize("error", ["internal_error", "service_unavailable", "fatal_error", "ratelimited"])
async def test_errors_that_pass_are_retried(slack: Target, connector: SlackConnector, error: str) -> None:
    outcome = await failure(connector, slack, refused(error))
    assert (outcome.permanent, outcome.code) == (False, f"slack.{error}")


async def test_what_slack_explains_is_kept(slack: Target, connector: SlackConnector) -> None:
    details = {"response_metadata": {"messages": ["[ERROR] no text [json-pointer:/blocks/0]"]}}
    outcome = await failure(connector, slack, refused("invalid_blocks", **details))
    assert outcome.error == "Slack says invalid_blocks: [ERROR] no text [json-pointer:/blocks/0]"
    outcome = await failure(connector, slack, refused("missing_scope", needed="chat:write"))
    assert outcome.error == "Slack says missing_scope: the token needs the scope chat:write"


async def test_a_quoted_token_is_struck_out(slack: Target, connector: SlackConnector) -> None:
    details = {"errors": [f"Bearer {TOKEN} is no token\n"]}
    outcome = await failure(connector, slack, refused("invalid_auth", **details))
    assert outcome.error == "Slack says invalid_auth: Bearer … is no token"


async def test_a_log_of_level_debug_holds_no_message(
    slack: Target, connector: SlackConnector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await connector.run(message(text="between us"), CONTEXT)
    assert slack.calls[0].json()["text"] == "between us"
    assert "between us" not in caplog.text
    assert TOKEN not in caplog.text


async def test_a_rate_limit_is_honoured_and_not_repeated_here(
    slack: Target, connector: SlackConnector
) -> None:
    outcome = await failure(connector, slack, rate_limited(30))
    assert (outcome.permanent, outcome.code) == (False, "slack.ratelimited")
    assert outcome.retry_after == timedelta(seconds=30)
    assert len(slack.calls) == 1


@pytest.mark.parametrize(
    ("reply", "permanent", "code"),
    [
        (respond(503, "<html>", {"content-type": "text/html"}), False, "http.503"),
        (respond(500, "plain", {"content-type": "text/plain"}), False, "http.500"),
        (respond(502, "{broken", {"content-type": "application/json"}), False, "http.502"),
        (respond(404, "<html>", {"content-type": "text/html"}), True, "http.404"),
        (respond(429, "", {"content-type": "text/html"}), False, "http.429"),
        (respond(200, "<html>", {"content-type": "text/html"}), False, "http.200"),
        (respond(200, "plain", {"content-type": "text/plain"}), False, "http.200"),
        (respond(200, "[1]", {"content-type": "application/json"}), False, "http.200"),
    ],
    ids=["503", "500 plain", "502 broken", "404", "429", "200 html", "200 plain", "200 list"],
)
async def test_answers_that_are_not_slacks_own(
    slack: Target, connector: SlackConnector, reply: Reply, permanent: bool, code: str
) -> None:
    outcome = await failure(connector, slack, reply)
    assert (outcome.permanent, outcome.code) == (permanent, code)


@pytest.mark.parametrize("reply", [reset(), raw(b"nonsense\r\n\r\n")], ids=["reset", "no HTTP"])
async def test_broken_connections_are_retried(slack: Target, connector: SlackConnector, reply: Reply) -> None:
    outcome = await failure(connector, slack, reply)
    assert not outcome.permanent
    assert len(slack.calls) == 1


async def test_nobody_listens(slack: Target) -> None:
    async with opened(settings(f"http://127.0.0.1:{free_port()}")) as connector:
        outcome = await failure(connector, slack)
    assert not outcome.permanent
    assert "connection refused by 127.0.0.1:" in outcome.error


async def test_a_slack_that_hangs_costs_no_more_than_the_timeout(slack: Target) -> None:
    async with opened(settings(slack.url, timeout="PT0.3S")) as connector:
        begun = time.monotonic()
        outcome = await failure(connector, slack, hang())
    assert time.monotonic() - begun < 15
    assert (outcome.permanent, outcome.code) == (False, "timeout")
    assert outcome.error == "timed out after 0.3 s"


async def test_a_stopped_attempt_leaves_at_once(slack: Target, connector: SlackConnector) -> None:
    slack.script(hang())
    run = asyncio.create_task(connector.run(message(), CONTEXT))
    await slack.arrived(1, timeout=30)
    run.cancel()
    assert await asyncio.to_thread(slack.disconnected.wait, 30)
    assert run.cancelled()


async def test_a_template_that_was_not_filled_in_is_a_permanent_failure(
    slack: Target, connector: SlackConnector
) -> None:
    outcome = await connector.run(message(blocks="{{steps.build.result}}"), CONTEXT)
    assert isinstance(outcome, Failure)
    assert outcome.permanent
    assert not slack.calls


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"text": None}, "a text, blocks, or both"),
        ({"text": " \n"}, "nothing but blanks"),
        ({"text": "x" * 40_001}, "40000"),
        ({"channel": ""}, "channel"),
        ({"channel": "a\x00"}, "control character"),
        ({"blocks": []}, "between 1 and 50"),
        ({"blocks": [SECTION] * 51}, "there are 51"),
        ({"blocks": "[{"}, "JSON text of one"),
        ({"blocks": "null"}, "JSON text of one"),
        ({"blocks": {"type": "section"}}, "a list of Block Kit objects"),
        ({"blocks": [{"text": "x"}]}, "each with a type"),
        ({"blocks": [{"type": "section", "text": "x" * 1024 * 1024}]}, "at most 1,048,576 bytes"),
        ({"thread_ts": "yesterday"}, "thread_ts"),
        ({"username": "x"}, "username"),
    ],
)
def test_what_is_refused_at_submission(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        message(**fields)


def test_templates_pass() -> None:
    filled = message(
        text="{{steps.a.result}}", thread_ts="{{steps.a.result.ts}}", blocks="{{steps.b.result}}"
    )
    assert SlackAction.model_validate_json(filled.model_dump_json()) == filled


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"token": ""}, "a bot token"),
        ({"token": f"{TOKEN}\n"}, "a bot token"),
        ({"base_url": "http://slack.example.com/api/"}, "must be https"),
        ({"base_url": "slack"}, "base_url"),
        ({"timeout": "PT0S"}, "timeout"),
    ],
)
def test_settings_that_are_refused(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as caught:
        SlackSettings.model_validate({"token": TOKEN, **fields})
    assert TOKEN not in str(caught.value)


def test_the_token_is_in_no_repr() -> None:
    assert TOKEN not in repr(SlackConnector(SlackSettings.model_validate({"token": TOKEN})).settings)
