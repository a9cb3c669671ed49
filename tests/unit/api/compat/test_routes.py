"""Upstream's routes: who may use them, and what they answer when something is wrong."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from karya.api.compat.routes import MOST_TASKS, PAGE_SIZE
from karya.api.serve import Gateway
from karya.core.errorlog import ErrorLog
from karya.core.errors import StoreUnavailable
from karya.core.job import JobState
from karya.core.settings import GatewaySettings
from karya.core.user import Role, TokenSpec, User, UserSpec
from tests.support.memory_services import MemoryServices
from tests.support.story import NOW
from tests.unit.api.compat.plans import chained, recurring, submission

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(module_services: MemoryServices) -> AsyncIterator[Gateway]:
    gateway = Gateway(module_services.services, GatewaySettings(port=0, require_tokens=True))
    await gateway.start()
    yield gateway
    await gateway.stop()


class Person:
    """Somebody with a token."""

    def __init__(self, user: User, session: aiohttp.ClientSession) -> None:
        self.user = user
        self.session = session

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status, and the JSON or the plain text."""
        async with self.session.request(method, path, json=body) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await answer.json() if is_json else await answer.text()

    async def submit(self, **fields: Any) -> dict[str, Any]:
        """A plan of this person's."""
        status, plan = await self.ask("POST", "/v1/plan", submission(user_id=self.user.id, **fields))
        assert status == 200, plan
        found: dict[str, Any] = plan
        return found


@pytest_asyncio.fixture(loop_scope="module")
async def people(memory: MemoryServices, gateway: Gateway) -> AsyncIterator[dict[str, Person]]:
    accounts, found = memory.services.accounts, {}
    for name, role in {"ann": Role.USER, "bob": Role.USER, "vic": Role.VIEWER, "root": Role.ADMIN}.items():
        user = await accounts.add_user(UserSpec(name=name, role=role))
        issued = await accounts.issue_token(TokenSpec(user_id=user.id))
        headers = {"authorization": f"Bearer {issued.secret}"}
        found[name] = Person(user, aiohttp.ClientSession(gateway.url, headers=headers))
    yield found
    for person in found.values():
        await person.session.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/user"),
        ("GET", "/v1/user"),
        ("POST", "/v1/plan"),
        ("GET", "/v1/plan"),
        ("PATCH", "/v1/plan"),
        ("GET", f"/v1/plan/{NOBODY}"),
        ("PATCH", f"/v1/plan/{NOBODY}"),
        ("POST", f"/v1/plan/{NOBODY}"),
        ("GET", f"/v1/plan/{NOBODY}/summary"),
        ("GET", "//v1/plan"),
    ],
)
async def test_nobody_gets_in_without_a_token(gateway: Gateway, method: str, path: str) -> None:
    async with aiohttp.ClientSession() as client, client.request(method, gateway.url + path) as answer:
        assert answer.status == 401


async def test_another_owners_plan_does_not_exist(people: dict[str, Person]) -> None:
    plan = await people["ann"].submit()
    for method, tail in [("GET", ""), ("GET", "/summary"), ("POST", ""), ("PATCH", "")]:
        body = {"hooks": []} if method == "PATCH" else None
        theirs = await people["bob"].ask(method, f"/v1/plan/{plan['id']}{tail}", body)
        nobodys = await people["bob"].ask(method, f"/v1/plan/{NOBODY}{tail}", body)
        assert theirs == (404, f"no plan '{plan['id']}'")
        assert nobodys == (404, f"no plan '{NOBODY}'")
    assert (await people["root"].ask("GET", f"/v1/plan/{plan['id']}"))[0] == 200


async def test_another_user_does_not_exist(people: dict[str, Person]) -> None:
    ann, bob, root = people["ann"], people["bob"], people["root"]
    refused = (404, f"no user '{ann.user.id}'")
    assert await bob.ask("POST", "/v1/plan", submission(user_id=ann.user.id)) == refused
    assert await bob.ask("GET", f"/v1/plan?user_id={ann.user.id}") == refused
    assert await bob.ask("GET", "/v1/user?username=ann") == (404, "no user 'ann'")
    for one in (ann, root):
        assert (await one.ask("GET", "/v1/user?username=ann"))[1]["id"] == ann.user.id
        assert (await one.ask("GET", f"/v1/plan?user_id={ann.user.id}"))[1]["total"] == 0


async def test_only_admins_make_users(people: dict[str, Person]) -> None:
    status, message = await people["ann"].ask("POST", "/v1/user", {"name": "eve"})
    assert (status, message) == (403, "users and tokens are managed by admins")
    status, eve = await people["root"].ask("POST", "/v1/user", {"name": " eve "})
    assert (status, eve["name"]) == (200, "eve")
    assert await people["root"].ask("POST", "/v1/user", {"name": " eve "}) == (200, eve)


