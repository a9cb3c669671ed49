"""Which span of a client's a request belongs to."""

import pytest
from starlette.types import Receive, Scope, Send

from karya.api.joining import Joining
from karya.core.trace import Trace, caller

Headers = tuple[tuple[bytes, bytes], ...]
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def known(*headers: tuple[bytes, bytes]) -> Trace | None:
    seen: list[Trace | None] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(caller.get())

    await Joining(app)({"type": "http", "headers": list(headers)}, None, None)  # type: ignore[arg-type]
    (trace,) = seen
    return trace


async def test_the_client_is_known_by_its_headers() -> None:
    states = ((b"tracestate", b"vendor=a"), (b"tracestate", b"other=b"))
    assert await known((b"traceparent", PARENT.encode()), *states) == Trace(
        parent=PARENT, state="vendor=a,other=b"
    )


@pytest.mark.parametrize("headers", [(), ((b"traceparent", b"nonsense"), (b"tracestate", b"vendor=a"))])
async def test_nobody_inherits_the_client_of_another_request(
    headers: Headers,
) -> None:
    caller.set(Trace(parent=PARENT))
    assert await known(*headers) is None
