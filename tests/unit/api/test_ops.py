"""Health, readiness, metrics, the index and the OpenAPI document."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import ClientSession
from starlette.routing import Route

from karya.api.app import create_app
from karya.api.events.hub import Hub
from karya.core.settings import GatewaySettings
from karya.core.views import Readiness
from tests.support.memory_service import MemoryService
from tests.support.memory_services import MemoryServices

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_health_does_not_depend_on_anything(client: ClientSession, service: MemoryService) -> None:
    service.failure = RuntimeError("everything is broken")
    async with client.get("/healthz") as response:
        assert (response.status, await response.json()) == (200, {"status": "ok"})


async def test_readiness_gives_its_reasons(client: ClientSession, service: MemoryService) -> None:
    async with client.get("/readyz") as response:
        assert (response.status, await response.json()) == (200, {"ready": True, "reasons": {}})
    service.ready = Readiness(ready=False, reasons={"workers": "none answers"})
    async with client.get("/readyz") as response:
        assert response.status == 503
        assert await response.json() == {"ready": False, "reasons": {"workers": "none answers"}}


async def test_metrics_are_prometheus_text(client: ClientSession) -> None:
    async with client.get("/metrics") as response:
        assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert await response.text() == "karya_up 1\n"


async def test_the_index_leads_everywhere(client: ClientSession) -> None:
    async with client.get("/") as response:
        links = await response.json()
    for link in links.values():
        async with client.get(link) as response:
            assert response.status in (200, 405)


STATUSES = {"201", "400", "401", "403", "408", "409", "413", "415", "421", "422", "503"}
"""Everything that a POST with a body may answer."""

UPSTREAM = ("/v1/plan", "/v1/plan/{id}", "/v1/plan/{id}/summary", "/v1/user")
"""The routes of upstream's API, which docs/reference/upstream-api.md describes."""


async def test_every_route_is_documented_and_every_reference_resolves(
    client: ClientSession, memory: MemoryServices
) -> None:
    async with client.get("/openapi.json") as response:
        document = await response.json()
    assert document["openapi"] == "3.1.0"
    app = create_app(memory.services, GatewaySettings(), Hub(memory.events, memory.services.clock.now))
    routes = {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, Route) and route.path not in UPSTREAM
        for method in (route.methods or set()) - {"HEAD"}
    }
    documented = {(path, method) for path, item in document["paths"].items() for method in item}
    assert documented == routes
    schemas = document["components"]["schemas"]
    references = set(_references(document))
    assert references
    assert {reference.removeprefix("#/components/schemas/") for reference in references} <= set(schemas)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,40}", name) for name in schemas)


async def test_operations_say_what_they_take_and_give(client: ClientSession) -> None:
    async with client.get("/openapi.json") as response:
        document = await response.json()
    submit = document["paths"]["/v1/jobs"]["post"]
    assert _schema(submit["requestBody"]) == {"$ref": "#/components/schemas/JobSpec"}
    assert set(submit["responses"]) == STATUSES
    assert _schema(submit["responses"]["201"]) == {"$ref": "#/components/schemas/JobView"}
    refused = submit["responses"]["422"]["content"]
    assert refused == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    batch = document["paths"]["/v1/jobs/batch"]["post"]["requestBody"]
    assert _schema(batch) == {"type": "array", "items": {"$ref": "#/components/schemas/JobSpec"}}
    assert set(batch["content"]) == {"application/json", "application/x-ndjson"}
    parameters = document["paths"]["/v1/jobs"]["get"]["parameters"]
    assert {parameter["name"] for parameter in parameters} == {
        *("user_id", "status", "tag", "name", "set", "created_after", "created_before", "text"),
        *("limit", "cursor"),
    }
    tasks = document["paths"]["/v1/jobs/{id}/tasks"]["get"]["parameters"]
    assert tasks[0] == {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    operations = [item[method] for item in document["paths"].values() for method in item]
    assert len({operation["operationId"] for operation in operations}) == len(operations)


def _schema(part: dict[str, Any]) -> Any:
    return part["content"]["application/json"]["schema"]


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)
