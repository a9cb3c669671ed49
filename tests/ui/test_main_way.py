"""As somebody new would: a job made in the page, watched, failed, understood, mended, redriven."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.eventually import eventually
from tests.support.running import Running
from tests.support.target import Target, respond

pytestmark = pytest.mark.cluster


def test_from_the_form_to_the_redrive(karya: Running, target: Target, page: Page) -> None:
    url = target.at("/report", respond(503, "the printer is on fire"))
    page.goto(karya.cluster.url)
    page.get_by_role("link", name=re.compile("New job|Make the first job")).first.click()

    page.get_by_label("Description").fill("nightly report")
    page.get_by_label("Tags").fill("reports nightly")
    page.get_by_label("URL").fill("not a url")
    page.get_by_label("cron", exact=True).check()
    page.get_by_label("Cron expression").fill("0 25 * * *")
    expect(page.locator("#e-schedule-expression")).to_contain_text("25")
    expect(page.locator("#e-action-url")).not_to_be_empty()
    expect(page.get_by_label("URL")).to_have_attribute("aria-invalid", "true")

    page.get_by_role("button", name="Submit the job").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was stored")
    expect(page.get_by_label("URL")).to_have_value("not a url")
    expect(page.get_by_label("Cron expression")).to_have_value("0 25 * * *")

    page.get_by_label("Cron expression").fill("0 3 * * *")
    expect(page.locator("#preview .instants li")).to_have_count(10)
    expect(page.locator("#preview")).to_contain_text("Not to be stored yet")
    page.get_by_label("URL").fill(url)
    page.get_by_label("Timezone").fill("Asia/Tokyo")
    expect(page.locator("#preview")).to_contain_text("Asia/Tokyo")
    assert page.locator("#zones option").count() > 100, "the browser knows the names of timezones"
    expect(page.locator("#preview")).not_to_contain_text("Not to be stored yet")
    expect(page.locator("#preview .instants li")).to_have_count(10)
    expect(page.locator("#preview .instants time").first).to_contain_text("03:00")
    page.get_by_label("Attempts").fill("2")
    page.get_by_label("First wait").fill("PT0.2S")
    page.get_by_role("button", name="Submit the job").click()
    expect(page.get_by_role("status")).to_contain_text("The job is stored")

    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("status")).to_contain_text("One occurrence runs now")
    expect(page.locator("tr:not(.inside) .state-dead")).to_be_visible()  # it comes by itself: nobody reloads
    expect(page.locator(".errors .said")).to_have_count(2)
    expect(page.locator(".errors .said").first).to_contain_text("503")

    target.at("/report", respond(200, '{"pages": 3}', {"content-type": "application/json"}))
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Description").fill("nightly report, mended")
    page.get_by_role("button", name="Save the changes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("nightly report, mended")

    page.get_by_role("link", name="Dead letters").click()
    page.get_by_role("link", name="main", exact=True).click()
    expect(page.locator(".said.bad").first).to_contain_text("503")
    page.get_by_role("button", name="Redrive").click()
    expect(page.get_by_role("status")).to_contain_text("Redriven")
    page.get_by_role("link", name="nightly report, mended").click()
    expect(page.locator("tr:not(.inside) .state-succeeded")).to_be_visible()
    page.get_by_text("results and errors").first.click()
    expect(page.locator(".task pre").first).to_contain_text('"pages": 3')


def test_a_job_is_skipped_paused_resumed_and_cancelled_by_its_buttons(karya: Running, page: Page) -> None:
    job_id = karya.submit(action={"type": "noop"}, schedule={"kind": "interval", "every": "PT1H"})
    page.goto(f"{karya.cluster.url}/ui/jobs/{job_id}")
    before = page.locator(".instants time").first.inner_text()
    page.get_by_role("button", name="Skip the next").click()
    expect(page.get_by_role("status")).to_contain_text("skipped")
    expect(page.locator(".instants time").first).not_to_have_text(before)
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".headline .state")).to_have_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(page.locator(".headline .state")).to_have_text("active")
    page.get_by_text("Cancel …").click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.locator(".headline .state")).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Run now")).to_have_count(0)


def test_a_change_that_was_overtaken_loses_nothing(karya: Running, page: Page) -> None:
    job_id = karya.submit(action={"type": "noop"}, schedule={"kind": "interval", "every": "PT1H"})
    page.goto(f"{karya.cluster.url}/ui/jobs/{job_id}/edit")
    karya.karya.update(job_id, description="somebody else's")
    page.get_by_label("Description").fill("mine")
    page.get_by_role("button", name="Save the changes").click()
    expect(page.get_by_role("alert")).to_contain_text("changed meanwhile")
    expect(page.get_by_label("Description")).to_have_value("mine")
    page.get_by_role("button", name="Save the changes").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("mine")
    assert karya.karya.get(job_id).schedule.kind == "interval"


def state_of(karya: Running, job_id: str) -> str:
    return karya.karya.summary(job_id).tasks[0].status.value


def test_dead_letters_by_tick_and_by_filter(karya: Running, target: Target, page: Page) -> None:
    mended = target.at("/mended", respond(503, "out of paper"))
    wanted = karya.submit(action={"type": "rest", "url": mended}, retry={"max_attempts": 1})
    ids = [
        karya.submit(
            action={"type": "rest", "url": "http://127.0.0.1:1/"},
            retry={"max_attempts": 1},
            description=f"closed {number}",
        )
        for number in range(3)
    ]
    for job_id in (wanted, *ids):
        karya.ended(job_id, 30)
    page.goto(f"{karya.cluster.url}/ui/dead-letters?job_id={ids[0]}")
    page.get_by_role("button", name="Redrive the ticked").click()
    expect(page.get_by_role("alert")).to_contain_text("tick the dead letters first")
    page.locator('input[name="id"]').check()
    page.get_by_text("Discard the ticked …", exact=True).click()
    page.get_by_role("button", name="Discard the ticked").click()
    expect(page.get_by_role("status")).to_contain_text("1 discarded")
    assert page.url.startswith(f"{karya.cluster.url}/ui/dead-letters?job_id={ids[0]}")

    page.goto(f"{karya.cluster.url}/ui/dead-letters?job_id={ids[1]}")
    page.get_by_text("All that match …", exact=True).click()
    page.get_by_role("button", name="Discard all that match").click()
    expect(page.get_by_role("status")).to_contain_text("1 discarded")
    assert state_of(karya, ids[2]) == "DEAD"

    target.at("/mended", respond(200))
    page.goto(f"{karya.cluster.url}/ui/dead-letters")
    page.get_by_label("Error").fill("out of paper")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_text("All that match …", exact=True).click()
    page.get_by_role("button", name="Redrive all that match").click()
    expect(page.get_by_role("status")).to_contain_text("1 redriven")
    eventually(lambda: state_of(karya, wanted) == "SUCCEEDED", 30, "the redriven task")
    assert state_of(karya, ids[2]) == "DEAD"


def test_dead_letters_by_error_and_those_that_are_new(karya: Running, target: Target, page: Page) -> None:
    broken = target.at("/broken", respond(503, "no ink for order 123456"))
    spec = {"action": {"type": "rest", "url": broken}, "retry": {"max_attempts": 1}}
    first = karya.submit(**spec)
    karya.ended(first, 30)
    page.goto(f"{karya.cluster.url}/ui/dead-letters?text=no+ink")
    expect(page.locator("#live-state")).to_have_text("live")
    page.locator('input[name="id"]').check()

    target.at("/broken", respond(503, "no ink for order 654321"))
    karya.ended(karya.submit(**spec), 30)
    expect(page.get_by_role("link", name="1 new dead letter: show")).to_be_visible()
    expect(page.locator('input[name="id"]:checked')).to_have_count(1)
    expect(page.locator("#letters tbody tr")).to_have_count(1)
    page.get_by_role("link", name="1 new dead letter: show").click()
    expect(page.locator("#letters tbody tr")).to_have_count(2)
    expect(page.locator("#letter-news")).to_be_hidden()

    page.get_by_role("link", name="By error").click()
    line = page.locator("tbody tr").filter(has_text="no ink for order")
    expect(line).to_have_count(1)
    expect(line.locator("td.n")).to_have_text("2")
    expect(line).to_contain_text("rest")
    target.at("/broken", respond(200))
    line.get_by_role("link", name="status 503: no ink for order").click()
    expect(page.get_by_label("Error")).to_have_value("status 503: no ink for order")
    page.get_by_text("All that match …", exact=True).click()
    page.get_by_role("button", name="Redrive all that match").click()
    expect(page.get_by_role("status").first).to_contain_text("2 redriven")
    eventually(lambda: state_of(karya, first) == "SUCCEEDED", 30, "the redriven task")


def test_the_overview_is_live(karya: Running, page: Page) -> None:
    page.goto(karya.cluster.url)
    expect(page.locator("#live-state")).to_have_text("live")
    expect(page.locator("[data-html=workers] tbody tr")).to_have_count(2)
    expect(page.locator("[data-html=scheduler]")).to_contain_text("leads")
    expect(page.locator("#throughput canvas")).to_be_visible()
    expect(page.locator('[data-point="1"]')).not_to_have_text("–")
    karya.karya.submit_many([{"action": {"type": "noop"}}] * 500)
    expect(page.locator('[data-point="1"]')).to_have_text(re.compile(r"^[1-9]"))
    expect(page.locator("#lag canvas")).to_be_visible()
    expect(page.locator('[data-point="3"]')).to_have_text(re.compile(r"^\d"))
    expect(page.locator("[data-html=hour] rect")).to_have_count(12)
    before = int(page.locator('[data-text="active"]').inner_text())
    karya.submit(action={"type": "noop"}, schedule={"kind": "once", "after": "PT10M"})
    expect(page.locator('[data-text="active"]')).to_have_text(str(before + 1))


def test_the_list_narrows_while_one_types(karya: Running, page: Page) -> None:
    for name in ("alpha unmistakable", "beta unmistakable"):
        karya.submit(action={"type": "noop"}, description=name, tags=["findable"])
    page.goto(f"{karya.cluster.url}/ui/jobs?tag=findable")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.keyboard.press("/")
    page.keyboard.type("alpha un")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("alpha unmistakable")


def test_the_ledger_is_proven(karya: Running, page: Page) -> None:
    job_id = karya.submit(action={"type": "noop"})
    karya.ended(job_id, 30)
    page.goto(f"{karya.cluster.url}/ui/audit")
    page.get_by_label("Job").fill(job_id)
    page.get_by_role("button", name="Prove it").click()
    expect(page.get_by_role("status")).to_contain_text("Nothing is wrong")
    page.get_by_label("From").fill("yesterday")
    page.get_by_role("button", name="Prove it").click()
    expect(page.locator("#filter-from-error")).to_contain_text("RFC 3339")
    expect(page.get_by_label("From")).to_have_value("yesterday")
