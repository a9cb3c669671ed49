"""From bytes to models: bodies and query strings, bounded and checked before anything else happens."""

import asyncio
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from karya.api.problems import Refused
from karya.core.errors import FieldError, InvalidInput
from karya.core.fields import invalid
from karya.core.job import JobState

MAX_REQUEST_BYTES = 2 * 1024 * 1024
"""A body of an action is at most 1 MiB; escaping and the rest of a job fit beside it."""
BODY_SECONDS = 30.0
"""How long a client may take to send a body."""

_PLAIN_PARAMETERS = ("", "charset=utf-8", 'charset="utf-8"')  # RFC 8259, 8.1: JSON is UTF-8

Model = TypeVar("Model", bound=BaseModel)


class _Query(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PageQuery(_Query):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=100, description="How many entries at most.")] = 20
    cursor: Annotated[str, Field(max_length=500, description="next_cursor of the page before.")] | None = None


class JobsQuery(PageQuery):
    """Which page of which jobs."""

    user_id: Annotated[str, Field(max_length=100, description="Only the jobs of this user.")] | None = None
    status: Annotated[JobState, Field(description="Only jobs in this state.")] | None = None


def read_query(request: Request, model: type[Model]) -> Model:
    """The query string as this model. Raises InvalidInput for unknown, repeated or wrong parameters."""
    pairs = request.query_params.multi_items()
    given = dict(pairs)
    if len(given) < len(pairs):
        names = [name for name, _ in pairs]
        raise InvalidInput(
            FieldError(name, "given more than once") for name in given if names.count(name) > 1
        )
    return _checked(model, given)


async def read_json(request: Request, model: type[Model]) -> Model:
    """The body as this model.

    Raises Refused (400 no JSON, 408 too slow, 413 too large, 415 another type) and InvalidInput.
    """
    media_type, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    if media_type.strip() != "application/json" or parameters.strip() not in _PLAIN_PARAMETERS:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body as content-type: application/json")
    written = _parsed(await _read_body(request))
    if not isinstance(written, dict):
        raise InvalidInput.at("", "the body must be a JSON object")
    return _checked(model, written)


async def _read_body(request: Request) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdigit() and (len(length) > 10 or int(length) > MAX_REQUEST_BYTES):
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_REQUEST_BYTES:
                    raise _too_large()
    except TimeoutError:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, f"the body took over {BODY_SECONDS:g} s") from None
    except ClientDisconnect:
        raise Refused(HTTPStatus.BAD_REQUEST, "the body broke off") from None
    return bytes(body)


def _too_large() -> Refused:
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return Refused(status, f"a request body is at most {MAX_REQUEST_BYTES:,} bytes")


def _parsed(body: bytes) -> Any:
    try:  # a parser that keeps a large integer as it is, for the model to refuse
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from None


def _checked(model: type[Model], written: dict[str, Any]) -> Model:
    try:
        return model.model_validate(written)
    except ValidationError as error:
        raise invalid(error, written) from None
