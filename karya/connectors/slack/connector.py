"""Posts the message of a slack action."""

import asyncio
import logging
from typing import Any

from aiohttp import ClientError, ClientSession, DummyCookieJar, TCPConnector
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from karya.connectors.base import BaseConnector
from karya.connectors.redacted import redacted
from karya.connectors.slack.action import SlackAction
from karya.connectors.slack.settings import SlackSettings
from karya.connectors.slack.verdict import failure_of_answer
from karya.connectors.verdict import failure_of, on_one_line
from karya.core.outcome import Failure, Outcome, Success
from karya.core.ports import AttemptContext, Tools

EVENT_TYPE = "karya_task"

_silent = logging.getLogger("karya.slack")
_silent.setLevel(logging.WARNING)  # slack-sdk would write every message into a log of level debug


class SlackConnector(BaseConnector[SlackAction, SlackSettings]):
    """Posts one message per attempt (chat.postMessage), all within `connectors.slack.timeout`.

    The message carries the id of its task as metadata, so that a reader can tell a repetition. slack-sdk's
    own retries are off: only the task's policy repeats requests (I6).
    """

    action_type = SlackAction
    settings_type = SlackSettings

    def __init__(self, settings: SlackSettings) -> None:
        super().__init__(settings)
        self._session: ClientSession | None = None
        self._client: AsyncWebClient | None = None
        self._now = Tools().now

    async def open(self, tools: Tools) -> None:
        """Makes the session, in the running loop."""
        self._now = tools.now
        self._session = ClientSession(connector=TCPConnector(limit=0), cookie_jar=DummyCookieJar())
        self._client = AsyncWebClient(
            token=self.settings.token.get_secret_value(),
            base_url=self.settings.base_url,
            session=self._session,
            retry_handlers=[],
            logger=_silent,
        )

    async def close(self) -> None:
        """Closes the connections; does nothing when none were opened."""
        if self._session is not None:
            await self._session.close()
            self._session = self._client = None

    async def run(self, action: SlackAction, context: AttemptContext) -> Outcome:
        """Success with the message's `channel` and `ts`; every failure is a Failure."""
        if isinstance(action.blocks, str):
            return Failure(
                "blocks: no JSON; only a step or a hook fills in templates", permanent=True, code="request"
            )
        outcome = await self._outcome(message_of(action, context))
        return redacted(outcome, self.settings.token) if isinstance(outcome, Failure) else outcome

    async def _outcome(self, message: dict[str, Any]) -> Outcome:
        seconds = self.settings.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds) as deadline:
                return await self._post(message)
        except SlackApiError as error:
            return _judged(error, self._now().timestamp())
        except AttributeError:
            # slack-sdk's own, at a 200 that is no JSON object: some proxy's page.
            return failure_of_answer(200, {}, None, self._now().timestamp())
        except (ClientError, SlackClientError, OSError, ValueError) as error:
            if deadline.expired():
                return Failure(f"timed out after {seconds:g} s", code="timeout")
            return failure_of(error)

    async def _post(self, message: dict[str, Any]) -> Outcome:
        if self._client is None:
            raise RuntimeError("the slack connector is not open")
        answer = await self._client.api_call("chat.postMessage", json=message)
        return Success({"channel": answer.get("channel"), "ts": answer.get("ts")})


def message_of(action: SlackAction, context: AttemptContext) -> dict[str, Any]:
    """The arguments of chat.postMessage."""
    message = action.model_dump(mode="json", exclude={"type"}, exclude_none=True)
    payload = {"task_id": context.task_id, "job_id": context.job_id, "attempt": context.attempt}
    return {**message, "metadata": {"event_type": EVENT_TYPE, "event_payload": payload}}


def _judged(error: SlackApiError, now: float) -> Failure:
    """An answer that was understood has a `data`; otherwise there is aiohttp's own response, at most."""
    answer = error.response
    status = getattr(answer, "status_code", None) or getattr(answer, "status", None)
    if status is None:
        return Failure(on_one_line(str(error)))
    return failure_of_answer(status, answer.headers, getattr(answer, "data", None), now)
