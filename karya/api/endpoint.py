"""One HTTP operation, declared once: the router and the OpenAPI document are both made from it."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MAX_REQUEST_BYTES = 2 * 1024 * 1024
"""A body of an action is at most 1 MiB; escaping and the rest of a job fit beside it."""

Handler = Callable[[Request], Awaitable[Response]]

JSON = "application/json"
INVALID = (HTTPStatus.UNPROCESSABLE_ENTITY,)
BAD_BODY = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)
"""The problems of every operation that takes a body."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A handler with what a client must know in order to call it."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    summary: str
    handle: Handler
    returns: type[BaseModel] | None = None
    """The model of the answer."""
    media_type: str = JSON
    status: HTTPStatus = HTTPStatus.OK
    also: tuple[HTTPStatus, ...] = ()
    """Other statuses that come with the same kind of answer."""
    body: type[BaseModel] | None = None
    lines: str | None = None
    """The media type under which it takes many of these, one a line; then JSON is a list of them."""
    query: type[BaseModel] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    """What it reads of the headers of the request, besides those of all requests, and what each is for."""
    problems: tuple[HTTPStatus, ...] = ()
    secret: bool = False
    """Its answer holds a secret, which is shown once and kept nowhere, not even for a repeated request."""
    most_bytes: int = MAX_REQUEST_BYTES
    """How large a body it takes."""

    @property
    def name(self) -> str:
        """Its operation id."""
        return self.handle.__name__


def routes(endpoints: Iterable[Endpoint]) -> list[Route]:
    """The same for the router: one route for each path, so that a wrong method is told all the right ones."""
    by_path: dict[str, dict[str, Handler]] = defaultdict(dict)
    for endpoint in endpoints:
        by_path[endpoint.path][endpoint.method] = endpoint.handle
    return [Route(path, _by_method(handlers), methods=list(handlers)) for path, handlers in by_path.items()]


def _by_method(handlers: Mapping[str, Handler]) -> Handler:
    async def handle(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await handlers[method](request)

    return handle


def answer(view: BaseModel, status: HTTPStatus = HTTPStatus.OK, location: str | None = None) -> Response:
    """A view in its wire form."""
    headers = {"location": location} if location else None
    return Response(view.model_dump_json(), status, headers, JSON)
