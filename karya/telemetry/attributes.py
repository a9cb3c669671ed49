"""What spans say, in the terms of OpenTelemetry's semantic conventions where these have one.

Spans leave the cluster, so they quote nobody, as log lines do (decision 0049): neither what failures say, nor
what actions hold.
"""

from collections.abc import Mapping

import orjson
from opentelemetry.trace import Span, Status, StatusCode
from yarl import URL

from karya.core.action import ActionText, type_of
from karya.core.hint import Hint
from karya.core.outcome import Failure, Outcome
from karya.core.reasons import LOST, reason_of
from karya.core.transitions import Transition

Attributes = Mapping[str, str | int]


def of_submission(job_id: str, jobs: int | None) -> Attributes:
    """Of one job, or of so many that came together."""
    about: Attributes = {"karya.job.id": job_id} if jobs is None else {"messaging.batch.message_count": jobs}
    return {**_sent("submit"), **about}


def of_trigger(job_id: str) -> Attributes:
    """Of a request for an occurrence of this job."""
    return {**_sent("trigger"), "karya.job.id": job_id}


def _sent(operation: str) -> Attributes:
    return {
        "messaging.system": "karya",
        "messaging.operation.name": operation,
        "messaging.operation.type": "send",
    }


def of_task(hint: Hint, action: ActionText) -> Attributes:
    """Of every span of a task."""
    return {
        "messaging.system": "karya",
        "messaging.destination.name": hint.pool,
        "karya.job.id": hint.job_id,
        "karya.task.id": hint.task_id,
        "karya.task.kind": hint.kind.value,
        "karya.connector": type_of(action),
    }


def of_attempt(hint: Hint) -> Attributes:
    """What an attempt has besides."""
    return {
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.message.id": hint.task_id,
        "karya.attempt": hint.attempt,
    }


def of_request(action: ActionText) -> Attributes | None:
    """Of the request of a REST action; None when it is none, or one that cannot be sent. Path and query are
    left out: they may hold secrets."""
    if type_of(action) != "rest":
        return None
    try:
        written = orjson.loads(action)
        url = URL(written["url"])
        return {
            "http.request.method": str(written.get("method", "GET")),
            "server.address": url.host or "",
            "server.port": url.port or 0,
            "url.scheme": url.scheme,
        }
    except (ValueError, LookupError, TypeError):
        return None


def status_of(outcome: Outcome | None) -> int | None:
    """The HTTP status that came, where one did."""
    result = getattr(outcome, "result", None)
    status = result.get("status") if isinstance(result, dict) else None
    return status if isinstance(status, int) else None


def failure_of(outcome: Outcome | None, transition: Transition | None) -> str | None:
    """Why an attempt failed, in a word of a closed table; None when it did not."""
    if isinstance(outcome, Failure):
        return reason_of(outcome)
    return LOST if transition is None else None


def finish(span: Span, at: int, failure: str | None) -> None:
    """Ends it, as an error if it failed."""
    if failure is not None:
        span.set_attribute("error.type", failure)
        span.set_status(Status(StatusCode.ERROR))
    span.end(at)
