"""Failures, deadlines, cancels and dead letters, end to end."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from karya.core.errors import Conflict
from karya.core.task import TaskKind, TaskState
from karya.core.views import TaskView
from tests.support.eventually import eventually
from tests.support.running import Running
from tests.support.specs import SELDOM, attempts, post
from tests.support.target import Reply, Target, hang, respond

pytestmark = pytest.mark.cluster

PROMPTLY = 20.0
"""A worker hears of a cancel when it renews its leases, a quarter of their length apart; an attempt that no
cancel stops may take minutes here."""


def died(karya: Running, job: str) -> TaskView:
    (task,) = [task for task in karya.ended(job, 30).tasks if task.kind is TaskKind.STEP]
    assert task.status is TaskState.DEAD, task
    return task


@pytest.mark.parametrize(
    ("reply", "retry_on", "reason"),
    [
        (respond(500), ["timeout", "http.503"], "the retry policy does not retry 'http.500'"),
        (respond(404), ["*"], "permanent failure: never retried"),
        (respond(410), ["http.*"], "permanent failure: never retried"),
    ],
)
def test_what_is_not_worth_a_retry_gets_none(
    karya: Running, target: Target, reply: Reply, retry_on: list[str], reason: str
) -> None:
    url = target.at(f"/unworthy-{reason[-10:]}-{retry_on[0][:4]}".replace(" ", "").replace("*", "x"), reply)
    task = died(karya, karya.submit(action=post(url), retry=attempts(5, retry_on=retry_on)))
    assert (task.attempts, task.reason) == (1, reason)


def test_what_is_worth_a_retry_gets_one(karya: Running, target: Target) -> None:
    url = target.at("/worthy", respond(503), respond(502), respond(404))
    task = died(karya, karya.submit(action=post(url), retry=attempts(5, retry_on=["http.503"])))
    assert (task.attempts, task.reason) == (2, "the retry policy does not retry 'http.502'")


@pytest.mark.parametrize("status", [429, 503])
def test_a_target_may_ask_for_patience(karya: Running, target: Target, status: int) -> None:
    path = f"/patience-{status}"
    url = target.at(path, respond(status, headers={"retry-after": "1"}), respond(200))
    karya.ended(karya.submit(action=post(url), retry=attempts(2, "PT0S")), 30)
    first, second = target.calls_to(path)
    assert second.wall - first.wall >= 1


def test_each_attempt_has_its_deadline(karya: Running, target: Target) -> None:
    url = target.at("/deadline", hang())
    task = died(karya, karya.submit(action=post(url), timeout="PT0.3S", retry=attempts(2)))
    assert (task.attempts, task.error) == (2, "timed out after PT0.3S")
    second, first = karya.karya.task(task.id).errors
    assert (first.attempt, second.attempt) == (1, 2)
    assert second.at - first.at >= timedelta(seconds=0.1 + 0.3), "the backoff, and all of the second"
    retry = attempts(2, retry_on=["timeout"])
    url = target.at("/deadline-of-rest", hang())
    task = died(karya, karya.submit(action=post(url, timeout="PT0.2S"), retry=retry))
    assert task.attempts == 2


def test_backoff_grows_as_the_policy_says(karya: Running, target: Target) -> None:
    retry = {**attempts(4, "PT0.2S", max_delay="PT0.5S"), "backoff": "exponential"}
    hooks = [{"trigger": "ON_RETRY", "action": post(target.at("/growing-told"))}]
    died(karya, karya.submit(action=post(target.at("/growing", respond(500))), retry=retry, hooks=hooks))
    policy = [timedelta(seconds=wait) for wait in (0.2, 0.4, 0.5)]
    waits = [timedelta(seconds=b.wall - a.wall) for a, b in pairwise(target.calls_to("/growing"))]
    assert all(wait >= least for wait, least in zip(waits, policy, strict=True)), waits
    eventually(lambda: len(target.calls_to("/growing-told")) == 3, 30, "three hooks")
    events = sorted((call.json() for call in target.calls_to("/growing-told")), key=attempt_of)
    foretold = [instant(event["data"]["next_attempt_at"]) - instant(event["time"]) for event in events]
    # An event is told after its failure, from which the backoff counts; both are rounded to milliseconds.
    most = [wait + timedelta(milliseconds=2) for wait in policy]
    assert all(told <= bound for told, bound in zip(foretold, most, strict=True)), foretold


def attempt_of(event: Any) -> int:
    attempt: int = event["data"]["attempt"]
    return attempt


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_cancelling_what_runs_is_prompt(karya: Running, target: Target) -> None:
    target.disconnected.clear()
    job = karya.submit(action=post(target.at("/cancel-running", hang())), timeout="PT5M")
    eventually(lambda: target.calls_to("/cancel-running"), 30, "the start")
    karya.karya.cancel(job)
    assert target.disconnected.wait(PROMPTLY)

    def ended() -> TaskView | None:
        (task,) = karya.karya.summary(job).tasks
        return task if task.status is TaskState.CANCELLED else None

    assert eventually(ended, 30, "the end").reason == "the job was cancelled"


def test_a_dead_letter_tells_its_story_and_is_redriven(karya: Running, target: Target) -> None:
    url = target.at("/letter", respond(500, "one"), respond(502, "two"), respond(500, "three"), respond(200))
    job = karya.submit(action=post(url), retry=attempts(2, "PT0S"))
    task = died(karya, job)
    (letter,) = karya.http("GET", f"/v1/dead-letters?job_id={job}")[1]["tasks"]
    assert (letter["id"], letter["reason"]) == (task.id, "attempt 2 of 2 failed")
    _, story = karya.http("GET", f"/v1/tasks/{task.id}")
    told = [(error["attempt"], error["error"]) for error in story["errors"]]
    assert told == [(2, "status 502: two"), (1, "status 500: one")]
    status, redriven = karya.http("POST", f"/v1/dead-letters/{task.id}/redrive")
    assert (status, redriven["task"]["id"]) == (200, task.id)

    def ended() -> TaskView | None:
        again = karya.karya.task(task.id).task
        return again if again.status is TaskState.SUCCEEDED else None

    assert eventually(ended, 30, "a success").error is None
    assert len({call.headers["webhook-id"] for call in target.calls_to("/letter")}) == 1
    assert len(karya.karya.task(task.id).errors) == 3
    assert karya.http("GET", f"/v1/dead-letters?job_id={job}")[1]["tasks"] == []
    assert karya.http("POST", f"/v1/dead-letters/{task.id}/redrive")[0] == 409


def test_dead_letters_are_redriven_and_discarded_by_filter(karya: Running, target: Target) -> None:
    replies = (respond(400, "apples"), respond(400, "apples"), respond(400, "pears"), respond(200))
    job = karya.submit(schedule=SELDOM, action=post(target.at("/letters", *replies)))
    for number in range(1, 4):
        karya.karya.trigger(job)
        eventually(lambda n=number: len(letters(karya, job)) == n, 30, "a dead letter")  # type: ignore[misc]
    assert len(letters(karya, job, "&text=APPLES")) == 2
    assert karya.http("POST", "/v1/dead-letters/redrive", {"job_id": job, "text": "apples"})[1] == {
        "count": 2
    }
    eventually(lambda: karya.karya.summary(job).counts.get(TaskState.SUCCEEDED) == 2, 30, "two successes")
    (left,) = letters(karya, job)
    assert karya.karya.discard_all(job_id=job, text="pears") == 1
    assert karya.karya.task(left).task.status is TaskState.CANCELLED
    assert letters(karya, job) == []
    with pytest.raises(Conflict):
        karya.karya.discard(left)
    karya.karya.cancel(job)


def letters(karya: Running, job: str, more: str = "") -> list[str]:
    _, page = karya.http("GET", f"/v1/dead-letters?job_id={job}{more}")
    return [task["id"] for task in page["tasks"]]


def test_a_redriven_step_opens_the_ones_that_were_skipped_behind_it(karya: Running, target: Target) -> None:
    steps = [
        {"name": "first", "action": post(target.at("/redrive-first", respond(400), respond(200)))},
        {"name": "then", "after": ["first"], "action": post(target.at("/redrive-then"))},
    ]
    job = karya.submit(steps=steps)
    tasks = {task.step: task for task in karya.ended(job, 30).tasks}
    assert tasks["then"].status is TaskState.SKIPPED
    karya.karya.redrive(tasks["first"].id)
    eventually(lambda: target.calls_to("/redrive-then"), 30, "the step behind")
    eventually(lambda: karya.karya.summary(job).counts == {TaskState.SUCCEEDED: 2}, 30, "two successes")
