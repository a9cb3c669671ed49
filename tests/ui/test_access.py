"""For everybody: without a mouse, on a phone, in the dark; and nothing that users wrote is more than text."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.running import Running
from tests.support.target import Target, respond
from tests.ui.conftest import Open

pytestmark = pytest.mark.cluster

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>{{ 7*7 }}'
PHONE = {"viewport": {"width": 375, "height": 740}, "has_touch": True, "is_mobile": True}

_FOCUSED = """() => {
    const one = document.activeElement, style = getComputedStyle(one);
    const said = one.tagName === "SELECT" ? "" : one.textContent.trim();
    return [said || one.name || "", style.outlineStyle, style.outlineWidth];
}"""
_TOO_WIDE = """() => [...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
    .filter((one) => !one.closest(".scroll, .skip, thead"))
    .map((one) => one.outerHTML.slice(0, 80)).concat(
        document.documentElement.scrollWidth > innerWidth ? ["the page scrolls"] : [])"""


def tabbed(page: Page, wanted: str, most: int = 60) -> None:
    """Presses Tab until what is wanted has the focus, which must be seen wherever it is."""
    for _ in range(most):
        page.keyboard.press("Tab")
        text, style, width = page.evaluate(_FOCUSED)
        assert (style, width) != ("none", "0px"), f"nobody sees that {text!r} has the focus"
        if text == wanted:
            return
    raise AssertionError(f"{wanted!r} cannot be reached by keyboard")


def test_by_keyboard_alone(karya: Running, page: Page) -> None:
    page.goto(karya.cluster.url)
    tabbed(page, "Skip to the content", 1)
    page.keyboard.press("Enter")
    tabbed(page, "New job", 3)
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/new")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # past the navigation
    tabbed(page, "description")
    page.keyboard.type("typed only")
    tabbed(page, "action.type")
    page.keyboard.type("Nothing")
    expect(page.locator("#f-action-url")).to_have_count(0)  # and the focus stays where it was
    expect(page.locator("#f-action-type")).to_be_focused()
    tabbed(page, "schedule.kind")
    page.keyboard.press("ArrowRight")  # interval
    tabbed(page, "Submit the job")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs/*?done=submitted")
    expect(page.get_by_role("heading", level=1)).to_have_text("typed only")
    expect(page.locator(".headline .state")).to_have_text("active")
    tabbed(page, "Cancel …")
    page.keyboard.press("Enter")
    tabbed(page, "Cancel the job", 1)
    page.keyboard.press("Escape")
    cancel = page.get_by_role("button", name="Cancel the job")
    expect(cancel).to_be_hidden()
    page.keyboard.press("Enter")  # the focus is where it was
    expect(cancel).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # out of it
    expect(cancel).to_be_hidden()
    page.get_by_text("Cancel …").click()
    page.get_by_role("heading", level=1).click()
    expect(cancel).to_be_hidden()


@pytest.fixture(scope="module")
def evil_job(karya: Running, target: Target) -> str:
    """A job that says evil things wherever it may, and whose target answers with them."""
    url = target.at("/evil", respond(500, EVIL))
    well = target.at("/well", respond(200, '{"evil": "</pre><script>alert(9)</script>"}'))
    job_id = karya.submit(
        description=EVIL,
        tags=["a"],
        steps=[
            {"name": "first", "action": {"type": "rest", "url": well}},
            {
                "name": "second",
                "after": ["first"],
                "action": {"type": "rest", "url": url, "method": "POST", "body": EVIL.partition("{{")[0]},
            },
            {"name": "third", "after": ["second"], "when": "failure", "action": {"type": "noop"}},
        ],
        retry={"max_attempts": 1},
    )
    karya.ended(job_id, 30)
    return job_id


def pages_of(karya: Running, job_id: str) -> list[str]:
    dead = next(task for task in karya.karya.summary(job_id).tasks if task.status.value == "DEAD")
    return [
        "/",
        "/ui/jobs",
        "/ui/jobs/new",
        f"/ui/jobs/{job_id}",
        f"/ui/jobs/{job_id}/edit",  # with steps
        f"/ui/tasks/{dead.id}",
        "/ui/dead-letters",
        "/ui/dead-letters/errors",
        "/ui/workers",
        "/ui/audit?prove=1",
        "/ui/nowhere",
    ]


def test_what_users_wrote_is_text(karya: Running, evil_job: str, page: Page) -> None:
    for path in pages_of(karya, evil_job):
        answer = page.goto(karya.cluster.url + path)
        assert answer is not None
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        scripts = page.evaluate("[...document.scripts].map((one) => one.src)")
        assert scripts and all(source.startswith(karya.cluster.url) for source in scripts), path
        assert page.locator("img").count() == 0, path
    page.goto(f"{karya.cluster.url}/ui/jobs/{evil_job}")
    expect(page.get_by_role("heading", level=1)).to_have_text(EVIL)
    page.goto(f"{karya.cluster.url}/ui/jobs?text={'%3Cscript%3Ealert(1)'}&status=%22%3E%3Cscript%3E")
    expect(page.locator(".notice-bad")).to_contain_text("status")


def test_on_a_phone_nothing_is_wider_than_the_screen(karya: Running, evil_job: str, opened: Open) -> None:
    page = opened(**PHONE)
    for path in pages_of(karya, evil_job):
        page.goto(karya.cluster.url + path)
        assert page.evaluate(_TOO_WIDE) == [], path
    page.goto(f"{karya.cluster.url}/ui/jobs/new")
    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    expect(page.locator("#preview")).to_be_in_viewport()
    box = page.get_by_label("URL").bounding_box()
    assert box is not None and box["width"] > 250, "beside each other nobody can read what they write"
    page.goto(f"{karya.cluster.url}/ui/jobs/{evil_job}")
    for button in page.locator("main button:visible, main .button:visible").all():
        box = button.bounding_box()
        assert box is not None and box["height"] >= 30, "too small for a thumb"


def luminance(page: Page) -> float:
    red, green, blue = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number)"
    )
    return float(red + green + blue) / 765


def test_in_the_dark(karya: Running, opened: Open) -> None:
    page = opened(color_scheme="dark")
    page.goto(karya.cluster.url)
    assert luminance(page) < 0.2
    toggle: Callable[[], None] = page.get_by_role("button", name="Theme").click
    toggle()
    assert luminance(page) > 0.8
    page.goto(f"{karya.cluster.url}/ui/jobs")
    assert luminance(page) > 0.8, "the choice is kept"
    toggle()
    assert luminance(page) < 0.2
    toggle()
    expect(page.get_by_role("button", name="Theme")).to_have_text("Theme: auto")
