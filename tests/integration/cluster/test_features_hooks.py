"""Hooks, end to end: what fires them, what they are told, and what cannot stop them."""

import os
import signal
import time
from typing import Any

import pytest

from karya.core.task import TaskKind
from tests.support.eventually import eventually
from tests.support.running import Running
from tests.support.specs import ONCE, SELDOM, attempts, interval, post
from tests.support.target import Call, Target, respond

pytestmark = pytest.mark.cluster

NOOP = {"type": "noop"}


def hook(target: Target, trigger: str, path: str, **more: Any) -> dict[str, Any]:
    return {"trigger": trigger, "action": post(target.at(path)), **more}


def told(target: Target, path: str, job: str) -> dict[str, Any]:
    """The one event that arrives there, in the form that CloudEvents 1.0 asks for."""
    eventually(lambda: target.calls_to(path), 30, f"the hook at {path}")
    (call,) = target.calls_to(path)
    event: dict[str, Any] = call.json()
    assert call.headers["content-type"].startswith("application/cloudevents+json")
    assert (event["specversion"], event["source"]) == ("1.0", f"/v1/jobs/{job}")
    assert event["id"] == call.headers["webhook-id"]
    assert (event["data"]["trigger"], event["data"]["job_id"]) == (path.rpartition("/")[2], job)
    return event


def test_a_task_that_is_retried_and_succeeds(karya: Running, target: Target) -> None:
    triggers = ("ON_RETRY", "ON_SUCCESS", "ON_FAILURE", "ON_DEAD_LETTER", "ON_COMPLETION")
    hooks = [hook(target, trigger, f"/well/{trigger}") for trigger in triggers]
    action = post(target.at("/well", respond(503, "later"), respond(200, "done")))
    job = karya.submit(action=action, hooks=hooks, retry=attempts(2))
    retried = told(target, "/well/ON_RETRY", job)
    succeeded = told(target, "/well/ON_SUCCESS", job)
    completed = told(target, "/well/ON_COMPLETION", job)
    (task,) = [task for task in karya.karya.summary(job).tasks if task.kind is TaskKind.STEP]
    assert retried["type"] == "karya.task.retrying"
    assert retried["data"]["task"]["id"] == succeeded["data"]["task"]["id"] == task.id
    assert (retried["data"]["attempt"], succeeded["data"]["attempt"]) == (1, 2)
    assert (retried["data"]["error"], retried["data"]["code"]) == ("status 503: later", "http.503")
    assert retried["data"]["next_attempt_at"] > retried["time"]
    assert (succeeded["type"], succeeded["data"]["outcome"]) == ("karya.task.succeeded", "succeeded")
    assert (succeeded["data"]["error"], succeeded["data"]["result"]["body"]) == (None, "done")
    assert completed["type"] == "karya.job.completed"
    assert not target.calls_to("/well/ON_FAILURE") + target.calls_to("/well/ON_DEAD_LETTER")


def test_a_task_that_dies(karya: Running, target: Target) -> None:
    triggers = ("ON_RETRY", "ON_SUCCESS", "ON_FAILURE", "ON_DEAD_LETTER", "ON_COMPLETION")
    hooks = [hook(target, trigger, f"/ill/{trigger}") for trigger in triggers]
    second = hook(target, "ON_FAILURE", "/ill/again/ON_FAILURE")
    action = post(target.at("/ill", respond(500, "boom")))
    job = karya.submit(action=action, hooks=[*hooks, second], retry=attempts(2))
    failed = told(target, "/ill/ON_FAILURE", job)
    again = told(target, "/ill/again/ON_FAILURE", job)
    dead = told(target, "/ill/ON_DEAD_LETTER", job)
    told(target, "/ill/ON_COMPLETION", job)
    assert (failed["type"], dead["type"]) == ("karya.task.failed", "karya.task.dead_lettered")
    assert (failed["data"]["attempt"], failed["data"]["outcome"]) == (2, "dead")
    assert (failed["data"]["error"], failed["data"]["code"]) == ("status 500: boom", "http.500")
    assert failed["id"] != again["id"]
    assert failed["data"] == again["data"]
    assert not target.calls_to("/ill/ON_SUCCESS")


def test_a_redrive_does_not_complete_the_job_again(karya: Running, target: Target) -> None:
    hooks = [hook(target, trigger, f"/redriven/{trigger}") for trigger in ("ON_COMPLETION", "ON_SUCCESS")]
    job = karya.submit(action=post(target.at("/redriven", respond(400), respond(200))), hooks=hooks)
    told(target, "/redriven/ON_COMPLETION", job)
    (letter,) = karya.karya.dead_letters(job_id=job).tasks
    karya.karya.redrive(letter.id)
    told(target, "/redriven/ON_SUCCESS", job)
    eventually(lambda: settled(karya, job), 30, "the end of all tasks")
    assert len(target.calls_to("/redriven/ON_COMPLETION")) == 1


