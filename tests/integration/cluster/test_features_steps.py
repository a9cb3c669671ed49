"""Jobs of several steps, end to end."""

from typing import Any

import orjson
import pytest

from karya.core.task import TaskState
from karya.core.views import SummaryView, TaskView
from tests.support.running import Running
from tests.support.specs import ONCE, attempts, post, step
from tests.support.target import Target, hang, respond

pytestmark = pytest.mark.cluster

JSON = {"content-type": "application/json"}
NOOP = {"type": "noop"}


def by_name(summary: SummaryView) -> dict[str, TaskView]:
    return {task.step: task for task in summary.tasks}


def test_steps_run_in_their_order_and_use_earlier_results(karya: Running, target: Target) -> None:
    answer = orjson.dumps({"id": 7, "name": 'é " {{ steps.x }}', "rows": [1, 2]})
    extract = target.at("/extract", respond(200, answer, JSON, delay=0.2))
    body = {
        "id": "{{ steps.extract.result.body.id }}",
        "rows": "{{ steps.extract.result.body.rows }}",
        "text": "row {{ steps.extract.result.body.rows.1 }} of {{ steps.extract.result.body.name }}",
    }
    load = post(target.at("/load/7").replace("/7", "/{{ steps.extract.result.body.id }}"), body=body)
    steps = [
        step("report", post(target.at("/report")), "load", "audit"),
        step("load", load, "extract"),
        step("extract", post(extract)),
        step("audit", post(target.at("/audit")), "extract"),
    ]
    summary = karya.ended(karya.submit(steps=steps), 30)
    paths = ("/extract", "/load/7", "/audit", "/report")
    calls = {path: call for path in paths for call in target.calls_to(path)}
    assert all(len(target.calls_to(path)) == 1 for path in paths)
    assert min(calls["/load/7"].wall, calls["/audit"].wall) >= calls["/extract"].wall + 0.2
    assert calls["/report"].wall >= max(calls["/load/7"].wall, calls["/audit"].wall)
    text = 'row 2 of é " {{ steps.x }}'
    assert calls["/load/7"].json() == {"id": 7, "rows": [1, 2], "text": text}
    tasks = by_name(summary)
    assert tasks["extract"].result == {
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body": orjson.loads(answer),
        "truncated": False,
    }
    assert summary.counts == {TaskState.SUCCEEDED: 4}
    assert len({task.cause for task in summary.tasks}) == 1


@pytest.mark.parametrize(
    ("status", "ran", "skipped"),
    [
        (500, {"repair", "clean"}, {"report": "step 'work' failed", "file": "step 'report' was skipped"}),
        (200, {"report", "clean", "file"}, {"repair": "runs only after a failure: step 'work' succeeded"}),
    ],
)
def test_a_step_runs_when_the_ones_before_it_ended_so(
    karya: Running, target: Target, status: int, ran: set[str], skipped: dict[str, str]
) -> None:
    def told(name: str) -> dict[str, Any]:
        return post(target.at(f"/{status}/{name}"))

    steps = [
        step("work", post(target.at(f"/{status}/work", respond(status))), retry=ONCE),
        step("repair", told("repair"), "work", when="failure"),
        step("clean", told("clean"), "work", when="always"),
        step("report", told("report"), "work"),
        step("file", told("file"), "report"),
    ]
    tasks = by_name(karya.ended(karya.submit(steps=steps), 30))
    assert {name for name, task in tasks.items() if task.status is TaskState.SUCCEEDED} - {"work"} == ran
    assert {n: task.reason for n, task in tasks.items() if task.status is TaskState.SKIPPED} == skipped
    assert all(len(target.calls_to(f"/{status}/{name}")) == (name in ran) for name in tasks.keys() - {"work"})


def test_a_step_has_a_retry_policy_and_a_timeout_of_its_own(karya: Running, target: Target) -> None:
    steps = [
        step("flaky", post(target.at("/own", respond(500), respond(500), respond(200))), retry=attempts(3)),
        step("slow", post(target.at("/own-slow", hang())), timeout="PT0.2S"),
    ]
    tasks = by_name(karya.ended(karya.submit(steps=steps, retry=ONCE), 30))
    assert (tasks["flaky"].status, tasks["flaky"].attempts) == (TaskState.SUCCEEDED, 3)
    assert (tasks["slow"].status, tasks["slow"].attempts) == (TaskState.DEAD, 1)
    assert tasks["slow"].error == "timed out after PT0.2S"


def test_a_large_result_is_cut_and_says_so(karya: Running, target: Target) -> None:
    large = post(target.at("/large", respond(200, "x" * 200_000)))
    (task,) = karya.ended(karya.submit(action=large), 30).tasks
    assert (task.status, task.result["truncated"]) == (TaskState.SUCCEEDED, True)
    assert 60_000 < len(orjson.dumps(task.result)) <= 64 * 1024


@pytest.mark.parametrize(
    ("steps", "field"),
    [
        ([step("a", NOOP, "b"), step("b", NOOP, "a")], "steps.0.after.0"),
        ([step("a", NOOP), step("b", NOOP, "c")], "steps.1.after.0"),
        ([step("a", NOOP), step("a", NOOP)], "steps.1.name"),
        ([step("a", post("http://x/{{ steps.b.result }}")), step("b", NOOP)], "steps.0.action"),
        ([step("a", NOOP, when="failure")], "steps.0.when"),
    ],
)
def test_a_graph_that_cannot_work_is_refused(karya: Running, steps: list[Any], field: str) -> None:
    newest = karya.http("GET", "/v1/jobs?limit=1")
    status, problem = karya.http("POST", "/v1/jobs", {"steps": steps})
    assert (status, problem["errors"][0]["field"]) == (422, field)
    assert karya.http("GET", "/v1/jobs?limit=1") == newest


def test_a_step_can_tell_of_the_failure_before_it(karya: Running, target: Target) -> None:
    body = {"error": "{{ steps.work.error }}", "status": "{{ steps.work.result.status }}"}
    steps = [
        step("work", post(target.at("/tells", respond(400, "bad")))),
        step("tell", post(target.at("/told-of"), body=body), "work", when="failure"),
    ]
    karya.ended(karya.submit(steps=steps), 30)
    assert target.calls_to("/told-of")[0].json() == {"error": "status 400: bad", "status": 400}


def test_a_template_that_leads_nowhere_fails_for_good_and_says_where(karya: Running, target: Target) -> None:
    answer = respond(200, '{"x": 1}', JSON)
    steps = [
        step("work", post(target.at("/nowhere", answer))),
        step("use", post(target.at("/unused"), body="{{ steps.work.result.body.y }}"), "work"),
    ]
    task = by_name(karya.ended(karya.submit(steps=steps), 30))["use"]
    assert (task.status, task.attempts) == (TaskState.DEAD, 1)
    assert "has no 'y' (it has: x)" in (task.error or "")
    assert target.calls_to("/unused") == []
