"""The pictures of docs/pages: `python -m tests.ui.shots` starts a cluster, fills it and takes them anew."""

import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.running import Running, running
from tests.support.target import Target, respond
from tests.ui.conftest import CHROMIUM

INTO = Path(__file__).parents[2] / "docs" / "pages"
DESKTOP = {"viewport": {"width": 1280, "height": 860}}
PHONE = {"viewport": {"width": 375, "height": 740}, "device_scale_factor": 2}
_LIVE_SECONDS = 45


def main() -> None:
    """Takes all of them."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Target.running() as target,
        running(Path(directory)) as karya,
        sync_playwright() as playwright,
    ):
        job_id = fill(karya, target)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        take(browser, karya, job_id)
        browser.close()


def fill(karya: Running, target: Target) -> str:
    """Jobs as somebody might have them; the id of the one to look at."""
    ok = target.at("/orders", respond(200, '{"orders": 1284}', {"content-type": "application/json"}))
    slow = target.at("/export", respond(200, '{"rows": 48213}', delay=1.2))
    broken = target.at("/mail", respond(502, "upstream mail relay refused the connection"))
    get = {"type": "rest", "url": ok}
    for number in range(1, 13):
        karya.submit(
            description=f"refresh the prices of region {number}",
            tags=["prices", f"region-{number}"],
            action={"type": "noop"},
            schedule={"kind": "interval", "every": f"PT{number % 4 + 1}S"},
        )
    karya.submit(
        description="health of the shop",
        tags=["watch"],
        action=get,
        schedule={"kind": "interval", "every": "PT2S"},
    )
    karya.submit(
        description="weekly invoices",
        tags=["billing"],
        action=get,
        schedule={"kind": "cron", "expression": "0 7 * * 1", "timezone": "Europe/Berlin"},
        overlap="skip",
    )
    karya.submit(
        description="close the books",
        tags=["billing", "monthly"],
        action=get,
        schedule={"kind": "rrule", "rule": "FREQ=MONTHLY;BYDAY=-1FR;BYHOUR=17;BYMINUTE=0;BYSECOND=0"},
    )
    later = (datetime.now(UTC) + timedelta(minutes=20)).isoformat(timespec="seconds")
    karya.submit(
        description="send the launch mail",
        tags=["mail"],
        action={"type": "rest", "method": "POST", "url": broken},
        schedule={"kind": "once", "at": later},
    )
    paused = karya.submit(
        description="sync the old warehouse",
        tags=["legacy"],
        action=get,
        schedule={"kind": "interval", "every": "PT10M"},
    )
    karya.karya.pause(paused)
    for customer in ("Aldgate", "Bexley", "Camden"):
        karya.submit(
            description=f"welcome mail to {customer}",
            tags=["mail"],
            action={"type": "rest", "method": "POST", "url": broken, "body": {"to": customer}},
            retry={"max_attempts": 2, "delay": "PT0.5S"},
        )
    tenant = target.at("/tenant", respond(200, "{}", delay=2))
    for number in range(1, 4):
        karya.submit(
            description=f"reports of the tenant 42, part {number}",
            tags=["tenant-42"],
            priority=7,
            action={"type": "rest", "url": tenant},
            schedule={"kind": "interval", "every": "PT5S"},
            concurrency={"key": "tenant-42", "limit": 1},
        )
    return karya.submit(
        description="nightly export",
        tags=["export", "nightly"],
        steps=[
            {"name": "orders", "action": get},
            {"name": "customers", "action": {"type": "rest", "url": slow}},
            {"name": "merge", "after": ["orders", "customers"], "action": {"type": "rest", "url": slow}},
            {"name": "upload", "after": ["merge"], "action": get},
            {
                "name": "notify",
                "after": ["merge"],
                "action": {"type": "rest", "method": "POST", "url": broken},
                "retry": {"max_attempts": 2, "delay": "PT0.3S"},
            },
            {"name": "page-the-operator", "after": ["notify"], "when": "failure", "action": get},
        ],
        schedule={"kind": "interval", "every": "PT12S"},
        hooks=[{"trigger": "ON_DEAD_LETTER", "action": {"type": "rest", "url": ok}}],
    )


def take(browser: Browser, karya: Running, job_id: str) -> None:
    """One picture of each page, and of two on a phone and in the dark."""
    INTO.mkdir(exist_ok=True)
    url = karya.cluster.url
    page = browser.new_context(**DESKTOP, color_scheme="light").new_page()  # type: ignore[arg-type]
    page.goto(url)
    time.sleep(_LIVE_SECONDS)  # until its charts have something to show
    shot(page, "overview")
    dead = next(t for t in karya.karya.summary(job_id).tasks if t.status.value == "DEAD")
    paths = {
        "jobs": "/ui/jobs",
        "job": f"/ui/jobs/{job_id}",
        "task": f"/ui/tasks/{dead.id}",
        "edit": f"/ui/jobs/{job_id}/edit",
        "dead-letters": "/ui/dead-letters",
        "workers": "/ui/workers",
        "audit": "/ui/audit?prove=1",
        "sign-in": "/ui/sign-in",
    }
    limited = karya.karya.list(tag="tenant-42").jobs[0]
    paths["limits"] = f"/ui/jobs/{limited.id}"
    for name, path in paths.items():
        page.goto(url + path)
        settled(page)
        shot(page, name)
    page.goto(url + paths["job"])
    page.locator("#main h2", has_text="Occurrences").evaluate("one => one.scrollIntoView()")
    page.locator(".inside summary").nth(1).click()
    shot(page, "occurrences")
    page.goto(f"{url}/ui/jobs/new")
    write(page, "htps://chat.example/hook")
    page.locator("#e-action-url:not(:empty)").wait_for()
    page.locator("#preview", has_text="Europe/Berlin").wait_for()
    shot(page, "new-job-errors")
    page.get_by_label("URL").fill("https://chat.example/hook")
    page.locator("#e-action-url:empty").wait_for(state="attached")
    shot(page, "new-job")
    for name, path in {"overview": "/", "job": paths["job"], "new-job": "/ui/jobs/new"}.items():
        for kind, options in (
            ("phone", {**PHONE, "color_scheme": "light"}),
            ("dark", {**DESKTOP, "color_scheme": "dark"}),
        ):
            other = browser.new_context(**options).new_page()  # type: ignore[arg-type]
            other.goto(url + path)
            settled(other)
            if name == "new-job":
                write(other, "https://chat.example/hook")
                other.locator("#preview", has_text="Europe/Berlin").wait_for()
            shot(other, f"{name}-{kind}")
            other.close()


def write(page: Page, address: str) -> None:
    """Fills the form of a new job."""
    page.get_by_label("Description").fill("remind the team")
    page.get_by_label("URL").fill(address)
    page.get_by_label("cron", exact=True).check()
    page.get_by_label("Cron expression").fill("30 9 * * 1-5")
    page.get_by_label("Timezone").fill("Europe/Berlin")


def settled(page: Page) -> None:
    """Waits until what is live has arrived."""
    if page.locator("#live-state").count():
        page.locator("#live-state.on").wait_for()
        time.sleep(1.5)


def shot(page: Page, name: str) -> None:
    """Writes one."""
    page.screenshot(path=INTO / f"{name}.png")


if __name__ == "__main__":
    main()
