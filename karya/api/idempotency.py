"""`Idempotency-Key` on every POST: the same key and body give the same answer (kept 24 hours per owner)."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from weakref import WeakValueDictionary

from starlette.requests import Request
from starlette.responses import Response

from karya.api.endpoint import Endpoint
from karya.api.identity import principal_of
from karya.api.problems import Refused, answer_error, problem
from karya.api.requests import read_body
from karya.api.services import Services
from karya.core.errors import InvalidInput, KaryaError
from karya.core.ports.requests import Answered, Fresh, Misused

HEADER = "idempotency-key"
_MOST_CHARACTERS = 255
_KEPT_HEADERS = ("content-type", "location")
_MINTED = "karya.minted"


def repeatable(services: Services, endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    """The same endpoints, the POST ones heeding the header."""
    turns = _Turns()
    return [
        _wrapped(services, turns, endpoint) if endpoint.method == "POST" else endpoint
        for endpoint in endpoints
    ]


def minted_id(request: Request) -> str | None:
    """The identity that every repetition of this request shares; None when it has no key."""
    minted: str | None = request.scope.get(_MINTED)
    return minted


class _Turns:
    """One request at a time for each key of an owner: one that is sent again while it is served waits, and is
    then told the answer."""

    def __init__(self) -> None:
        # A lock is there for as long as somebody holds it or waits for it.
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    def of(self, owner: str, key: str) -> asyncio.Lock:
        return self._locks.setdefault((owner, key), asyncio.Lock())


def _wrapped(services: Services, turns: _Turns, endpoint: Endpoint) -> Endpoint:
    inner = endpoint.handle

    async def handle(request: Request) -> Response:
        key = _key(request)
        if key is None:
            return await inner(request)
        owner = principal_of(request).user_id or ""
        fingerprint = await _fingerprint(request, endpoint.most_bytes)
        async with turns.of(owner, key):
            return await _once(services, endpoint, request, owner, key, fingerprint)

    handle.__name__ = endpoint.name
    return replace(endpoint, handle=handle, problems=(*endpoint.problems, HTTPStatus.CONFLICT))


async def _once(
    services: Services, endpoint: Endpoint, request: Request, owner: str, key: str, fingerprint: str
) -> Response:
    standing = await services.requests.begin(owner, key, fingerprint, services.clock.now())
    match standing:
        case Misused():
            raise Refused(
                HTTPStatus.CONFLICT,
                f"this {HEADER} was used for another request: choose a new key for a new one",
            )
        case Answered():
            return Response(
                standing.body, standing.status, {**dict(standing.headers), "idempotent-replay": "true"}
            )
        case Fresh():
            request.scope[_MINTED] = standing.minted_id
    response = await _answer(endpoint.handle, request)
    if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        await services.requests.finish(owner, key, _kept(endpoint, response))
    return response


def _kept(endpoint: Endpoint, response: Response) -> Answered:
    if endpoint.secret and response.status_code < HTTPStatus.BAD_REQUEST:
        response = problem(
            HTTPStatus.CONFLICT, "this was done already, and its secret is not kept: it was shown that once"
        )
    headers = tuple((name, response.headers[name]) for name in _KEPT_HEADERS if name in response.headers)
    return Answered(response.status_code, bytes(response.body), headers)


async def _answer(handle: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    """What the client gets, errors included: a refusal is an answer too."""
    try:
        return await handle(request)
    except (KaryaError, Refused) as error:
        return answer_error(request, error)


def _key(request: Request) -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not 1 <= len(key.strip()) <= _MOST_CHARACTERS:
        raise InvalidInput.at(HEADER, f"a key has 1 to {_MOST_CHARACTERS} characters; a UUID is a good one")
    return key


async def _fingerprint(request: Request, most: int) -> str:
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    digest.update(await read_body(request, most))
    return digest.hexdigest()
