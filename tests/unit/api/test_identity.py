"""Who may ask: tokens, roles, owners."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from karya.api.owned import Owned
from karya.api.serve import Gateway
from karya.core.errors import Forbidden
from karya.core.settings import GatewaySettings
from karya.core.user import LOCAL, Principal, Role, TokenSpec, UserSpec
from tests.support.memory_services import MemoryServices

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOOP = {"action": {"type": "noop"}}
REST = {"type": "rest", "url": "http://127.0.0.1:1/"}
LATER = {**NOOP, "schedule": {"kind": "once", "after": "PT1H"}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(module_services: MemoryServices) -> AsyncIterator[Gateway]:
    gateway = Gateway(module_services.services, GatewaySettings(port=0, require_tokens=True))
    await gateway.start()
    yield gateway
    await gateway.stop()


async def session_of(
    memory: MemoryServices, gateway: Gateway, name: str, role: Role
) -> aiohttp.ClientSession:
    accounts = memory.services.accounts
    user = await accounts.add_user(UserSpec(name=name, role=role))
    issued = await accounts.issue_token(TokenSpec(user_id=user.id))
    return aiohttp.ClientSession(gateway.url, headers={"authorization": f"Bearer {issued.secret}"})


@pytest_asyncio.fixture(loop_scope="module")
async def people(memory: MemoryServices, gateway: Gateway) -> AsyncIterator[dict[str, aiohttp.ClientSession]]:
    roles = {"ann": Role.USER, "bob": Role.USER, "vic": Role.VIEWER, "root": Role.ADMIN}
    sessions = {name: await session_of(memory, gateway, name, role) for name, role in roles.items()}
    yield sessions
    for session in sessions.values():
        await session.close()


async def ask(session: aiohttp.ClientSession, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with session.request(method, path, json=body) as answer:
        return answer.status, await answer.json(content_type=None)


@pytest.mark.parametrize("path", ["/v1/jobs", "/metrics", "/", "/openapi.json", "/v1/whoami", "/v1/plan"])
async def test_nobody_gets_in_without_a_token(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as answer:
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "karya token create" in (await answer.json(content_type=None))["detail"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_open(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("credentials", ["Bearer wrong", "Bearer ", "Basic YTpi", "Bearer karya_wrong"])
async def test_a_wrong_token_is_refused(client: aiohttp.ClientSession, credentials: str) -> None:
    async with client.get("/v1/jobs", headers={"authorization": credentials}) as answer:
        assert answer.status == 401


async def test_the_caller_is_named(people: dict[str, aiohttp.ClientSession]) -> None:
    status, whoami = await ask(people["ann"], "GET", "/v1/whoami")
    assert (status, whoami["user"]["name"], whoami["role"]) == (200, "ann", "user")


async def test_a_job_belongs_to_its_submitter_and_to_nobody_else(
    people: dict[str, aiohttp.ClientSession],
) -> None:
    status, job = await ask(people["ann"], "POST", "/v1/jobs", LATER)
    assert status == 201
    assert job["user_id"] == (await ask(people["ann"], "GET", "/v1/whoami"))[1]["user"]["id"]
    for name, expected in (("ann", 200), ("bob", 404), ("vic", 404), ("root", 200)):
        assert (await ask(people[name], "GET", f"/v1/jobs/{job['id']}"))[0] == expected
    foreign, _ = await ask(people["bob"], "GET", f"/v1/jobs/{job['id']}")
    missing, _ = await ask(people["bob"], "GET", "/v1/jobs/01920000-0000-7000-8000-000000000000")
    assert foreign == missing == 404
    listed = [len((await ask(people[name], "GET", "/v1/jobs"))[1]["jobs"]) for name in ("ann", "bob", "root")]
    assert listed == [1, 0, 1]


@pytest.mark.parametrize(
    ("method", "tail"),
    [
        ("GET", "/tasks"),
        ("GET", "/summary"),
        ("GET", "/why"),
        ("GET", "/versions"),
        ("GET", "/occurrences"),
        ("POST", "/cancel"),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/trigger"),
        ("POST", "/skip-next"),
        ("PATCH", ""),
    ],
)
async def test_every_route_answers_others_as_if_there_were_nothing(
    people: dict[str, aiohttp.ClientSession], method: str, tail: str
) -> None:
    _, job = await ask(people["ann"], "POST", "/v1/jobs", LATER)
    body = {"description": "mine"} if method == "PATCH" else None
    theirs = await ask(people["bob"], method, f"/v1/jobs/{job['id']}{tail}", body)
    nobodys = await ask(people["bob"], method, f"/v1/jobs/nothing{tail}", body)
    assert theirs[0] == nobodys[0] == 404
    assert theirs[1]["detail"].replace(job["id"], "nothing") == nobodys[1]["detail"]


async def test_a_viewer_only_reads(people: dict[str, aiohttp.ClientSession]) -> None:
    status, problem = await ask(people["vic"], "POST", "/v1/jobs", NOOP)
    assert status == 403
    assert "viewer" in problem["detail"]
    assert (await ask(people["vic"], "GET", "/v1/jobs"))[0] == 200


async def test_nobody_submits_for_somebody_else(people: dict[str, aiohttp.ClientSession]) -> None:
    bob = (await ask(people["bob"], "GET", "/v1/whoami"))[1]["user"]["id"]
    status, problem = await ask(people["ann"], "POST", "/v1/jobs", {**NOOP, "user_id": bob})
    assert (status, problem["errors"][0]["field"]) == (422, "user_id")
    status, problem = await ask(people["ann"], "POST", "/v1/jobs/preview", {**NOOP, "user_id": bob})
    assert (status, problem["errors"][0]["field"]) == (422, "user_id")
    status, problem = await ask(people["ann"], "GET", f"/v1/jobs?user_id={bob}")
    assert (status, problem["errors"][0]["field"]) == (422, "user_id")


async def test_accounts_are_for_admins(people: dict[str, aiohttp.ClientSession]) -> None:
    assert (await ask(people["ann"], "POST", "/v1/users", {"name": "eve"}))[0] == 403
    assert (await ask(people["ann"], "GET", "/v1/users"))[0] == 403
    status, users = await ask(people["root"], "GET", "/v1/users")
    assert status == 200
    assert {user["name"] for user in users["users"]} == {"ann", "bob", "vic", "root"}


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\tb", "a\0", "x" * 101, 5, None])
async def test_a_wrong_name_is_refused(people: dict[str, aiohttp.ClientSession], name: Any) -> None:
    status, problem = await ask(people["root"], "POST", "/v1/users", {"name": name})
    assert (status, problem["errors"][0]["field"]) == (422, "name")
    assert len((await ask(people["root"], "GET", "/v1/users"))[1]["users"]) == len(people)


async def test_a_token_is_made_listed_without_its_secret_and_revoked(
    people: dict[str, aiohttp.ClientSession], gateway: Gateway
) -> None:
    ann = (await ask(people["ann"], "GET", "/v1/whoami"))[1]["user"]["id"]
    status, issued = await ask(people["root"], "POST", "/v1/tokens", {"user_id": ann, "label": "ci"})
    assert status == 201
    listed = await ask(people["root"], "GET", f"/v1/users/{ann}/tokens")
    assert issued["secret"] not in str(listed)
    assert issued["token"]["id"] in [token["id"] for token in listed[1]["tokens"]]
    bearer = {"authorization": f"Bearer {issued['secret']}"}
    async with aiohttp.ClientSession(gateway.url, headers=bearer) as session:
        assert (await ask(session, "GET", "/v1/whoami"))[0] == 200
        async with people["root"].delete(f"/v1/tokens/{issued['token']['id']}") as answer:
            assert answer.status == 204
        assert (await ask(session, "GET", "/v1/whoami"))[0] == 401
    assert (await ask(people["root"], "DELETE", f"/v1/tokens/{issued['token']['id']}"))[0] == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"user_id": "nobody"}, "user_id"),
        ({}, "user_id"),
        ({"user_id": "x", "role": "admin"}, "role"),
        ({"user_id": "x", "label": "two\nlines"}, "label"),
    ],
)
async def test_a_wrong_token_request_names_the_field(
    people: dict[str, aiohttp.ClientSession], body: dict[str, Any], field: str
) -> None:
    status, problem = await ask(people["root"], "POST", "/v1/tokens", body)
    assert (status, problem["errors"][0]["field"]) == (422, field)


async def test_some_actions_take_a_token_even_on_loopback(memory: MemoryServices) -> None:
    memory.jobs.with_token = {"noop"}
    local = Owned(memory.jobs, LOCAL)
    spec = memory.jobs.spec_type.model_validate(LATER)
    with pytest.raises(Forbidden, match=r"^action: .*`karya token create`"):
        await local.submit(spec)
    with pytest.raises(Forbidden, match=r"^1\.action: "):
        await local.submit_many([memory.jobs.spec_type.model_validate({"action": REST}), spec])
    ann = Owned(memory.jobs, Principal("ann", Role.USER))
    job = await ann.submit(spec)
    with pytest.raises(Forbidden, match=r"^action: "):
        await local.update(job.id, {"action": {"type": "noop"}})
    assert list(memory.jobs.jobs) == [job.id]
