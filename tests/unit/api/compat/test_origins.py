"""Web pages of the origins that the settings name."""

import aiohttp
import pytest

from karya.api.serve import Gateway
from karya.core.settings import GatewaySettings
from tests.support.memory_services import MemoryServices

ORIGIN = "https://jobs.example.com"
PREFLIGHT = {
    "origin": ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


@pytest.mark.parametrize("path", ["/v1/plan", "//v1/plan", "/v1/jobs"])
async def test_a_browser_asks_without_a_token_whether_it_may_ask(path: str) -> None:
    gateway = Gateway(
        MemoryServices().services, GatewaySettings(port=0, require_tokens=True, cors_origins=(ORIGIN,))
    )
    await gateway.start()
    url = gateway.url + path
    async with aiohttp.ClientSession() as client:
        async with client.options(url, headers=PREFLIGHT) as answer:
            assert answer.status == 200
            assert answer.headers["access-control-allow-origin"] == ORIGIN
        async with client.get(url, headers={"origin": ORIGIN}) as answer:
            assert answer.status == 401
            assert answer.headers["access-control-allow-origin"] == ORIGIN
    await gateway.stop()


async def test_no_origin_unless_told() -> None:
    gateway = Gateway(MemoryServices().services, GatewaySettings(port=0))
    await gateway.start()
    async with (
        aiohttp.ClientSession(gateway.url) as client,
        client.options("/v1/plan", headers=PREFLIGHT) as answer,
    ):
        assert answer.status == 403
        assert "access-control-allow-origin" not in answer.headers
    await gateway.stop()
