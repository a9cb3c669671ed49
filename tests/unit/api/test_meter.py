"""Requests are counted by the template of their route, whatever the client writes."""

from collections.abc import AsyncIterator

import pytest_asyncio
from aiohttp import ClientSession

from karya.api.serve import Gateway
from karya.core.settings import GatewaySettings
from tests.support.memory_services import MemoryServices

Counted = tuple[str, str, int, bool]


class Counting:
    """A gateway, a client, and what was counted."""

    def __init__(self) -> None:
        self.seen: list[Counted] = []
        services = MemoryServices().services
        self.gateway = Gateway(services, GatewaySettings(port=0), answered=self.note)

    def note(self, route: str, method: str, status: int, seconds: float, repeated: bool) -> None:
        assert 0 < seconds < 60
        self.seen.append((route, method, status, repeated))


@pytest_asyncio.fixture
async def counting() -> AsyncIterator[Counting]:
    made = Counting()
    await made.gateway.start()
    yield made
    await made.gateway.stop()


async def test_what_was_asked_is_counted_by_closed_tables(counting: Counting) -> None:
    url = counting.gateway.url
    async with ClientSession() as client:
        asked = [
            ("GET", "/v1/jobs/some-id?x=1", {}),
            ("GET", "/v1/jobs/other-id", {}),
            ("GET", "/no/such/page", {}),
            ("PUT", "/healthz", {}),
            ("HEAD", "/healthz", {}),
            ("PROPFIND", "/healthz", {}),
            ("GET", "/healthz", {"host": "evil.example"}),
            ("GET", "//v1/plan/7", {}),
        ]
        for method, path, headers in asked:
            async with client.request(method, f"{url}{path}", headers=headers):
                pass
        for _ in range(2):
            body = {"action": {"type": "noop"}}
            async with client.post(f"{url}/v1/jobs", json=body, headers={"idempotency-key": "k"}):
                pass
    routes = {route for route, *_ in counting.seen}
    assert not [route for route in routes if "some-id" in route or "evil" in route or "such" in route]
    assert counting.seen[:2] == [("/v1/jobs/{id}", "GET", counting.seen[0][2], False)] * 2
    assert counting.seen[2:7] == [
        ("none", "GET", 404, False),
        ("/healthz", "PUT", 405, False),
        ("/healthz", "HEAD", 200, False),
        ("/healthz", "other", 405, False),
        ("none", "GET", 421, False),
    ]
    assert counting.seen[7][0].startswith("/v1/plan/{")
    assert counting.seen[8:] == [("/v1/jobs", "POST", 201, False), ("/v1/jobs", "POST", 201, True)]
