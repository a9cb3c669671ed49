"""Why a task does not run, end to end."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.gate import Gate
from tests.support.running import Running
from tests.support.specs import SELDOM, attempts, interval, post, step
from tests.support.target import Target, hang, respond

pytestmark = pytest.mark.cluster

NOOP = {"type": "noop"}


def waits(karya: Running, job: str, kind: str) -> list[Any]:
    """The waits of this kind, as soon as there are any."""

    def look() -> list[Any]:
        return [wait for wait in karya.http("GET", f"/v1/jobs/{job}/why")[1]["tasks"] if wait["kind"] == kind]

    return eventually(look, 30, f"a wait for {kind}")


def test_the_instant(karya: Running) -> None:
    job = karya.karya.submit({"schedule": SELDOM, "action": NOOP})
    why = karya.karya.why(job.id)
    assert [(wait.kind, wait.until) for wait in why.tasks] == [("instant", job.next_at)]
    assert why.text.startswith("active; the next instant is")
    karya.karya.cancel(job.id)
    assert karya.karya.why(job.id).tasks == ()
    assert "cancelled" in karya.karya.why(job.id).text


def test_a_step_and_the_worker_that_runs_the_one_before_it(karya: Running, target: Target) -> None:
    gate = Gate()
    steps = [step("first", post(target.at("/why-step", gate.reply))), step("then", NOOP, "first")]
    job = karya.submit(steps=steps)
    asked_at = datetime.now(UTC)
    (running,) = waits(karya, job, "lease")
    (blocked,) = waits(karya, job, "step")
    assert (running["step"], blocked["step"]) == ("first", "then")
    assert "runs on worker-" in running["text"]
    assert "'first'" in blocked["text"]
    until = datetime.fromisoformat(running["until"])
    assert asked_at < until < datetime.now(UTC) + timedelta(seconds=7), "the length of a lease from now"
    gate.open()
    karya.ended(job, 30)
    why = karya.http("GET", f"/v1/jobs/{job}/why")[1]
    assert (why["tasks"], why["text"].split(":")[0]) == ([], "completed")


def test_a_retry_and_a_pause(karya: Running, target: Target) -> None:
    action = post(target.at("/why-retry", respond(503, "not yet")))
    job = karya.submit(action=action, retry=attempts(3, "PT1H", max_delay="PT1H"))
    (wait,) = waits(karya, job, "retry")
    assert "attempt 2 of 3" in wait["text"]
    assert "not yet" in wait["text"]
    assert timedelta(minutes=50) < datetime.fromisoformat(wait["until"]) - datetime.now(UTC)
    karya.karya.pause(job)
    (wait,) = waits(karya, job, "pause")
    assert "resume it" in wait["text"]
    assert karya.karya.why(job).text == "paused"
    karya.karya.cancel(job)


def test_an_overlap(karya: Running, target: Target) -> None:
    action = post(target.at("/why-overlap", hang()))
    job = karya.submit(schedule=interval("PT0.2S"), action=action, overlap="queue")
    wait = min(waits(karya, job, "overlap"), key=lambda one: one["instant"])  # until those behind are skipped
    (running,) = waits(karya, job, "lease")
    assert running["instant"] in wait["text"]
    assert wait["instant"] > running["instant"]
    karya.karya.cancel(job)


def test_a_job_that_is_not_there(karya: Running) -> None:
    assert karya.http("GET", "/v1/jobs/00000000-0000-7000-8000-000000000000/why")[0] == 404
