"""The form with its fields for each connector: by keyboard, and with steps and a hook."""

import orjson
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.running import Running
from tests.support.target import Target, respond
from tests.ui.test_access import tabbed

pytestmark = pytest.mark.cluster


def test_a_python_function_by_keyboard_alone(karya: Running, page: Page) -> None:
    page.goto(f"{karya.cluster.url}/ui/jobs/new")
    tabbed(page, "action.type")
    page.keyboard.type("Slack")
    expect(page.get_by_label("Channel")).to_be_visible()
    tabbed(page, "action.channel", 1)
    page.keyboard.type("#reports")
    expect(page.locator("#e-action")).to_have_text("a message needs a text, blocks, or both")
    expect(page.locator("#preview")).to_contain_text("Action: a message needs")
    tabbed(page, "action.text", 1)
    page.keyboard.type("ready")
    expect(page.locator("#e-action")).to_contain_text("the slack connector is not configured")

    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.type("Python")
    expect(page.get_by_label("Function")).to_be_visible()
    tabbed(page, "action.function", 1)
    page.keyboard.type("tests.support.functions.add")
    expect(page.locator("#e-action-function")).to_contain_text("write package.module:function")
    expect(page.locator("#preview")).to_contain_text("Function: write package.module:function")
    expect(page.locator("#f-action-function")).to_have_attribute("aria-invalid", "true")
    for _ in ".add":
        page.keyboard.press("Backspace")
    page.keyboard.type(":add")
    tabbed(page, "action.args", 1)
    page.keyboard.type("40")
    tabbed(page, "action.kwargs", 1)
    page.keyboard.type("right 2")
    expect(page.locator("#preview")).to_contain_text("Named arguments: line 1: write name: value")
    for _ in " 2":
        page.keyboard.press("Backspace")
    page.keyboard.type(": 2")
    expect(page.locator("#preview")).not_to_contain_text("Not to be stored yet")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")  # which sends the form, whatever buttons stand before that which says so
    page.wait_for_url("**/jobs/*?done=submitted")
    job_id = page.url.rpartition("/")[2].partition("?")[0]
    karya.ended(job_id, 60)
    assert karya.karya.summary(job_id).tasks[0].result == {"sum": 42}


def part(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=name, exact=True)


def test_two_steps_and_a_hook(karya: Running, target: Target, page: Page) -> None:
    figures = target.at("/figures", respond(200, '{"pages": 3}', {"content-type": "application/json"}))
    printed, told = target.at("/printed", respond(200)), target.at("/told", respond(200))
    page.goto(f"{karya.cluster.url}/ui/jobs/new")
    page.get_by_label("URL").fill(figures)
    page.get_by_label("several steps").check()
    page.get_by_role("button", name="Add a step").click()
    expect(page.locator("#f-steps-0-name")).to_be_focused()
    page.keyboard.type("count")
    expect(part(page, "Step 1").get_by_label("URL")).to_have_value(figures)  # what the one action did
    page.get_by_role("button", name="Add a step").click()
    second = part(page, "Step 2")
    expect(second.get_by_label("Name")).to_be_focused()
    expect(second.get_by_label("After")).to_have_value("count")
    page.get_by_role("button", name="Add a hook").click()
    hook = part(page, "Hook 1")
    expect(hook.get_by_label("Trigger")).to_be_focused()
    hook.get_by_label("Trigger").select_option("ON_COMPLETION")
    expect(page.locator("#preview")).to_contain_text("Step 2, Name: required")
    expect(page.locator("#preview")).to_contain_text("Step 2, URL: required")
    expect(page.locator("#preview")).to_contain_text("Hook 1, URL: required")
    page.get_by_role("button", name="Submit the job").click()
    expect(page.get_by_role("alert")).to_contain_text("Hook 1, URL: required")
    page.get_by_role("alert").get_by_role("link", name="Step 2, URL").click()
    expect(second.locator("#e-steps-1-action-url")).to_have_text("required")

    second.get_by_label("Name").fill("print")
    second.get_by_label("Method").select_option("POST")
    second.get_by_label("URL").fill(printed)
    second.get_by_label("Body").fill('{"n": "{{ steps.count.result.body.pages }}"}')
    hook.get_by_label("URL").fill(told)
    page.get_by_role("button", name="Submit the job").click()
    expect(page.get_by_role("status")).to_contain_text("The job is stored")
    job_id = page.url.rpartition("/")[2].partition("?")[0]
    karya.ended(job_id, 30)
    (call,) = target.calls_to("/printed")
    assert orjson.loads(call.body) == {"n": 3}
    (step,) = [one for one in karya.karya.get(job_id).steps if one.name == "print"]
    assert step.after == ("count",)
    assert [one.trigger.value for one in karya.karya.get(job_id).hooks] == ["ON_COMPLETION"]

    page.goto(f"{karya.cluster.url}/ui/jobs/new?like={job_id}")
    expect(part(page, "Step 2").get_by_label("URL")).to_have_value(printed)
    part(page, "Step 1").get_by_role("button", name="Remove step 1").click()
    expect(page.get_by_role("button", name="Add a step")).to_be_focused()
    expect(part(page, "Step 1").get_by_label("URL")).to_have_value(printed)
    expect(page.locator("#preview")).to_contain_text("Not to be stored yet")  # it names a step that is gone
