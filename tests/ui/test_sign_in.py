"""Signing in with a token, in Chromium: its cookie, its bounds, and what a viewer may do."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from karya.api.serve import Gateway
from karya.core.settings import GatewaySettings
from karya.core.user import Role, TokenSpec, UserSpec
from tests.support.elsewhere import elsewhere
from tests.support.memory_services import MemoryServices

NAME = "<b>vera</b>"


@dataclass(frozen=True)
class Guarded:
    """A gateway that asks for tokens, and the token of a viewer who has one job."""

    url: str
    token: str
    job_id: str


@asynccontextmanager
async def guarded() -> AsyncIterator[Guarded]:
    memory = MemoryServices()
    accounts = memory.services.accounts
    user = await accounts.add_user(UserSpec(name=NAME, role=Role.VIEWER))
    issued = await accounts.issue_token(TokenSpec(user_id=user.id))
    spec = memory.jobs.spec_type.model_validate(
        {"action": {"type": "noop"}, "schedule": {"kind": "interval", "every": "PT1H"}, "user_id": user.id}
    )
    job = await memory.jobs.submit(spec)
    gateway = Gateway(memory.services, GatewaySettings(port=0, require_tokens=True))
    await gateway.start()
    yield Guarded(gateway.url, issued.secret, job.id)
    await gateway.stop()


@pytest.fixture(scope="module")
def gateway() -> Iterator[Guarded]:
    with elsewhere(guarded()) as started:
        yield started


def test_a_viewer_signs_in_reads_and_signs_out(gateway: Guarded, page: Page) -> None:
    page.goto(f"{gateway.url}/ui/jobs")
    page.keyboard.type("karya_wrong")  # the field has the focus
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not known")
    page.get_by_label("Token").fill(gateway.token)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/ui/jobs")
    expect(page.locator(".who")).to_contain_text(f"{NAME}, viewer")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.evaluate("document.cookie") == "", "no script can read the session"
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["expires"]) == (True, "Strict", -1)

    page.goto(f"{gateway.url}/ui/jobs/{gateway.job_id}")
    expect(page.locator("main button")).to_have_count(0)
    page.goto(f"{gateway.url}/ui/")
    expect(page.locator("#live-state")).to_have_text("live")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Karya")
    page.goto(f"{gateway.url}/ui/jobs/{gateway.job_id}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to Karya")
