"""Many jobs in one request, to be stored or only to be looked at: a JSON array, or one JSON object a line."""

from collections.abc import Iterable
from http import HTTPStatus
from io import BytesIO
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import BAD_BODY, JSON, Endpoint, answer
from karya.api.idempotency import minted_id
from karya.api.jobs import JOBS
from karya.api.problems import Refused
from karya.api.requests import media_type, parsed, read_body
from karya.api.services import Services
from karya.core.action import Action
from karya.core.breaths import in_breaths
from karya.core.errors import FieldError, InvalidInput
from karya.core.fields import MOST_ERRORS, invalid
from karya.core.spec import JobSpec
from karya.core.views import BatchView, CheckView

NDJSON = "application/x-ndjson"
MOST_JOBS = 10_000
MAX_BATCH_BYTES = 32 * 1024 * 1024


class BatchRoutes:
    """Submit many jobs at once."""

    def __init__(self, services: Services) -> None:
        self._of = services.jobs_of
        self._spec_type = services.jobs.spec_type
        self.endpoints = (
            Endpoint(
                "POST",
                f"{JOBS}/batch",
                f"Submit up to {MOST_JOBS:,} jobs, a JSON array or {NDJSON}; all are checked first",
                self.submit_batch,
                BatchView,
                body=self._spec_type,
                lines=NDJSON,
                status=HTTPStatus.CREATED,
                problems=BAD_BODY,
                most_bytes=MAX_BATCH_BYTES,
            ),
            Endpoint(
                "POST",
                f"{JOBS}/check",
                f"Say what submitting up to {MOST_JOBS:,} jobs would come to; nothing is stored",
                self.check_batch,
                CheckView,
                body=self._spec_type,
                lines=NDJSON,
                problems=BAD_BODY,
                most_bytes=MAX_BATCH_BYTES,
            ),
        )

    async def submit_batch(self, request: Request) -> Response:
        """201 with the ids, in the order of the request, once all of them are durable."""
        written = await _read_items(request)
        specs = await self._checked(written)
        ids = await self._of(request).submit_many(specs, key=minted_id(request))
        return answer(BatchView(count=len(ids), ids=tuple(ids)), HTTPStatus.CREATED)

    async def check_batch(self, request: Request) -> Response:
        """All that is wrong with each, or how it would be stored."""
        written = await _read_items(request)
        odd = [number for number, item in enumerate(written) if not isinstance(item, dict)]
        if odd:
            raise InvalidInput(FieldError(str(number), "must be an object") for number in odd[:MOST_ERRORS])
        return answer(await self._of(request).check(written))

    async def _checked(self, written: list[Any]) -> list[JobSpec[Action]]:
        specs: list[JobSpec[Action]] = []
        errors: list[FieldError] = []
        async for number, item in in_breaths(written):
            try:
                specs.append(self._spec_type.model_validate(item))
            except ValidationError as error:
                errors += _of_item(number, invalid(error, item, self._spec_type).errors)
            if len(errors) >= MOST_ERRORS:
                break
        if errors:
            raise InvalidInput(errors[:MOST_ERRORS])
        return specs


def _of_item(number: int, errors: Iterable[FieldError]) -> list[FieldError]:
    return [FieldError(f"{number}.{e.field}" if e.field else str(number), e.message) for e in errors]


async def _read_items(request: Request) -> list[Any]:
    kind = media_type(request)
    if kind not in (JSON, NDJSON):
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send the jobs as {JSON} (an array) or {NDJSON}")
    body = await read_body(request, MAX_BATCH_BYTES)
    items = parsed(body) if kind == JSON else await _lines(body)
    if not isinstance(items, list):
        raise InvalidInput.at("", "the body must be a JSON array of jobs")
    if not items:
        raise InvalidInput.at("", f"no jobs; a batch has 1 to {MOST_JOBS:,}")
    if len(items) > MOST_JOBS:
        raise InvalidInput.at("", f"more than {MOST_JOBS:,} jobs; a batch has 1 to {MOST_JOBS:,}")
    return items


async def _lines(body: bytes) -> list[Any]:
    """One more than there may be at most: 32 MiB can be millions of lines."""
    items: list[Any] = []
    async for number, line in in_breaths(BytesIO(body)):
        if line.strip():
            try:
                items.append(parsed(line))
            except Refused as error:
                raise Refused(error.status, f"line {number + 1}: {error.detail}") from None
        if len(items) > MOST_JOBS:
            break
    return items
