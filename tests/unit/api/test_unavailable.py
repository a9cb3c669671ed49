"""While the store does not answer: 503, when to come again, and the cause where it is known here."""

from dataclasses import replace

import aiohttp

from karya.api.serve import Gateway
from karya.core.errors import StoreUnavailable
from karya.core.settings import GatewaySettings
from tests.support.memory_services import MemoryServices
from tests.support.problem import problem_of


async def test_the_cause_leads() -> None:
    memory = MemoryServices()
    memory.jobs.failure = StoreUnavailable("MongoDB does not acknowledge")
    services = replace(memory.services, diagnose=lambda: "the disk of /data is full")
    gateway = Gateway(services, GatewaySettings(port=0))
    await gateway.start()
    try:
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{gateway.url}/v1/jobs", json={"action": {"type": "noop"}}) as response,
        ):
            problem = await problem_of(response, 503)
            assert response.headers["retry-after"] == "1"
    finally:
        await gateway.stop()
    assert problem["detail"] == "the disk of /data is full (MongoDB does not acknowledge)"
