"""Errors as upstream answers them: the status, and the message as plain text."""

from functools import wraps
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from karya.api.compat.models import TYPE_NAMES
from karya.api.endpoint import Handler
from karya.api.problems import Refused, answer_error
from karya.core.errorlog import shorten
from karya.core.errors import FieldError, InvalidInput, KaryaError, NotFound

MOST_CHARACTERS = 1000
_WORDS = {
    "schedule.every": "period_time",
    "schedule.after": "period_time",
    "schedule.end_at": "plan_type.end_at",
    "retry.max_attempts": "max_failure_retry",
    ".job.": ".request.",
    "action.url": "action.base_url",
    "action.value": "action.message",
    "action.blocks": "action.message",
    "action.text": "action.message",
    "action.to": "action.recipient",
}
"""The names of native fields, and those of upstream's fields that they come from."""


def plainly(handle: Handler) -> Handler:
    """The same handler, with the errors that are foreseen as upstream's clients know them."""

    @wraps(handle)
    async def answered(request: Request) -> Response:
        try:
            return await handle(request)
        except (KaryaError, Refused) as error:
            return _plain(request, error)

    return answered


def _plain(request: Request, error: KaryaError | Refused) -> Response:
    known = answer_error(request, error)
    status = HTTPStatus.BAD_REQUEST if isinstance(error, InvalidInput) else known.status_code
    retry_after = known.headers.get("retry-after")
    headers = {"retry-after": retry_after} if retry_after else None
    return PlainTextResponse(shorten(_message(error), MOST_CHARACTERS), status, headers)


def _message(error: KaryaError | Refused) -> str:
    match error:
        case InvalidInput():
            return str(InvalidInput(FieldError(_field(each.field), each.message) for each in error.errors))
        case NotFound(kind="job"):
            return f"no plan {error.ident!r}"
        case _:
            return str(error)


def _field(field: str) -> str:
    for name in TYPE_NAMES:
        field = field.replace(f".{name}", "")
    for native, upstream in _WORDS.items():
        field = field.replace(native, upstream)
    return field
