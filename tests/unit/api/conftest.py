"""A real gateway on loopback over services in memory, and a client for it; one of each for a module.

Stopping an HTTP server takes a fifth of a second, so only the stored state is made anew for each test.
"""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
import pytest_asyncio

from karya.api.serve import Gateway
from karya.core.settings import GatewaySettings
from tests.support.memory_service import MemoryService
from tests.support.memory_services import MemoryServices


@pytest.fixture(scope="module")
def module_services() -> MemoryServices:
    return MemoryServices()


@pytest.fixture
def memory(module_services: MemoryServices) -> Iterator[MemoryServices]:
    yield module_services
    module_services.clear()


@pytest.fixture
def service(memory: MemoryServices) -> MemoryService:
    return memory.jobs


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(module_services: MemoryServices) -> AsyncIterator[Gateway]:
    gateway = Gateway(module_services.services, GatewaySettings(port=0))
    await gateway.start()
    yield gateway
    await gateway.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def client(gateway: Gateway, service: MemoryService) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(gateway.url) as session:
        yield session
