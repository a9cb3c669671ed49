"""What Slack's answer means for the attempt: pure functions."""

from collections.abc import Mapping
from typing import Any

from karya.connectors.verdict import on_one_line, retry_after
from karya.core.outcome import Failure

TRANSIENT = frozenset(
    {
        "external_channel_migrating",
        "fatal_error",
        "internal_error",
        "message_limit_exceeded",
        "org_login_required",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_added_to_org",
    }
)
"""What Slack says of itself, or of a workspace that is being moved. All its other errors are about the
request, the channel or the token: the same again comes to the same."""

TRANSIENT_STATUSES = (408, 425, 429)


def failure_of_answer(status: int, headers: Mapping[str, str], data: Any, now: float) -> Failure:
    """The failure behind an answer that is not `ok`. Without one of Slack's own errors the status decides."""
    wait = retry_after(headers.get("retry-after", ""), now)
    error = data.get("error") if isinstance(data, Mapping) else None
    if not isinstance(error, str):
        permanent = 300 <= status < 500 and status not in TRANSIENT_STATUSES
        return Failure(
            f"HTTP {status} without an answer of Slack", permanent, code=f"http.{status}", retry_after=wait
        )
    error = on_one_line(error, 50)
    transient = error in TRANSIENT or status in TRANSIENT_STATUSES or status >= 500
    text = f"Slack says {error}{_details(data)}"
    return Failure(text, permanent=not transient, code=f"slack.{error}", retry_after=wait)


def _details(data: Mapping[str, Any]) -> str:
    """What Slack adds for people, such as which block is wrong and which scope is needed."""
    metadata = data.get("response_metadata")
    messages = metadata.get("messages") if isinstance(metadata, Mapping) else None
    found = [*(messages if isinstance(messages, list) else []), *_lines(data.get("errors"))]
    if isinstance(needed := data.get("needed"), str):
        found.append(f"the token needs the scope {needed}")
    text = on_one_line("; ".join(dict.fromkeys(map(str, found))), 500)
    return f": {text}" if text else ""


def _lines(errors: Any) -> list[Any]:
    return errors if isinstance(errors, list) else []
