"""From bytes to models: bodies and query strings, bounded and checked before anything else happens."""

import asyncio
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from karya.api.endpoint import JSON, MAX_REQUEST_BYTES
from karya.api.problems import Refused
from karya.core.errors import FieldError, InvalidInput
from karya.core.fields import invalid
from karya.core.job import JobState
from karya.core.queries import AuditQuery, Instants, JobQuery, LetterQuery, Paging, SearchText
from karya.core.times import Duration, Instant

BODY_SECONDS = 30.0
"""How long a client may take to send a body."""

_BODY = "karya.body"
_PLAIN_PARAMETERS = ("", "charset=utf-8", 'charset="utf-8"')  # RFC 8259, 8.1: JSON is UTF-8

Model = TypeVar("Model", bound=BaseModel)


class Query(BaseModel):
    """A query string. The parameters in `several` may be repeated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    several: ClassVar[frozenset[str]] = frozenset()


class PageQuery(Query, Paging):
    """Which page of a list."""


class JobsQuery(PageQuery):
    """Which page of which jobs."""

    user_id: Annotated[str, Field(max_length=100, description="Only the jobs of this user.")] | None = None
    status: Annotated[JobState, Field(description="Only jobs in this state.")] | None = None
    tag: Annotated[str, Field(max_length=64, description="Only jobs with this tag.")] | None = None
    name: Annotated[str, Field(max_length=100, description="Only jobs of this name.")] | None = None
    set: Annotated[str, Field(max_length=64, description="Only jobs of this set.")] | None = None
    created_after: Annotated[Instant, Field(description="Submitted at or after this instant.")] | None = None
    created_before: Annotated[Instant, Field(description="Submitted before this instant.")] | None = None
    text: Annotated[SearchText, Field(description="Found in the description, in any case.")] | None = None

    @property
    def wanted(self) -> JobQuery:
        """What it asks for, without the page."""
        return JobQuery(**self.model_dump(exclude={"limit", "cursor"}))


class Letters(Query):
    """Which dead letters: all that is given must hold."""

    user_id: Annotated[str, Field(max_length=100, description="Of the jobs of this user.")] | None = None
    job_id: Annotated[str, Field(max_length=100, description="Of this job.")] | None = None
    step: Annotated[str, Field(max_length=100, description="Of this step.")] | None = None
    died_after: Annotated[Instant, Field(description="Dead since this instant or later.")] | None = None
    died_before: Annotated[Instant, Field(description="Dead since before this instant.")] | None = None
    text: Annotated[SearchText, Field(description="Found in the error, in any case.")] | None = None


class LettersQuery(PageQuery, Letters):
    """Which page of which dead letters."""

    @property
    def wanted(self) -> LetterQuery:
        """What it asks for, without the page."""
        return LetterQuery(**self.model_dump(exclude={"limit", "cursor"}))


class AuditParameters(Query):
    """Which part of the ledger to prove, and which page of the answer."""

    user_id: Annotated[str, Field(max_length=100, description="Of the jobs of this user.")] | None = None
    job_id: Annotated[str, Field(max_length=100, description="Of this job.")] | None = Field(
        None, alias="job"
    )
    since: Annotated[Instant, Field(description="At or after this instant.")] | None = Field(
        None, alias="from"
    )
    until: Annotated[Instant, Field(description="Before this instant.")] | None = Field(None, alias="to")
    patience: Annotated[
        Duration,
        Field(gt=timedelta(0), description="How long a cluster may take over what it does by itself."),
    ] = timedelta(minutes=5)
    cursor: Annotated[str, Field(max_length=500, description="next_cursor of the page before.")] | None = None

    @property
    def wanted(self) -> AuditQuery:
        """What it asks for, without the page. Raises InvalidInput for a range that is none."""
        wire = self.model_dump(exclude={"cursor"})
        try:
            return AuditQuery(**wire)
        except ValidationError as error:
            raise invalid(error, wire, AuditQuery) from None


class VersionQuery(Query):
    """Which version of a job is meant."""

    version: (
        Annotated[int, Field(ge=1, description="Do it only while the job is at this version; 409 otherwise.")]
        | None
    ) = None


class PreviewQuery(Query, Instants):
    """How many instants."""


def read_query(request: Request, model: type[Model]) -> Model:
    """The query string as this model. Raises InvalidInput for unknown, repeated or wrong parameters; a model
    that ignores unknown ones does so however often they come."""
    parameters = request.query_params
    several = model.several if issubclass(model, Query) else frozenset()
    takes_all = model.model_config.get("extra") != "ignore"
    given = {n: parameters.getlist(n) for n in parameters if takes_all or n in model.model_fields}
    if twice := [name for name, values in given.items() if len(values) > 1 and name not in several]:
        raise InvalidInput(FieldError(name, "given more than once") for name in twice)
    single = {name: values[0] for name, values in given.items()}
    return _checked(model, {**single, **{name: given[name] for name in several & given.keys()}})


def read_filters(given: dict[str, str], model: type[Model]) -> Model:
    """Fields that a form narrowed a list down by, as this model. Raises InvalidInput."""
    return _checked(model, given)


async def read_json(request: Request, model: type[Model]) -> Model:
    """The body as this model.

    Raises Refused (400 no JSON, 408 too slow, 413 too large, 415 another type) and InvalidInput.
    """
    return _checked(model, await read_object(request))


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object, its fields not looked at. Raises as `read_json` does."""
    if media_type(request) != JSON:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the body as content-type: application/json")
    written = parsed(await read_body(request))
    if not isinstance(written, dict):
        raise InvalidInput.at("", "the body must be a JSON object")
    return written


def media_type(request: Request) -> str | None:
    """The type of the body; None when its parameters say that it is not UTF-8."""
    name, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    return name.strip() if parameters.strip() in _PLAIN_PARAMETERS else None


async def read_body(request: Request, most: int = MAX_REQUEST_BYTES) -> bytes:
    """The whole body, which may be asked for again. Raises Refused when it is too large or too slow."""
    known: bytes | None = request.scope.get(_BODY)
    if known is None:
        known = request.scope[_BODY] = await _received(request, most)
    return known


async def _received(request: Request, most: int) -> bytes:
    length = request.headers.get("content-length", "")
    if length.isdigit() and (len(length) > 10 or int(length) > most):
        raise _too_large(most)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise _too_large(most)
    except TimeoutError:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, f"the body took over {BODY_SECONDS:g} s") from None
    except ClientDisconnect:
        raise Refused(HTTPStatus.BAD_REQUEST, "the body broke off") from None
    return bytes(body)


def _too_large(most: int) -> Refused:
    return Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request body is at most {most:,} bytes here")


def parsed(body: bytes) -> Any:
    """The JSON in it; raises Refused (400) when it is none."""
    try:  # a parser that keeps a large integer as it is, for the model to refuse
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from None


def _checked(model: type[Model], written: dict[str, Any]) -> Model:
    try:
        return model.model_validate(written)
    except ValidationError as error:
        raise invalid(error, written, model) from None
