"""What is open in a browser follows what happens, without a reload and without taking anything away."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.running import Running
from tests.support.target import Target, hang, respond

pytestmark = pytest.mark.cluster

HOURLY = {"kind": "interval", "every": "PT1H"}
NOOP = {"type": "noop"}


def test_a_job_follows_what_others_do(karya: Running, page: Page) -> None:
    job_id = karya.submit(action=NOOP, schedule=HOURLY)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{karya.cluster.url}/ui/jobs/{job_id}")
    expect(page.locator("#live-state")).to_have_text("live")
    karya.karya.pause(job_id)
    expect(page.locator(".headline .state")).to_have_text("paused")
    expect(page.locator("#part-history")).to_contain_text("paused")
    karya.karya.resume(job_id)
    karya.karya.trigger(job_id)
    expect(page.locator("tr:not(.inside) .state-succeeded")).to_have_count(1)
    parts = [url for url in asked if "/part?" in url]
    assert len(parts) <= 10, "only what happens makes it look"


def test_what_is_open_stays_open_and_the_focus_where_it_is(karya: Running, page: Page) -> None:
    job_id = karya.submit(action=NOOP, schedule=HOURLY)
    karya.karya.trigger(job_id)
    page.goto(f"{karya.cluster.url}/ui/jobs/{job_id}")
    expect(page.locator("tr:not(.inside) .state-succeeded")).to_have_count(1)
    page.locator("details:has(.state-succeeded) > summary").click()
    button = page.get_by_role("button", name="Pause")
    button.focus()
    same = button.element_handle()
    karya.karya.trigger(job_id)
    expect(page.locator("tr:not(.inside) .state-succeeded")).to_have_count(2)
    expect(page.locator("details[open] .task")).to_have_count(1)
    expect(button).to_be_focused()
    assert same is not None and same.evaluate("one => one.isConnected"), "it is another button"


def test_without_the_stream_it_looks_again_by_itself(karya: Running, page: Page) -> None:
    job_id = karya.submit(action=NOOP, schedule=HOURLY)
    page.clock.install()
    page.route("**/live", lambda route: route.abort())
    page.goto(f"{karya.cluster.url}/ui/jobs/{job_id}")
    expect(page.locator("#live-state")).to_contain_text("not live")
    karya.karya.pause(job_id)
    page.clock.fast_forward(6_000)
    expect(page.locator(".headline .state")).to_have_text("paused")


def test_a_redriven_task_is_seen_to_succeed(karya: Running, target: Target, page: Page) -> None:
    url = target.at("/mended", respond(503, "not yet"))
    job_id = karya.submit(
        action={"type": "rest", "url": url}, retry={"max_attempts": 1}, description="mend me"
    )
    karya.ended(job_id, 30)
    page.goto(f"{karya.cluster.url}/ui/jobs?text=mend+me")
    page.get_by_role("link", name="1 dead").click()
    expect(page.locator("#letters")).to_contain_text("mend me")
    page.get_by_role("link", name="main", exact=True).click()
    expect(page.locator("#part-toolbar")).to_contain_text("It has ended and cannot be changed")
    target.at("/mended", respond(200, '{"pages": 3}', {"content-type": "application/json"}))
    page.get_by_role("button", name="Redrive").click()
    expect(page.locator(".headline .state")).to_have_text("succeeded")
    expect(page.locator("#part-outcome")).to_contain_text('"pages": 3')


def test_limits_are_shown_and_who_waits_for_them(karya: Running, target: Target, page: Page) -> None:
    slow = target.at("/slow", hang())
    limits = {
        "concurrency": {"key": "tenant-42", "limit": 1},
        "rate": {"key": "mail", "limit": 9, "per": "PT1S"},
    }
    action = {"type": "rest", "url": slow, "timeout": "PT5M"}
    jobs = [karya.submit(action=action, schedule=HOURLY, priority=7, **limits) for _ in range(2)]
    for job_id in jobs:
        karya.karya.trigger(job_id)
    page.goto(f"{karya.cluster.url}/ui/jobs/{jobs[1]}")
    facts = page.locator("#part-facts")
    expect(facts).to_contain_text("1 at once of the key tenant-42")
    expect(facts).to_contain_text("9 in 1 s of the key mail")
    expect(facts).to_contain_text("7 of 0 to 9")
    expect(page.locator("#part-why")).to_contain_text(
        "waits for the concurrency key 'tenant-42': 1 of 1 running"
    )
    expect(page.locator("#part-runs .badge-limit")).to_have_text("limit")
    for job_id in jobs:
        karya.karya.cancel(job_id)


def test_the_list_of_jobs_is_looked_at_again(karya: Running, page: Page) -> None:
    page.clock.install()
    page.goto(f"{karya.cluster.url}/ui/jobs?tag=latecomer")
    expect(page.locator("#found")).to_contain_text("No job is like that")
    karya.submit(action=NOOP, schedule=HOURLY, tags=["latecomer"], description="came later")
    page.clock.fast_forward(6_000)
    expect(page.locator("#found")).to_contain_text("came later")
