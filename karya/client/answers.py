"""From answers to errors: problem+json as the same typed errors that the actor handle raises."""

import json
from collections.abc import Iterable
from typing import Any

from karya.client.request import Effect, Failure, Reply
from karya.core.errors import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    KaryaError,
    NotFound,
    PositionGone,
    Unauthenticated,
    Unavailable,
)

_PROBLEM = "application/problem+json"
_BUSY, _BROKEN_PROXY, _AWAY, _SILENT = 429, 502, 503, 504
_WRONG_BODY = (400, 413, 415)
_SLOW_BODY = 408


def failure_of(reply: Reply, url: str) -> Failure | None:
    """Why this reply is no answer; None when it is one. `url` is where it came from."""
    match reply.media_type:
        case "application/json":  # 503 among them: /readyz says so what is missing
            return None
        case "text/plain" if reply.status < _WRONG_BODY[0]:
            return None
        case "application/problem+json":
            return _of_problem(reply, url)
        case _ if reply.status == 204:
            return None
        case _ if reply.status in (_BUSY, _BROKEN_PROXY, _AWAY, _SILENT):
            error = Unavailable(f"{url} does not answer: {reply.status} {reply.reason}")
            return Failure(error, _effect_of(reply.status), _retry_after(reply))
    return Failure(stranger(url, f"{reply.status} {reply.reason}, {reply.media_type}"), Effect.REFUSED)


def stranger(url: str, found: str) -> KaryaError:
    """The error for what does not speak like a gateway of this version."""
    return KaryaError(f"{url} does not answer like a Karya gateway: {found}")


def _of_problem(reply: Reply, url: str) -> Failure:
    try:
        problem = json.loads(reply.body)
    except ValueError as error:
        return Failure(stranger(url, f"no JSON: {error}"), Effect.REFUSED)
    return Failure(
        error_of(reply.status, problem if isinstance(problem, dict) else {}, url),
        _effect_of(reply.status),
        _retry_after(reply),
    )


def error_of(status: int, problem: dict[str, Any], url: str) -> KaryaError:
    """The error that a problem tells, its words and fields kept."""
    detail = str(problem.get("detail") or problem.get("title") or f"status {status}, without a word")
    match status:
        case 401:
            return Unauthenticated(detail)
        case 403:
            return Forbidden(detail)
        case 404:
            return NotFound.of(detail) or stranger(url, detail)
        case 409:
            return Conflict(detail)
        case 410:
            return PositionGone(detail)
        case 422:
            return InvalidInput(_fields(problem.get("errors")) or [FieldError("", detail)])
        case _ if status in _WRONG_BODY:
            return InvalidInput.at("", detail)
        case _ if status in (_SLOW_BODY, _BUSY, _BROKEN_PROXY, _AWAY, _SILENT):
            return Unavailable(detail)
        case _:
            return KaryaError(detail)


def _fields(errors: Any) -> list[FieldError]:
    entries: Iterable[Any] = errors if isinstance(errors, list) else ()
    return [
        FieldError(str(entry.get("field", "")), str(entry.get("message", "")))
        for entry in entries
        if isinstance(entry, dict)
    ]


def _effect_of(status: int) -> Effect:
    if status in (_BUSY, _SLOW_BODY):
        return Effect.NONE
    return Effect.UNKNOWN if status in (_BROKEN_PROXY, _AWAY, _SILENT) else Effect.REFUSED


def _retry_after(reply: Reply) -> float | None:
    written = reply.headers.get("retry-after", "")
    return float(written) if written.isdecimal() else None