async def test_a_user_is_found_by_the_name_that_was_sent(people: dict[str, Person]) -> None:
    _, eve = await people["root"].ask("POST", "/v1/user", {"name": " eve "})
    assert await people["root"].ask("GET", "/v1/user?username=%20eve%20") == (200, eve)
    status, ann = await people["ann"].ask("GET", "/v1/user?username=ann%20")
    assert (status, ann["id"]) == (200, people["ann"].user.id)


async def test_hooks_of_an_update_name_users_as_those_of_a_submission_do(people: dict[str, Person]) -> None:
    plan = await people["ann"].submit(plan_type=recurring())
    for user_id in (NOBODY, people["bob"].user.id):
        hooks = [{"trigger": "ON_FAILURE", "action": chained(user_id=user_id)}]
        refused = (404, f"no user '{user_id}'")
        assert await people["ann"].ask("PATCH", f"/v1/plan/{plan['id']}", {"hooks": hooks}) == refused
        again = submission(user_id=people["ann"].user.id, hooks=hooks)
        assert await people["ann"].ask("POST", "/v1/plan", again) == refused
    assert (await people["ann"].ask("GET", f"/v1/plan/{plan['id']}"))[1]["plan"] == plan


async def test_a_viewer_only_reads(people: dict[str, Person]) -> None:
    vic = people["vic"]
    status, message = await vic.ask("POST", "/v1/plan", submission(user_id=vic.user.id))
    assert (status, message) == (403, "a viewer only reads: this takes the role user")
    assert (await vic.ask("GET", f"/v1/plan?user_id={vic.user.id}"))[0] == 200


async def test_a_store_that_is_away(people: dict[str, Person], memory: MemoryServices) -> None:
    ann = people["ann"]
    memory.jobs.failure = StoreUnavailable("MongoDB does not answer")
    async with ann.session.post("/v1/plan", json=submission(user_id=ann.user.id)) as answer:
        assert (answer.status, await answer.text()) == (503, "MongoDB does not answer")
        assert answer.headers["retry-after"] == "1"


async def test_a_completed_plan_has_nothing_left_to_cancel(
    people: dict[str, Person], memory: MemoryServices
) -> None:
    plan = await people["ann"].submit()
    done = {"status": JobState.COMPLETED}
    memory.jobs.jobs[plan["id"]] = memory.jobs.jobs[plan["id"]].model_copy(update=done)
    status, message = await people["ann"].ask("POST", f"/v1/plan/{plan['id']}")
    assert status == 409
    assert "is completed" in message


async def test_the_plan_of_the_path_and_that_of_the_body(people: dict[str, Person]) -> None:
    plan = await people["ann"].submit(plan_type=recurring())
    path = f"/v1/plan/{plan['id']}"
    update = {"plan_id": NOBODY, "max_failure_retry": 1}
    assert await people["ann"].ask("PATCH", path, update) == (
        400,
        "plan_id: names another plan than the path does",
    )
    del update["plan_id"]
    status, changed = await people["ann"].ask("PATCH", path, update)
    assert (status, changed["max_failure_retry"]) == (200, 1)
    status, same = await people["ann"].ask("PATCH", path.upper().replace("/V1/PLAN", "/v1/plan"), {})
    assert (status, same) == (200, changed)


async def test_a_body_of_another_type(people: dict[str, Person]) -> None:
    async with people["ann"].session.post("/v1/plan", data=b"{}") as answer:
        assert answer.status == 415
        assert answer.content_type == "text/plain"


async def test_a_page_is_no_longer_than_upstreams(people: dict[str, Person]) -> None:
    for _ in range(PAGE_SIZE + 1):
        await people["ann"].submit()
    _, page = await people["ann"].ask("GET", f"/v1/plan?user_id={people['ann'].user.id}&page=0&x=1&x=2")
    assert (len(page["plans"]), page["total"]) == (20, 21)


async def test_a_summary_is_bounded(people: dict[str, Person], memory: MemoryServices) -> None:
    plan = await people["ann"].submit(plan_type=recurring())
    (task,) = memory.jobs.stored_tasks[plan["id"]]
    more = [task.model_copy(update={"id": f"{n:08}-0000-8000-8000-000000000000"}) for n in range(MOST_TASKS)]
    memory.jobs.stored_tasks[plan["id"]] = [task, *more]
    memory.jobs.logs = [
        ErrorLog.of(plan["id"], task.id, n, n, "step", f"error {n}", NOW)
        for n in range(MOST_TASKS + 1, 0, -1)
    ]
    _, summary = await people["ann"].ask("GET", f"/v1/plan/{plan['id']}/summary")
    assert [each["id"] for each in summary["tasks"]] == [each.id for each in more]
    assert [each["error"] for each in summary["error_logs"]] == [
        f"error {n}" for n in range(2, MOST_TASKS + 2)
    ]
