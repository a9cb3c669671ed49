"""Who is answered at all, and what unexpected errors look like from outside."""

import asyncio

import aiohttp
import pytest
import structlog
from aiohttp import ClientSession

from karya.api.serve import Gateway
from karya.core.errors import StoreUnavailable
from karya.core.settings import GatewaySettings
from tests.support.memory_service import MemoryService
from tests.support.memory_services import MemoryServices
from tests.support.problem import problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]", "[::1]:80"])
async def test_hosts_that_are_served(client: ClientSession, host: str) -> None:
    async with client.get("/healthz", headers={"host": host}) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil", "localhost:x", "::1"],
)
@pytest.mark.parametrize("path", ["/healthz", "/v1/jobs", "/nowhere"])
async def test_foreign_hosts(client: ClientSession, host: str, path: str) -> None:
    async with client.get(path, headers={"host": host}) as response:
        assert "gateway.allowed_hosts" in (await problem_of(response, 421))["detail"]


@pytest.mark.parametrize("hosts", ["", "host: localhost\r\nhost: evil.example\r\n"])
async def test_exactly_one_host(gateway: Gateway, hosts: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    writer.write(f"GET /healthz HTTP/1.1\r\n{hosts}connection: close\r\n\r\n".encode())
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()


async def test_any_host_when_told_so(memory: MemoryServices) -> None:
    gateway = Gateway(memory.services, GatewaySettings(port=0, allowed_hosts=("*",)))
    await gateway.start()
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{gateway.url}/healthz", headers={"host": "any.example"}) as response,
    ):
        assert response.status == 200
    await gateway.stop()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://[bad"])
async def test_pages_of_another_origin(client: ClientSession, service: MemoryService, origin: str) -> None:
    async with client.post(
        "/v1/jobs", json={"action": {"type": "noop"}}, headers={"origin": origin}
    ) as response:
        problem = await problem_of(response, 403)
    assert "gateway.cors_origins" in problem["detail"]
    assert not service.jobs


async def test_pages_of_its_own(client: ClientSession, gateway: Gateway) -> None:
    async with client.get("/v1/jobs", headers={"origin": gateway.url}) as response:
        assert response.status == 200
        assert "access-control-allow-origin" not in response.headers


async def test_an_unexpected_error_shows_nothing(client: ClientSession, service: MemoryService) -> None:
    service.failure = RuntimeError("mongodb://user:geheim@host")
    with structlog.testing.capture_logs() as logs:
        async with client.get("/v1/jobs") as response:
            content = await problem_of(response, 500)
    assert "geheim" not in str(content)
    assert [(entry["path"], entry["log_level"]) for entry in logs] == [("/v1/jobs", "error")]


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/x", "/readyz", "/metrics"])
async def test_what_is_unavailable_may_be_tried_again(
    client: ClientSession, service: MemoryService, path: str
) -> None:
    service.failure = StoreUnavailable("MongoDB does not acknowledge")
    async with client.get(path) as response:
        content = await problem_of(response, 503)
        assert content["detail"] == "MongoDB does not acknowledge"
        assert response.headers["retry-after"] == "1"


async def test_paths_and_methods_that_do_not_exist(client: ClientSession) -> None:
    for path in ("/nowhere", "/v1/jobs/", "/v1/jobs/x/y", "/v1//jobs"):
        async with client.get(path) as response:
            await problem_of(response, 404)
    async with client.delete("/v1/jobs/x") as response:
        await problem_of(response, 405)
        assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "PATCH"}
    async with client.delete("/v1/jobs") as response:
        await problem_of(response, 405)
        assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


async def test_answers_do_not_name_the_server(client: ClientSession) -> None:
    async with client.get("/healthz") as response:
        assert "server" not in response.headers
