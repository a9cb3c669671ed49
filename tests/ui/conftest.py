"""One cluster and one Chromium for all tests of this folder; each test opens a page that nobody has seen."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.support.diagnosis import pytest_runtest_makereport as pytest_runtest_makereport
from tests.support.running import Running, running
from tests.support.target import Target

CHROMIUM = shutil.which("chromium")
PATIENCE = 30_000
"""Milliseconds for a page to become what is expected of it."""
_ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--font-render-hinting=none")
_ON_PURPOSE = ("responded with a status of", "net::ERR_FAILED", "htmx:afterRequest", "htmx:sendAbort")
"""Pages that say 4xx and requests that go nowhere, which the tests ask for, and what a newer one overtook."""

_NO_CHROMIUM = "there is no Chromium here: `make chromium` installs one"

Open = Callable[..., Page]


@pytest.fixture(scope="package")
def karya(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    python = {"modules": ["tests.support.functions"], "without_token": True}
    with running(tmp_path_factory.mktemp("ui"), connectors__python=python) as started:
        yield started


@pytest.fixture(scope="package")
def target() -> Iterator[Target]:
    with Target.running() as started:
        yield started


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail(_NO_CHROMIUM) if os.environ.get("CI") else pytest.skip(_NO_CHROMIUM)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Open]:
    """Opens pages with a session of their own. Whatever Chromium complains of (scripts that break, what the
    content security policy forbids) fails the test."""
    complaints: list[str] = []
    contexts = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error" and not any(known in message.text for known in _ON_PURPOSE):
            complaints.append(message.text)

    def open_one(**options: Any) -> Page:
        context = chromium.new_context(**{"locale": "en-GB", "timezone_id": "UTC", **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"a dialog: {dialog.message}"))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def page(opened: Open) -> Page:
    return opened()
