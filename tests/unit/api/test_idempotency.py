"""The same key and body give the same answer."""

import asyncio
from typing import Any

import aiohttp
import pytest

from karya.api import idempotency
from karya.core.errors import StoreUnavailable
from karya.core.views import OccurrenceView
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


async def test_a_secret_is_shown_once_and_not_kept(
    client: aiohttp.ClientSession, memory: MemoryServices
) -> None:
    _, user, _ = await post(client, {"name": "ann"}, "user", "/v1/users")
    status, issued, _ = await post(client, {"user_id": user["id"]}, "token", "/v1/tokens")
    assert status == 201
    again, problem, _ = await post(client, {"user_id": user["id"]}, "token", "/v1/tokens")
    assert again == 409
    assert "shown that once" in problem["detail"]
    assert len(memory.tokens.stored) == 1
    assert issued["secret"] not in str(memory.requests.answers)


async def test_of_a_request_that_is_sent_again_while_it_is_served_one_counts(
    client: aiohttp.ClientSession, memory: MemoryServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, job, _ = await post(client, {**JOB, "schedule": {"kind": "interval", "every": "PT1H"}}, "key-1")
    skip_next, turn_of, all_are_there = memory.jobs.skip_next, idempotency._Turns.of, asyncio.Event()
    calls: list[str] = []
    keys: list[str] = []

    def of(self: idempotency._Turns, owner: str, key: str) -> asyncio.Lock:
        keys.append(key)
        if keys.count("key-2") == 3:
            all_are_there.set()
        return turn_of(self, owner, key)

    async def when_all_are_there(job_id: str) -> OccurrenceView:
        calls.append(job_id)
        await asyncio.wait_for(all_are_there.wait(), 30)
        return await skip_next(job_id)

    monkeypatch.setattr(idempotency._Turns, "of", of)
    monkeypatch.setattr(memory.jobs, "skip_next", when_all_are_there)
    path = f"/v1/jobs/{job['id']}/skip-next"
    answers = await asyncio.gather(*(post(client, None, "key-2", path) for _ in range(3)))
    assert calls == [job["id"]]
    assert [(status, body) for status, body, _ in answers] == [(200, answers[0][1])] * 3
