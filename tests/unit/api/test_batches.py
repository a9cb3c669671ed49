"""Many jobs in one request."""

from typing import Any

import aiohttp
import orjson
import pytest

from karya.api.batches import BatchRoutes
from tests.support.memory_service import MemoryService
from tests.support.memory_services import MemoryServices
from tests.support.turns import others

pytestmark = pytest.mark.asyncio(loop_scope="module")
JOB = {"action": {"type": "noop"}}
NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}


async def post(client: aiohttp.ClientSession, body: Any, headers: dict[str, str] = JSON) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    async with client.post("/v1/jobs/batch", data=data, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_the_jobs_of_an_array_are_stored_in_its_order(
    client: aiohttp.ClientSession, service: MemoryService
) -> None:
    status, batch = await post(client, [{**JOB, "description": str(n)} for n in range(3)])
    assert (status, batch["count"]) == (201, 3)
    assert [service.jobs[ident].description for ident in batch["ids"]] == ["0", "1", "2"]


async def test_each_line_is_stored_as_a_job(client: aiohttp.ClientSession, service: MemoryService) -> None:
    lines = b"\n".join(orjson.dumps({**JOB, "description": str(n)}) for n in range(3)) + b"\n\n"
    status, batch = await post(client, lines, NDJSON)
    assert (status, batch["count"]) == (201, 3)
    assert len(service.jobs) == 3


async def test_errors_name_item_and_field_and_nothing_is_stored(
    client: aiohttp.ClientSession, service: MemoryService
) -> None:
    bad = [JOB, {"action": {"type": "rest"}}, {**JOB, "schedule": {"kind": "interval"}}, 7]
    status, problem = await post(client, bad)
    assert status == 422
    assert [error["field"] for error in problem["errors"]] == ["1.action.url", "2.schedule.every", "3"]
    assert service.jobs == {}


@pytest.mark.parametrize("body", [[], {}, "text", None, 7])
async def test_what_is_no_batch_is_refused(client: aiohttp.ClientSession, body: Any) -> None:
    assert (await post(client, body))[0] == 422


@pytest.mark.parametrize("headers", [JSON, NDJSON], ids=["array", "lines"])
async def test_ten_thousand_jobs_are_stored_by_one_request(
    client: aiohttp.ClientSession, service: MemoryService, headers: dict[str, str]
) -> None:
    lines = [orjson.dumps(JOB)] * 10_000
    body = b"[" + b",".join(lines) + b"]" if headers is JSON else b"\n".join(lines)
    status, batch = await post(client, body, headers)
    assert (status, batch["count"], len(set(batch["ids"]))) == (201, 10_000, 10_000)
    assert list(service.jobs) == batch["ids"]


@pytest.mark.parametrize("headers", [JSON, NDJSON])
async def test_more_than_ten_thousand_are_refused(
    client: aiohttp.ClientSession, service: MemoryService, headers: dict[str, str]
) -> None:
    line = orjson.dumps(JOB)
    body = b"[" + b",".join([line] * 10_001) + b"]" if headers is JSON else b"\n".join([line] * 10_001)
    status, problem = await post(client, body, headers)
    assert status == 422
    assert "more than 10,000 jobs; a batch has 1 to 10,000" in problem["detail"]
    assert service.jobs == {}


async def test_lines_behind_the_first_that_is_too_many_are_not_even_read(
    client: aiohttp.ClientSession,
) -> None:
    """32 MiB can be millions of them, and others wait for the loop that reads them."""
    body = orjson.dumps(JOB) + b"\n"
    status, problem = await post(client, body * 10_001 + b"{broken\n", NDJSON)
    assert (status, problem["detail"].startswith("more than 10,000 jobs")) == (422, True)


async def test_a_broken_line_is_named(client: aiohttp.ClientSession) -> None:
    status, problem = await post(client, orjson.dumps(JOB) + b"\n{broken\n", NDJSON)
    assert status == 400
    assert problem["detail"].startswith("line 2:")


async def test_another_type_is_refused(client: aiohttp.ClientSession) -> None:
    assert (await post(client, [JOB], {"content-type": "text/csv"}))[0] == 415


async def test_others_are_served_while_a_large_one_is_checked(memory: MemoryServices) -> None:
    with others() as turns:
        specs = await BatchRoutes(memory.services)._checked([JOB] * 1_000)
    assert (len(specs), turns.count) == (1_000, 10)


async def test_a_check_tells_what_is_wrong_with_each_and_stores_nothing(
    client: aiohttp.ClientSession, service: MemoryService
) -> None:
    named = {**JOB, "name": "nightly", "set": "reports"}
    async with client.post("/v1/jobs/check", json=[named, {"action": {"type": "rest"}}]) as answer:
        fine, wrong = (await answer.json())["jobs"]
    assert (fine["errors"], fine["spec"]["name"], fine["spec"]["set"]) == ([], "nightly", "reports")
    assert (fine["spec"]["retry"]["max_attempts"], fine["over"], fine["namesake"]) == (4, False, None)
    assert (wrong["spec"], wrong["errors"]) == (None, [{"field": "action.url", "message": "required"}])
    assert service.jobs == {}
    async with client.post("/v1/jobs/check", json=[JOB, 7]) as answer:
        assert answer.status == 422
        assert [error["field"] for error in (await answer.json())["errors"]] == ["1"]


async def test_a_change_and_a_cancel_heed_the_version(
    client: aiohttp.ClientSession, service: MemoryService
) -> None:
    async with client.post("/v1/jobs", json=JOB) as answer:
        path = f"/v1/jobs/{(await answer.json())['id']}"
    for method, where in (("PATCH", path), ("POST", f"{path}/cancel")):
        async with client.request(method, f"{where}?version=7", json={"description": "x"}) as answer:
            assert answer.status == 409
            assert "is at version 1, not 7" in (await answer.json())["detail"]
    async with client.patch(f"{path}?version=1", json={"description": "x"}) as answer:
        assert (answer.status, (await answer.json())["version"]) == (200, 2)
    async with client.post(f"{path}/cancel?version=2") as answer:
        assert (answer.status, (await answer.json())["status"]) == (200, "CANCELLED")
