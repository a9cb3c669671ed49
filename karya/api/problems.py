"""Errors as RFC 9457 problem+json: what every client sees when something is wrong."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from karya.core.errorlog import shorten
from karya.core.errors import (
    Conflict,
    FieldError,
    Forbidden,
    InvalidInput,
    NotFound,
    PositionGone,
    StoreUnavailable,
    Unavailable,
)

MEDIA_TYPE = "application/problem+json"
MOST_CHARACTERS = 300

_SLUGS = {HTTPStatus.UNPROCESSABLE_ENTITY: "invalid-input", HTTPStatus.SERVICE_UNAVAILABLE: "unavailable"}


class Refused(Exception):
    """A request that is wrong before its meaning is looked at: too large, no JSON, no such host."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        self.status, self.detail = status, detail
        super().__init__(detail)


def problem(
    status: HTTPStatus,
    detail: str,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer for one problem; what a client wrote and the text quotes is cut to a bounded length."""
    content: dict[str, Any] = {
        "type": f"urn:karya:problem:{_SLUGS[status]}" if status in _SLUGS else "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": shorten(detail, MOST_CHARACTERS),
    }
    if errors:
        content["errors"] = [_entry(error) for error in errors]
    return Response(orjson.dumps(content), status, headers, MEDIA_TYPE)


def answer_error(request: Request, error: Exception) -> Response:
    """The answer for every error that is foreseen; raises the others again."""
    status, detail = explained(request, error)
    match error:
        case HTTPException():
            return problem(status, detail, headers=error.headers)
        case InvalidInput():
            return problem(status, detail, error.errors)
        case Unavailable():
            return problem(status, detail, headers={"retry-after": "1"})
        case _:
            return problem(status, detail)


def explained(request: Request, error: Exception) -> tuple[HTTPStatus, str]:
    """The status and the sentence for every error that is foreseen; raises the others again."""
    match error:
        case Refused():
            return error.status, error.detail
        case HTTPException():
            status = HTTPStatus(error.status_code)
            return status, f"{request.method} {request.scope['path']}: {status.description or status.phrase}"
        case InvalidInput():
            return HTTPStatus.UNPROCESSABLE_ENTITY, str(error)
        case NotFound():
            return HTTPStatus.NOT_FOUND, str(error)
        case Forbidden():
            return HTTPStatus.FORBIDDEN, str(error)
        case PositionGone():
            return HTTPStatus.GONE, str(error)
        case Conflict():
            return HTTPStatus.CONFLICT, str(error)
        case Unavailable():
            return HTTPStatus.SERVICE_UNAVAILABLE, _with_cause(request, error)
        case _:
            raise error


def _with_cause(request: Request, error: Unavailable) -> str:
    """What went wrong, led by the cause where this machine knows it."""
    cause = request.app.state.diagnose() if isinstance(error, StoreUnavailable) else None
    return f"{cause} ({error})" if cause else str(error)


def _entry(error: FieldError) -> dict[str, str]:
    return {
        "field": shorten(error.field, MOST_CHARACTERS),
        "message": shorten(error.message, MOST_CHARACTERS),
    }
