"""GET /v1/audit."""

import aiohttp
import pytest

from karya.core.audit.findings import Code
from karya.core.user import Role, TokenSpec, UserSpec
from karya.core.views import FindingView
from tests.support.memory_service import MemoryService
from tests.support.memory_services import MemoryServices

pytestmark = pytest.mark.asyncio(loop_scope="module")
AT = "2026-11-23T08:00:00.000Z"


async def submitted(service: MemoryService, user: str | None = None) -> str:
    spec = service.spec_type.model_validate({"action": {"type": "noop"}, "user_id": user})
    return (await service.submit(spec)).id


async def test_a_page_says_what_was_checked_and_what_was_found(
    client: aiohttp.ClientSession, service: MemoryService
) -> None:
    job = await submitted(service)
    finding = FindingView.model_validate(
        {
            "code": Code.MISSING_INSTANT,
            "invariants": ("I2", "I5"),
            "job_id": job,
            "instant": AT,
            "task_id": None,
            "text": "neither has a task nor lies in a skipped range",
        }
    )
    service.wrong[job] = [finding]
    async with client.get("/v1/audit", params={"from": AT, "to": "2026-11-24T08:00:00Z"}) as answer:
        page = await answer.json()
    assert answer.status == 200
    assert (page["since"], page["until"]) == (AT, "2026-11-24T08:00:00.000Z")
    assert (page["counts"]["jobs"], page["next_cursor"]) == (1, None)
    (told,) = page["findings"]
    assert told == finding.model_dump(mode="json")


async def test_pages_follow_each_other(client: aiohttp.ClientSession, service: MemoryService) -> None:
    for _ in range(3):
        await submitted(service)
    async with client.get("/v1/audit") as answer:
        first = await answer.json()
    async with client.get("/v1/audit", params={"cursor": first["next_cursor"]}) as answer:
        second = await answer.json()
    assert [page["counts"]["jobs"] for page in (first, second)] == [2, 1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"to": "2026"}, "to"),
        ({"patience": "PT0S"}, "patience"),
        ({"patience": "soon"}, "patience"),
        ({"since": AT}, "since"),
        ({"from": AT, "to": AT}, ""),
    ],
)
async def test_what_is_wrong_with_a_query_is_named(
    client: aiohttp.ClientSession, query: dict[str, str], field: str
) -> None:
    async with client.get("/v1/audit", params=query) as answer:
        problem = await answer.json(content_type=None)
    assert answer.status == 422
    assert [error["field"] for error in problem["errors"]] == [field]


async def test_a_user_audits_their_own_jobs(
    client: aiohttp.ClientSession, memory: MemoryServices, service: MemoryService
) -> None:
    """An admin those of everybody."""
    accounts = memory.services.accounts
    ann = await accounts.add_user(UserSpec(name="ann", role=Role.VIEWER))
    token = (await accounts.issue_token(TokenSpec(user_id=ann.id))).secret
    mine, others = await submitted(service, ann.id), await submitted(service, "bob")
    headers = {"authorization": f"Bearer {token}"}
    async with client.get("/v1/audit", headers=headers) as answer:
        assert (await answer.json())["counts"]["jobs"] == 1
    async with client.get("/v1/audit", params={"job": mine}, headers=headers) as answer:
        assert answer.status == 200
    async with client.get("/v1/audit", params={"job": others}, headers=headers) as answer:
        assert answer.status == 404
    async with client.get("/v1/audit") as answer:
        assert (await answer.json())["counts"]["jobs"] == 2
