"""Two slashes behind the host."""

import pytest
from starlette.types import Receive, Scope, Send

from karya.api.compat.slashes import SingleSlash


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("//v1/plan", "/v1/plan"),
        ("///v1/plan/x/summary", "/v1/plan/x/summary"),
        ("//v1/user", "/v1/user"),
        ("/v1/plan", "/v1/plan"),
        ("//v1/planet", "//v1/planet"),
        ("//v1/jobs", "//v1/jobs"),
        ("//healthz", "//healthz"),
        ("/x//v1/plan", "/x//v1/plan"),
    ],
)
async def test_only_upstreams_routes_are_forgiven(path: str, expected: str) -> None:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["path"])

    await SingleSlash(app)({"type": "http", "path": path}, None, None)  # type: ignore[arg-type]
    assert seen == [expected]
