"""A real gateway on loopback over a service in memory, and a client for it; one of each for a module.

Stopping an HTTP server takes a fifth of a second, so only the stored state is made anew for each test.
"""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import pytest_asyncio

from karya.api.serve import Gateway
from karya.core.settings import GatewaySettings
from tests.support.memory_service import MemoryService


@pytest.fixture(scope="module")
def module_service() -> MemoryService:
    return MemoryService()


@pytest.fixture
def service(module_service: MemoryService) -> Iterator[MemoryService]:
    yield module_service
    module_service.clear()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(module_service: MemoryService) -> AsyncIterator[Gateway]:
    gateway = Gateway(module_service, GatewaySettings(port=0))
    await gateway.start()
    yield gateway
    await gateway.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def client(gateway: Gateway, service: MemoryService) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(gateway.url) as session:
        yield session
