"""The gateway as a server: ports, start and stop."""

import asyncio
import signal
import socket
import time

import aiohttp
import pytest

from karya.api import serve
from karya.api.serve import Gateway
from karya.core.errors import ConfigError
from karya.core.settings import GatewaySettings
from karya.core.views import Readiness
from tests.support.memory_service import MemoryService
from tests.support.memory_services import MemoryServices

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_taken_port_is_named_with_the_way_out(memory: MemoryServices) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            ConfigError, match=f"port {port} of 127.0.0.1 is taken: .* choose another with --port"
        ):
            await Gateway(memory.services, GatewaySettings(port=port)).start()


async def test_two_gateways_cannot_share_a_port(gateway: Gateway, memory: MemoryServices) -> None:
    port = int(gateway.url.rpartition(":")[2])
    with pytest.raises(ConfigError, match="is taken"):
        await Gateway(memory.services, GatewaySettings(port=port)).start()


async def test_an_address_of_another_machine(memory: MemoryServices) -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1: .*--host"):
        await Gateway(memory.services, GatewaySettings(host="192.0.2.1", port=0)).start()


async def test_a_name_is_resolved(memory: MemoryServices) -> None:
    gateway = Gateway(memory.services, GatewaySettings(host="localhost", port=0))
    await gateway.start()
    async with aiohttp.ClientSession() as client, client.get(f"{gateway.url}/healthz") as response:
        assert response.status == 200
    await gateway.stop()


async def test_stop_ends_it_and_frees_the_port(
    memory: MemoryServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "STOP_SECONDS", 600)  # an idle connection is not waited for
    gateway = Gateway(memory.services, GatewaySettings(port=0))
    await gateway.stop()
    await gateway.start()
    port = int(gateway.url.rpartition(":")[2])
    async with aiohttp.ClientSession() as client:
        async with client.get(f"{gateway.url}/healthz") as response:
            assert response.status == 200
        await asyncio.wait_for(gateway.stop(), timeout=30)
    await gateway.stop()
    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_stop_lets_requests_finish(
    service: MemoryService, memory: MemoryServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, released = asyncio.Event(), asyncio.Event()

    async def slowly() -> Readiness:
        entered.set()
        await released.wait()
        return service.ready

    monkeypatch.setattr(service, "readiness", slowly)
    gateway = Gateway(memory.services, GatewaySettings(port=0))
    await gateway.start()

    async def ask() -> int:
        async with aiohttp.ClientSession() as client, client.get(f"{gateway.url}/readyz") as response:
            return response.status

    asking = asyncio.create_task(ask())
    await entered.wait()
    stopping = asyncio.create_task(gateway.stop())
    await asyncio.sleep(0)
    released.set()
    assert await asking == 200
    await asyncio.wait_for(stopping, timeout=30)


async def test_the_signals_stay_with_the_process(memory: MemoryServices) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    gateway = Gateway(memory.services, GatewaySettings(port=0))
    await gateway.start()
    during = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    await gateway.stop()
    assert during == before


async def test_small_answers_leave_at_once(client: aiohttp.ClientSession) -> None:
    async def seconds() -> float:
        began = time.monotonic()
        async with client.post("/v1/jobs", json={"action": {"type": "noop"}}) as response:
            assert response.status == 201
            await response.read()
        return time.monotonic() - began

    # On a machine however busy one of them is quick: with Nagle's algorithm each takes 40 ms, once the other
    # side has seen enough of the connection to put its acknowledgements off.
    assert min([await seconds() for _ in range(150)][20:]) < 0.03
