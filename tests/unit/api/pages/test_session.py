"""Who sees which page: signing in and out, roles, owners, and forms that come from elsewhere."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession

from karya.api import serve
from karya.api.pages.session import is_inside
from karya.api.serve import Gateway
from karya.core.errors import StoreUnavailable
from karya.core.settings import GatewaySettings
from karya.core.user import Role
from tests.support.memory_services import MemoryServices
from tests.support.story import retry
from tests.unit.api.pages.conftest import HTML, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOOP = {"action.type": "noop"}
PAGES = (
    "/",
    "/ui/jobs",
    "/ui/jobs/new",
    "/ui/dead-letters",
    "/ui/dead-letters/errors",
    "/ui/workers",
    "/ui/audit",
    "/ui/audit?prove=1",
)


async def test_only_html_is_given_the_page(client: ClientSession) -> None:
    for accept in ("application/json", "*/*"):
        async with client.get("/", headers={"accept": accept}) as answer:
            assert (await answer.json())["jobs"] == "/v1/jobs"
    async with client.get("/", headers=HTML) as answer:
        assert answer.content_type == "text/html"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]


async def test_signing_in_and_out(visitor: Visitor) -> None:
    status, text = await visitor.get("/ui/jobs?tag=a")
    assert "Sign in to Karya" in text
    assert 'name="next" value="/ui/jobs?tag=a"' in text
    status, text = await visitor.post("/ui/sign-in", token="karya_nobody's")
    assert (status, "not known" in text) == (401, True)

    secret = await visitor.token("ann", Role.USER)
    status, where = await visitor.post("/ui/sign-in", token=f" {secret} ", next="/ui/jobs?tag=a")
    assert (status, where) == (303, "/ui/jobs?tag=a")
    (cookie,) = visitor.session.cookie_jar
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == (secret, True, "strict")
    assert "ann, user" in (await visitor.get("/ui/jobs"))[1]
    for api in ("/v1/jobs", "/v1/whoami", "/v1/overview"):
        assert (await visitor.get(api))[0] == 401, "the session is for pages alone"

    assert (await visitor.post("/ui/sign-out"))[0] == 303
    assert "Sign in to Karya" in (await visitor.get("/ui/jobs"))[1]


async def test_a_revoked_token_ends_its_sessions(visitor: Visitor) -> None:
    user_id = await visitor.sign_in("bob", Role.USER)
    assert "bob" in (await visitor.get("/ui/jobs"))[1]
    (token,) = (await visitor.memory.services.accounts.tokens(user_id, cursor=None, limit=9)).tokens
    await visitor.memory.services.accounts.revoke_token(token.id)
    assert "Sign in to Karya" in (await visitor.get("/ui/jobs"))[1]


@pytest.mark.parametrize(
    "back", ["https://evil.example", "//evil.example", "/ui/\\evil", "/v1/jobs", "/ui/\n"]
)
async def test_signing_in_leads_nowhere_else(visitor: Visitor, back: str) -> None:
    assert not is_inside(back)
    secret = await visitor.token("eve", Role.USER)
    assert (await visitor.post("/ui/sign-in", token=secret, next=back)) == (303, "/ui/")


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null", "https://other.example"])
async def test_a_form_from_elsewhere_changes_nothing(visitor: Visitor, origin: str | None) -> None:
    await visitor.sign_in("ann", Role.USER)
    status, _ = await visitor.post("/ui/jobs/new", origin, **NOOP)
    assert status == 403
    assert visitor.memory.jobs.jobs == {}


async def stored(visitor: Visitor, user_id: str | None, spec: dict[str, Any]) -> str:
    service = visitor.memory.jobs
    return (await service.submit(service.spec_type.model_validate({**spec, "user_id": user_id}))).id


async def test_one_sees_only_what_is_ones_own(visitor: Visitor, job: dict[str, Any]) -> None:
    user_id = await visitor.sign_in("ann", Role.USER)
    foreign = await stored(visitor, "somebody", {**job, "description": "a secret"})
    mine = await stored(visitor, user_id, {**job, "description": "my own"})
    task = visitor.memory.jobs.stored_tasks[foreign][0].id
    for path in (*PAGES, f"/ui/jobs?user_id={user_id}"):
        status, text = await visitor.get(path)
        assert (status, "a secret" in text, foreign in text) == (200, False, False), path
    assert "my own" in (await visitor.get("/ui/jobs"))[1]
    assert visitor.memory.overview.asked and set(visitor.memory.overview.asked) == {user_id}
    for path in ("", "/edit", "/part", "/live"):
        assert (await visitor.get(f"/ui/jobs/{foreign}{path}"))[0] == 404, path
    for path in ("", "/edit", "/part"):
        assert (await visitor.get(f"/ui/jobs/{mine}{path}"))[0] == 200, path
    assert (await visitor.get(f"/ui/tasks/{task}"))[0] == 404
    assert (await visitor.get(f"/ui/jobs/new?like={foreign}"))[0] == 404
    for verb in ("trigger", "pause", "cancel", "edit"):
        assert (await visitor.post(f"/ui/jobs/{foreign}/{verb}"))[0] == 404
    assert (await visitor.post("/ui/jobs/new", **NOOP, user_id="somebody"))[0] == 422


async def test_who_only_reads_gets_no_buttons(visitor: Visitor, job: dict[str, Any]) -> None:
    user_id = await visitor.sign_in("vera", Role.VIEWER)
    mine = await stored(visitor, user_id, job)
    task = visitor.memory.jobs.stored_tasks[mine][0].id
    for path in (*PAGES, f"/ui/jobs/{mine}", f"/ui/tasks/{task}"):
        status, text = await visitor.get(path)
        assert status == 200, path
        if path != "/ui/jobs/new":
            assert text.count('method="post"') == 1, f"only the way out, in {path}"
            assert "New job" not in text
            assert "/edit" not in text
    assert (await visitor.post(f"/ui/jobs/{mine}/pause"))[0] == 403
    assert (await visitor.post("/ui/jobs/new", **NOOP, key=mine))[0] == 403


async def test_a_task_shows_what_it_does_and_not_what_its_job_does_by_now(
    visitor: Visitor, job: dict[str, Any]
) -> None:
    await visitor.sign_in("paula", Role.ADMIN)
    mine = await stored(
        visitor, None, {**job, "description": "edited", "action": {"type": "rest", "url": "http://before/"}}
    )
    (task,) = visitor.memory.jobs.stored_tasks[mine]
    visitor.memory.jobs.end(task.id, retry())
    await visitor.memory.jobs.update(mine, {"action": {"type": "rest", "url": "http://after/"}})
    _, text = await visitor.get(f"/ui/tasks/{task.id}")
    assert "http://before/" in text and "http://after/" not in text
    assert "of version 1 of the job, which is at version 2 now" in text


async def test_a_name_is_text(visitor: Visitor) -> None:
    await visitor.sign_in("<script>alert(1)</script>", Role.ADMIN)
    for path in PAGES:
        status, text = await visitor.get(path)
        assert (status, "<script>alert" in text) == (200, False), path
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


async def test_no_page_holds_what_the_policy_forbids(visitor: Visitor, job: dict[str, Any]) -> None:
    await visitor.sign_in("root", Role.ADMIN)
    mine = await stored(visitor, None, job)
    for path in (*PAGES, f"/ui/jobs/{mine}", f"/ui/jobs/{mine}/edit", "/ui/nowhere"):
        _, text = await visitor.get(path)
        for forbidden in (" style=", "<style", " onclick=", "javascript:", "<script>", "hx-on", "hx-vals"):
            assert forbidden not in text, (path, forbidden)


async def test_the_store_is_away(client: ClientSession, memory: MemoryServices) -> None:
    memory.jobs.failure = StoreUnavailable("MongoDB does not acknowledge: <b>gone</b>")
    async with client.get("/ui/jobs", headers=HTML) as answer:
        text = await answer.text()
    assert (answer.status, answer.content_type) == (503, "text/html")
    assert "&lt;b&gt;gone" in text


async def test_open_pages_do_not_hold_up_a_stop(
    memory: MemoryServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "STOP_SECONDS", 600)  # for which uvicorn would wait
    gateway = Gateway(memory.services, GatewaySettings(port=0))
    await gateway.start()
    async with ClientSession(gateway.url) as session, session.get("/ui/live") as stream:
        seen = b""
        while b"event: figures" not in seen:
            seen += await stream.content.readany()
        await asyncio.wait_for(gateway.stop(), timeout=30)
