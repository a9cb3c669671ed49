"""How Slack's web API answers, for a `Target`."""

from typing import Any

import orjson

from tests.support.target import Reply, respond

JSON = {"content-type": "application/json; charset=utf-8"}


def accepted(channel: str = "C024BE91L", ts: str = "1503435956.000247") -> Reply:
    """chat.postMessage has posted."""
    return respond(200, orjson.dumps({"ok": True, "channel": channel, "ts": ts, "message": {}}), JSON)


def refused(error: str, **details: Any) -> Reply:
    """An error of Slack's, which comes with status 200."""
    return respond(200, orjson.dumps({"ok": False, "error": error, **details}), JSON)


def rate_limited(seconds: int) -> Reply:
    """Too many messages."""
    body = orjson.dumps({"ok": False, "error": "ratelimited"})
    return respond(429, body, {**JSON, "retry-after": str(seconds)})
