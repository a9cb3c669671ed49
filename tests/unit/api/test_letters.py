"""Dead letters over HTTP: what is asked for wrongly is refused by its field, and nothing is moved."""

from typing import Any

import pytest
from aiohttp import ClientSession

from tests.support.memory_service import MemoryService
from tests.support.problem import errors_of, problem_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("cursor=foreign", "cursor"),
        ("died_after=yesterday", "died_after"),
        ("died_before=2026-11-23T08:00:00", "died_before"),
        ("text=", "text"),
        ("text=a%00b", "text"),
        ("step=a&step=b", "step"),
        ("status=DEAD", "status"),
    ],
)
async def test_a_list_that_makes_no_sense_is_refused_by_its_field(
    client: ClientSession, query: str, field: str
) -> None:
    async with client.get(f"/v1/dead-letters?{query}") as response:
        assert list(await errors_of(response)) == [field]


@pytest.mark.parametrize("verb", ["redrive", "discard"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": ""}, "text"),
        ({"text": "a\0b"}, "text"),
        ({"job_id": {"$ne": ""}}, "job_id"),
        ({"died_after": 5}, "died_after"),
        ({"jobid": "x"}, "jobid"),
        ([], ""),
    ],
)
async def test_a_bulk_move_that_makes_no_sense_is_refused_by_its_field(
    client: ClientSession, service: MemoryService, verb: str, body: Any, field: str
) -> None:
    async with client.post(f"/v1/dead-letters/{verb}", json=body) as response:
        assert list(await errors_of(response)) == [field]


@pytest.mark.parametrize("verb", ["redrive", "discard"])
async def test_a_letter_that_is_none_is_not_found(client: ClientSession, verb: str) -> None:
    async with client.post(f"/v1/dead-letters/nothing/{verb}") as response:
        assert (await problem_of(response, 404))["detail"] == "no task 'nothing'"