def settled(karya: Running, job: str) -> bool:
    return {task.status.value for task in karya.karya.summary(job).tasks} == {"SUCCEEDED"}


def test_a_job_that_is_cancelled(karya: Running, target: Target) -> None:
    job = karya.submit(
        schedule=SELDOM, action=NOOP, hooks=[hook(target, "ON_CANCELLED", "/off/ON_CANCELLED")]
    )
    karya.karya.cancel(job)
    event = told(target, "/off/ON_CANCELLED", job)
    assert (event["type"], event["data"]["outcome"]) == ("karya.job.cancelled", "cancelled")


def test_instants_that_misfire(karya: Running, target: Target) -> None:
    """The job is submitted to a scheduler that stands still for longer than its grace."""
    misfire = {"policy": "skip", "grace": "PT2S"}
    hooks = [hook(target, "ON_MISFIRE", "/late/ON_MISFIRE")]
    (scheduler,) = karya.actor_pids("SchedulerActor")
    os.kill(scheduler, signal.SIGSTOP)
    try:
        job = karya.submit(schedule=interval("PT0.2S"), action=NOOP, misfire=misfire, hooks=hooks)
        over = time.monotonic() + 2.8
        eventually(lambda: time.monotonic() > over, 30)
    finally:
        os.kill(scheduler, signal.SIGCONT)
    eventually(lambda: target.calls_to("/late/ON_MISFIRE"), 30, "the hook")
    karya.karya.cancel(job)
    event = target.calls_to("/late/ON_MISFIRE")[0].json()
    data, (skipped,) = event["data"], karya.http("GET", f"/v1/jobs/{job}/versions")[1]["skipped"]
    assert (event["type"], data["trigger"]) == ("karya.job.misfired", "ON_MISFIRE")
    assert data["reason"] == skipped["reason"] == "misfired: more than PT2S late"
    # The first instant had a task already, those behind it are one range.
    assert (data["last"], data["count"]) == (skipped["last"], skipped["count"] + 1)
    assert data["first"] < skipped["first"] < skipped["last"]


def test_a_hook_that_fails_is_retried_as_its_own_policy_says(karya: Running, target: Target) -> None:
    url = target.at("/hook-retry", respond(500), respond(503), respond(200))
    hooks = [{"trigger": "ON_SUCCESS", "action": post(url), "retry": attempts(3)}]
    job = karya.submit(action=NOOP, hooks=hooks, retry=ONCE)
    eventually(lambda: len(target.calls_to("/hook-retry")) == 3, 30, "three attempts")
    calls = target.calls_to("/hook-retry")
    assert [call.headers["karya-attempt"] for call in calls] == ["1", "2", "3"]
    assert len({call.headers["webhook-id"] for call in calls}) == 1
    assert len({call.body for call in calls}) == 1
    karya.ended(job, 30)


def test_a_hook_that_dies_is_a_dead_letter_and_fires_nothing(karya: Running, target: Target) -> None:
    hooks = [
        {"trigger": "ON_SUCCESS", "action": post(target.at("/hook-dies", respond(400)))},
        hook(target, "ON_FAILURE", "/hook-died"),
    ]
    job = karya.submit(action=NOOP, hooks=hooks)
    (letter,) = eventually(lambda: karya.karya.dead_letters(job_id=job).tasks, 30, "a dead letter")
    assert (letter.kind, letter.step) == (TaskKind.HOOK, "ON_SUCCESS")
    assert not target.calls_to("/hook-died")
    assert karya.karya.get(job).status == "COMPLETED"


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_hooks_go_on_whatever_happens_to_their_job(karya: Running, target: Target, verb: str) -> None:
    path = f"/unstoppable-{verb}"
    url = target.at(path, respond(500), respond(200))
    hooks = [{"trigger": "ON_FAILURE", "action": post(url), "retry": attempts(2, "PT1S")}]
    failing = post(target.at(f"/fails-{verb}", respond(400)))
    job = karya.submit(schedule=SELDOM, action=failing, hooks=hooks)
    karya.karya.trigger(job)
    eventually(lambda: target.calls_to(path), 30, "the first attempt at the hook")
    assert karya.http("POST", f"/v1/jobs/{job}/{verb}")[0] == 200

    def again() -> Call | None:
        calls = target.calls_to(path)
        return calls[1] if len(calls) == 2 else None

    assert eventually(again, 30, "the second attempt").headers["karya-attempt"] == "2"
    if verb == "pause":
        karya.karya.cancel(job)
