"""The same key and body give the same answer."""

from typing import Any

import aiohttp
import pytest

from karya.core.errors import StoreUnavailable
from tests.support.memory_services import MemoryServices

pytestmark = pytest.mark.asyncio(loop_scope="module")
JOB = {"action": {"type": "noop"}}


async def post(
    client: aiohttp.ClientSession, body: Any, key: str, path: str = "/v1/jobs"
) -> tuple[int, Any, Any]:
    async with client.post(path, json=body, headers={"idempotency-key": key}) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


async def test_one_job_for_one_key(client: aiohttp.ClientSession, memory: MemoryServices) -> None:
    first, job, _ = await post(client, JOB, "key-1")
    again, same, headers = await post(client, JOB, "key-1")
    assert first == again == 201
    assert job == same
    assert headers["idempotent-replay"] == "true"
    assert headers["location"] == f"/v1/jobs/{job['id']}"
    assert list(memory.jobs.jobs) == [job["id"]]


async def test_another_body_is_a_conflict(client: aiohttp.ClientSession, memory: MemoryServices) -> None:
    await post(client, JOB, "key-1")
    status, problem, _ = await post(client, {**JOB, "description": "other"}, "key-1")
    assert status == 409
    assert "new key" in problem["detail"]
    assert len(memory.jobs.jobs) == 1


async def test_another_route_is_a_conflict(client: aiohttp.ClientSession) -> None:
    _, job, _ = await post(client, JOB, "key-1")
    status, _, _ = await post(client, None, "key-1", f"/v1/jobs/{job['id']}/cancel")
    assert status == 409


async def test_a_refusal_is_an_answer_too(client: aiohttp.ClientSession) -> None:
    first, problem, _ = await post(client, {"action": {"type": "nope"}}, "key-1")
    again, same, headers = await post(client, {"action": {"type": "nope"}}, "key-1")
    assert first == again == 422
    assert problem == same
    assert headers["content-type"] == "application/problem+json"


async def test_an_outage_is_no_answer(client: aiohttp.ClientSession, memory: MemoryServices) -> None:
    memory.jobs.failure = StoreUnavailable("away")
    assert (await post(client, JOB, "key-1"))[0] == 503
    memory.jobs.failure = None
    assert (await post(client, JOB, "key-1"))[0] == 201


@pytest.mark.parametrize("key", ["", " ", "x" * 256])
async def test_a_bad_key_is_refused(client: aiohttp.ClientSession, key: str) -> None:
    status, problem, _ = await post(client, JOB, key)
    assert (status, problem["errors"][0]["field"]) == (422, "idempotency-key")


async def test_without_a_key_each_request_counts(
    client: aiohttp.ClientSession, memory: MemoryServices
) -> None:
    for _ in range(2):
        async with client.post("/v1/jobs", json=JOB) as answer:
            assert answer.status == 201
    assert len(memory.jobs.jobs) == 2
